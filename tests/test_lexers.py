"""Code is highlighted as soon as its lexer is loaded, which holds up nothing."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from concurrent.futures import Future
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pygments.styles import STYLE_MAP
from rich.console import Console

from streamchat.events import AnswerDelta, TurnDone
from streamchat.turn import Turn, reduce
from streamchat.view.live.view import LiveView
from streamchat.view.look import Look
from streamchat.view.markdown import highlight, lexers
from streamchat.view.markdown.highlight import Highlighter, load_lexer
from streamchat.view.markdown.inline import Span
from streamchat.view.markdown.stream import MarkdownStream
from streamchat.view.style import Palette, choose_code_style, get_style
from tests.screen import Screen, ScreenTerminal
from tests.test_markdown import CUTS, join_spans, render_at_once, split_source

SOURCE = "Text\n```python\nx = '''a\n\nb''' # c\n```\n- more *text*\n```python\nreturn 1\n```\n"
CODE = "@cached\ndef f(x: int = 1) -> str:\n    '''A string.'''\n    return f'{x}'  # a comment\n"


class Loading(Future[Any]):
    """A lexer that is loaded when the test says so, or at the latest when somebody waits for it."""

    def load(self) -> None:
        self.set_result(lambda: Highlighter(load_lexer("python")))

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            self.load()
        return super().result(timeout)


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Loading:
    loading = Loading()
    monkeypatch.setattr(lexers, "load_highlighter", lambda language, style: loading)
    return loading


def join_text(spans: list[Span]) -> str:
    return "".join(text for text, _ in spans)


class TestLoading:
    """Meanwhile, the stream goes on."""

    def test_code_is_plain_and_not_final_until_its_lexer_is_loaded(self, loading: Loading) -> None:
        stream = MarkdownStream(80)
        stream.feed("Text\n```python\nreturn 1\n")
        assert join_text(stream.take()) == "Text\n─── python\n"
        assert stream.peek() == [("return 1", "")]
        stream.feed("```\n- after")
        assert stream.take() == []
        assert join_text(stream.peek()) == "return 1\n───\n• after"
        loading.load()
        assert ("return ", "keyword") in stream.take()
        stream.feed(" it\n")
        assert join_text(stream.take()) == " it"

    def test_the_incomplete_line_is_plain_too(self, loading: Loading) -> None:
        stream = MarkdownStream(80)
        stream.feed("```python\nreturn 1")
        assert stream.peek() == [("\n", ""), ("return 1", "")]
        loading.load()
        assert ("return ", "keyword") in stream.peek()

    def test_the_end_of_the_text_waits_for_the_lexer(self, loading: Loading) -> None:
        stream = MarkdownStream(80)
        stream.feed(SOURCE)
        assert join_text(stream.take()) == "Text\n─── python\n"
        stream.finish()
        assert stream.peek() == []
        assert ("b''' ", "string") in stream.take()

    @given(CUTS, st.integers(0, 40), st.booleans())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_when_it_is_loaded_changes_nothing_in_the_end(
        self, monkeypatch: pytest.MonkeyPatch, cuts: list[int], number: int, wrap: bool
    ) -> None:
        loading = Loading()
        monkeypatch.setattr(lexers, "load_highlighter", lambda language, style: loading)
        stream = MarkdownStream(80, wrap=wrap)
        settled: list[Span] = []
        for at, piece in enumerate(split_source(SOURCE, cuts)):
            if at == number:
                loading.load()
            stream.feed(piece)
            settled += stream.take()
        stream.finish()
        whole = render_at_once(SOURCE, wrap=wrap)
        assert join_spans(settled + stream.take()) == join_spans(whole)

    def test_a_lexer_is_loaded_in_a_thread_and_only_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        threads = []

        def load(language: str) -> Any:
            threads.append(threading.current_thread())
            return load_lexer(language)

        monkeypatch.setattr(highlight, "load_lexer", load)
        lexers.load_highlighter.cache_clear()
        for _ in range(2):
            assert ("return ", "keyword") in render_at_once("```python\nreturn 1\n```")
        assert len(threads) == 1
        assert threads[0] is not threading.main_thread()

    def test_the_live_view_starts_without_pygments(self) -> None:
        code = "import sys, streamchat.view.live.view; sys.exit('pygments' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_an_unknown_language_is_not_looked_for_among_plugins(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That takes Pygments a while, and each name costs it anew."""
        monkeypatch.delattr("pygments.lexers.find_plugin_lexers")
        with pytest.raises(LookupError, match="unheard-of"):
            load_lexer("unheard-of")


class TestStyles:
    """The plain one, and those of Pygments."""

    def show(self, style: str | None, code: str = CODE) -> list[Span]:
        stream = MarkdownStream(80, code_style=style)
        stream.feed(f"```python\n{code}```")
        stream.finish()
        return stream.take()

    def test_the_plain_style(self) -> None:
        styles = {text.strip(): style for text, style in self.show(None)}
        assert styles["def"] == styles["return"] == "keyword"
        assert styles["1"] == styles["'''A string.'''"] == "string"
        assert styles["# a comment"] == "comment"
        assert styles["x"] == ""

    def test_a_style_of_pygments(self) -> None:
        styles = {text.strip(): style for text, style in self.show("monokai")}
        assert styles["def"] == "#66d9ef"
        assert styles["# a comment"] == "#959077"
        assert {text.strip(): style for text, style in self.show("vim")}["# a comment"] == "#000080"
        assert {text.strip(): style for text, style in self.show("bw")}["def"] == "strong"

    @pytest.mark.parametrize("style", sorted(STYLE_MAP))
    def test_every_style_shows_all_of_the_code(self, style: str) -> None:
        spans = self.show(style)
        assert join_text(spans) == join_text(self.show(None))
        assert all(get_style(names) for _, names in spans if names)

    @pytest.mark.parametrize("style", ["monokai", "tango", "dracula", "xcode"])
    def test_ordinary_text_keeps_the_color_of_the_terminal(self, style: str) -> None:
        """Black and white are legible on one background only."""
        assert dict(self.show(style, "x\n"))["x"] == ""

    @pytest.mark.parametrize(
        ("setting", "colors", "style"),
        [
            ("auto", "truecolor", None),
            ("monokai", "truecolor", "monokai"),
            ("monokai", "256", "monokai"),
            ("monokai", "standard", None),
            ("monokai", None, None),
        ],
    )
    def test_terminals_of_sixteen_colors_get_the_plain_style(
        self, setting: str, colors: Any, style: str | None
    ) -> None:
        console = Console(file=io.StringIO(), force_terminal=True, color_system=colors)
        assert choose_code_style(setting, console) == style

    def test_the_live_view_shows_the_style_of_the_settings(self) -> None:
        console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
        terminal = ScreenTerminal(Screen())
        turn = Turn()
        with LiveView(terminal, console, Look(code_style="monokai"), reflow=False) as view:
            for event in (AnswerDelta("```python\ndef f\n```"), TurnDone("")):
                turn = reduce(turn, event)
                view.show(turn, event)
        assert "\x1b[38;2;102;217;239mdef" in "".join(terminal.frames)

    def test_code_in_a_quote_is_not_dim(self) -> None:
        assert get_style("quote").dim
        assert not get_style("quote code").dim

    def test_no_color_means_the_plain_style_without_colors(self) -> None:
        console = Console(file=io.StringIO(), force_terminal=True, no_color=True)
        assert choose_code_style("monokai", console) is None
        parts = Palette(console).apply([("return", "keyword"), ("'a'", "string")])
        assert [sequence for _, sequence in parts] == ["\x1b[1m", ""]
