// The page: a question box, the conversation above it, and one run at a time.

import { Failure, runAgent } from "./agent.js";
import { announce } from "./announce.js";
import { askUser } from "./approval.js";
import { Conversation } from "./conversation.js";
import { followEnd, startFollowing } from "./follow.js";
import { startTheme } from "./theme.js";
import { takeToken } from "./token.js";
import { TurnView } from "./turn.js";

const find = (selector) => document.querySelector(selector);
const box = find("#question");
const place = find("#conversation");
const welcome = find("#welcome");

let conversation = new Conversation();
let running = null; // the AbortController of the run under way

function setRunning(controller) {
  running = controller;
  find("#send").hidden = Boolean(controller);
  find("#stop").hidden = !controller;
}

function stop() {
  running?.abort();
  box.focus();
}

function send() {
  const question = box.value.trim();
  if (!question || running) return;
  box.value = "";
  conversation.start(question);
  play(question);
}

/** Play the turn that the conversation has started. */
async function play(question) {
  const view = new TurnView(question);
  const controller = new AbortController();
  const own = conversation;
  setRunning(controller);
  welcome.remove();
  place.append(view.element);
  followEnd();
  try {
    const usage = await runToEnd(own, view, controller.signal);
    const getText = (id) => own.getText(id);
    own.keep();
    setRunning(null);
    await view.finish(getText, usage);
  } catch (error) {
    setRunning(null);
    await view.fail(explain(error, controller.signal), () => askAgain(view, own, question));
  }
}

function explain(error, signal) {
  if (signal.aborted) return "Stopped.";
  if (error instanceof Failure) return error.message;
  console.error(error);
  return "The page could not show the answer.";
}

function askAgain(view, own, question) {
  if (running || own !== conversation) return;
  view.element.remove();
  conversation.start(question);
  play(question);
}

/** Run the agent until it needs no more answers; return what it used, in words. */
async function runToEnd(own, view, signal) {
  let resume;
  for (;;) {
    const last = await run(own, view, own.makeInput(resume), signal);
    const { type, interrupts = [] } = last.outcome ?? {};
    if (type === "cancelled") throw new Failure("The server stopped the run.");
    if (type !== "interrupt") return describe(last.usage ?? []);
    resume = await answer(own, view, interrupts, signal);
  }
}

async function run(own, view, input, signal) {
  let last;
  for await (const event of runAgent(input, signal)) {
    own.apply(event);
    view.show(event);
    last = event.type === "RUN_FINISHED" ? event : last;
  }
  return last;
}

/** Ask the user what the run wants to know. */
async function answer(own, view, interrupts, signal) {
  const stopped = new Promise((_, reject) => { signal.addEventListener("abort", reject); });
  const asked = document.createElement("div");
  for (const each of interrupts) view.wait(each.toolCallId);
  view.element.append(asked);
  try {
    const findCall = (id) => own.findCall(id)?.function;
    const entries = await Promise.race([askUser(interrupts, asked, findCall), stopped]);
    for (const each of interrupts) view.resume(each.toolCallId);
    box.focus();
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

function startAnew() {
  running?.abort();
  conversation = new Conversation();
  place.replaceChildren(welcome);
  announce("New conversation.");
  box.focus();
}

box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
if (!CSS.supports("field-sizing", "content")) {
  box.addEventListener("input", () => { box.rows = Math.min(8, box.value.split("\n").length); });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) stop();
});
find("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
find("#stop").addEventListener("click", stop);
find("#new").addEventListener("click", startAnew);

takeToken();
startTheme(find("#dark"));
startFollowing(place);
