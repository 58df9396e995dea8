// The page: a question box, the conversation above it, and one run at a time.

import { Failure, LOST } from "./agent.js";
import { announce } from "./announce.js";
import { Clock } from "./clock.js";
import { Conversation } from "./conversation.js";
import { make } from "./dom.js";
import { followEnd, startFollowing } from "./follow.js";
import { forget, keep, recall } from "./kept.js";
import { runToEnd } from "./run.js";
import { startTheme } from "./theme.js";
import { takeToken } from "./token.js";
import { TurnView } from "./turn.js";

const CUT = "The beginning of this conversation was too long to keep.";
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
  ask(question);
}

function ask(question) {
  play(open(conversation.start(question)));
}

/** Open a turn on the page. */
function open(record) {
  const clock = new Clock();
  const view = new TurnView(record.question, clock);
  welcome.remove();
  place.append(view.element);
  followEnd();
  return { record, view, clock };
}

/** Play a turn to its end. */
async function play(turn) {
  const controller = new AbortController();
  const own = conversation;
  const keepOwn = () => { if (own === conversation) keep(own); };
  let result;
  setRunning(controller);
  try {
    result = { usage: await runToEnd(own, turn, controller.signal, keepOwn) };
  } catch (error) {
    result = { failure: explain(error, controller.signal) };
  }
  turn.record.finish(turn.clock.advance(), result);
  keepOwn();
  setRunning(null);
  await showEnd(own, turn);
}

function explain(error, signal) {
  if (signal.aborted) return "Stopped.";
  if (error instanceof Failure) return error.message;
  console.error(error);
  return "The page could not show the answer.";
}

async function showEnd(own, { record, view }) {
  const { usage, failure } = record.end;
  if (failure) {
    await view.fail(failure, () => askAgain(own, record, view));
  } else {
    own.keep();
    await view.finish((id) => own.getText(id), usage);
  }
}

function askAgain(own, record, view) {
  if (running || own !== conversation) return;
  view.element.remove();
  own.leaveOut(record);
  ask(record.question);
}

/** Show again what the tab has kept, and ask again what was open. */
function restore() {
  const kept = recall();
  if (!kept) return;
  try {
    conversation = new Conversation(kept);
    if (kept.cut) place.append(make("p", { className: "notice" }, CUT));
    kept.records.forEach((record, at) => reopen(record, at === kept.records.length - 1));
  } catch (error) {
    console.error(error); // not of the page's own making
    startAnew();
  }
}

function reopen(record, isLast) {
  const turn = open(conversation.add(record));
  const { view, clock } = turn;
  view.isQuiet = true;
  for (const [at, event] of record.events) {
    clock.set(at);
    conversation.apply(event);
    view.show(event);
  }
  if (isLast && record.interrupts.length) {
    view.isQuiet = false;
    play(turn);
    return;
  }
  if (!record.end) record.finish(clock.at, { failure: LOST });
  clock.set(record.end.at);
  showEnd(conversation, turn);
}

function startAnew() {
  running?.abort();
  conversation = new Conversation();
  forget();
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
window.addEventListener("pagehide", () => { if (running) keep(conversation); });

if (takeToken()) forget(); // another server's
startTheme(find("#dark"));
startFollowing(place);
restore();
