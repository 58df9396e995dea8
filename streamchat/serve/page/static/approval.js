// Interrupts: a run has ended to ask the user, and goes on with the answers.

import { shorten } from "./dom.js";
import { askAboutCall, askForText } from "./question.js";

/** Ask about each interrupt in turn; resolve with the `resume` of the next run. */
export async function askUser(interrupts, place, findCall) {
  const entries = [];
  for (const interrupt of interrupts) {
    const payload = await askOne(interrupt, place, findCall);
    entries.push({ interruptId: interrupt.id, status: "resolved", payload });
  }
  return entries;
}

function askOne(interrupt, place, findCall) {
  const call = interrupt.toolCallId && findCall(interrupt.toolCallId);
  const actions = interrupt.metadata?.streamchat?.actions;
  if (Array.isArray(actions)) return askDecisions(actions, place);
  if (call) return askApproval(interrupt, call, place);
  return askForText(interrupt.message || "The agent asks for an answer.", place);
}

async function askApproval(interrupt, { name, arguments: args }, place) {
  const title = interrupt.message ? shorten(interrupt.message, 300) : `Run ${name}?`;
  const kinds = ["approve", "edit", "reject"];
  const decision = await askAboutCall({ name, args, title, kinds }, place);
  switch (decision.kind) {
    case "edit":
      return { approved: true, editedArgs: decision.args };
    case "reject":
      return { approved: false, ...(decision.reason && { reason: decision.reason }) };
    default:
      return { approved: true };
  }
}

/** Ask about the actions of LangChain's middleware. */
async function askDecisions(actions, place) {
  const decisions = [];
  for (const { name, arguments: values, description, decisions: kinds } of actions) {
    const args = JSON.stringify(values);
    const title = `Run ${name}(${shorten(args, 200)})?`;
    const asked = { name, args, title, message: description, kinds };
    decisions.push(formatDecision(await askAboutCall(asked, place), name));
  }
  return { decisions };
}

function formatDecision({ kind, args, reason, text }, name) {
  switch (kind) {
    case "edit":
      return { type: "edit", edited_action: { name, args } };
    case "reject":
      return { type: "reject", ...(reason && { message: reason }) };
    case "respond":
      return { type: "respond", message: text };
    default:
      return { type: "approve" };
  }
}
