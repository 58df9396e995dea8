// Elements, copy buttons, and the browser's frames.

// Control characters, and what hides text or turns its direction round: the list of the terminal's
// views. Joiners stay, and surrogates, since a pair may arrive in two pieces.
const HARMFUL = new RegExp(
  "[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e" +
    "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff\\u{e0000}-\\u{e007f}]", "gu");

/** Write out characters that make text read as something else: ESC becomes \x1b. */
export function sanitize(text) {
  return text.replace(/\r\n/g, "\n").replace(HARMFUL, (character) => {
    const code = character.codePointAt(0).toString(16);
    if (code.length < 3) return `\\x${code.padStart(2, "0")}`;
    return code.length < 5 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
  });
}

/** Make an element; children are nodes or text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.map((each) => typeof each === "string" ? sanitize(each) : each));
  return element;
}

/** A button that copies what `getText` returns when it is pressed. */
export function makeCopyButton(getText, label = "Copy") {
  const button = make("button", { type: "button", className: "quiet copy" }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(getText())) ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // the clipboard is not there for addresses without https
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const area = make("textarea", { className: "unseen", value: text, readOnly: true });
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return copied;
}

/** Call back with the next frame, or soon where there are none: in a tab that is not seen. */
export function onFrame(callback) {
  let called = false;
  const once = () => {
    if (!called) callback();
    called = true;
  };
  requestAnimationFrame(once);
  setTimeout(once, 250);
}

/** Format seconds as the terminal does: <1 ms, 20 ms, 3.8 s. */
export function formatSeconds(seconds) {
  if (seconds >= 1) return `${seconds.toFixed(1)} s`;
  return seconds >= 0.001 ? `${(seconds * 1000).toFixed(0)} ms` : "<1 ms";
}

/** Shorten a text to one line of so many characters. */
export function shorten(text, length) {
  const line = text.slice(0, 4 * length).replace(/\s+/g, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
