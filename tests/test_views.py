"""The views, each fed the events of a turn."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    Event,
    Notice,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
    from_dict,
)
from streamchat.turn import Turn, reduce
from streamchat.view import View
from streamchat.view.answer import AnswerView
from streamchat.view.choose import Look, choose_view
from streamchat.view.debug import DebugView
from streamchat.view.jsonl import JsonView
from streamchat.view.live import LiveView
from streamchat.view.plain import PlainView
from tests.screen import Screen
from tests.server import NOTEBOOK_ANSWER, NOTEBOOK_ARGUMENTS

EVIL = "\x1b]0;title\x07\x9b2J\u202e[/x]:smile:[bold]"
EVIL_SHOWN = "␛]0;title␇�2J�[/x]:smile:[bold]"


def shown(view: View, events: Iterable[Event]) -> Turn:
    turn = Turn()
    with view:
        for event in events:
            turn = reduce(turn, event)
            view.show(turn, event)
    return turn


def call(
    name: str, fragments: Sequence[str], output: str = "", failed: bool = False
) -> list[Event]:
    return [
        ToolCallStarted(name, name),
        *(ArgumentsDelta(name, fragment) for fragment in fragments),
        StepFinished(1, "tool_calls"),
        ToolStarted(name, {}),
        ToolFinished(name, output, failed),
    ]


def answer(*pieces: str) -> list[Event]:
    return [
        ToolCallStarted("final_answer", "final_answer"),
        *(AnswerDelta(piece, "final_answer") for piece in pieces),
        StepFinished(2, "tool_calls"),
        ToolFinished("final_answer", ""),
        TurnDone("".join(pieces), (), 1.5),
    ]


def console_on(screen: Screen, encoding: str = "utf-8") -> Console:
    class Terminal(io.StringIO):
        encoding = ""

        def write(self, text: str) -> int:
            screen.write(text.replace("\n", "\r\n"))
            return len(text)

    Terminal.encoding = encoding
    columns, lines = screen.size
    return Console(
        file=Terminal(), force_terminal=True, width=columns, height=lines, highlight=False
    )


NOTEBOOK = [
    TurnStarted("What is 10 + 10", "m"),
    StepStarted(1),
    *call("add", NOTEBOOK_ARGUMENTS, "20"),
    StepStarted(2),
    ToolCallStarted("f", "final_answer"),
    *(ArgumentsDelta("f", fragment) for fragment in NOTEBOOK_ANSWER),
    AnswerDelta("10 + 10 equals 20.", "f"),
    StepFinished(2, "tool_calls"),
    ToolFinished("f", ""),
    TurnDone("10 + 10 equals 20.", ("functions.add",)),
]


class TestPlain:
    """Lines of text."""

    def lines(self, events: Iterable[Event], **options: bool) -> list[str]:
        out = io.StringIO()
        shown(PlainView(out, **options), events)
        return out.getvalue().split("\n")

    def test_the_notebook_s_format(self) -> None:
        assert self.lines(NOTEBOOK) == [
            "Calling add...",
            '{"|x|":|10|,"|y|":|10|}|',
            "add → 20",
            "Calling final_answer...",
            '{"|answer|":"|10| +| |10| equals| |20|.|","|tools|_used|":["|functions|.add|"]|}|',
            "",
            "10 + 10 equals 20.",
            "",
        ]

    def test_raw_shows_the_tokens_and_no_more(self) -> None:
        assert self.lines(NOTEBOOK, raw=True)[-2:] == [self.lines(NOTEBOOK)[4], ""]
        hello = [AnswerDelta("N"), AnswerDelta("LP"), StepFinished(1), TurnDone("NLP")]
        assert self.lines(hello, raw=True) == ["N|LP|", ""]
        assert self.lines(hello) == ["NLP", ""]

    def test_fragments_come_as_they_arrive(self) -> None:
        out = io.StringIO()
        view = PlainView(out)
        view.show(turn := reduce(Turn(), event := ToolCallStarted("a", "add")), event)
        view.show(reduce(turn, fragment := ArgumentsDelta("a", "{")), fragment)
        assert out.getvalue() == "Calling add...\n{|"

    def test_whole_lines_only_when_other_lines_come_between(self) -> None:
        out = io.StringIO()
        view = PlainView(out, whole_lines=True)
        view.show(turn := reduce(Turn(), event := TextDelta("a")), event)
        assert out.getvalue() == ""
        view.show(turn, StepFinished(1))
        assert out.getvalue() == "a\n"

    def test_failures_notices_and_prose(self) -> None:
        events = [
            TextDelta("Let me "),
            TextDelta("see."),
            *call("add", ["{"], "no good", failed=True),
            Notice("asking again"),
            TextDelta("Hm"),
            TurnFailed("no answer"),
        ]
        assert self.lines(events) == [
            *("Let me see.", "Calling add...", "{|", "add failed: no good", "(asking again)", "Hm"),
            "",
        ]

    def test_interleaved_calls_say_whose_turn_it_is(self) -> None:
        events = [
            ToolCallStarted("a", "add"),
            ToolCallStarted("b", "multiply"),
            ArgumentsDelta("a", "1"),
            ArgumentsDelta("b", "2"),
            ArgumentsDelta("a", "3"),
            StepFinished(1),
        ]
        lines = self.lines(events)
        assert lines[2:] == ["add: 1|", "multiply: 2|", "add: 3|", ""]

    def test_nothing_the_model_says_reaches_the_terminal_as_a_command(self) -> None:
        events = [TextDelta(EVIL), *call(EVIL, [EVIL], EVIL), Notice(EVIL), *answer(EVIL)]
        text = "\n".join(self.lines(events))
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert text.count(EVIL_SHOWN) == 7


class TestAnswer:
    """The answer and nothing else."""

    def text(self, events: Iterable[Event]) -> str:
        out = io.StringIO()
        shown(AnswerView(out), events)
        return out.getvalue()

    def test_the_answer_verbatim_and_one_newline(self) -> None:
        assert self.text(NOTEBOOK) == "10 + 10 equals 20.\n"
        assert self.text(answer(EVIL, "\n")) == EVIL + "\n\n"

    def test_it_is_written_as_it_arrives(self) -> None:
        out = io.StringIO()
        AnswerView(out).show(Turn(), AnswerDelta("10"))
        assert out.getvalue() == "10"

    def test_prose_is_written_only_if_it_was_the_answer(self) -> None:
        assert self.text([TextDelta("Let me see."), *call("add", ["{}"])]) == ""
        assert (
            self.text([TextDelta("It is "), TextDelta("3."), TurnDone("It is 3.")]) == "It is 3.\n"
        )

    def test_another_answer_begins_on_a_line_of_its_own(self) -> None:
        events = [AnswerDelta("wro", "a"), AnswerDelta("right", "b"), TurnDone("right")]
        assert self.text(events) == "wro\nright\n"
        assert self.text([AnswerDelta("wro", "a"), TurnDone("right")]) == "wro\nright\n"

    @pytest.mark.parametrize("end", [TurnFailed("why"), TurnCancelled()])
    def test_what_came_of_a_broken_answer_is_ended_with_a_newline(self, end: Event) -> None:
        assert self.text([AnswerDelta("It is"), end]) == "It is\n"
        assert self.text([end]) == ""


def test_json_is_one_ascii_object_per_event() -> None:
    out = io.StringIO()
    shown(JsonView(out), [*NOTEBOOK[:3], ChunkReceived("x"), TextDelta("é\n"), TurnDone("é")])
    assert out.getvalue().isascii()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines[0]["version"] == 1
    assert [from_dict(line) for line in lines] == [*NOTEBOOK[:3], TextDelta("é\n"), TurnDone("é")]


def test_debug_lines_beside_another_view() -> None:
    out = io.StringIO()
    lines: list[str] = []
    chunk = ChunkReceived("", ({"name": "add", "args": '{"', "id": "a", "index": 0},))
    events = [
        *NOTEBOOK[:2],
        chunk,
        Notice("asking again"),
        *call("add", ["{}"], "20"),
        StepFinished(2, None, 1.25, 0.5, 100, 20),
        TextDelta(EVIL),
        TurnFailed("why", 2.0),
    ]
    shown(DebugView(PlainView(out), lines.append), events)
    assert lines == [
        "turn: model m",
        "step 1: request sent",
        f"tool_calls: [{chunk.tool_calls[0]}]",
        "tool_name: add",
        'arg: {"',
        "notice: asking again",
        "step 1: no token, message whole after 0.000 s, finish_reason tool_calls, "
        "tokens unknown in, unknown out",
        "tool add: returned after 0.000 s",
        "step 2: first token after 0.500 s, message whole after 1.250 s, finish_reason unknown, "
        "tokens 100 in, 20 out",
        "turn: failed after 2.000 s, 1 steps",
    ]
    assert "Calling add..." in out.getvalue()


class TestLive:
    """On an emulated terminal."""

    def screen(self, events: Iterable[Event], columns: int = 80, lines: int = 24) -> Screen:
        screen = Screen(columns, lines)
        shown(LiveView(console_on(screen)), events)
        return screen

    def test_the_notebook_s_turn(self) -> None:
        assert self.screen(NOTEBOOK, 40).visible() == [
            "╭─ add ────────────────────────────────╮",
            '│ {"|x|":|10|,"|y|":|10|}|             │',
            "│ ✓ 20                                 │",
            "╰───────────────────────────── 0.00 s ─╯",
            "answer ─────────────────────────────────",
            "10 + 10 equals 20.",
            "────────────────────────────────── 0.0 s",
        ]

    async def test_frames_between_events_leave_nothing_behind(self) -> None:
        screen = Screen(40, 10)
        view = LiveView(console_on(screen))
        turn = Turn()
        with view:
            for event in NOTEBOOK:
                turn = reduce(turn, event)
                view.show(turn, event)
                await asyncio.sleep(0.1)
        assert screen.everything() == self.screen(NOTEBOOK, 40).visible()

    def test_a_failed_call_and_prose(self) -> None:
        events = [TextDelta("Let me see."), *call("add", ["{"], "no good", failed=True)]
        lines = self.screen([*events, TurnFailed("why")], 40).visible()
        assert lines[0] == "Let me see."
        assert "✗ no good" in lines[3]
        assert "failed" in lines[4]

    def test_what_is_open_shows_while_it_arrives(self) -> None:
        screen = Screen(40, 10)
        view = LiveView(console_on(screen))
        turn = Turn()
        with view:
            for event in NOTEBOOK[:5]:
                turn = reduce(turn, event)
                view.show(turn, event)
            view._live.refresh()
            lines = screen.visible()
            assert '{"|x|' in lines[1]
            assert "arriving" in lines[2]
            assert "receiving a call of add" in lines[3]

    def test_ascii_marks_where_there_is_nothing_else(self) -> None:
        screen = Screen(40, 10)
        console = console_on(screen, "ascii")
        shown(LiveView(console), call("add", ["{}"], "20"))
        assert screen.visible()[2].startswith("| ok 20")

    def test_nothing_the_model_says_reaches_the_terminal_as_a_command(self) -> None:
        events = [TextDelta(EVIL), *call(EVIL, [EVIL], EVIL), Notice(EVIL), *answer(EVIL)]
        lines = self.screen(events, 120).everything()
        assert sum(EVIL_SHOWN[:20] in line for line in lines) == 6

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.text(st.sampled_from("ab 漢é\n"), max_size=60), max_size=12),
        st.integers(10, 60),
        st.integers(2, 12),
    )
    def test_no_answer_is_hidden_doubled_or_lost_on_any_terminal(
        self, pieces: list[str], columns: int, lines: int
    ) -> None:
        events = [*call("add", ["{}"] * 30, "20"), *answer(*pieces, ".")]
        everything = self.screen(events, columns, lines).everything()
        start = next(at for at, line in enumerate(everything) if line.startswith("answer"))
        expected = Screen(columns, lines)
        expected.write("".join(pieces).replace("\n", "\r\n") + ".\r\n")
        assert everything[start + 1 : -1] == expected.everything()


class TestChoice:
    """Which view goes where."""

    @pytest.mark.parametrize(
        ("look", "kind"),
        [
            (Look(), AnswerView),
            (Look(plain=True), PlainView),
            (Look(raw=True), PlainView),
            (Look(json=True), JsonView),
            (Look(verbose=True), DebugView),
            (Look(json=True, verbose=True), DebugView),
        ],
    )
    def test_on_a_pipe(
        self, look: Look, kind: type[View], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert isinstance(choose_view(look), kind)
