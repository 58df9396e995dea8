// What happened in a turn, and when: enough to show it again, and to go on with it.

/** The events that change what is shown or sent, and those of their fields that must be texts. */
const FIELDS = {
  TEXT_MESSAGE_START: ["messageId"],
  TEXT_MESSAGE_CONTENT: ["messageId", "delta"],
  REASONING_MESSAGE_CONTENT: ["messageId", "delta"],
  REASONING_ENCRYPTED_VALUE: ["entityId", "encryptedValue"],
  TOOL_CALL_START: ["toolCallId", "toolCallName"],
  TOOL_CALL_ARGS: ["toolCallId", "delta"],
  TOOL_CALL_END: ["toolCallId"],
  TOOL_CALL_RESULT: ["messageId", "toolCallId"],
  CUSTOM: ["name"],
};
const PASSING = "streamchat.prompt_progress";

/** A turn. It is under way while it has no `end`; then its `interrupts` are open questions. */
export class TurnRecord {
  constructor({ id, question, events = [], interrupts = [], end = null }) {
    Object.assign(this, { id, question, events, interrupts, end });
  }

  /** Add an event. The pieces of a text become one; the fragments of a call stay apart. */
  add(at, event) {
    if (!isEvent(event) || event.name === PASSING) return;
    const last = this.events.at(-1)?.[1];
    if (continues(event, last)) last.delta += event.delta;
    else this.events.push([at, { ...event }]);
  }

  /** End the turn: with what it used in words, or with why it failed. */
  finish(at, { usage = [], failure = "" }) {
    this.interrupts = [];
    this.end = { at, usage, failure };
  }
}

/** Whether a value is a turn. Whoever wrote to the tab's storage may have written anything. */
export function isTurn({ id, question, events, interrupts, end }) {
  return (
    [id, question].every(isText)
    && events.every(([at, event]) => Number.isFinite(at) && isEvent(event))
    && interrupts.every(({ id: name }) => isText(name))
    && (end === null || isEnd(end))
  );
}

function isEnd({ at, usage, failure }) {
  return Number.isFinite(at) && usage.every(isText) && isText(failure);
}

function isEvent(event) {
  return Object.hasOwn(FIELDS, event.type) && FIELDS[event.type].every((name) => isText(event[name]));
}

function isText(value) {
  return typeof value === "string";
}

function continues({ type, messageId }, last) {
  const isProse = type === "TEXT_MESSAGE_CONTENT" || type === "REASONING_MESSAGE_CONTENT";
  return isProse && last?.type === type && last.messageId === messageId;
}
