// A turn: runs of the agent, and the user's answers between them.

import { Failure, runAgent } from "./agent.js";
import { askUser } from "./approval.js";

/**
 * Run the agent until it needs no more answers; return what it used, in words.
 *
 * A turn that is shown again begins with its open questions. They are closed, and `changed` called,
 * before the answers are sent: no reload may answer them again.
 */
export async function runToEnd(conversation, turn, signal, changed) {
  for (;;) {
    signal.throwIfAborted(); // stopped while the last events were read
    const resume = await answer(conversation, turn, signal);
    turn.record.interrupts = [];
    changed();
    const last = await run(conversation, turn, conversation.makeInput(resume), signal);
    const { type, interrupts = [] } = last.outcome ?? {};
    if (type === "cancelled") throw new Failure("The server stopped the run.");
    if (type !== "interrupt") return describe(last.usage ?? []);
    turn.record.interrupts = interrupts;
    changed();
  }
}

async function run(conversation, { view, record, clock }, input, signal) {
  let last;
  for await (const event of runAgent(input, signal)) {
    clock.advance();
    conversation.apply(event);
    view.show(event);
    record.add(clock.at, event);
    last = event.type === "RUN_FINISHED" ? event : last;
  }
  return last;
}

/** Ask the user what the run wants to know. */
async function answer(conversation, { view, record }, signal) {
  const { interrupts } = record;
  if (!interrupts.length) return undefined;
  const stopped = new Promise((_, reject) => { signal.addEventListener("abort", reject); });
  const asked = document.createElement("div");
  for (const each of interrupts) view.wait(each.toolCallId);
  view.element.append(asked);
  try {
    const findCall = (id) => conversation.findCall(id)?.function;
    const entries = await Promise.race([askUser(interrupts, asked, findCall), stopped]);
    for (const each of interrupts) view.resume(each.toolCallId);
    document.querySelector("#question").focus();
    return entries;
  } finally {
    asked.remove();
  }
}

function describe(usage) {
  const add = (name) => usage.reduce((sum, each) => sum + (each[name] ?? 0), 0);
  const [read, written] = [add("inputTokens"), add("outputTokens")];
  return read + written ? [`${read.toLocaleString("en")} + ${written.toLocaleString("en")} tokens`] : [];
}
