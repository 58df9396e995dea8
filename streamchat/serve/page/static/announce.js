// What a screen reader says: whole things, never token by token.

const PAUSE = 400; // milliseconds: what happens at once is said at once
const waiting = [];

/** Say a text when the reader has finished what it is saying. */
export function announce(text) {
  waiting.push(text);
  if (waiting.length === 1) setTimeout(say, PAUSE);
}

function say() {
  document.querySelector("#status").textContent = waiting.splice(0).join(" ");
}
