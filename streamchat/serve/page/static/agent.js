// Runs of the agent over AG-UI: one POST each, answered by server-sent events.

import { shorten } from "./dom.js";
import { readEvents } from "./sse.js";
import { getToken } from "./token.js";

export const LOST = "The connection was lost before the answer was complete.";
const UNREACHABLE = "The server cannot be reached. Is streamchat serve still running?";
const REASONS = {
  401: "The server wants its token: open the address that streamchat serve printed.",
  403: "The server refuses this address: open the one that streamchat serve printed.",
  413: "The conversation is too long for the server: start a new one.",
  503: "The server is shutting down.",
};

/** Why a run failed, in one line for the user. */
export class Failure extends Error {}

/** Yield the events of a run. Throws a Failure unless it ends with RUN_FINISHED. */
export async function* runAgent(input, signal) {
  const response = await post(input, signal);
  let finished = false;
  try {
    for await (const data of readEvents(response.body)) {
      const event = JSON.parse(data);
      if (event.type === "RUN_ERROR") throw new Failure(shorten(event.message, 300));
      finished ||= event.type === "RUN_FINISHED";
      yield event;
    }
  } catch (error) {
    throw error instanceof TypeError && !signal.aborted ? new Failure(LOST) : error;
  }
  if (!finished) throw new Failure(LOST);
}

async function post(input, signal) {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  const token = getToken();
  if (token) headers.Authorization = `Bearer ${token}`;
  const body = JSON.stringify(input);
  let response;
  try {
    response = await fetch("agent", { method: "POST", headers, body, signal });
  } catch (error) {
    throw signal.aborted ? error : new Failure(UNREACHABLE);
  }
  if (!response.ok) throw new Failure(await explain(response));
  return response;
}

async function explain(response) {
  if (response.status === 429) return explainBusy(response.headers.get("Retry-After"));
  if (response.status in REASONS) return REASONS[response.status];
  const said = await response.json().then((body) => body.error.message, () => "");
  return shorten(`The server refused the question (${response.status}). ${said}`, 300);
}

function explainBusy(seconds) {
  return `The server is busy. Try again ${seconds ? `in ${seconds} s` : "in a moment"}.`;
}
