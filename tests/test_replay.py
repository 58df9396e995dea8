"""Turns are played again in their rhythm, and keys control that."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.events import Event, TextDelta, TimedEvent, TurnDone, TurnStarted
from streamchat.process.virtual_time import run_at_once
from streamchat.repl.remote import format_help
from streamchat.sessions.player import Player
from streamchat.sessions.playhead import FASTEST, SLOWEST, Playhead
from streamchat.sessions.rhythm import EVEN, schedule
from streamchat.turn import Turn
from streamchat.view import TextView
from tests.chatting import CTRL_C, CTRL_D, CTRL_Z, DOWN, ENTER, ESCAPE, RIGHT, UP, Chat
from tests.program import Terminal, run
from tests.server import Server
from tests.stores import store_timed, store_turns
from tests.turns import NOTEBOOK

SECONDS = [
    TimedEvent(TurnStarted("Count.", "m"), 0),
    *(TimedEvent(TextDelta(str(at)), 1000 * at) for at in range(1, 9)),
    TimedEvent(TurnDone("12345678"), 9000),
]
"""A turn with an event every second."""


class TestRhythm:
    def test_events_come_when_they_came(self) -> None:
        assert schedule([0, 40, 1540]) == [0, 0.04, 1.54]

    def test_long_pauses_are_cut(self) -> None:
        assert schedule([0, 40, 60_040, 60_080], max_pause=1) == pytest.approx(
            [0, 0.04, 1.04, 1.08]
        )

    def test_without_pauses_everything_comes_at_once(self) -> None:
        assert schedule([0, 40, 60_000], max_pause=0) == [0, 0, 0]

    def test_events_without_times_come_evenly(self) -> None:
        assert schedule([None] * 3) == pytest.approx([EVEN / 1000, EVEN / 500, EVEN * 3 / 1000])

    @given(st.lists(st.one_of(st.none(), st.integers())), st.none() | st.floats(0, 10))
    def test_no_event_comes_before_another(
        self, times: list[int | None], max_pause: float | None
    ) -> None:
        due = schedule(times, max_pause)
        assert len(due) == len(times)
        assert due == sorted(due)


class TestPlayhead:
    def test_it_stops_jumps_and_changes_its_speed(self) -> None:
        now = 100.0
        head = Playhead(lambda: now, speed=2)
        now = 101.0
        assert head.position == 2
        head.stopped = True
        now = 200.0
        assert head.position == 2
        head.jump(3)
        head.stopped, head.speed = False, 4.0
        now = 201.0
        assert head.position == 7
        assert head.measure(11) == 1

    def test_its_speed_has_limits(self) -> None:
        head = Playhead(lambda: 0.0)
        head.speed = 1000
        assert head.speed == FASTEST
        head.speed = 0
        assert head.speed == SLOWEST


class Watcher(TextView):
    """Notes when each event is shown, and the hints."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.shown: list[tuple[float, Event]] = []
        self.hints: list[tuple[float, str]] = []
        self._clock = clock

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for at, _ in self.shown]

    def show(self, turn: Turn, event: Event) -> None:
        self.shown.append((self._clock(), event))

    def show_hint(self, hint: str) -> None:
        self.hints.append((round(self._clock(), 3), hint))


def watch(
    keys: Sequence[tuple[float, Callable[[Player], None]]] = (),
    events: Sequence[TimedEvent] = SECONDS,
    speed: float = 1.0,
    max_pause: float | None = None,
) -> Watcher:
    """Play a turn in no time, with keys pressed at these times; return what was seen."""

    async def play() -> Watcher:
        loop = asyncio.get_running_loop()
        player = Player(speed, max_pause)
        for at, press in keys:
            loop.call_at(at, press, player)
        watcher = Watcher(loop.time)
        await player.play(events, watcher)
        return watcher

    return run_at_once(play())


def step(player: Player) -> None:
    player.step()


class TestPlayer:
    def test_a_turn_is_played_in_its_rhythm(self) -> None:
        seen = watch()
        assert seen.times == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        assert [event for _, event in seen.shown] == [each.event for each in SECONDS]

    def test_a_turn_is_played_twice_as_fast(self) -> None:
        assert watch(speed=2).times[-1] == 4.5

    @given(st.floats(SLOWEST, FASTEST), st.lists(st.integers(0, 10_000), max_size=9))
    def test_any_rhythm_ends(self, speed: float, steps: list[int]) -> None:
        """Rounding must not leave a wait that takes no time."""
        events = [TimedEvent(TextDelta("x"), at) for at in accumulate(steps)]
        seen = watch(events=events, speed=speed)
        assert seen.times == pytest.approx([each.at / 1000 / speed for each in events], abs=2e-3)

    def test_pauses_are_cut(self) -> None:
        assert watch(max_pause=0.5).times[-1] == 4.5

    def test_space_pauses_and_goes_on(self) -> None:
        seen = watch([(2.5, Player.pause), (12.5, Player.pause)])
        assert seen.times == [0, 1, 2, 13, 14, 15, 16, 17, 18, 19]
        assert seen.hints == [(2.5, "paused, speed 1"), (12.5, "speed 1"), (14, "")]

    def test_right_shows_the_next_event_during_a_pause(self) -> None:
        seen = watch([(0.5, Player.pause), (5, step), (6, step), (6, step), (10, Player.pause)])
        assert seen.times == [0, 5, 6, 6, 11, 12, 13, 14, 15, 16]

    def test_right_skips_the_wait_while_playing(self) -> None:
        assert watch([(0.5, step)]).times == [0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5]

    def test_up_and_down_change_the_speed(self) -> None:
        faster = (1.5, lambda player: player.change_speed(2))
        slower = (3.0, lambda player: player.change_speed(0.25))
        seen = watch([faster, slower])
        assert seen.times[:6] == [0, 1, 1.75, 2.25, 2.75, 4.0]
        assert [hint for _, hint in seen.hints] == ["speed 2", "speed 0.5", ""]

    def test_a_pause_between_two_turns_is_shown_in_the_next(self) -> None:
        async def play() -> Watcher:
            loop = asyncio.get_running_loop()
            player = Player()
            loop.call_at(9.5, player.pause)
            loop.call_at(20, player.pause)
            await player.play(SECONDS, Watcher(loop.time))
            await player.wait(1)
            watcher = Watcher(loop.time)
            await player.play(SECONDS, watcher)
            return watcher

        seen = run_at_once(play())
        assert seen.hints[:2] == [(9.5, "paused, speed 1"), (20, "speed 1")]
        assert seen.times[:3] == [9.5, 21, 22]

    def test_q_leaves(self) -> None:
        assert watch([(2.5, Player.leave)]).times == [0, 1, 2]
        assert watch([(2.5, Player.pause), (3.5, Player.leave)]).times == [0, 1, 2]

    def test_events_that_do_not_fit_are_skipped(self) -> None:
        events = [*SECONDS[:2], TimedEvent(NOTEBOOK[-2], 1500), *SECONDS[2:]]
        assert len(watch(events=events).shown) == len(SECONDS)


@pytest.mark.parametrize(("columns", "lines"), [(80, 1), (40, 2), (5, 4)])
def test_the_keys_are_explained_in_any_width(columns: int, lines: int) -> None:
    assert len(format_help(columns).splitlines()) == lines


class TestOnAPipe:
    def test_everything_is_written_at_once(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, SECONDS, SECONDS)
        done = run(tmp_path, "sessions", "replay", session)
        assert (done.stdout, done.stderr) == ("› Count.\n12345678\n" * 2, "")
        plain = run(tmp_path, "sessions", "replay", session, "--plain", "--turn", "2").stdout
        assert plain.startswith("> Count.\n")
        assert plain.count("12345678") == 1

    def test_json_has_the_times_of_then(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, SECONDS)
        done = run(tmp_path, "sessions", "replay", session, "--json")
        written = list(map(json.loads, done.stdout.splitlines()))
        assert [each["at"] for each in written] == [each.at for each in SECONDS]
        assert written[0]["version"] == 1

    def test_a_speed_is_kept(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, SECONDS)
        done = run(tmp_path, "sessions", "replay", session, "--raw", "--speed", "64")
        assert done.stdout.startswith("› Count.\n1|2|3|")

    def test_a_turn_of_an_earlier_version_is_played_evenly(self, tmp_path: Path) -> None:
        session = store_turns(tmp_path, NOTEBOOK)
        done = run(tmp_path, "sessions", "replay", session, "--speed", "64")
        assert done.stdout == "› What is 10 + 10\n10 + 10 equals 20.\n"
        assert done.stderr == "the times of turn 1 are not known; it is played evenly\n"
        assert run(tmp_path, "sessions", "replay", session).stderr == ""

    @pytest.mark.parametrize(
        ("arguments", "code", "error"),
        [
            (("--turn", "3"), 1, "no turn 3; turns run from 1 to 1"),
            (("--json", "--raw"), 2, "--json cannot be combined with --plain or --raw"),
            (("--speed", "0"), 2, "--speed"),
            (("--max-pause", "-1"), 2, "--max-pause"),
        ],
    )
    def test_what_cannot_be_played(
        self, tmp_path: Path, arguments: tuple[str, ...], code: int, error: str
    ) -> None:
        session = store_timed(tmp_path, SECONDS)
        done = run(tmp_path, "sessions", "replay", session, *arguments)
        assert (done.returncode, done.stdout.count("Count")) == (code, 0)
        assert error in done.stderr


SLOW = [TimedEvent(each.event, 100_000 * at) for at, each in enumerate(SECONDS)]
"""A turn that nobody would watch to its end."""


class TestOnATerminal:
    """The keys of `streamchat sessions replay`, and of `/replay` in the chat."""

    def test_pause_step_and_leave(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, SLOW)
        with Terminal(tmp_path, "sessions", "replay", session) as terminal:
            press_keys(terminal)
            terminal.type("q")
            assert terminal.exit_code() == 0
            assert "123" in terminal.screen.everything()

    def test_in_the_chat(self, server: Server, tmp_path: Path) -> None:
        session = store_timed(tmp_path, SLOW, SECONDS)
        with Chat(server, tmp_path, "--resume", session) as chat:
            chat.wait_until_ready()
            chat.type("/replay 1" + ENTER)
            press_keys(chat)
            chat.type("q")
            chat.wait_until_ready()
            chat.type("/replay 1" + ENTER)
            chat.wait_for(lambda lines: sum(line.startswith("Space pauses") for line in lines) == 2)
            chat.wait_for(lambda _: chat.is_raw)
            chat.type(CTRL_C)
            chat.wait_for("interrupted")
            chat.wait_until_ready()
            chat.expect_refusal("/replay 3", "No turn 3. Turns run from 1 to 2.")

    @pytest.mark.parametrize(("key", "code"), [(CTRL_C, 130), (ESCAPE, 0), (CTRL_D, 0)])
    def test_how_a_replay_is_left(self, tmp_path: Path, key: str, code: int) -> None:
        session = store_timed(tmp_path, SLOW)
        with Terminal(tmp_path, "sessions", "replay", session) as terminal:
            terminal.wait_for(lambda _: terminal.is_raw)
            terminal.type(key)
            assert terminal.exit_code() == code
            assert terminal.screen.cursor_is_visible
            assert terminal.echoes

    def test_it_stops_and_goes_on_with_the_shell(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, SLOW)
        with Terminal(tmp_path, "sessions", "replay", session) as terminal:
            terminal.wait_for("› Count.")
            terminal.wait_for(lambda _: terminal.is_raw and not terminal.screen.cursor_is_visible)
            terminal.type(CTRL_Z)
            terminal.wait_for(lambda _: terminal.state == "T" and terminal.screen.cursor_is_visible)
            terminal.process.send_signal(signal.SIGCONT)
            terminal.type(RIGHT)
            terminal.wait_for("1")
            terminal.type("q")
            assert terminal.exit_code() == 0

    def test_plain_lines_have_no_hints(self, tmp_path: Path) -> None:
        session = store_timed(tmp_path, SECONDS)
        command = ("sessions", "replay", session, "--plain", "--speed", "64")
        with Terminal(tmp_path, *command) as terminal:
            assert terminal.exit_code() == 0
            assert "\x1b" not in terminal.written
            assert "12345678" in terminal.written
            assert "Space" not in terminal.written


def press_keys(terminal: Terminal) -> None:
    """Pause a slow turn, and show three events."""
    terminal.wait_for("Space pauses")
    terminal.wait_for(lambda _: terminal.is_raw)
    terminal.type(" ")
    terminal.wait_for("paused, speed 1")
    for shown in ("1", "12", "123"):
        terminal.type(RIGHT)
        terminal.wait_for(lambda lines, shown=shown: shown in lines)
    terminal.type(UP)
    terminal.wait_for("paused, speed 2")
    terminal.type(DOWN + " ")
    terminal.wait_for(lambda lines: "speed 1" in lines)
