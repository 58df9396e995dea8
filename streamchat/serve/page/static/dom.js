// Elements, copy buttons, and the browser's frames.

/** Make an element; children are nodes or text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
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
