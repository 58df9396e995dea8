// The panel of a tool call: its fragments between bars, its result, its seconds.

import { formatSeconds, make, makeCopyButton, sanitize, shorten } from "./dom.js";

const MOST_FRAGMENTS = 3_000;
const LONGEST = 100_000; // characters shown of the arguments, and of a result

/** One call. It is `running` until its result is there; `waiting` while the user is asked. */
export class CallPanel {
  #arguments = make("code", { className: "arguments", dir: "ltr" });
  #state = make("span", { className: "state" });
  #fragments = 0;
  #length = 0;
  #text = "";
  #more = null;
  #clock;
  #ended = null;
  #refused = false;

  constructor(name, clock) {
    this.name = name;
    this.#clock = clock;
    this.element = make("div", { className: "call", role: "group" });
    this.element.setAttribute("aria-label", `Call of ${name}`);
    const copy = makeCopyButton(() => this.#text);
    copy.setAttribute("aria-label", `Copy the arguments of ${name}`);
    const head = make("div", { className: "head" });
    head.append(make("h3", {}, name), this.#state, copy);
    this.element.append(head, make("div", { className: "line" }, this.#arguments));
    this.setState("running", "running");
  }

  get state() {
    return this.element.dataset.state;
  }

  get isOver() {
    return !["running", "waiting"].includes(this.state);
  }

  setState(state, words) {
    this.element.dataset.state = state;
    this.#state.textContent = words;
  }

  addFragment(fragment) {
    this.#text += fragment;
    this.#fragments += 1;
    if (this.#fragments > MOST_FRAGMENTS || this.#length > LONGEST) {
      this.#count();
      return;
    }
    const shown = fragment.slice(0, LONGEST);
    this.#length += shown.length;
    this.#arguments.append(make("span", { className: "fragment" }, shown), makeBar());
  }

  #count() {
    this.#more ??= this.#arguments.appendChild(make("span", { className: "note" }));
    this.#more.textContent = ` … ${this.#fragments.toLocaleString("en")} fragments`;
  }

  endArguments() {
    this.#ended = this.#clock.at;
  }

  /** Show what was decided: a rule's or the user's refusal, or arguments that the user edited. */
  setApproval({ approved, arguments: edited }) {
    this.#refused = !approved;
    if (!edited) return;
    const line = make("div", { className: "line" }, make("span", { className: "note" }, "edited: "));
    line.append(make("code", { className: "arguments" }, shorten(JSON.stringify(edited), LONGEST)));
    this.element.append(line);
  }

  /** Show the result; without `seconds` they are measured from the end of the arguments. */
  finish(content, { failed = false, seconds } = {}) {
    const measured = (this.#clock.at - (this.#ended ?? this.#clock.at)) / 1000;
    const state = this.#refused ? "refused" : failed ? "failed" : "done";
    const took = this.#refused ? "" : ` · ${formatSeconds(seconds ?? measured)}`;
    this.setState(state, `${state}${took}`);
    this.element.append(makeResult(this.name, content));
  }

  /** A call that was still under way when the turn ended has no result. */
  abandon() {
    if (!this.isOver) this.setState("stopped", "no result");
  }
}

function makeBar() {
  const bar = make("span", { className: "divider" }, "|");
  bar.setAttribute("aria-hidden", "true");
  return bar;
}

function makeResult(name, content) {
  const cut = content.length - LONGEST;
  const shown = make("pre", { className: "result", tabIndex: 0, role: "group", dir: "auto" });
  shown.setAttribute("aria-label", `Result of ${name}`);
  shown.append(sanitize(content.slice(0, LONGEST)));
  if (cut > 0) {
    const note = `\n… ${cut.toLocaleString("en")} more characters`;
    shown.append(make("span", { className: "note" }, note));
  }
  return shown;
}
