// One question and what the agent does about it, as it happens.

import { announce } from "./announce.js";
import { CallPanel } from "./call.js";
import { formatSeconds, make, makeCopyButton, shorten } from "./dom.js";
import { Prose } from "./prose.js";

const SAID = 600; // characters of an answer that a screen reader is told
let count = 0;

/** Shows a turn: its events are handed to `show` in the order in which they come. */
export class TurnView {
  #calls = new Map();
  #texts = new Map();
  #reasoning = null;
  #started = performance.now();
  #last = null; // the text that is the answer when the turn is over

  constructor(question) {
    const id = `turn-${(count += 1)}`;
    const title = make("h2", { id, className: "question", dir: "auto" }, question);
    this.element = make("article", { className: "turn" }, title);
    this.element.setAttribute("aria-labelledby", id);
    this.setBusy(true);
  }

  setBusy(busy) {
    this.element.setAttribute("aria-busy", String(busy));
  }

  show(event) {
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
    }
  }

  /** Mark the call as one that waits for the user. */
  wait(callId) {
    const call = this.#calls.get(callId);
    call?.setState("waiting", "waiting for you");
    announce(call ? `The agent asks whether to run ${call.name}.` : "The agent asks something.");
  }

  /** Mark the call as running, or as refused. */
  decide(callId, approved) {
    const words = approved ? "running" : "refused";
    this.#calls.get(callId)?.setState(approved ? "running" : "waiting", words);
  }

  /** Show that the agent is done. */
  async finish(getText, usage) {
    this.#endReasoning();
    for (const call of this.#calls.values()) call.abandon();
    await Promise.all([...this.#texts.values()].map((each) => each.finish()));
    this.#addFoot(getText, usage);
    this.setBusy(false);
    const answer = this.#texts.get(this.#last)?.element.textContent;
    announce(answer ? `Answer: ${shorten(answer, SAID)}` : "Done, without an answer.");
  }

  /** Show in one line why there is no answer; `again` asks the question once more. */
  async fail(line, again) {
    this.#endReasoning();
    for (const call of this.#calls.values()) call.abandon();
    const retry = make("button", { type: "button", className: "quiet" }, "Ask again");
    retry.addEventListener("click", again);
    this.element.append(make("p", { className: "failure" }, make("span", {}, line), retry));
    this.setBusy(false);
    announce(line);
    await Promise.all([...this.#texts.values()].map((each) => each.finish()));
  }

  #reason(text) {
    if (!this.#reasoning) {
      const summary = make("summary", {}, "Reasoning…");
      const words = make("div", { className: "thoughts", dir: "auto" });
      const element = make("details", { className: "reasoning" }, summary, words);
      this.#reasoning = { summary, words, started: performance.now() };
      this.element.append(element);
    }
    this.#reasoning.words.append(text);
  }

  #endReasoning() {
    if (!this.#reasoning) return;
    const seconds = (performance.now() - this.#reasoning.started) / 1000;
    this.#reasoning.summary.textContent = `Reasoning · ${formatSeconds(seconds)}`;
    this.#reasoning = null;
  }

  #write(messageId, text) {
    this.#endReasoning();
    if (!this.#texts.has(messageId)) {
      const prose = new Prose();
      this.#texts.set(messageId, prose);
      this.element.append(prose.element);
    }
    this.#last = messageId;
    this.#texts.get(messageId).add(text);
  }

  #openCall({ toolCallId, toolCallName }) {
    this.#endReasoning();
    if (this.#calls.has(toolCallId)) return; // a run that goes on with it tells of it again
    const call = new CallPanel(toolCallName);
    this.#calls.set(toolCallId, call);
    this.element.append(call.element);
  }

  #finishCall({ toolCallId, content, metadata }) {
    const call = this.#calls.get(toolCallId);
    if (!call || call.isOver) return;
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const details = metadata?.streamchat ?? {};
    call.finish(text, details);
    const outcome = details.refused ? "was refused" : details.failed ? "failed" : "returned";
    announce(`${call.name} ${outcome}: ${shorten(text, 120)}`);
  }

  #addFoot(getText, usage) {
    const seconds = (performance.now() - this.#started) / 1000;
    const foot = make("footer", {}, make("span", {}, [formatSeconds(seconds), ...usage].join(" · ")));
    const last = this.#last;
    if (last) foot.append(makeCopyButton(() => getText(last), "Copy answer"));
    this.element.append(foot);
  }
}
