// The messages of a conversation, which the server wants with every question: it keeps none.

import { TurnRecord } from "./record.js";

/** Make an identifier; crypto.randomUUID is not there for addresses without https. */
function makeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The conversation so far, and the turn under way, which joins it when the agent is done. */
export class Conversation {
  #messages = [];
  #turn = [];

  /** A conversation that was kept, `cut` if its beginning was not, or a new one. */
  constructor({ threadId = makeId(), cut = false } = {}) {
    this.threadId = threadId;
    this.cut = cut;
    this.records = [];
  }

  start(question) {
    return this.add(new TurnRecord({ id: makeId(), question }));
  }

  /** Add a turn: its events follow. */
  add(record) {
    this.records.push(record);
    this.#turn = [{ id: record.id, role: "user", content: record.question }];
    return record;
  }

  /** Leave out a turn that failed: the question is asked again. */
  leaveOut(record) {
    this.records = this.records.filter((each) => each !== record);
  }

  /** Keep the turn: later questions are asked with it. A turn that failed is left out. */
  keep() {
    this.#messages.push(...this.#turn);
    this.#turn = [];
  }

  /** Return what the server needs for a run; `resume` answers what the last one asked. */
  makeInput(resume) {
    const input = {
      threadId: this.threadId,
      runId: makeId(),
      protocolVersion: "1.0",
      state: {},
      messages: [...this.#messages, ...this.#turn],
      tools: [],
      context: [],
      forwardedProps: {},
    };
    return resume ? { ...input, resume } : input;
  }

  /** Add what an event says to the turn's messages. */
  apply(event) {
    switch (event.type) {
      case "TEXT_MESSAGE_START":
        this.#find(event.messageId, "assistant");
        break;
      case "TEXT_MESSAGE_CONTENT":
        this.#find(event.messageId, "assistant").content += event.delta;
        break;
      case "REASONING_MESSAGE_CONTENT":
        this.#find(event.messageId, "reasoning").content += event.delta;
        break;
      case "TOOL_CALL_START":
        this.#addCall(event);
        break;
      case "TOOL_CALL_ARGS": {
        const call = this.findCall(event.toolCallId);
        if (call) call.function.arguments += event.delta;
        break;
      }
      case "TOOL_CALL_RESULT":
        this.#addResult(event);
        break;
      case "CUSTOM":
        if (event.name === "streamchat.answer_refused") this.#drop(event.value.messageId);
        break;
      case "REASONING_ENCRYPTED_VALUE":
        this.#addEncrypted(event);
        break;
    }
  }

  findCall(id) {
    return this.#turn.flatMap((each) => each.toolCalls ?? []).findLast((each) => each.id === id);
  }

  getText(messageId) {
    return this.#turn.concat(this.#messages).find((each) => each.id === messageId)?.content ?? "";
  }

  #find(id, role) {
    const known = this.#turn.findLast((each) => each.id === id);
    if (known) return known;
    const message = { id, role, content: "" };
    this.#turn.push(message);
    return message;
  }

  #drop(messageId) {
    this.#turn = this.#turn.filter((each) => each.id !== messageId || each.toolCalls);
  }

  #addCall({ toolCallId, toolCallName, parentMessageId }) {
    if (this.findCall(toolCallId)) return; // told again by the run that resumes
    const message = this.#find(parentMessageId ?? toolCallId, "assistant");
    const call = { name: toolCallName, arguments: "" };
    (message.toolCalls ??= []).push({ id: toolCallId, type: "function", function: call });
  }

  #addResult({ messageId, toolCallId, content, metadata }) {
    const message = { id: messageId, role: "tool", toolCallId, content };
    this.#turn.push(metadata ? { ...message, metadata } : message);
  }

  #addEncrypted({ subtype, entityId, encryptedValue }) {
    const of = subtype === "tool-call" ? this.findCall(entityId) : this.#find(entityId, "reasoning");
    if (of) of.encryptedValue = encryptedValue;
  }
}
