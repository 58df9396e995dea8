"""Final text is on the screen once, whatever was painted before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamchat.view.live.painter import Painter, measure, reflows
from streamchat.view.style import StyledText
from tests.screen import Screen, ScreenTerminal, draw_text

BOLD = "\x1b[1m"
TEXT = st.text("ab 漢\t\nE", max_size=60).map(lambda text: text.replace("E", "e\u0301"))
PIECES = st.lists(st.tuples(TEXT, st.sampled_from(["", BOLD])), max_size=4)
FRAMES = st.lists(st.tuples(PIECES, PIECES), max_size=12)


def paint(
    frames: list[tuple[list[StyledText], list[StyledText]]], columns: int, lines: int
) -> Screen:
    terminal = ScreenTerminal(Screen(columns, lines))
    painter = Painter(terminal, reflow=False)
    for final, rest in frames:
        painter.paint(final, rest)
    return terminal.screen


@given(FRAMES, st.integers(2, 50), st.integers(1, 12))
@settings(max_examples=500, deadline=None)
def test_final_text_is_on_the_screen_once(
    frames: list[tuple[list[StyledText], list[StyledText]]], columns: int, lines: int
) -> None:
    text = "".join(text for final, _ in frames for text, _ in final)
    screen = paint([*frames, ([], [])], columns, lines)
    assert screen.everything() == draw_text(text, columns, lines).everything()


SIZES = st.tuples(st.integers(1, 9), st.integers(1, 4))


@given(st.lists(st.tuples(SIZES, PIECES, PIECES), min_size=1, max_size=12), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_size_at_any_moment(
    frames: list[tuple[tuple[int, int], list[StyledText], list[StyledText]]], reflow: bool
) -> None:
    terminal = ScreenTerminal(Screen(*frames[0][0]))
    painter = Painter(terminal, reflow=reflow)
    for size, final, rest in frames:
        terminal.screen.resize(*size)
        painter.paint(final, rest)
    text = "".join(text for _, final, _ in frames for text, _ in final)
    sent = "".join(terminal.frames)
    assert all(sent.count(letter) >= text.count(letter) for letter in "ab漢")


@given(FRAMES, st.integers(4, 50), st.integers(2, 12))
@settings(max_examples=300, deadline=None)
def test_the_end_of_the_rest_is_in_the_window(
    frames: list[tuple[list[StyledText], list[StyledText]]], columns: int, lines: int
) -> None:
    everything = "".join(text for final, _ in frames for text, _ in final)
    screen = paint([*frames, ([], [("not final\nlast", "")])], columns, lines)
    expected = draw_text(everything + "not final\nlast", columns, lines).visible()
    assert screen.visible()[-1:] == expected[-1:]


class TestPlace:
    """Where the cursor ends up after a text."""

    @pytest.mark.parametrize(
        ("text", "column", "expected"),
        [
            ("", 3, (0, 3)),
            ("abc", 0, (0, 3)),
            ("abcde", 5, (0, 10)),  # full: the terminal wraps when the next character comes
            ("abcdef", 5, (1, 1)),
            ("a" * 30, 0, (2, 10)),
            ("a\nb", 9, (1, 1)),
            ("漢" * 5, 1, (1, 2)),  # a wide character is not cut in two
            ("e\u0301", 9, (0, 10)),
        ],
    )
    def test_in_ten_columns(self, text: str, column: int, expected: tuple[int, int]) -> None:
        assert measure(text, column, 10) == expected


class TestFrames:
    """What is written between one frame and the next."""

    def frames(self, *frames: tuple[str, str], columns: int = 20) -> list[str]:
        terminal = ScreenTerminal(Screen(columns, 10))
        painter = Painter(terminal, reflow=False)
        for final, rest in frames:
            painter.paint([(final, "")], [(rest, "")])
        return terminal.frames

    def test_text_that_only_grows_is_appended_as_it_is(self) -> None:
        assert self.frames(("one", ""), (" two", ""), ("", " th"), (" three", "")) == [
            *("one", " two", " th", "ree"),
        ]

    def test_unchanged_text_is_not_written_again(self) -> None:
        assert self.frames(("", "one two"), ("", "one three")) == [
            "one two",
            "\x1b[?2026h\r\x1b[5C\x1b[Jhree\x1b[?2026l",
        ]

    def test_nothing_is_written_if_nothing_changed(self) -> None:
        assert self.frames(("a", "b"), ("", "b"), ("b", "")) == ["ab"]

    def test_a_line_the_terminal_wrapped_stays_one_line(self) -> None:
        """It joins two rows, for copying, only if it went to the second one by itself."""
        assert self.frames(("", "abcdefgh"), ("", "abcdX"), columns=4)[1] == (
            "\x1b[?2026h\x1b[1A\r\x1b[3C\x1b[JdX\x1b[?2026l"
        )

    def test_an_accent_goes_and_comes_with_its_letter(self) -> None:
        assert self.frames(("", "a\u0301"), ("ab", ""))[1] == "\x1b[?2026h\r\x1b[Kab\x1b[?2026l"
        assert self.frames(("=", "\u0301"), ("*", ""))[1] == "\x1b[?2026h\r\x1b[K=*\x1b[?2026l"

    @pytest.mark.parametrize("emoji", ["\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd"])
    def test_a_line_with_characters_of_unknown_width_is_written_from_its_start(
        self, emoji: str
    ) -> None:
        assert self.frames((f"{emoji} a", " b"), (" c", ""))[1] == (
            f"\x1b[?2026h\r\x1b[K{emoji} a c\x1b[?2026l"
        )
        assert self.frames((f"x\n{emoji} ", "b"), ("", "c"))[1] == (
            f"\x1b[?2026h\r\x1b[K{emoji} c\x1b[?2026l"
        )

    @pytest.mark.parametrize(
        "emoji",
        [
            "\U0001f469\u200d\U0001f467",
            "\U0001f44d\U0001f3fd",
            "\U0001f1eb\U0001f1f7",
            "\u2764\ufe0f",
        ],
    )
    def test_what_may_still_move_is_shown_by_a_stand_in_if_its_width_is_unknown(
        self, emoji: str
    ) -> None:
        rest = f"add {emoji} "
        frames = self.frames(("", rest), ("", rest + "x" * 30), ("", rest + "x" * 31), (rest, ""))
        assert frames[0].startswith("add \u25a1")
        assert emoji not in "".join(frames[:3])
        assert frames[1].endswith("x" * 30)
        assert frames[2] == "x"
        assert emoji in frames[3]

    def test_what_follows_such_a_line_that_may_be_wrapped_waits_until_it_is_final(self) -> None:
        family = "\U0001f469\u200d\U0001f467"
        assert self.frames((family * 5, "a"), ("b", "")) == [family * 5, "b"]

    def test_the_window_s_first_cell_is_not_where_all_is_erased_from(self) -> None:
        """tmux would keep what was there in its history."""
        assert self.frames(("", "a\nb"), ("", "c"))[1] == (
            "\x1b[?2026h\x1b[1A\r\x1b[K\x1b[B\x1b[J\x1b[Ac\x1b[?2026l"
        )


class TestResize:
    """The window is resized while some text is not final."""

    def test_a_terminal_that_does_not_reflow(self) -> None:
        screen = Screen(20, 10)
        terminal = ScreenTerminal(screen)
        painter = Painter(terminal, reflow=False)
        painter.paint([("one\n", "")], [("a" * 30, "")])
        screen.resize(40, 10)
        painter.paint([], [("b" * 30, "")])
        painter.paint([("c" * 30, "")], [])
        assert screen.everything() == ["one", "c" * 30]

    def test_a_terminal_that_reflows(self) -> None:
        """30 characters in 20 columns were two rows, and are one row in 40."""
        screen = Screen(20, 10)
        terminal = ScreenTerminal(screen)
        painter = Painter(terminal, reflow=True)
        painter.paint([("one\n", "")], [("a" * 30, "")])
        screen.resize(40, 10)
        painter.paint([], [("b", "")])
        assert "A" not in terminal.frames[-1].replace("\x1b[?", "")

    def test_terminals_are_known_by_their_variables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TMUX", raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        known = reflows()
        monkeypatch.setenv("VTE_VERSION", "7600")
        assert (known, reflows()) == (False, True)
