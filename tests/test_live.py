"""The live view, on an emulated terminal."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    Notice,
    PromptProgress,
    ReasoningDelta,
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
)
from streamchat.text.sanitize import sanitize
from streamchat.turn import Turn, reduce
from streamchat.view.debug import DebugView
from streamchat.view.live import view
from streamchat.view.live.view import LiveView
from streamchat.view.look import DEFAULT_LOOK, Look
from streamchat.view.markdown import highlight
from streamchat.view.style import get_style
from tests.screen import Screen, ScreenTerminal, draw_text
from tests.test_markdown import CUTS, MARKDOWN, render_at_once, split_source
from tests.turns import EVIL, EVIL_SHOWN, LINE, NOTEBOOK, answer, call, play_line, write_code

SHOWN = Look(reasoning="show")


class Session:
    """A live view on an emulated terminal."""

    def __init__(
        self,
        columns: int = 80,
        lines: int = 24,
        look: Look = DEFAULT_LOOK,
        *,
        encoding: str = "utf-8",
        **options: bool,
    ) -> None:
        class Terminal(io.StringIO):
            pass

        Terminal.encoding = encoding  # type: ignore[misc]
        self.console = Console(file=Terminal(), force_terminal=True, highlight=False)
        self.terminal = ScreenTerminal(Screen(columns, lines))
        self.view = LiveView(self.terminal, self.console, look, reflow=False, **options)
        self.turn = Turn()

    def show(self, *events: Event) -> None:
        for event in events:
            self.turn = reduce(self.turn, event)
            self.view.show(self.turn, event)

    def __enter__(self) -> Session:
        self.view.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.view.__exit__(None, None, None)

    @property
    def visible(self) -> list[str]:
        return self.terminal.screen.visible()

    @property
    def everything(self) -> list[str]:
        return self.terminal.screen.everything()


def draw_turn(
    events: Iterable[Event],
    columns: int = 80,
    lines: int = 24,
    look: Look = DEFAULT_LOOK,
    encoding: str = "utf-8",
) -> list[str]:
    """Show the events; return all lines, also those scrolled off the screen."""
    with Session(columns, lines, look, encoding=encoding) as session:
        session.show(*events)
    return session.everything


def top(title: str = "answer", columns: int = 80) -> str:
    """Return the rule above a text."""
    return f"╭─ {title} ".ljust(min(columns, 80), "─")


def bottom(columns: int = 80) -> str:
    """Return the rule below a text that is not the turn's last."""
    return "╰".ljust(min(columns, 80), "─")


class Clock:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(view, "monotonic", clock)
    return clock


def broken(*_: object, **__: object) -> None:
    raise KeyError("broken")


class TestATurn:
    """What remains on the screen."""

    def test_the_notebook_turn(self) -> None:
        assert draw_turn(NOTEBOOK, 100) == [
            "╭─ ✓ add(x=10, y=10) → 20 " + "─" * 53 + "╮",
            '│ {"|x|":|10|,"|y|":|10|}|' + " " * 53 + "│",
            "╰" + "─" * 70 + " <1 ms ─╯",
            "",
            top(),
            "10 + 10 equals 20.",
            "╰─ m · 2 steps · 0.0 s",
        ]

    async def test_frames_between_events_leave_nothing_behind(self) -> None:
        with Session(40, 10) as session:
            for event in NOTEBOOK:
                session.show(event)
                await asyncio.sleep(0.05)
        assert session.everything == draw_turn(NOTEBOOK, 40)

    @pytest.mark.parametrize("whole_lines", [False, True])
    def test_reasoning_is_dim_and_in_a_frame_of_its_own(self, whole_lines: bool) -> None:
        with Session(look=SHOWN, whole_lines=whole_lines) as session:
            session.show(ReasoningDelta("\n\nI *th"), ReasoningDelta("ink\x1b\r"))
            session.show(ReasoningDelta("\nso.\n\n"), *answer("It is **3**."))
        assert session.everything[:7] == [
            *(top("reasoning"), "I *think\\x1b", "so.", "╰─ ~3 tokens", ""),
            *(top(), "It is 3."),
        ]
        assert "\x1b[2mI *th" in "".join(session.terminal.frames)

    def test_reasoning_folds_to_a_line_when_the_answer_begins(self, clock: Clock) -> None:
        with Session() as session:
            clock.now += 1
            session.show(ReasoningDelta("First\n"), ReasoningDelta("then"))
            session.view._paint()
            assert session.visible[:3] == [top("reasoning"), "First", "then"]
            clock.now += 3.14
            session.show(AnswerDelta("Yes"))
            assert session.visible == ["reasoning · 3.1 s · ~2 tokens", "", top(), "Yes"]

    def test_reasoning_folds_to_as_many_figures_as_fit(self) -> None:
        assert draw_turn([ReasoningDelta("Hm"), *answer("3")], 18)[0] == "reasoning"
        assert draw_turn([ReasoningDelta("Hm"), *answer("3")], 20)[0] == "reasoning · ~1 token"

    def test_code_that_no_call_follows_is_shown_as_stopped(self) -> None:
        lines = draw_turn([CodeDelta("1 "), CodeDelta("+"), Notice("no"), *answer("3")])
        assert lines[0].startswith("╭─ ✗ python ─")
        assert lines[1].startswith("│ 1 |+|")
        assert lines[2].endswith(" stopped ─╯")

    @pytest.mark.parametrize("columns", [1, 2, 3, 5])
    def test_a_window_of_a_few_columns(self, columns: int) -> None:
        events = [*call("add", ["{}"], "1"), ReasoningDelta("Hm"), *answer("It is **3**.")]
        with Session(columns, 3) as session:
            for event in events:
                session.show(event)
                session.view._paint()

    def test_the_last_rows_of_long_reasoning_are_visible(self, clock: Clock) -> None:
        with Session() as session:
            for number in range(100):
                clock.now += 1
                session.show(ReasoningDelta(f"line {number}\n"))
            clock.now += 1
            session.show(ReasoningDelta("end"))
            assert session.visible == [
                top("reasoning"),
                *(f"line {number}" for number in range(93, 100)),
                "end",
            ]
            session.show(TurnDone("Yes"))
        assert session.everything[0] == "reasoning · 101 s · ~101 tokens".replace(
            "101 s", "100.0 s"
        )
        assert "line" not in "".join(session.everything)

    @pytest.mark.parametrize("end", [TurnFailed("why"), TurnCancelled()])
    def test_reasoning_that_was_cut_off_stays(self, end: Event) -> None:
        lines = draw_turn([ReasoningDelta("I think"), end])
        assert lines[:3] == [top("reasoning"), "I think", "╰─ ~1 token"]

    def test_hidden_reasoning(self, clock: Clock) -> None:
        with Session(look=Look(reasoning="hide")) as session:
            clock.now += 1
            session.show(ReasoningDelta("I think"))
            assert session.visible[0].endswith(" thinking")
            clock.now += 1
            session.show(AnswerDelta("Yes"))
            assert session.visible == [top(), "Yes"]

    @pytest.mark.parametrize("kind", [TextDelta, AnswerDelta])
    def test_reasoning_in_the_middle_of_an_answer(self, kind: type[Event]) -> None:
        events = [kind("Hello "), ReasoningDelta("hm"), kind("world"), TurnDone("Hello world")]  # type: ignore[call-arg]  # a text is all these need
        with Session(look=SHOWN) as session:
            session.show(*events)
        assert session.everything[:6] == [
            *(top(), "Hello world", bottom(), "", top("reasoning"), "hm")
        ]

    def test_code_is_in_the_panel_of_the_call_that_it_becomes(self, clock: Clock) -> None:
        with Session(60) as session:
            session.show(*write_code(*LINE[:3]))
            clock.now += 1
            session.view._paint()
            title, body, border, *_ = session.visible
            assert re.match("╭─ . python ─+╮", title)
            assert body.startswith("│ (2| +| 3)|")
            assert border.startswith("╰──")
            session.show(*write_code(*LINE[3:]), ToolCallStarted("a", "add"))
            clock.now += 1
            session.view._paint()
            title, body, *_ = session.visible
            assert re.match("╭─ . add ─+╮", title)
            assert body.startswith("│ (2| +| 3)| *| 4|")
            assert "python" not in "".join(session.visible)

    def test_a_turn_of_a_line(self) -> None:
        assert draw_turn(play_line(), 60) == [
            "╭─ ✓ add(x=2, y=3) → 5 ────────────────────────────────────╮",
            "│ (2| +| 3)| *| 4|                                         │",
            "╰────────────────────────────────────────────────── <1 ms ─╯",
            "╭─ ✓ multiply(x=5, y=4) → 20 ──────────────────────────────╮",
            '│ {"x": 5, "y": 4}|                                        │',
            "╰────────────────────────────────────────────────── <1 ms ─╯",
            *("", top(columns=60), "It is 20.", "╰─ m · 3 steps · 1.5 s"),
        ]

    @pytest.mark.parametrize("end", [TurnFailed("why"), TurnCancelled()])
    def test_code_that_was_cut_off_stays(self, end: Event) -> None:
        lines = draw_turn([*write_code("2", " +"), end], 60)
        assert re.match("╭─ . python ─+╮", lines[0])
        assert lines[1].startswith("│ 2| +|")

    @pytest.mark.parametrize("columns", [20, 40, 80])
    def test_code_is_data(self, columns: int) -> None:
        lines = "".join(draw_turn([*write_code(EVIL, EVIL), TurnFailed("why")], columns))
        assert "\x1b" not in lines
        assert "\u202e" not in lines

    def test_prose_a_failed_call_and_a_note(self) -> None:
        events = [
            TextDelta("Let me **see**."),
            *call("add", ["{"], "no good", failed=True),
            Notice("retrying"),
            TextDelta("Hm"),
            TurnFailed("why", 2.0),
        ]
        lines = draw_turn(events, 50)
        assert lines[:2] == ["Let me see.", ""]
        assert lines[2].startswith("╭─ ✗ add() ──")
        assert lines[4].startswith("│ → no good")
        assert lines[6:10] == ["(retrying)", "", top(columns=50), "Hm"]
        assert lines[10] == "╰─ 0 steps · 2.0 s"

    def test_the_figures_of_a_cancelled_turn_have_a_cross_and_those_of_a_failed_one_do_not(
        self,
    ) -> None:
        assert draw_turn([TextDelta("Hm"), TurnCancelled(1.0)])[-1] == "╰─ ✗ 0 steps · 1.0 s"
        assert draw_turn([TurnFailed("why", 1.0)]) == ["0 steps · 1.0 s"]

    def test_text_before_a_call_has_no_frame_unless_it_is_long(self, clock: Clock) -> None:
        with Session(40, 24) as session:
            clock.now += 1
            session.show(TextDelta("Let me see."))
            assert session.visible == [top(columns=40), "Let me see."]
            clock.now += 1
            session.show(ToolCallStarted("a", "add"))
            assert session.visible[:2] == ["Let me see.", ""]
        long = "line\n" * 20
        lines = draw_turn([TextDelta(long), *call("add", ["{}"], "1")], 40)
        assert lines[0] == top(columns=40)
        assert lines[21:23] == [bottom(40), ""]

    def test_a_failed_call_is_red_in_its_title_and_border_only(self) -> None:
        with Session() as session:
            session.show(*call("add", ["{"], "no good", failed=True))
        sent = "".join(session.terminal.frames)
        assert "\x1b[31m╭─ ✗" in sent
        assert "\x1b[31m│" in sent
        assert "→ \x1b[0mno good" in sent

    def test_long_results_are_cut_with_a_count(self) -> None:
        look = Look(hint=", /last shows all")
        lines = draw_turn(call("add", ["{}"], "\n".join("y" * 20)), look=look)
        assert sum("y" in line for line in lines) == 10
        assert "… 10 more lines, /last shows all" in lines[-2]
        lines = draw_turn(call("add", ["{}"], "y" * 900 + "\nx\n"), look=look)
        assert "… 102 more characters, /last shows all" in lines[-2]
        assert "more" not in "".join(draw_turn(call("add", ["{}"], "y\n" * 10)))

    def test_parallel_calls_keep_their_order(self) -> None:
        events = [
            ToolCallStarted("a", "add"),
            ToolCallStarted("b", "multiply"),
            ToolStarted("a", {"x": 1}),
            ToolStarted("b", {"x": 2}),
            ToolFinished("b", "2"),
            ToolFinished("a", "1"),
        ]
        lines = draw_turn([*events, *answer("3")], 40)
        assert [line[3:8] for line in lines if line.startswith("╭─ ✓")] == ["✓ add", "✓ mul"]

    def test_the_last_line_has_the_figures_the_server_reported(self) -> None:
        events = [
            TurnStarted("?", "gpt"),
            StepStarted(1),
            AnswerDelta("Hi"),
            StepFinished(1, "stop", 2.5, 0.5, 1_200, 70),
            TurnDone("Hi", (), 2.6),
        ]
        assert draw_turn(events, 100)[-1] == (
            "╰─ gpt · 1 step · first token 0.50 s · 35 tok/s · 1,200 in, 70 out · 2.6 s"
        )
        assert draw_turn(events, 60)[-1] == "╰─ gpt · 1 step · 35 tok/s · 1,200 in, 70 out · 2.6 s"
        assert draw_turn(events, 40)[-2:] == [
            "╰─ gpt · 1 step · 35 tok/s",
            "   1,200 in, 70 out · 2.6 s",
        ]

    def test_a_refused_answer_stays_and_the_next_comes_below(self) -> None:
        events = [
            ToolCallStarted("a", "final_answer"),
            AnswerDelta("wro", "a"),
            ToolFinished("a", "no tools_used", failed=True),
            *answer("right"),
        ]
        lines = draw_turn(events, 100)
        assert lines[:4] == [top(), "wro", bottom(), ""]
        assert lines[4].startswith("╭─ ✗ final_answer")
        assert lines[-2] == "right"

    def test_a_line_that_can_become_a_heading_is_visible_and_written_once(
        self, clock: Clock
    ) -> None:
        with Session() as session:
            for piece in ("What ", "*is* ", "a", "\nmonad", " | x"):
                clock.now += 1
                session.show(AnswerDelta(piece))
                assert session.visible[1].startswith("What")
            assert session.visible[1:3] == ["What is a", "monad | x"]
            assert "".join(session.terminal.frames).count("What") == 1
            session.show(AnswerDelta("\n--|--\n"))
            clock.now += 1
            session.show(AnswerDelta("a | b\n\nEnd\n==="))
        assert session.everything[1:7] == [
            "What is a",
            "monad │ x",
            "──────┼──",
            "a     │ b",
            "",
            "End",
        ]
        assert "\x1b[1;4mEnd" in "".join(session.terminal.frames)

    def test_an_answer_first_shown_as_prose_appears_once(self) -> None:
        lines = draw_turn([TextDelta("It is "), TextDelta("3."), TurnDone("It is 3.")], 100)
        assert lines == [top(), "It is 3.", "╰─ 0 steps · 0.0 s"]

    @pytest.mark.parametrize("end", [TurnFailed("why"), TurnCancelled()])
    def test_a_call_that_was_cut_off(self, end: Event) -> None:
        lines = draw_turn([ToolCallStarted("a", "add"), ArgumentsDelta("a", '{"x": 1'), end], 40)
        assert lines[0].startswith("╭─ ✗ add ─")
        assert lines[1].startswith('│ {"x": 1|')
        assert lines[2].endswith(" stopped ─╯")

    def test_without_a_last_event_all_that_came_stays(self) -> None:
        assert draw_turn([AnswerDelta("It is **")]) == [top(), "It is **", bottom()]
        assert draw_turn([]) == []

    def test_ascii_terminals_get_ascii_frames(self) -> None:
        events = [*call("add", ['{"é": 1}'], "20"), *answer("- é")]
        lines = draw_turn(events, 40, encoding="ascii")
        assert all(line.isascii() for line in lines)
        assert lines[0].startswith("+- ok add(\\xe9=1) -> 20 -")
        assert lines[1].startswith('| {"\\xe9": 1}|')
        assert lines[1].endswith(" |")
        assert lines[5] == "* \\xe9"

    def test_what_the_user_types_is_ascii_there_too(self) -> None:
        with Session(40, 10, encoding="ascii") as session:
            session.view.show_typed(["日本"], "é")
            session.view.write(sanitize("日"))
            session.show(AnswerDelta("x"))
            session.view._paint()
            assert session.visible[-2:] == ["queued: \\u65e5\\u672c", "> \\xe9"]
        assert "".join(session.terminal.frames).isascii()

    def test_nothing_the_model_says_reaches_the_terminal_as_a_command(self) -> None:
        events = [
            TurnStarted("?", EVIL),
            TextDelta(EVIL),
            *call(EVIL, [EVIL], EVIL, failed=True),
            Notice(EVIL),
            *answer(EVIL),
        ]
        with Session(150) as session:
            session.show(*events)
        sent = "".join(session.terminal.frames)
        assert "\x1b]" not in sent
        assert not set(sent) & {"\x9b", "\x07", "\u202e"}
        assert sum(EVIL_SHOWN[:20] in line for line in session.everything) == 7

    def test_windows_line_endings_split_anywhere(self) -> None:
        assert draw_turn([AnswerDelta("a\r"), AnswerDelta("\nb\r"), TurnDone("a\r\nb\r")])[1:3] == [
            *("a", "b\\x0d"),
        ]

    def test_huge_arguments_and_results_are_shortened(self) -> None:
        events = call("add", ['{"x": "', *["x" * 10] * 1_000, '"}'], "y" * 10_000)
        lines = draw_turn(events, 80)
        assert len(lines) < 50
        assert any("earlier characters" in line for line in lines)
        assert any("9,200 more characters" in line for line in lines)


class TestWhileItHappens:
    def test_how_long_a_tool_runs_is_counted_in_seconds(self, clock: Clock) -> None:
        with Session(40) as session:
            session.show(*call("search", ["{}"])[:-1])
            session.view._paint()
            shown = []
            for _ in range(5):
                clock.now += 0.4
                session.view._paint()
                shown.append(session.visible[-1].strip("╰─╯ "))
            assert shown == ["", "", "1 s", "1 s", "2 s"]

    """What is on the screen during a turn."""

    def test_an_arriving_call(self, clock: Clock) -> None:
        with Session(40, 10) as session:
            for event in NOTEBOOK[:5]:
                clock.now += 1
                session.show(event)
            assert session.visible[0] == "╭─ ⠋ add ".ljust(39, "─") + "╮"
            assert session.visible[1].startswith('│ {"|x|')
            assert session.visible[2].endswith("───╯")

    def test_text_is_painted_at_once_and_a_burst_together(self, clock: Clock) -> None:
        with Session() as session:
            clock.now += 1
            session.show(AnswerDelta("one "))
            assert session.visible == [top(), "one"]
            clock.now += 0.004
            session.show(AnswerDelta("two "))
            assert session.terminal.frames[-1] == "two "
            frames = len(session.terminal.frames)
            for _ in range(100):
                session.show(AnswerDelta("more "))
            assert len(session.terminal.frames) == frames
            clock.now += 0.004
            session.show(AnswerDelta("\nlast"))
            assert len(session.terminal.frames) == frames + 1
            assert session.terminal.frames[-1].endswith("more \r\nlast")

    def test_a_table_is_repainted_thirty_times_a_second(self, clock: Clock) -> None:
        with Session() as session:
            clock.now += 1
            session.show(AnswerDelta("| a | b |\n|---|---|\n| 1 | 2 |\n| a"))
            clock.now += 1
            session.show(AnswerDelta("bcd"))
            frames = len(session.terminal.frames)
            for _ in range(8):
                clock.now += 0.004
                session.show(AnswerDelta("e"))
            assert len(session.terminal.frames) == frames
            clock.now += 0.004
            session.show(AnswerDelta("f"))
            assert len(session.terminal.frames) == frames + 1

    def test_text_during_a_call_causes_no_extra_frames(self, clock: Clock) -> None:
        with Session() as session:
            session.show(ToolCallStarted("a", "add"), ToolStarted("a", {}), TextDelta("one"))
            frames = len(session.terminal.frames)
            for _ in range(100):
                session.show(TextDelta(" more"))
            assert len(session.terminal.frames) == frames

    def test_waiting_text_does_not_move_sideways(self, clock: Clock) -> None:
        with Session(20, 6, whole_lines=True) as session:
            for number in range(60):
                clock.now += 1
                session.show(TextDelta(f"w{number:02} "))
                rows = [row for row in session.visible if row and not row.startswith("╭")]
                assert all(row.startswith("w") for row in rows)
                assert int(rows[0][1:3]) % 5 == 0

    async def test_nothing_is_painted_after_the_end(self) -> None:
        with Session() as session:
            session.show(*NOTEBOOK)
            await asyncio.sleep(0.25)
        assert session.everything == draw_turn(NOTEBOOK)

    async def test_an_error_between_events_is_raised_at_the_next_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = Session()
        with session:
            session.show(AnswerDelta("one"))
            drawn = asyncio.Event()

            def draw(*_: object, **__: object) -> None:
                drawn.set()
                raise KeyError("broken")

            monkeypatch.setattr(session.view._page, "draw", draw)
            await asyncio.wait_for(drawn.wait(), 300)
            with pytest.raises(KeyError, match="broken"):
                session.show(AnswerDelta("two"))
        assert session.terminal.frames[-1] == "\x1b[?25h"

    async def test_text_too_early_for_a_frame_gets_one_of_its_own(self) -> None:
        with Session() as session:
            session.show(AnswerDelta("one "), AnswerDelta("two"))
            for _ in range(1_000):
                if session.visible == [top(), "one two"]:
                    break
                await asyncio.sleep(0.01)
            assert session.visible == [top(), "one two"]

    @pytest.mark.parametrize(
        ("events", "seconds", "expected"),
        [
            ([], 0, "waiting for the model"),
            ([], 4, "waiting for the model, 4 s"),
            ([PromptProgress(45, 100)], 1, "reading the prompt 45 %"),
            ([TextDelta("Hm")], 1, "Hm"),
            ([TextDelta("Hm")], 4, "receiving text, last byte 4 s ago"),
            ([AnswerDelta("Hm")], 4, "receiving the answer, last byte 4 s ago"),
            ([ToolCallStarted("a", "add")], 4, "receiving a call to add, last byte 4 s ago"),
            ([ToolCallStarted("a", "final_answer")], 0, "receiving the answer"),
        ],
    )
    def test_the_status_line_says_what_does_not_show(
        self, clock: Clock, events: list[Event], seconds: float, expected: str
    ) -> None:
        with Session() as session:
            session.show(*events)
            clock.now += seconds
            session.view._paint()
            assert session.visible[-1].lstrip("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ") == expected
            session.show(TurnCancelled())
        assert expected not in session.everything or expected == "Hm"

    def test_calls_take_a_line_each_where_there_is_little_room(self, clock: Clock) -> None:
        with Session(40, 6) as session:
            for name in ("add", "multiply", "subtract"):
                clock.now += 1
                session.show(ToolCallStarted(name, name), ArgumentsDelta(name, '{"x": 1'))
                session.show(ToolStarted(name, {}))
            clock.now += 1
            session.show(ToolFinished("multiply", "3"))
            assert session.visible[:3] == [
                *('⠋ add 2 s {"x": 1|', "✓ multiply 3", '⠋ subtract {"x": 1|')
            ]

    def test_an_answer_beside_a_call_that_has_not_ended(self, clock: Clock) -> None:
        with Session(40, 10) as session:
            session.show(ToolCallStarted("a", "add"), ToolCallStarted("b", "final_answer"))
            for number in range(100):
                clock.now += 1
                session.show(AnswerDelta(f"line {number}\n", "b"))
            assert session.visible[-1].endswith("line 99")
            session.show(
                ToolFinished("a", "1"),
                ToolFinished("b", ""),
                TurnDone("".join(f"line {number}\n" for number in range(100))),
            )
        numbers = [line for line in session.everything if line.startswith("line")]
        assert numbers == [f"line {number}" for number in range(100)]

    def test_a_terminal_that_is_busy_is_left_alone(self, clock: Clock) -> None:
        with Session() as session:
            session.terminal.busy = True
            session.show(AnswerDelta("one "), AnswerDelta("two"))
            assert session.visible == ["⠋ waiting for the model"]
            session.terminal.busy = False
            clock.now += 1
            session.show(AnswerDelta("."))
            assert session.visible == [top(), "one two."]

    def test_the_cursor_is_hidden_during_a_turn(self) -> None:
        with Session() as session:
            assert session.terminal.frames[0] == "\x1b[?25l"
        assert session.terminal.frames[-1] == "\x1b[?25h"


@pytest.mark.parametrize("name", [name for _, name in highlight._STYLES])
def test_every_kind_of_token_has_a_style(name: str) -> None:
    assert get_style(name)


class TestAnyAnswer:
    """Random Markdown, split anywhere, on a terminal of any size."""

    @settings(max_examples=300, deadline=None)
    @given(MARKDOWN, CUTS, st.integers(4, 60), st.integers(2, 12), st.booleans())
    def test_the_scrollback_does_not_depend_on_the_split(
        self, source: str, cuts: list[int], columns: int, lines: int, words: bool
    ) -> None:
        look = Look(wrap="words" if words else "terminal")
        with Session(columns, lines, look) as session:
            for piece in split_source(source, cuts):
                session.show(AnswerDelta(piece))
                session.view._paint()
        text = "".join(piece for piece, _ in render_at_once(source, columns, wrap=words))
        framed = f"{top(columns=columns)[:columns]}\n{text}\n{bottom(columns)}" if text else ""
        expected = draw_text(framed, columns, lines)
        assert session.everything == expected.everything()


class TestVerbose:
    """Debug lines above what is live."""

    def test_text_that_waits_for_a_call_appears_once(self, clock: Clock) -> None:
        with Session(60, whole_lines=True) as session:
            for event in [
                ToolCallStarted("a", "add"),
                TextDelta("Let me see."),
                ToolCallStarted("b", "add"),
                ArgumentsDelta("b", "{"),
                ArgumentsDelta("b", "}"),
                ToolFinished("a", "1"),
                ToolFinished("b", "1"),
                TurnDone(""),
            ]:
                clock.now += 1
                session.show(event)
        assert "\n".join(session.everything).count("Let me see.") == 1

    def test_debug_lines_come_between_lines_of_text(self, clock: Clock) -> None:
        with Session(60, whole_lines=True) as session:
            view = DebugView(session.view, session.view.write)
            for event in [
                TurnStarted("?", "m"),
                ChunkReceived("one"),
                AnswerDelta("one "),
                ChunkReceived("two\nthree"),
                AnswerDelta("two\nthree"),
                TurnDone("one two\nthree", (), 1.0),
            ]:
                clock.now += 1
                session.turn = reduce(session.turn, event)
                view.show(session.turn, event)
        assert session.everything[:7] == [
            "turn: model m",
            "content: one",
            top(columns=60),
            "content: two",
            "three",
            "one two",
            "turn: done after 1.000 s, 0 steps",
        ]
