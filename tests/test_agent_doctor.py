"""The doctor's findings about the user's own agent."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from streamchat.doctor.agent_trial import QUESTION, try_agent
from streamchat.doctor.agent_verdicts import judge_agent
from streamchat.doctor.findings import Finding, is_usable
from streamchat.text.redact import Redactor
from tests.program import HANGS, run, start
from tests.server import (
    NEVER,
    Reply,
    Server,
    calls,
    completion,
    fails,
    says,
    wait_for_request,
)
from tests.targets import keep_imports, loaded, write, write_executor

KEY = "sk-agent-secret-0123456789"
AGENTS = """
    from langchain.agents import create_agent
    from langchain.agents.middleware import HumanInTheLoopMiddleware
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.memory import InMemorySaver

    def add(x: float, y: float) -> float:
        "Add two numbers."
        return x + y

    def connect(url, **options):
        return ChatOpenAI(model="m", base_url=url, max_retries=0, **options)

    model = connect("{url}", stream_usage=True)
    agent = create_agent(model, [add], checkpointer=InMemorySaver())
    bare = create_agent(connect("{url}", disable_streaming=True), [])
    gate = HumanInTheLoopMiddleware({"add": True})
    careful = create_agent(model, [add], middleware=[gate], checkpointer=InMemorySaver())
    lost = create_agent(connect("http://127.0.0.1:9/v1"), [])
"""


def examine(folder: Path, name: str, *arguments: str) -> CompletedProcess[str]:
    """Run the doctor on one of the agents."""
    flags = ("--agent", f"mine.py:{name}", *arguments)
    return run(folder, "doctor", *flags, cwd=folder, OPENAI_API_KEY=KEY)


def read(done: CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """Return what was seen and what it means by verdict and subject: `ok answer`."""
    *lines, _ = done.stdout.splitlines()
    findings = {}
    for line in lines:
        subject, _, rest = line.partition(": ")
        verdict, seen, does = rest.split("; ", 2)
        findings[f"{verdict} {subject}"] = (seen, does)
    return findings


@pytest.fixture
def agents(server: Server, tmp_path: Path) -> Path:
    """The folder with the agents."""
    write(tmp_path / "mine.py", AGENTS.replace("{url}", server.url))
    return tmp_path


class TestGraphs:
    """LangGraph's graphs on a scripted server, as users examine them."""

    def test_an_agent_that_streams(self, server: Server, agents: Path) -> None:
        server.script(says("<think>Hm.</think>I can", " add.").but(usage=(9, 3)))
        done = examine(agents, "agent")
        findings = read(done)
        pieces, shown = findings.pop("ok answer")
        assert re.match(r"2 pieces, the first after \d+\.", pieces)
        assert shown == "shown as it arrives"
        assert findings == {
            "ok agent": (
                "LangGraph graph (create_agent) with the nodes model, tools",
                "its own model, tools and instructions are used",
            ),
            "ok checkpointer": ("InMemorySaver", "it remembers earlier turns"),
            "ok tools": ("add(x, y)", "calls are shown, with their results"),
            "ok question": (QUESTION, "1 model request, no tool ran"),
            "missing call arguments": (
                "no tool was called",
                "ask a question that needs a tool to check",
            ),
            "ok usage": ("9 tokens in, 3 out", "shown below an answer"),
            "ok reasoning": ("1 piece", "shown apart from the answer"),
        }
        assert done.stdout.endswith("\nusable: yes\n")
        assert (done.returncode, done.stderr) == (0, "")
        assert server.requests[0]["messages"] == [{"role": "user", "content": QUESTION}]

    def test_another_question_runs_tools_also_with_arguments_cut_off(
        self, server: Server, agents: Path
    ) -> None:
        whole, cut = calls("add", ['{"x": 1, ', '"y": 2}']), ['{"x": 10, "y": 1']
        server.script(whole, calls("add", cut).but(finish_reason="length"), says("It is", " 3."))
        done = examine(agents, "agent", "What is 1 + 2?", "--json")
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        assert findings[0]["version"] == 1
        assert findings[-1] == {"usable": True}
        by_subject = {each["subject"]: each for each in findings[:-1]}
        question, arguments = by_subject["question"], by_subject["call arguments"]
        assert question["observed"] == "What is 1 + 2?"
        assert question["consequence"] == "3 model requests, tools that ran: add, add"
        assert arguments["observed"] == "add: 3 fragments in 2 calls"
        assert by_subject["usage"]["verdict"] == "missing"
        assert by_subject["cut-off call"] == {
            "subject": "cut-off call",
            "verdict": "wrong",
            "observed": f"add ran although its arguments were cut off: {cut[0]}",
            "consequence": "LangChain completes such calls, and streamchat can only warn",
        }

    def test_a_model_that_does_not_stream(self, server: Server, agents: Path) -> None:
        server.script(completion(role="assistant", content="I can add."))
        findings = read(examine(agents, "bare"))
        seen, does = findings["different answer"]
        assert seen.startswith("all in one piece, after ")
        assert seen.endswith(" s: the model sends its messages whole (disable_streaming=True)")
        assert does == "shown once complete"
        assert findings["missing checkpointer"][0] == "none"
        assert findings["ok tools"][0] == "none known"

    def test_an_agent_that_stops_to_ask(self, server: Server, agents: Path) -> None:
        server.script(calls("add", x=1, y=2))
        done = examine(agents, "careful")
        findings = read(done)
        assert findings["ok interrupt"] == (
            "the agent asks whether to run add(x=1, y=2)",
            "asked in the chat; ask takes --resume-value; cancelled here",
        )
        assert findings["different answer"][0] == "none before it stops to ask"
        assert findings["different call arguments"] == ("add: all in one piece", "shown at once")
        assert findings["ok question"][1] == "1 model request, no tool ran"
        assert (done.returncode, len(server.requests)) == (0, 1)

    def test_no_server(self, agents: Path) -> None:
        done = examine(agents, "lost")
        seen, does = read(done)["wrong answer"]
        assert seen.endswith("Connection error.")
        assert does == "check the network and the address of its model"
        assert "ok usage" not in read(done)
        assert done.stdout.endswith("\nusable: no\n")
        assert (done.returncode, done.stderr) == (1, "")

    def test_a_wrong_key_is_not_shown(self, server: Server, agents: Path) -> None:
        server.script(fails(401, f"Incorrect API key provided: {KEY}"))
        done = examine(agents, "agent")
        seen, does = read(done)["wrong answer"]
        assert "Incorrect API key provided: sk-***" in seen
        assert does == "check the key of its model"
        assert KEY not in done.stdout + done.stderr

    def test_ctrl_c_ends_it_silently(self, server: Server, agents: Path) -> None:
        server.script(Reply((NEVER,)))
        agent, options = f"{agents}/mine.py:agent", {"OPENAI_API_KEY": KEY}
        with start(agents, "doctor", "--agent", agent, **options) as process:
            wait_for_request(server)
            process.send_signal(signal.SIGINT)
            assert process.communicate() == (b"", b"")
            assert process.returncode == 130
        assert server.disconnected.wait(HANGS)


class TestOtherAgents:
    """What other agents do, in the test's own process."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        monkeypatch.chdir(tmp_path)
        with keep_imports():
            yield tmp_path

    async def judge(self) -> dict[str, Finding]:
        async with loaded("mine.py:agent") as source:
            trial = await try_agent(source, QUESTION)
            return {each.subject: each for each in judge_agent(source, trial, Redactor())}

    async def test_an_executor_that_blocks_and_prints(self, folder: Path) -> None:
        before = "import time\n\ndef load():\n    print('Loading')\n    time.sleep(2)\n"
        write_executor(folder / "mine.py", "load()", "return 'Done.'", before=before)
        findings = await self.judge()
        assert findings["agent"].observed == "executor (Executor)"
        assert findings["answer"].observed.endswith(
            " s: no model was seen: it needs callbacks=[streamer]"
        )
        assert findings["output"].observed == "1 line, the first: Loading"
        loop = findings["event loop"]
        assert loop.observed.startswith("load (mine.py:5) blocked the event loop for ")
        assert (loop.verdict, loop.consequence) == ("different", "nothing streams meanwhile")
        assert is_usable(findings.values())

    async def test_a_node_without_a_model_and_its_subgraph(self, folder: Path) -> None:
        write(
            folder / "mine.py",
            """
            from langchain_core.messages import AIMessage
            from langgraph.graph import START, MessagesState, StateGraph

            def write(state):
                return {"messages": [AIMessage("Hello!")]}

            inner = StateGraph(MessagesState).add_node(write).add_edge(START, "write").compile()
            graph = StateGraph(MessagesState).add_node("writer", inner)
            agent = graph.add_edge(START, "writer").compile()
            """,
        )
        findings = await self.judge()
        assert findings["agent"].observed == (
            "LangGraph graph with the node writer (subgraphs: writer)"
        )
        assert findings["answer"].observed.endswith(
            ": node write returned its message without a LangChain model"
        )
        assert findings["question"].consequence == "no model request seen, no tool ran"


class TestFailures:
    """The command, when the agent's own code fails."""

    def test_a_file_that_cannot_be_loaded(self, tmp_path: Path) -> None:
        write(tmp_path / "mine.py", "print('Starting')\n\ndef agent():\n    return 1 / 0\n")
        done = examine(tmp_path, "agent")
        first, *frames, error, last = done.stderr.splitlines()
        assert first == "Starting"
        assert frames[:2] == [
            "Traceback (most recent call last):",
            '  File "mine.py", line 4, in agent',
        ]
        assert error == "ZeroDivisionError: division by zero"
        assert last == (
            "error: mine.py:agent cannot be made: ZeroDivisionError: division by zero (mine.py:4)"
        )
        assert (done.returncode, done.stdout) == (1, "")

    def test_an_agent_that_fails(self, tmp_path: Path) -> None:
        write_executor(tmp_path / "mine.py", f"raise OSError('no table for {KEY}')")
        done = examine(tmp_path, "agent")
        assert read(done)["wrong answer"] == (
            "OSError: no table for sk-***",
            "the question fails at mine.py:4",
        )
        assert done.stderr.splitlines()[-1] == "OSError: no table for sk-***"
        assert done.returncode == 1

    def test_the_setting_names_the_agent_and_flags_a_server(
        self, server: Server, tmp_path: Path
    ) -> None:
        write_executor(tmp_path / "mine.py", "return 'Mine.'")
        variables = {"STREAMCHAT_AGENT": "mine.py:agent"}
        done = run(tmp_path, "doctor", cwd=tmp_path, **variables)
        assert done.stdout.startswith("agent: ok; executor (Executor); ")
        done = run(tmp_path, "doctor", "--base-url", server.url, cwd=tmp_path, **variables)
        assert done.stdout.startswith("model list: ")

    def test_wrong_usage(self, tmp_path: Path) -> None:
        done = run(tmp_path, "doctor", "What is 1 + 2?")
        assert done.returncode == 2
        assert done.stderr.startswith("error: a question is for an agent; name one: --agent ")
        done = run(tmp_path, "doctor", "--agent", "mine.py", " ")
        assert done.stderr == "error: the question is empty\n"
