"""The live view of a turn of the user's own agent, on an emulated terminal."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamchat.events import (
    AnswerDelta,
    Event,
    InputReceived,
    InputRequested,
    OutputReceived,
    ReasoningDelta,
    SpeakerChanged,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
)
from streamchat.text.sanitize import sanitize
from streamchat.view.live import view
from tests.test_live import Clock, Session, bottom, broken, clock, draw_turn, top
from tests.turns import ASKING, DELEGATING, DELETION, EVIL, GRAPH, PRINTING, call

__all__ = ["clock"]

FREE = InputRequested("q", "Which city?")


def test_a_node_has_a_line_of_its_own_and_a_subgraph_is_indented() -> None:
    assert draw_turn(GRAPH, 60) == [
        *("planner ›", "First a search, then a summary.", ""),
        *("  researcher ›", "  Let me look that up.", ""),
        '  ╭─ ✓ search(query="first programmer") ───────────────────╮',
        '  │ {"query"|: "first programmer"}|                        │',
        "  │ → Ada Lovelace, 1843                                   │",
        "  ╰──────────────────────────────────────────────── <1 ms ─╯",
        "",
        "  It was Ada Lovelace, who wrote a program for the",
        *("  Analytical Engine in 1843.", ""),
        *("writer ›", "╭" + "─" * 59, "Ada Lovelace wrote the first."),
        "╰─ graph.py:app · 4 steps · 4.2 s",
    ]


@pytest.mark.parametrize("events", [GRAPH, DELEGATING, PRINTING, ASKING])
@pytest.mark.parametrize("columns", [3, 40])
def test_frames_between_events_leave_nothing_behind(events: list[Event], columns: int) -> None:
    with Session(columns, 24) as session:
        for event in events[:-1]:
            session.show(event)
            session.view._paint()
        session.show(events[-1])
    assert session.everything == draw_turn(events, columns)


MOVES = ("text", "reasoning", "print", "step", "node", "subgraph", "call", "run", "end", "ask")


def make_turn(moves: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a turn in which anything may happen."""
    calls: dict[str, str] = {}
    for at, move in enumerate(moves):
        call_id = next((each for each in calls if calls[each] != move), "")
        match move:
            case "text":
                yield TextDelta(f"t{at} ")
            case "reasoning":
                yield ReasoningDelta(f"r{at} ")
            case "print":
                yield OutputReceived(f"o{at}")
            case "step":
                yield StepStarted(at)
            case "node" | "subgraph":
                yield SpeakerChanged(f"s{at}", int(move == "subgraph"))
            case "call":
                calls[f"c{at}"] = "call"
                yield ToolCallStarted(f"c{at}", "add")
            case "run" if call_id:
                calls[call_id] = "run"
                yield ToolStarted(call_id, {})
            case "end" if call_id:
                del calls[call_id]
                yield ToolFinished(call_id, f"x{at}")
            case "ask":
                yield from (InputRequested(f"q{at}", "Sure?"), InputReceived(f"q{at}", "yes"))
    yield TurnCancelled()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(MOVES), max_size=16))
def test_whatever_an_agent_does_is_written_once(moves: list[str]) -> None:
    events = list(make_turn(moves))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view, "monotonic", Clock())
        with Session(40, 12) as session:
            for event in events:
                session.show(event)
                if not isinstance(event, TurnCancelled):
                    session.view._paint()
        assert session.everything == draw_turn(events, 40)


def test_an_agent_inside_a_tool_is_final_before_the_tool_ends(clock: Clock) -> None:
    with Session(40) as session:
        for event in DELEGATING[:15]:
            clock.now += 1
            session.show(event)
        session.view._paint()
        assert session.visible == [
            *("boss ›", '╭─ › task(goal="find") ────────────────╮'),
            '│ {"goal": "find"}|                    │',
            "╰──────────────────────────────────────╯",
            *("", "  researcher ›", "  ┊ searching"),
            "  ╭─ ✓ search() → Ada ─────────────────╮",
            "  │ {}|                                │",
            "  ╰──────────────────────────── <1 ms ─╯",
            "⠋ waiting for the model",
        ]
        sent = len(session.terminal.frames)
        session.show(*DELEGATING[15:])
        assert "search" not in "".join(session.terminal.frames[sent:])
    assert session.everything[10:17] == [
        *("", "  It was Ada.", "", "╭─ ✓ task ─────────────────────────────╮"),
        "│ → It was Ada.                        │",
        *("╰────────────────────────────── 2.5 s ─╯", ""),
    ]


def test_an_answer_that_no_node_has_written_is_nobodys() -> None:
    events = [SpeakerChanged("writer", 1), TextDelta("Ada."), TurnDone("It was Ada.")]
    assert draw_turn(events, 40)[:5] == [
        *("  writer ›", "  Ada.", "", top(columns=40), "It was Ada."),
    ]


def test_what_a_tool_prints_stands_above_its_call(clock: Clock) -> None:
    with Session(40) as session:
        session.show(ToolCallStarted("a", "add"), ToolStarted("a", {}))
        for number in range(2):
            clock.now += 1
            session.show(OutputReceived(f"line {number}"))
        assert session.visible[:2] == ["┊ line 0", "┊ line 1"]
        assert session.visible[2].startswith("╭─ ⠋ add")
        assert session.terminal.screen.row(0)[0].data == "┊"
    assert "\x1b[2m┊ line 0" in "".join(session.terminal.frames)


def test_what_is_printed_in_the_middle_of_a_text_waits_below_it(clock: Clock) -> None:
    with Session() as session:
        for event in (
            *(AnswerDelta("It is tw"), OutputReceived("one"), OutputReceived("two")),
            AnswerDelta("enty.\nYes"),
        ):
            clock.now += 1
            session.show(event)
        assert session.visible == [top(), "It is twenty.", "Yes", bottom(), "", "┊ one", "┊ two"]
        session.show(TurnDone("It is twenty.\nYes"))
    assert session.everything[:7] == [
        *(top(), "It is twenty.", "Yes", bottom(), "", "┊ one", "┊ two"),
    ]


def test_of_many_printed_lines_that_wait_only_the_last_are_visible(clock: Clock) -> None:
    with Session() as session:
        session.show(AnswerDelta("Hello"))
        session.show(*(OutputReceived(f"line {number}") for number in range(100)))
        clock.now += 1
        session.show(AnswerDelta(" world"))
        assert session.visible[1] == "Hello world"
        assert [line for line in session.visible if line.startswith("┊")] == [
            f"┊ line {number}" for number in range(92, 100)
        ]
        session.show(TurnDone("Hello world"))
    printed = [line for line in session.everything if line.startswith("┊")]
    assert printed == [f"┊ line {number}" for number in range(100)]


def test_a_message_after_a_printed_line_is_a_text_of_its_own(clock: Clock) -> None:
    with Session(40) as session:
        for event in (
            *(StepStarted(1), TextDelta("One."), OutputReceived("a line")),
            *(StepStarted(2), TextDelta("Two."), TurnDone("Two.")),
        ):
            clock.now += 1
            session.show(event)
    assert session.everything[:6] == ["One.", "", "┊ a line", "", top(columns=40), "Two."]


@pytest.mark.parametrize("end", [TurnFailed("why"), TurnCancelled()])
def test_a_question_without_an_answer_stays(end: Event) -> None:
    assert draw_turn([FREE, end], 40)[0] == "? Which city?"


def test_each_action_is_shown_in_full() -> None:
    long = {"name": "write", "arguments": {"text": "word " * 20}, "decisions": ("approve",)}
    asked = InputRequested("q", "approval required", (DELETION, long))
    assert draw_turn([asked, InputReceived("q", "approved; rejected"), TurnCancelled()], 40)[
        :7
    ] == [
        '? delete_file(path="/home/me/notes.txt")',
        "  Tool execution requires approval",
        '? write(text="word word word word word',
        "  word word word word word word word",
        "  word word word word word word word",
        '  word ")',
        "→ approved; rejected",
    ]


async def test_a_pause_leaves_the_terminal_to_somebody_else() -> None:
    with Session(40) as session:
        screen = session.terminal.screen
        for event in ASKING[:9]:
            session.show(event)
        session.view._paint()
        assert any(re.match("╭─ . delete_file", line) for line in session.visible)
        with session.view.pause():
            frames = len(session.terminal.frames)
            assert session.visible == [
                *("I will delete them.", "", '? delete_file(path="/home/me/notes.txt")'),
                "  Tool execution requires approval",
            ]
            assert (screen.cursor_is_visible, screen.cursor_column) == (True, 0)
            session.view.show_typed(["queued"], "typed")
            session.view.write(sanitize("a line"))
            await asyncio.sleep(0.15)  # longer than a step of the spinner takes
            assert len(session.terminal.frames) == frames
            screen.write("> a\r\n")
        assert not screen.cursor_is_visible
        session.view.show_typed([], "")
        session.show(*ASKING[9:])
    assert session.everything[4:11] == [
        *("> a", "a line", "→ approved", ""),
        "╭─ ✓ delete_file ──────────────────────╮",
        '│ {"path"|: "/home/me|/notes.txt"}|    │',
        '│ path = "/home/me/notes.txt"          │',
    ]
    assert "".join(session.everything).count("delete_file(") == 1


def test_a_pause_before_anything_is_shown_and_one_that_fails() -> None:
    with Session(40) as session:
        with session.view.pause():
            assert (session.visible, session.terminal.screen.cursor_is_visible) == ([], True)
        session.show(FREE)
        with pytest.raises(KeyError), session.view.pause():
            broken()
        session.show(TurnCancelled())
    assert session.everything == ["? Which city?", "", "✗ 0 steps · 0.0 s"]


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_what_the_agent_says_is_data(columns: int) -> None:
    action = {"name": EVIL, "arguments": {EVIL: EVIL}, "description": EVIL, "decisions": [EVIL]}
    events = [
        *(SpeakerChanged(EVIL, 1), TextDelta(EVIL), OutputReceived(EVIL, EVIL)),
        *(InputRequested("1", EVIL), InputReceived("1", EVIL)),
        *(InputRequested("2", EVIL, (action,)), TurnFailed("why")),
    ]
    with Session(columns) as session:
        session.show(*events)
    sent = "".join(session.terminal.frames)
    assert "\x1b]" not in sent
    assert not set(sent) & {"\x9b", "\x07", "\u202e"}


def test_ascii_terminals_get_ascii_signs() -> None:
    events = [SpeakerChanged("é", 1), OutputReceived("é"), FREE, InputReceived("q", "é")]
    assert draw_turn([*events, TurnCancelled()], 40, encoding="ascii")[:6] == [
        *("  \\xe9 >", "  | \\xe9", "", "  ? Which city?", "  -> \\xe9"),
        "",
    ]


def test_a_deep_subgraph_leaves_room_in_a_narrow_window() -> None:
    lines = draw_turn([SpeakerChanged("deep", 30), *call("add", ["{}"], "1"), TurnCancelled()], 40)
    assert lines[:2] == [" " * 10 + "deep ›", " " * 10 + "╭─ ✓ add() → 1 ──────────────╮"]


def test_a_call_that_ends_among_other_nodes_lets_them_go_on(clock: Clock) -> None:
    with Session(40) as session:
        for event in (
            *(SpeakerChanged("a"), ToolCallStarted("1", "add"), SpeakerChanged("b")),
            *(TextDelta("Hello."), ToolFinished("1", "20"), SpeakerChanged("a"), TextDelta("Hi.")),
        ):
            clock.now += 1
            session.show(event)
        shown = [line for line in session.visible if line and line[0] not in "│╰"]
    assert shown[0] == "a ›"
    assert shown[1].startswith("╭─ ✓ add ─")
    assert shown[2:] == ["b ›", "Hello.", "a ›", "╭" + "─" * 39, "Hi."]
