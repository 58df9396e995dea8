// Talks to `streamchat serve` with @ag-ui/client, and prints what it saw as JSON.
// Arguments: the folder with the packages, the URL of /agent, the token.

import { createRequire } from "node:module";

const [folder, url, token] = process.argv.slice(2);
const { HttpAgent } = createRequire(`${folder}/`)("@ag-ui/client");
console.error = () => {}; // it logs each failure with a stack

function connect() {
  return new HttpAgent({ url, threadId: "t", headers: { Authorization: `Bearer ${token}` } });
}

/** Run the agent; return its events, how it ended, and the client's messages. */
async function run(agent, parameters = {}, onEvent = () => {}) {
  const events = [];
  let error = "";
  const subscriber = {
    onEvent({ event }) {
      events.push(event);
      onEvent(event);
    },
  };
  try {
    await agent.runAgent(parameters, subscriber);
  } catch (caught) {
    error = String(caught.message ?? caught);
  }
  return { events, error, messages: structuredClone(agent.messages) };
}

function ask(agent, content) {
  agent.messages.push({ id: crypto.randomUUID(), role: "user", content });
}

async function converse() {
  const agent = connect();
  ask(agent, "What is 10 + 10");
  const first = await run(agent);
  ask(agent, "And again?");
  const second = await run(agent);
  return { first, second };
}

async function approve() {
  const agent = connect();
  ask(agent, "Delete a");
  const first = await run(agent);
  const blocked = await run(agent);
  const resume = agent.pendingInterrupts.map(({ id }) => ({
    interruptId: id,
    status: "resolved",
    payload: { approved: true, editedArgs: { path: "b" } },
  }));
  const second = await run(agent, { resume });
  return { first, blocked, second, left: agent.pendingInterrupts };
}

async function runTool() {
  const agent = connect();
  ask(agent, "How is the weather?");
  const parameters = { type: "object", properties: { city: { type: "string" } } };
  const tools = [{ name: "weather", description: "The weather.", parameters }];
  const first = await run(agent, { tools });
  const toolCallId = first.events.at(-1).outcome.pendingToolCallIds[0];
  agent.messages.push({ id: "result", role: "tool", toolCallId, content: "sun" });
  return { first, second: await run(agent, { tools }) };
}

async function cancel() {
  const agent = connect();
  ask(agent, "Talk");
  return run(agent, {}, (event) => {
    if (event.type === "TEXT_MESSAGE_CONTENT") agent.abortRun();
  });
}

async function fail() {
  const agent = connect();
  ask(agent, "Fail");
  return run(agent);
}

const report = {};
for (const story of [converse, approve, runTool, fail, cancel]) {
  report[story.name] = await story();
}
console.log(JSON.stringify(report));
