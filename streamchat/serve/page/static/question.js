// A question of the agent, with the buttons and fields that answer it.

import { make } from "./dom.js";

let count = 0;

/** Ask whether a call runs; resolve with `{kind: "approve" | "edit" | "reject" | "respond", …}`. */
export function askAboutCall({ name, args, title, message, kinds }, place) {
  const offers = {
    approve: (answer) => makeButton("Run", () => answer({ kind: "approve" }), "main"),
    reject: (answer) => makeFolded("Refuse…", (close) => makeRefusal(answer, close)),
    edit: (answer) => makeFolded("Edit arguments…", (close) => makeEditor(name, args, answer, close)),
    respond: (answer) => makeFolded("Answer for it…", (close) => makeResponse(answer, close)),
  };
  const offered = Object.keys(offers).filter((kind) => kinds.includes(kind));
  return ask(place, title, message, (answer) => offered.map((kind) => offers[kind](answer)));
}

/** Ask a free question; resolve with the text of the answer. */
export function askForText(question, place) {
  return ask(place, question, "", (answer) => {
    const [label, field] = makeField("Your answer", "");
    return [label, field, makeButton("Answer", () => answer(field.value), "main")];
  });
}

/** Show a question; it is answered by what `makeControls` makes. */
function ask(place, title, message, makeControls) {
  return new Promise((resolve) => {
    const heading = make("h3", { tabIndex: -1, dir: "auto" }, title);
    const question = make("section", { className: "asks" }, heading);
    question.setAttribute("aria-label", title);
    if (message) question.append(make("p", { dir: "auto" }, message));
    const controls = make("div", { className: "controls" });
    controls.append(...makeControls((value) => {
      question.remove();
      resolve(value);
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

/** A button that opens fields in place of all buttons; closing the fields brings them back. */
function makeFolded(text, makeFields) {
  const button = makeButton(text, () => {
    const controls = button.parentElement;
    const buttons = [...controls.children];
    const box = make("div", { className: "fields" });
    const close = () => {
      box.remove();
      for (const each of buttons) each.hidden = false;
      button.focus();
    };
    for (const each of buttons) each.hidden = true;
    box.append(...makeFields(close));
    controls.append(box);
    box.querySelector("textarea").focus();
  });
  return button;
}

function makeRefusal(answer, close) {
  const [label, field] = makeField("Reason, for the agent (may be empty)", "");
  const refuse = () => answer({ kind: "reject", reason: field.value.trim() });
  return [label, field, makeButton("Refuse", refuse, "main"), makeButton("Back", close)];
}

function makeResponse(answer, close) {
  const [label, field] = makeField("What the agent gets instead of a result", "");
  const respond = () => answer({ kind: "respond", text: field.value });
  return [label, field, makeButton("Answer", respond, "main"), makeButton("Back", close)];
}

function makeEditor(name, args, answer, close) {
  const [label, field] = makeField(`Arguments of ${name}, as JSON`, format(args));
  field.spellcheck = false;
  const wrong = make("p", { className: "wrong", role: "alert" });
  const run = () => {
    try {
      answer({ kind: "edit", args: parseObject(field.value) });
    } catch (error) {
      wrong.textContent = error.message;
      field.focus();
    }
  };
  return [label, field, wrong, makeButton("Run with these", run, "main"), makeButton("Back", close)];
}

function makeField(text, value) {
  const id = `field-${(count += 1)}`;
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
    throw new Error("The arguments must be an object, in braces.");
  }
  return value;
}
