// One question and what the agent does about it, as it happens.

import { announce } from "./announce.js";
import { CallPanel } from "./call.js";
import { formatSeconds, make, makeCopyButton, sanitize, shorten } from "./dom.js";
import { Prose } from "./prose.js";

const SAID = 600; // characters of an answer that a screen reader is told
let count = 0;

/** Shows a turn: its events are handed to `show` in the order in which they come. */
export class TurnView {
  #calls = new Map();
  #texts = [];
  #text = null; // the last of them
  #reasoning = null;
  #clock;
  #last = null; // the message that is the answer when the turn is over
  #aside = null;
  #progress = null;

  constructor(question, clock) {
    this.#clock = clock;
    this.isQuiet = false; // a screen reader is told nothing
    const id = `turn-${(count += 1)}`;
    const title = make("h2", { id, className: "question", dir: "auto" }, question);
    this.element = make("article", { className: "turn" }, title);
    this.element.setAttribute("aria-labelledby", id);
    this.setBusy(true);
  }

  #tell(text) {
    if (!this.isQuiet) announce(text);
  }

  setBusy(busy) {
    this.element.setAttribute("aria-busy", String(busy));
  }

  show(event) {
    if (event.name !== "streamchat.prompt_progress") this.#progress?.remove();
    switch (event.type) {
      case "REASONING_MESSAGE_CONTENT":
        this.#reason(event.delta);
        break;
      case "TEXT_MESSAGE_CONTENT":
        this.#write(event.messageId, event.delta);
        break;
      case "TOOL_CALL_START":
        this.#openCall(event);
        break;
      case "TOOL_CALL_ARGS":
        this.#calls.get(event.toolCallId)?.addFragment(event.delta);
        break;
      case "TOOL_CALL_END":
        this.#calls.get(event.toolCallId)?.endArguments();
        break;
      case "TOOL_CALL_RESULT":
        this.#finishCall(event);
        break;
      case "CUSTOM":
        this.#showCustom(event.name, event.value);
        break;
    }
  }

  /** Show what the protocol has no word for. */
  #showCustom(name, value) {
    switch (name) {
      case "streamchat.prompt_progress":
        this.#showProgress(value);
        break;
      case "streamchat.notice":
        this.#add("notice", value.text);
        break;
      case "streamchat.speaker":
        this.#add("speaker", value.name);
        break;
      case "streamchat.output":
        this.#addLine("output", `${value.text}\n`);
        break;
      case "streamchat.code":
        this.#addLine("output", value.delta);
        break;
      case "streamchat.approval":
        this.#calls.get(value.toolCallId)?.setApproval(value);
        break;
      case "streamchat.answer_refused":
        this.#add("notice", `This was not taken as an answer: ${value.error}`);
        break;
    }
  }

  #showProgress({ done, total }) {
    this.#progress ??= make("p", { className: "notice" });
    this.#progress.textContent = `reading the prompt: ${Math.floor((100 * done) / total)} %`;
    this.element.append(this.#progress);
  }

  #add(className, text) {
    this.#endReasoning();
    const element = make("p", { className, dir: "auto" }, text);
    this.element.append(element);
    return element;
  }

  /** Add to the lines that the agent's own code prints, or begin them. */
  #addLine(className, text) {
    if (!this.#aside || this.element.lastElementChild !== this.#aside) {
      this.#aside = this.#add(className, "");
    }
    this.#aside.append(sanitize(text));
  }

  /** Mark the call as one that waits for the user. */
  wait(callId) {
    const call = this.#calls.get(callId);
    call?.setState("waiting", "waiting for you");
    this.#tell(call ? `The agent asks whether to run ${call.name}.` : "The agent asks something.");
  }

  /** Mark the call as one that the user has decided about. */
  resume(callId) {
    this.#calls.get(callId)?.setState("running", "decided");
  }

  /** Show that the agent is done. */
  async finish(getText, usage) {
    this.#endReasoning();
    for (const call of this.#calls.values()) call.abandon();
    await Promise.all(this.#texts.map((each) => each.finish()));
    this.#text?.element.before(make("h3", { className: "unseen" }, "Answer"));
    this.#addFoot(getText, usage);
    this.setBusy(false);
    const answer = this.#text?.element.innerText.replace(/^Copy$/gm, "");
    this.#tell(answer ? `Answer: ${shorten(answer, SAID)}` : "Done, without an answer.");
  }

  /** Show in one line why there is no answer; `again` asks the question once more. */
  async fail(line, again) {
    this.#endReasoning();
    for (const call of this.#calls.values()) call.abandon();
    const retry = make("button", { type: "button", className: "quiet" }, "Ask again");
    retry.addEventListener("click", again);
    this.element.append(make("p", { className: "failure" }, make("span", {}, line), retry));
    this.setBusy(false);
    this.#tell(line);
    await Promise.all(this.#texts.map((each) => each.finish()));
  }

  #reason(text) {
    if (!this.#reasoning) {
      const summary = make("summary", {}, "Reasoning…");
      const words = make("div", { className: "thoughts", dir: "auto" });
      const element = make("details", { className: "reasoning" }, summary, words);
      this.#reasoning = { summary, words, started: this.#clock.at };
      this.element.append(element);
    }
    this.#reasoning.words.append(sanitize(text));
  }

  #endReasoning() {
    if (!this.#reasoning) return;
    const seconds = (this.#clock.at - this.#reasoning.started) / 1000;
    this.#reasoning.summary.textContent = `Reasoning · ${formatSeconds(seconds)}`;
    this.#reasoning = null;
  }

  #write(messageId, text) {
    this.#endReasoning();
    if (this.#last !== messageId || this.element.lastElementChild !== this.#text?.element) {
      this.#text = new Prose();
      this.#texts.push(this.#text);
      this.element.append(this.#text.element);
    }
    this.#last = messageId;
    this.#text.add(text);
  }

  #openCall({ toolCallId, toolCallName }) {
    this.#endReasoning();
    if (this.#calls.has(toolCallId)) return; // a run that goes on with it tells of it again
    const call = new CallPanel(toolCallName, this.#clock);
    this.#calls.set(toolCallId, call);
    this.element.append(call.element);
  }

  #finishCall({ toolCallId, content, metadata }) {
    const call = this.#calls.get(toolCallId);
    if (!call || call.isOver) return;
    const text = typeof content === "string" ? content : JSON.stringify(content);
    call.finish(text, metadata?.streamchat);
    const outcome = { refused: "was refused", failed: "failed" }[call.state] ?? "returned";
    this.#tell(`${call.name} ${outcome}: ${shorten(text, 120)}`);
  }

  #addFoot(getText, usage) {
    const seconds = this.#clock.at / 1000;
    const foot = make("footer", {}, make("span", {}, [formatSeconds(seconds), ...usage].join(" · ")));
    const last = this.#last;
    if (last) foot.append(makeCopyButton(() => getText(last), "Copy answer"));
    this.element.append(foot);
  }
}
