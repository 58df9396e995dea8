// Questions that stop a run: whether a call runs, or what the agent wants to know.

import { make } from "./dom.js";

/** Ask about each interrupt in turn; resolve with the entries that answer them. */
export async function askUser(interrupts, { place, getCall }) {
  const entries = [];
  for (const interrupt of interrupts) {
    const call = interrupt.toolCallId ? getCall(interrupt.toolCallId) : null;
    const payload = await (call ? askAboutCall(interrupt, call, place) : askFor(interrupt, place));
    entries.push({ interruptId: interrupt.id, status: "resolved", payload });
  }
  return entries;
}

function askAboutCall(interrupt, call, place) {
  return ask(place, `Run ${call.name}?`, interrupt.message, (answer) => {
    const run = makeButton("Run", () => answer({ approved: true }), "main");
    const refuse = makeFolded("Refuse…", (close) => makeRefusal(answer, close));
    const edit = makeFolded("Edit arguments…", (close) => makeEditor(call, answer, close));
    return [run, refuse, edit];
  });
}

function askFor(interrupt, place) {
  return ask(place, interrupt.message || "The agent asks for an answer.", "", (answer) => {
    const [label, field] = makeField("Your answer", "");
    return [label, field, makeButton("Answer", () => answer(field.value), "main")];
  });
}

/** Show a question where the answer is decided by what `makeControls` makes. */
function ask(place, title, message, makeControls) {
  return new Promise((resolve) => {
    const heading = make("h3", { tabIndex: -1 }, title);
    const question = make("section", { className: "asks" }, heading);
    question.setAttribute("aria-label", title);
    if (message && message !== title) question.append(make("p", {}, message));
    const controls = make("div", { className: "controls" });
    controls.append(...makeControls((payload) => {
      question.remove();
      resolve(payload);
    }));
    question.append(controls);
    place.append(question);
    // Not the button: a key that was meant for the question box must not run anything.
    if (!document.querySelector("#question").value) heading.focus();
    question.scrollIntoView({ block: "nearest" });
  });
}

function makeButton(text, press, className = "") {
  const button = make("button", { type: "button", className }, text);
  button.addEventListener("click", press);
  return button;
}

/** A button that opens fields in its place; closing them brings all of the buttons back. */
function makeFolded(text, makeFields) {
  const button = makeButton(text, () => {
    const buttons = [...button.parentElement.children];
    const box = make("div", { className: "fields" });
    const close = () => {
      box.remove();
      for (const each of buttons) each.hidden = false;
      button.focus();
    };
    for (const each of buttons) each.hidden = true;
    box.append(...makeFields(close));
    button.parentElement.append(box);
    box.querySelector("textarea").focus();
  });
  return button;
}

function makeRefusal(answer, close) {
  const [label, field] = makeField("Reason, for the agent (may be empty)", "");
  const refuse = () => {
    const reason = field.value.trim();
    answer(reason ? { approved: false, reason } : { approved: false });
  };
  return [label, field, makeButton("Refuse", refuse, "main"), makeButton("Back", close)];
}

function makeEditor(call, answer, close) {
  const [label, field] = makeField(`Arguments of ${call.name}, as JSON`, format(call.arguments));
  field.spellcheck = false;
  const wrong = make("p", { className: "wrong", role: "alert" });
  const run = () => {
    try {
      answer({ approved: true, editedArgs: parseObject(field.value) });
    } catch (error) {
      wrong.textContent = error.message;
      field.focus();
    }
  };
  return [label, field, wrong, makeButton("Run with these", run, "main"), makeButton("Back", close)];
}

function makeField(text, value) {
  const id = `field-${(makeField.count = (makeField.count ?? 0) + 1)}`;
  const rows = Math.min(12, Math.max(2, value.split("\n").length));
  return [make("label", { htmlFor: id }, text), make("textarea", { id, value, rows })];
}

function format(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function parseObject(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error("The arguments are an object, in braces.");
  }
  return value;
}
