"""`streamchat show`: a recorded or piped stream of events, in any view."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    CodeDelta,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    PromptProgress,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.view import View
from streamchat.view.answer import AnswerView
from streamchat.view.jsonl import JsonView
from streamchat.view.live.view import LiveView
from streamchat.view.plain import PlainView
from streamchat.view.play import show_all
from streamchat.view.raw import RawView
from tests.program import PIPE, Terminal, run, start
from tests.screen import Screen, ScreenTerminal
from tests.turns import ASKING, DELEGATING, GRAPH, NOTEBOOK, PRINTING, play_line

FAILED = [TurnStarted("q", "m"), TextDelta("Half"), TurnFailed("no answer from h", 1.5)]
TURNS = [ASKING, DELEGATING, GRAPH, NOTEBOOK, PRINTING, play_line(), FAILED]


def write(events: Sequence[Event]) -> str:
    """Return the lines of JSON of a turn, with an event every 40 milliseconds."""
    out = io.StringIO()
    show_all([TimedEvent(each, 40 * at) for at, each in enumerate(events)], JsonView(out))
    return out.getvalue()


def record(folder: Path, *turns: Sequence[Event]) -> str:
    """Write the turns into a file; return its name."""
    path = folder / "turns.jsonl"
    path.write_text("".join(map(write, turns)))
    return str(path)


class TestAnyView:
    @pytest.mark.parametrize("events", TURNS)
    def test_it_looks_as_it_did(self, tmp_path: Path, events: Sequence[Event]) -> None:
        name = record(tmp_path, events)
        views = {"--plain": PlainView, "--raw": RawView, "--json": JsonView}
        for flag, view in views.items():
            done = run(tmp_path, "show", name, flag)
            assert done.returncode == (1 if events is FAILED else 0)
            assert done.stdout == (
                Path(name).read_text() if flag == "--json" else show_in(view, events)
            )

    def test_on_a_pipe_it_is_the_answer(self, tmp_path: Path) -> None:
        done = run(tmp_path, "show", record(tmp_path, NOTEBOOK, GRAPH))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "10 + 10 equals 20.\n**Ada Lovelace** wrote the first.\n"

    def test_on_a_terminal_it_is_live(self, tmp_path: Path) -> None:
        name = record(tmp_path, NOTEBOOK, FAILED)
        with Terminal(tmp_path, "show", name) as terminal:
            assert terminal.exit_code() == 1
            shown = "\n".join(terminal.screen.everything())
        assert "✓ add(x=10, y=10) → 20" in shown
        assert "10 + 10 equals 20." in shown
        assert shown.endswith("✗ no answer from h")


def show_in(view: type[PlainView | RawView], events: Sequence[Event]) -> str:
    out = io.StringIO()
    show_all(map(TimedEvent, events), view(out))
    return out.getvalue()


class TestStreams:
    def test_input_is_shown_line_by_line(self, tmp_path: Path) -> None:
        """Also if it never ends."""
        first, second, *_ = write(FAILED).encode().splitlines(keepends=True)
        with start(tmp_path, "show", "-", "--raw", options={"stdin": PIPE}) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(first + second[:10])
            process.stdin.flush()
            process.stdin.write(second[10:])
            process.stdin.flush()
            assert os.read(process.stdout.fileno(), 100) == b"Half|"
            process.send_signal(signal.SIGINT)
            assert process.wait() == 130
            assert process.stderr
            assert process.stderr.read() == b"interrupted\n"

    def test_an_unfinished_stream_was_interrupted(self, tmp_path: Path) -> None:
        name = record(tmp_path, NOTEBOOK[:6])
        done = run(tmp_path, "show", name)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "interrupted\n")
        lines = run(tmp_path, "show", name, "--json").stdout.splitlines()
        assert json.loads(lines[-1]) == {"type": "turn_cancelled", "seconds": 0.2, "at": 200}

    def test_a_turn_that_another_one_follows_was_interrupted(self, tmp_path: Path) -> None:
        done = run(tmp_path, "show", record(tmp_path, FAILED[:2], NOTEBOOK), "--json")
        kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
        assert kinds.count("turn_started") == 2
        assert kinds[2] == "turn_cancelled"
        assert done.returncode == 0

    @pytest.mark.parametrize(
        ("line", "fault"),
        [
            ("hello", "not JSON"),
            ('{"type": "nosuch"}', "unknown event type 'nosuch'"),
            ('{"type": "text_delta", "text": null}', "'text' of text_delta has a wrong value"),
            (
                '{"type": "tool_finished", "call_id": "c", "output": ""}',
                "tool_finished of something that has not begun",
            ),
            ("\x1b]0;title\x07", "not JSON"),
        ],
    )
    def test_a_broken_line(self, tmp_path: Path, line: str, fault: str) -> None:
        lines = write(FAILED).splitlines()
        path = tmp_path / "broken.jsonl"
        path.write_text("\n".join([*lines[:2], "", line, lines[2]]))
        done = run(tmp_path, "show", str(path), "--raw")
        assert (done.returncode, done.stdout) == (1, "Half|\n")
        assert done.stderr == f"error: line 4 of {path}: {fault}\n"
        written = run(tmp_path, "show", str(path), "--json").stdout.splitlines()
        assert [json.loads(each)["type"] for each in written] == [
            *("turn_started", "text_delta", "turn_failed"),
        ]

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("-", "there are no events to show"),
            ("/nosuch", "/nosuch: No such file or directory"),
            ("/", "/: Is a directory"),
        ],
    )
    def test_nothing_to_show(self, tmp_path: Path, name: str, error: str) -> None:
        done = run(tmp_path, "show", name)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {error}\n")

    def test_a_pipeline(self, tmp_path: Path) -> None:
        """What a program adds to the pipe is sanitized, as a model's words are."""
        events = [TurnStarted("q", "m"), AnswerDelta("a\x1b[2Jb"), TurnDone("a\x1b[2Jb")]
        done = run(tmp_path, "show", record(tmp_path, events))
        assert done.stdout == "a\\x1b[2Jb\n"


ids = st.sampled_from(["a", "b", ""])
texts = st.text(max_size=8)
numbers = st.integers(-9, 9)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(TurnStarted, texts, texts),
    st.builds(StepStarted, numbers),
    st.builds(PromptProgress, numbers, numbers),
    *(st.builds(kind, texts) for kind in (TextDelta, ReasoningDelta, CodeDelta)),
    st.builds(AnswerDelta, texts, ids),
    st.builds(ToolCallStarted, ids, texts | st.just("final_answer")),
    st.builds(ArgumentsDelta, ids, texts),
    st.builds(ApprovalRequested, ids, texts, st.dictionaries(texts, texts)),
    st.builds(ApprovalGiven, ids, st.booleans(), st.sampled_from(["user", "rule", "x"]), texts),
    st.builds(ToolStarted, ids, st.dictionaries(texts, texts)),
    st.builds(ToolFinished, ids, texts, st.booleans(), st.floats(-9, 9)),
    st.builds(StepFinished, numbers, texts | st.none(), st.floats(-9, 9)),
    st.builds(Notice, texts, st.floats(-9, 9)),
    st.builds(SpeakerChanged, texts, numbers),
    st.builds(OutputReceived, texts, texts),
    st.builds(InputRequested, ids, texts),
    st.builds(InputReceived, ids, texts),
)
ENDS = st.one_of(
    st.builds(TurnDone, texts, st.lists(texts).map(tuple)),
    st.builds(TurnFailed, texts),
    st.builds(TurnCancelled),
)


@given(st.lists(EVENTS), ENDS)
def test_no_order_of_events_fails(events: list[Event], end: Event) -> None:
    """Whoever writes a file may put anything in it."""
    out, screen = io.StringIO(), ScreenTerminal(Screen(40, 12))
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    views: list[View] = [PlainView(out), RawView(out), JsonView(out), AnswerView(out, print)]
    for view in (*views, LiveView(screen, console)):
        show_all(map(TimedEvent, [*events, end]), view)
