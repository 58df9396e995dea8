"""The doctor's findings on good, odd and unreachable servers."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from streamchat.config import Settings
from streamchat.doctor.checks import run_checks
from streamchat.doctor.findings import Finding, is_usable
from streamchat.doctor.probe import Probe
from tests.program import HANGS, Terminal, run, start
from tests.scenarios import KEY
from tests.server import (
    NEVER,
    Hangup,
    Pause,
    Reply,
    Server,
    call_delta,
    calls,
    completion,
    delta,
    fails,
    lists,
    says,
    wait_for_request,
    whole,
)
from tests.test_models import serve_silence

HELLO = says("Hel", "lo", "!").but(usage=(9, 3))
SUM = calls("add", ['{"x": 17', ', "y": 25}'])
PRODUCT = calls("multiply", x=3, y=4)
TWO = calls("add", x=1, y=2) + PRODUCT
RESULT = says("It is ", "42.")
UNKNOWN = fails(404, "The model does not exist")
GOOD = (HELLO, SUM, TWO, RESULT, UNKNOWN)
REFUSED = fails(400, "tool_choice is not supported")


async def run_doctor(url: str, key: str | None = None, patience: float = 5) -> dict[str, Finding]:
    probe = Probe.on(Settings("scripted", url, key, timeout=patience))
    return {finding.subject: finding for finding in await run_checks(probe)}


async def examine(server: Server, *replies: Reply) -> dict[str, Finding]:
    server.models = lists("other", "scripted")
    server.script(*replies)
    return await run_doctor(server.url)


def summarize(finding: Finding) -> tuple[str, str, str]:
    return finding.verdict, finding.observed, finding.consequence


class TestServers:
    """One oddity at a time, on an otherwise good server."""

    async def test_a_good_server(self, server: Server) -> None:
        findings = await examine(server, *GOOD)
        assert {each.verdict for each in findings.values()} == {"ok"}
        assert list(findings) == [
            *("model list", "text", "system role", "finish reason of text", "end of stream"),
            *("usage", "reasoning"),
            *("required tool choice", "call index", "call id", "call name", "call arguments"),
            *("finish reason of calls", "parallel calls", "tool result", "null content"),
            "unknown model",
        ]
        assert findings["model list"].observed == "scripted is one of 2"
        assert re.match(r"3 chunks, the first after \d+\.", findings["text"].observed)
        assert findings["usage"].observed == "9 tokens in, 3 out"
        assert findings["call arguments"].observed == '2 fragments: {"x": 17, "y": 25}'
        assert findings["parallel calls"].observed == "2 calls, index 0, 1"
        assert findings["unknown model"].observed == "404: The model does not exist"
        assert len(server.requests) == 5

    async def test_it_sends_the_requests_of_a_turn(self, server: Server) -> None:
        await examine(server, *GOOD)
        hello, required, parallel, result, unknown = server.requests
        assert hello["stream_options"] == {"include_usage": True}
        assert [tool["function"]["name"] for tool in required["tools"]] == ["add", "multiply"]
        assert required["tool_choice"] == parallel["tool_choice"] == "required"
        _, call, output = result["messages"]
        assert call["tool_calls"][0]["id"] == output["tool_call_id"] == "call_add"
        assert unknown["model"] != "scripted"

    async def test_a_required_call_is_refused(self, server: Server) -> None:
        findings = await examine(server, HELLO, REFUSED, SUM, TWO, RESULT, UNKNOWN)
        assert summarize(findings["required tool choice"]) == (
            "different",
            "refused: 400: tool_choice is not supported",
            "retried with a free choice of tools",
        )
        assert findings["free tool choice"].verdict == "ok"
        assert findings["call arguments"].verdict == "ok"
        assert server.requests[-2]["tool_choice"] == "auto"

    async def test_tools_are_refused(self, server: Server) -> None:
        findings = await examine(server, HELLO, REFUSED, REFUSED, UNKNOWN)
        assert summarize(findings["free tool choice"])[::2] == ("missing", "retried without tools")
        assert list(findings)[-1] == "unknown model"
        assert is_usable(findings.values())

    async def test_tools_cause_an_unrelated_error(self, server: Server) -> None:
        findings = await examine(server, HELLO, fails(500, "out of memory"), UNKNOWN)
        assert summarize(findings["required tool choice"])[::2] == (
            "wrong",
            "questions fail, except with --no-tools",
        )
        assert len(server.requests) == 3

    async def test_a_required_call_is_ignored(self, server: Server) -> None:
        findings = await examine(server, HELLO, says("It is 42."), UNKNOWN)
        assert summarize(findings["required tool choice"]) == (
            *("different", "ignored: text and no call", "that text is the answer"),
        )

    async def test_calls_share_an_index_and_have_no_ids(self, server: Server) -> None:
        one = Reply(
            (call_delta(name="add"), call_delta(arguments='{"x": 17, "y": 25}')), "tool_calls"
        )
        two = Reply(
            (
                call_delta(name="add", arguments='{"x": 1, "y": 2}'),
                call_delta(name="multiply", arguments='{"x": 3, "y": 4}'),
            ),
            "stop",
        )
        findings = await examine(server, HELLO, one, two, RESULT, UNKNOWN)
        assert summarize(findings["call id"]) == ("missing", "none", "generated: call_1")
        assert summarize(findings["call arguments"])[0] == "different"
        assert summarize(findings["parallel calls"]) == (
            "different",
            "2 calls, index 0",
            "separated by name and the end of their arguments",
        )
        assert server.requests[3]["messages"][1]["tool_calls"][0]["id"] == "call_1"

    async def test_calls_that_share_an_index_are_separated_by_id(self, server: Server) -> None:
        two = Reply(
            (
                call_delta(id="a", name="add", arguments='{"x": 1, "y": 2}'),
                call_delta(id="b", name="add", arguments='{"x": 3, "y": 4}'),
            ),
            "tool_calls",
        )
        findings = await examine(server, HELLO, SUM, two, RESULT, UNKNOWN)
        assert summarize(findings["parallel calls"])[::2] == ("different", "separated by ID")

    @pytest.mark.parametrize(
        ("parts", "subject", "observed"),
        [
            ([call_delta(None, id="a", name="add")], "call index", "none"),
            ([call_delta(3, id="a", name="add")], "call index", "starts at 3"),
            ([call_delta("0", id="a", name="add")], "call index", "0, not an integer"),  # type: ignore[arg-type]
            ([call_delta([0], id="a", name="add")], "call index", "[0], not an integer"),  # type: ignore[arg-type]
            (
                [call_delta(id="a", name="add"), call_delta(id="a", arguments="")],
                "call id",
                "repeated in every fragment",
            ),
            (
                [call_delta(id="a", name="add"), call_delta(id="b", arguments="")],
                "call id",
                "a new one in every fragment",
            ),
            ([call_delta(id="a b", name="add")], "call id", "not valid in a request: a b"),
            (
                [call_delta(id="a", name="add"), call_delta(name="add")],
                "call name",
                "repeated in every fragment",
            ),
            (
                [call_delta(id="a", name="add", arguments={"x": 1, "y": 2})],
                "call arguments",
                'an object instead of a string: {"x": 1, "y": 2}',
            ),
            (
                [delta(function_call={"name": "add", "arguments": '{"x": 1, "y": 2}'})],
                "tool calls",
                "a function_call",
            ),
        ],
    )
    async def test_unusual_forms_of_a_call(
        self, server: Server, parts: list[dict[str, Any]], subject: str, observed: str
    ) -> None:
        index = parts[0]["choices"][0]["delta"].get("tool_calls", [{"index": 0}])[0].get("index")
        if "arguments" not in json.dumps(parts) or '"arguments": ""' in json.dumps(parts):
            parts = [*parts, call_delta(index, arguments='{"x": 1, "y": 2}')]
        findings = await examine(server, HELLO, Reply(tuple(parts), "tool_calls"), TWO, RESULT)
        assert findings[subject].observed == observed
        assert findings[subject].verdict in ("different", "missing")
        assert findings["call arguments"].verdict in ("ok", "different")

    @pytest.mark.parametrize(
        ("reply", "subject", "observed"),
        [
            (calls("add", ['{"x": 1, "y": ']), "call arguments", "not valid JSON"),
            (calls("add", x=1), "call arguments", "wrong arguments: y: Field required"),
            (calls("functions.add", x=1, y=2), "call name", "not an offered tool: functions"),
            (calls("", x=1, y=2), "call name", "none in 1 call"),
        ],
    )
    async def test_a_call_that_cannot_be_run(
        self, server: Server, reply: Reply, subject: str, observed: str
    ) -> None:
        findings = await examine(server, HELLO, reply, TWO, RESULT, UNKNOWN)
        assert findings[subject].verdict == "wrong"
        assert observed in findings[subject].observed
        assert is_usable(findings.values())

    async def test_one_call_at_a_time(self, server: Server) -> None:
        findings = await examine(server, HELLO, SUM, SUM, RESULT, UNKNOWN)
        assert summarize(findings["parallel calls"]) == (
            *("missing", "1 call", "one call per message"),
        )

    async def test_tool_results_are_refused(self, server: Server) -> None:
        findings = await examine(server, HELLO, SUM, TWO, fails(400, "bad role: tool"), UNKNOWN)
        assert findings["tool result"].verdict == "wrong"
        assert "bad role: tool" in findings["tool result"].observed

    async def test_json_instead_of_a_stream(self, server: Server) -> None:
        function = {"name": "add", "arguments": '{"x": 17, "y": 25}'}
        made = [{"id": "a", "type": "function", "function": function}]
        called = completion("tool_calls", content=None, tool_calls=made)
        two = completion("tool_calls", tool_calls=[*made, {**made[0], "id": "b"}])
        hello = completion(content="Hello!")
        findings = await examine(server, hello, called, two, completion(content="42"), UNKNOWN)
        assert summarize(findings["text"])[::2] == ("different", "shown once complete")
        assert findings["text"].observed.startswith("one JSON text, after ")
        assert "end of stream" not in findings
        assert findings["call index"].verdict == findings["parallel calls"].verdict == "ok"
        assert is_usable(findings.values())

    async def test_ways_to_end_a_stream(self, server: Server) -> None:
        findings = await examine(server, HELLO.but(done=False), *GOOD[1:])
        assert summarize(findings["end of stream"]) == (
            *("missing", "no [DONE]", "finish_reason is enough"),
        )
        findings = await examine(server, HELLO.but(finish_reason=None), *GOOD[1:])
        assert findings["finish reason of text"].consequence == "the end of the stream is enough"
        findings = await examine(server, HELLO.but(done=False, finish_reason=None), *GOOD[1:])
        assert summarize(findings["text"])[::2] == (
            "wrong",
            "possibly truncated, so the question fails",
        )
        assert not is_usable(findings.values())
        findings = await examine(server, HELLO.but(finish_reason="eos"), *GOOD[1:])
        assert findings["finish reason of text"].verdict == "different"
        findings = await examine(server, HELLO.but(finish_reason="safety"), *GOOD[1:])
        assert findings["finish reason of text"].verdict == "wrong"
        findings = await examine(server, HELLO.but(finish_reason="length"), *GOOD[1:])
        assert findings["finish reason of text"].verdict == "different"

    async def test_no_usage(self, server: Server) -> None:
        findings = await examine(server, HELLO.but(usage=None), *GOOD[1:])
        assert summarize(findings["usage"]) == (
            "missing",
            "no token counts",
            "not shown below an answer",
        )

    async def test_refused_options_are_omitted(self, server: Server) -> None:
        no_counts = fails(400, "unknown field: stream_options")
        no_limit = fails(400, "max_tokens is too new")
        findings = await examine(server, no_counts, no_limit, *GOOD)
        assert summarize(findings["option stream_options"]) == (
            "different",
            "refused: unknown field: stream_options",
            "omitted from later requests",
        )
        assert "option max_tokens" not in findings
        assert all("stream_options" not in request for request in server.requests[1:])
        assert all("max_tokens" not in request for request in server.requests[2:])

    async def test_refused_forms_are_replaced(self, server: Server) -> None:
        signed = SUM.but(parts=(delta(reasoning_content="Hm."), *SUM.parts))
        findings = await examine(
            server,
            *(fails(400, "System role not supported"), HELLO, signed, TWO),
            *(fails(400, "Unknown field: reasoning_content"), fails(422, "content: no string")),
            *(RESULT, UNKNOWN),
        )
        assert summarize(findings["system role"]) == (
            "different",
            "refused: System role not supported",
            "instructions are put at the head of the first question",
        )
        assert summarize(findings["extra fields"]) == (
            "different",
            "refused: Unknown field: reasoning_content",
            "sent without reasoning_content",
        )
        assert summarize(findings["null content"]) == (
            "different",
            "refused: content: no string",
            "sent as an empty string",
        )
        assert findings["tool result"].verdict == "ok"
        assert server.requests[1]["messages"][0]["role"] == "user"
        *_, call, _ = server.requests[6]["messages"]
        assert call["content"] == ""
        assert "reasoning_content" not in call

    async def test_extra_fields_are_sent_back(self, server: Server) -> None:
        signed = SUM.but(parts=(delta(reasoning_content="Hm."), *SUM.parts))
        findings = await examine(server, HELLO, signed, TWO, RESULT, UNKNOWN)
        assert summarize(findings["extra fields"]) == (
            *("ok", "reasoning_content", "sent back with the result"),
        )
        assert server.requests[3]["messages"][-2]["reasoning_content"] == "Hm."

    async def test_a_call_in_the_text(self, server: Server) -> None:
        leaked = says('<tool_call>{"name": "add", "arguments": {}}</tool_call>')
        findings = await examine(server, HELLO, leaked, UNKNOWN)
        choice = findings["required tool choice"]
        assert choice.verdict == "wrong"
        assert "tool-call parser seems to be off" in choice.observed

    @pytest.mark.parametrize(
        ("part", "expected"),
        [
            (delta(reasoning_content="Hm."), ("ok", "in reasoning_content")),
            (delta(content=[{"type": "thinking", "text": "Hm."}]), ("ok", "in parts of the cont")),
            (delta(thinking_text="Hm."), ("different", "in thinking_text")),
            (delta(content="<think>Hm.</think>"), ("different", "in tags in the text")),
        ],
    )
    async def test_reasoning(self, server: Server, part: Any, expected: tuple[str, str]) -> None:
        findings = await examine(server, HELLO.but(parts=(part, *HELLO.parts)), *GOOD[1:])
        finding = findings["reasoning"]
        assert (finding.verdict, finding.observed[:20]) == expected

    async def test_no_text(self, server: Server) -> None:
        for reply in (says(), SUM, Reply((delta(refusal="I must not."),))):
            findings = await examine(server, reply, *GOOD[1:])
            assert findings["text"].verdict == "wrong"
            assert not is_usable(findings.values())

    async def test_unknown_models(self, server: Server) -> None:
        findings = await examine(server, fails(404, "model not found"))
        assert list(findings) == ["model list", "text"]
        assert "model not found" in findings["text"].observed
        server.models = lists("big", "small")
        server.script(*GOOD[:-1], says("Hello!"))
        findings = await run_doctor(server.url)
        assert findings["model list"].observed == "scripted is not one of: big, small"
        assert findings["unknown model"].observed == "any name is accepted"
        for reply in (whole([]), whole({"data": 7}), fails(404), whole({"data": []})):
            server.models = reply
            server.script(*GOOD)
            assert (await run_doctor(server.url))["model list"].verdict == "missing"

    @pytest.mark.parametrize(
        ("reply", "observed"),
        [
            (fails(400), "400: no reason given"),
            (Reply((b'data: {"error": "no such"}\n\n',)), "an error in the stream: no such"),
        ],
    )
    async def test_unusual_errors_for_an_unknown_model(
        self, server: Server, reply: Reply, observed: str
    ) -> None:
        findings = await examine(server, *GOOD[:-1], reply)
        assert summarize(findings["unknown model"])[:2] == ("different", observed)


class TestNoServer:
    """One line says why, and nothing hangs."""

    async def test_a_wrong_key(self, server: Server) -> None:
        server.models = fails(401)
        server.script(fails(401, f"Incorrect API key provided: {KEY}"))
        findings = await run_doctor(server.url, KEY)
        assert list(findings) == ["server"]
        verdict, observed, consequence = summarize(findings["server"])
        assert (verdict, consequence) == ("wrong", "no question can be answered")
        assert "Incorrect API key provided: sk-***; check OPENAI_API_KEY" in observed

    async def test_a_refused_connection(self) -> None:
        findings = await run_doctor("http://127.0.0.1:9/v1")
        assert list(findings) == ["server"]
        assert findings["server"].observed.startswith("cannot reach 127.0.0.1:9: ")

    async def test_a_silent_server(self) -> None:
        started = time.monotonic()
        with serve_silence() as url:
            findings = await run_doctor(url, patience=0.3)
        assert time.monotonic() - started < 60
        assert list(findings) == ["server"]
        assert findings["server"].observed.startswith("timed out: no answer from 127.0.0.1:")

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (Reply((*SUM.parts, NEVER)), "timed out: no end from "),
            (Reply((call_delta(), Pause(0.1)) * 6000), "timed out: no end from "),
            (Reply((b": ping\n\n", Pause(0.1)) * 6000), "timed out: no answer from "),
            (Reply((*SUM.parts, Hangup())), "127.0.0.1:"),
        ],
    )
    async def test_a_server_that_stops_answering(
        self, server: Server, reply: Reply, words: str
    ) -> None:
        server.script(HELLO, reply)
        started = time.monotonic()
        findings = await run_doctor(server.url, patience=0.5)
        assert time.monotonic() - started < 300
        assert findings["server"].observed.startswith(words)
        assert findings["server"].consequence == "remaining checks skipped"
        assert len(server.requests) == 2
        assert is_usable(findings.values())


def _strip_times(text: str) -> str:
    """Remove spaces and durations."""
    return re.sub(r"[\d.]+s", "", text.replace(" ", ""))


class TestTheCommand:
    """The command, as users run it."""

    def test_lines_on_a_pipe(self, server: Server, tmp_path: Path) -> None:
        server.models = lists("scripted")
        server.script(*GOOD)
        done = run(tmp_path, "doctor", "--base-url", server.url, "--model", "scripted")
        lines = done.stdout.splitlines()
        assert lines[0] == (
            "model list: ok; scripted is one of 1; suggested when a model is unknown"
        )
        assert lines[-1] == "usable: yes"
        assert (done.returncode, done.stderr) == (0, "")

    def test_json(self, server: Server, tmp_path: Path) -> None:
        server.script(*GOOD)
        done = run(tmp_path, "doctor", "--json", OPENAI_BASE_URL=server.url)
        first, *_, last = (json.loads(line) for line in done.stdout.splitlines())
        assert first["version"] == 1
        assert (first["subject"], first["verdict"]) == ("model list", "missing")
        assert last == {"usable": True}
        assert done.stdout.isascii()

    def test_exit_codes(self, server: Server, tmp_path: Path) -> None:
        server.script(fails(401, "wrong key"))
        done = run(tmp_path, "doctor", "--base-url", server.url)
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1] == "usable: no"
        assert run(tmp_path, "doctor", "--frob").returncode == 2
        assert run(tmp_path, "doctor", "--timeout", "0").returncode == 2
        done = run(tmp_path, "doctor", "--model", "gpt-4o")
        assert done.returncode == 1
        assert done.stderr == "error: OpenAI's gpt-4o needs a key: set OPENAI_API_KEY\n"

    @pytest.mark.parametrize("arguments", [(), ("--json",)])
    def test_hostile_strings_are_escaped_and_the_key_is_redacted(
        self, server: Server, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        hostile = f"\x1b]0;x\x07\x9b\u202e[/red]{KEY}"
        server.models = lists(hostile)
        bad = calls("add", [f'{{"x": "{KEY}\x1b[2J"}}'], id=f"{KEY}\u202e")
        server.script(HELLO, bad, bad, fails(400, hostile), fails(404, hostile))
        variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}
        done = run(tmp_path, "doctor", *arguments, **variables)
        assert done.returncode == 0
        for harmful in (KEY, "\x1b", "\x07", "\x9b", "\u202e"):
            assert harmful not in done.stdout + done.stderr
        assert "[/red]sk-***" in done.stdout

    @pytest.mark.parametrize(
        ("columns", "heads"),
        [
            (40, [("subject", "verdict"), ("observed", "consequence")]),
            (80, [("subject",), ("verdict",), ("observed",), ("consequence",)]),
        ],
    )
    def test_a_table_holds_every_finding_in_full(
        self, server: Server, tmp_path: Path, columns: int, heads: list[tuple[str, ...]]
    ) -> None:
        server.models = lists("[b]a-model-with-a-long-name-:smile:" * 3)
        server.script(*GOOD * 2)
        out = run(tmp_path, "doctor", "--json", OPENAI_BASE_URL=server.url).stdout
        findings = [json.loads(line) for line in out.splitlines()[:-1]]
        variables = {"OPENAI_BASE_URL": server.url}
        with Terminal(tmp_path, "doctor", columns=columns, **variables) as terminal:
            assert terminal.exit_code() == 0
            *shown, last = terminal.screen.everything()
            assert terminal.screen.cursor_is_visible
        assert last == "usable: yes"
        rule = next(at for at, line in enumerate(shown) if line.startswith("─"))
        edges = [match.start() for match in re.finditer(r"\S+", shown[0])] + [columns]
        for names, left, right in zip(heads, edges, edges[1:], strict=False):
            column = "".join(line[left:right] for line in shown[rule + 1 :])
            cells = "".join(finding[name] for finding in findings for name in names)
            assert _strip_times(column) == _strip_times(cells)

    def test_a_dumb_terminal_gets_lines(self, server: Server, tmp_path: Path) -> None:
        server.script(*GOOD)
        variables = {"OPENAI_BASE_URL": server.url, "TERM": "dumb"}
        with Terminal(tmp_path, "doctor", **variables) as terminal:
            assert terminal.exit_code() == 0
            assert "\x1b" not in terminal.written
            assert "end of stream: ok; [DONE]; the message ends there" in terminal.written

    def test_ctrl_c_ends_it_silently(self, server: Server, tmp_path: Path) -> None:
        server.script(Reply((NEVER,)))
        with start(tmp_path, "doctor", "--base-url", server.url) as process:
            wait_for_request(server)
            process.send_signal(signal.SIGINT)
            assert process.communicate() == (b"", b"")
            assert process.returncode == 130
        assert server.disconnected.wait(HANGS)
