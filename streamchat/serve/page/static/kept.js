// The conversation as this tab keeps it until it is closed, so that a reload loses nothing.

import { TurnRecord, isTurn } from "./record.js";

const NAME = "streamchat-conversation";
const VERSION = 1;
const ROOM = 2_000_000; // characters; browsers give a page about 5 million

/** Keep the last turns, as many as there is room for. */
export function keep({ threadId, records, cut }) {
  const turns = [];
  let room = ROOM;
  for (const record of records.toReversed()) {
    const turn = JSON.stringify(record);
    room -= turn.length;
    if (room < 0) break;
    turns.unshift(turn);
  }
  const isCut = cut || turns.length < records.length;
  const head = JSON.stringify({ version: VERSION, threadId, cut: isCut }).slice(0, -1);
  write(`${head},"turns":[${turns.join()}]}`);
}

function write(text) {
  try {
    sessionStorage.setItem(NAME, text);
  } catch {
    forget(); // what is there is older, and might run a call again
  }
}

export function forget() {
  sessionStorage.removeItem(NAME);
}

/** Return what was kept; null if that is nothing, or not what `keep` has written. */
export function recall() {
  try {
    const { version, threadId, cut, turns } = JSON.parse(sessionStorage.getItem(NAME));
    const isOurs = version === VERSION && typeof threadId === "string" && turns.every(isTurn);
    return isOurs ? { threadId, cut, records: turns.map((each) => new TurnRecord(each)) } : null;
  } catch {
    return null;
  }
}
