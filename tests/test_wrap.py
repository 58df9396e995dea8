"""Words are placed as they stream, and however the text is split."""

from __future__ import annotations

import re
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import get_character_cell_size

from streamchat.view.markdown.inline import Span
from streamchat.view.markdown.stream import MarkdownStream
from streamchat.view.markdown.wrap import Hang, WordWrap

QUOTED: Hang = [("> ", "quote"), ("  ", "")]
ITEM: Hang = [("", "quote"), ("   ", "")]
WORDS = st.sampled_from(
    [
        *("a", "of", "word", "wordy, ", "long-winded", "x" * 30, " ", "  ", "\t", "\n", "    "),
        *("日", "本語", "「はい」", "。", "ー", "か\u3099", "한국어", "a日b", "\u3000", "ｱ"),
        *("é", "e\u0301", "\u0301", "Привет", "👍", "👍🏽", "👩‍👩‍👧", "❤\ufe0f", "🇩🇪", "\u200d"),
    ]
)
SPANS = st.lists(st.tuples(WORDS, st.sampled_from(["", "", "strong"])), max_size=30)
HANGS = st.sampled_from([(), QUOTED, ITEM])


def join_spans(spans: list[Span]) -> list[tuple[str, str]]:
    """Return each character with its style."""
    return [(character, style) for text, style in spans for character in text]


def wrap_spans(spans: list[Span], width: int, hang: Hang = ()) -> list[Span]:
    wrap = WordWrap(width)
    return wrap.feed(spans, hang) + wrap.finish()


def wrap_lines(text: str, width: int, hang: Hang = ()) -> list[str]:
    spans = wrap_spans([(text, "")], width, hang)
    return "".join(piece for piece, _ in spans).split("\n")


def show(source: str, width: int) -> list[str]:
    stream = MarkdownStream(width, wrap=True)
    stream.feed(source)
    stream.finish()
    return "".join(text for text, _ in stream.take()).split("\n")


def count_cells(line: str) -> int:
    return sum(map(get_character_cell_size, line))


def count_most_cells(line: str) -> int:
    """Count as many as any terminal may need."""
    return count_cells(line) + 2 * len(re.findall("[\u200d\ufe0f🏻-🏿🇦-🇿]", line))


def find_end(word: str, column: int, width: int) -> int:
    """Return where a word ends that the terminal breaks."""
    for character in word:
        cells = count_cells(character)
        column = (column if column + cells <= width else 0) + cells
    return column


@given(SPANS, st.integers(1, 40), HANGS)
@settings(max_examples=300)
def test_what_is_placed_and_the_rest_add_up_to_the_whole(
    spans: list[Span], width: int, hang: Hang
) -> None:
    wrap = WordWrap(width)
    placed: list[tuple[str, str]] = []
    so_far: list[Span] = []
    for character, style in join_spans(spans):
        so_far.append((character, style))
        placed += join_spans(wrap.feed([(character, style)], hang))
        assert placed + join_spans(wrap.peek()) == join_spans(wrap_spans(so_far, width, hang))
    assert placed + join_spans(wrap.finish()) == join_spans(wrap_spans(spans, width, hang))


@given(SPANS, st.integers(1, 40))
@settings(max_examples=300)
def test_only_spaces_and_line_breaks_change(spans: list[Span], width: int) -> None:
    def find_words(spans: list[Span]) -> list[tuple[str, str]]:
        return [(char, style) for char, style in join_spans(spans) if not char.isspace()]

    assert find_words(wrap_spans(spans, width)) == find_words(spans)


@given(SPANS, st.integers(1, 40), HANGS)
@settings(max_examples=500)
def test_the_terminal_breaks_only_words_that_no_line_can_hold(
    spans: list[Span], width: int, hang: Hang
) -> None:
    room = min(width, max(width - sum(len(text) for text, _ in hang), 8))
    for line in wrap_lines("".join(text for text, _ in spans), width, hang):
        column = 0
        for word in re.findall(r"\S+|\s", line):
            end = column + (8 - column % 8 if word == "\t" else count_cells(word))
            assert end <= width or count_most_cells(word) > room
            column = end if end <= width else find_end(word, column, width)


@given(st.lists(st.text("abc-.", min_size=1, max_size=9), max_size=40), st.integers(9, 40))
def test_lines_are_as_long_as_they_can_be(words: list[str], width: int) -> None:
    text = " ".join(words)
    expected = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    assert wrap_lines(text, width) == (expected or [""])


class TestPlainText:
    """Without Markdown."""

    def test_a_word_is_placed_when_it_is_complete(self) -> None:
        wrap = WordWrap(10)
        assert wrap.feed([("some wor", "dim")]) == [("some", "dim")]
        assert wrap.peek() == [(" wor", "dim")]
        assert wrap.feed([("d", "dim")]) == []
        assert wrap.feed([("s", "dim")]) == []
        assert wrap.peek() == [(" words", "dim")]
        assert wrap.feed([("mith", "dim")]) == []
        assert wrap.peek() == [("\n", ""), ("wordsmith", "dim")]
        assert wrap.feed([(" ", "dim")]) == [("\n", ""), ("wordsmith", "dim")]
        assert wrap.finish() == [(" ", "dim")]

    def test_the_end_of_a_line_completes_a_word(self) -> None:
        wrap = WordWrap(10)
        assert wrap.feed([("some\n", "")]) == [("some\n", "")]
        assert wrap.peek() == []

    def test_a_word_that_no_line_can_hold_is_left_to_the_terminal(self) -> None:
        """So that a URL is copied whole, and remains one that can be clicked."""
        wrap = WordWrap(10)
        assert wrap.feed([("see http://a.b", "")]) == [("see", "")]
        assert wrap.feed([("/c", "")]) == [("\nhttp://a.b/c", "")]
        assert wrap.feed([("/d?e=f", "")]) == [("/d?e=f", "")]
        assert wrap.feed([(" g h i", "")]) == [(" g\nh", "")]

    def test_what_follows_such_a_word_begins_where_the_terminal_ends_it(self) -> None:
        assert wrap_lines("x" * 23 + " to the end", 10) == ["x" * 23 + " to the", "end"]
        assert wrap_lines("é" * 23 + " to the end", 10) == ["é" * 23 + " to the", "end"]

    def test_spaces_stay_except_at_a_break(self) -> None:
        assert wrap_lines("a   b      c ", 10) == ["a   b", "c "]
        assert wrap_lines("a   b     c ", 10) == ["a   b", "c "]
        assert wrap_lines("a   b    c ", 10) == ["a   b    c"]
        assert wrap_lines("a\tb", 9) == ["a\tb"]
        assert wrap_lines("a\tb", 8) == ["a", "b"]

    def test_spaces_at_the_end_of_a_line_stay_as_far_as_they_fit(self) -> None:
        assert wrap_lines("a  \nlonger    \nb", 8) == ["a  ", "longer  ", "b"]

    def test_a_hang_begins_each_line_but_the_first(self) -> None:
        assert wrap_lines("one two three\nfour", 14, QUOTED) == ["one two three", ">   four"]
        assert wrap_lines("one two three four", 14, QUOTED) == ["one two three", ">   four"]

    def test_a_hang_leaves_room_for_words(self) -> None:
        lines = {width: wrap_lines("a longer\nb", width, QUOTED)[-1] for width in range(1, 14)}
        assert [lines[width] for width in (13, 12, 11, 10, 9, 8, 1)] == [
            *(">   b", ">   b", ">  b", "> b", ">b", "b", "b")
        ]

    def test_spaces_make_room_before_the_mark_of_a_quote(self) -> None:
        hang = [("   > ", "quote"), ("  ", "")]
        lines = {width: wrap_lines("a longer\nb", width, hang)[-1] for width in range(8, 16)}
        assert [lines[width] for width in (15, 14, 12, 11, 10, 9, 8)] == [
            *("   >   b", "  >   b", ">   b", ">  b", "> b", ">b", "b")
        ]

    def test_text_that_is_kept_as_it_is(self) -> None:
        wrap = WordWrap(11)
        assert wrap.feed([("a word", "")]) == [("a", "")]
        assert wrap.feed([("\nif x:  return\n# ", "")], None) == [(" word\nif x:  return\n# ", "")]
        assert wrap.feed([("some words ", "")], ITEM) == [("some\n   words", "")]

    def test_looking_at_other_text_changes_nothing(self) -> None:
        wrap = WordWrap(10)
        assert wrap.feed([("a wo", "")]) == [("a", "")]
        assert wrap.peek([([("rds more", "")], ()), ([("!", "")], None)]) == [
            *((" words", ""), ("\nmore!", "")),
        ]
        assert wrap.peek() == [(" wo", "")]

    def test_a_window_that_gets_wider_or_narrower_changes_only_what_follows(self) -> None:
        wrap = WordWrap(10)
        placed = wrap.feed([("some words of text ", "")])
        wrap.width = 20
        placed += wrap.feed([("in a wider window ", "")])
        wrap.width = 6
        placed += wrap.feed([("and less", "")]) + wrap.finish()
        assert "".join(text for text, _ in placed).split("\n") == [
            *("some words", "of text in a wider", "window", "and", "less"),
        ]


class TestScripts:
    """Other than Latin."""

    @pytest.mark.parametrize(
        ("text", "lines"),
        [
            ("日本語のテキスト", ["日本語のテ", "キスト"]),
            ("日本語の。テキ", ["日本語の。", "テキ"]),
            ("日本語のテ。キ", ["日本語の", "テ。キ"]),
            ("日本語の「テ」", ["日本語の", "「テ」"]),
            ("日本語のか\u3099", ["日本語のか\u3099"]),
            ("日本語のxyz", ["日本語", "のxyz"]),
            ("Python、用日本", ["Python、用", "日本"]),
            ("日本\u3000語の本", ["日本\u3000語の", "本"]),
            ("한국어 텍스트", ["한국어", "텍스트"]),
            ("Привет, мир", ["Привет,", "мир"]),
            ("e\u0301te\u0301 e\u0301te\u0301s", ["e\u0301te\u0301 e\u0301te\u0301s"]),
            ("👍👍👍👍👍👍", ["👍👍👍👍👍", "👍"]),
            ("abcdef 👍🏽", ["abcdef", "👍🏽"]),
            ("日日日👩‍👧日", ["日日日", "👩‍👧日"]),
            ("日日日日🇩🇪日", ["日日日", "日🇩🇪日"]),
        ],
    )
    def test_lines_of_ten_cells(self, text: str, lines: list[str]) -> None:
        assert wrap_lines(text, 10) == lines

    def test_an_accent_may_arrive_after_its_letter(self) -> None:
        wrap = WordWrap(10)
        assert wrap.feed([("日か", "")]) == [("日", "")]
        assert wrap.feed([("\u3099", "")]) == []
        assert wrap.feed([("く", "")]) == [("か\u3099", "")]


class TestMarkdown:
    """Blocks with what hangs on their lines."""

    def test_prose_breaks_between_words(self) -> None:
        assert show("some **strong words** and `inline code` too", 12) == [
            *("some strong", "words and", "inline code", "too")
        ]

    def test_an_unfinished_word_moves_as_a_whole(self) -> None:
        stream = MarkdownStream(12, wrap=True)
        seen = []
        for piece in ("- some ", "**wo", "rds", "mith**", " else"):
            stream.feed(piece)
            seen.append("".join(text for text, _ in stream.take()))
            seen[-1] += " / " + "".join(text for text, _ in stream.peek())
        assert seen == [
            *("• some /  ", " /  wo", " /  words", " / \n  wordsmith", "\n  wordsmith / \n  else"),
        ]

    def test_items_hang(self) -> None:
        assert show(
            "- an item that wraps\n  on\n  1. nested items wrap\n     on\n\n  too, yes", 14
        ) == [
            *("• an item that", "  wraps", "  on", "  1. nested", "     items", "     wrap"),
            *("     on", "", "  too, yes"),
        ]
        assert show("- [x] a task that wraps", 14) == ["☑ a task that", "  wraps"]

    def test_each_line_of_a_quote_is_marked_and_dim(self) -> None:
        source = "> a quote of `two` lines\nout\n> > deep in\n>\n> # and a title"
        assert show(source, 12) == [
            *("> a quote of", "> two lines", "out", "> > deep in", ">", "> and a", "> title"),
        ]
        stream = MarkdownStream(12, wrap=True)
        stream.feed("> a `two` words")
        assert stream.take() + stream.peek() == [
            *(("> ", "quote"), ("a ", "quote"), ("two", "quote code")),
            *(("\n", ""), ("> words", "quote")),
        ]

    def test_code_in_inline_code_of_a_quote_has_no_marks(self) -> None:
        assert show("> `a\n> b` c", 12) == ["> a b c"]

    def test_items_in_quotes_hang_on_both(self) -> None:
        assert show("> - an item that wraps", 14) == ["> • an item", ">   that wraps"]

    def test_quotes_in_items_hang_on_both(self) -> None:
        source = "1. some\n   > words in a quote\n   >\n   > ```\n   > x\n   >\n   > ```\n   end"
        assert show(source, 14) == [
            *("1. some", "   > words in", "   > a quote", "   >", "   > ───", "   > x", "   >"),
            *("   > ───", "   end"),
        ]

    def test_headings_wrap(self) -> None:
        assert show("# A long title\nA longer one\n===\ntext", 10) == [
            *("A long", "title", "A longer", "one", "text"),
        ]

    def test_code_is_never_broken(self) -> None:
        code = "if some_condition:  # and words"
        assert show(f"```\n{code}\n```\n\n    {code}\n", 10) == ["───", code, "───", "", code]

    def test_code_in_an_item_is_indented_like_the_item(self) -> None:
        source = (
            "1. Run:\n   ```sh\n   x\n\n     y\n   ```\n   - or\n\n         z\n2. ```\n   q\n   ```"
        )
        assert show(source, 40) == [
            *("1. Run:", "   ─── sh", "   x", "", "     y", "   ───", "   • or", "", "     z"),
            *("2. ───", "   q", "   ───"),
        ]

    def test_code_in_a_quote_is_marked(self) -> None:
        assert show("> ```sh\n> x\n>\n> > y\n> ```\n> - ```\n>   z\n>\n>   ```", 40) == [
            *("> ─── sh", "> x", ">", "> > y", "> ───", "> • ───", ">   z", ">", ">   ───"),
        ]

    def test_incomplete_code_is_shown_where_it_stays(self) -> None:
        stream = MarkdownStream(40, wrap=True)
        stream.feed("> - a\n>   ```py")
        shown = "".join(text for text, _ in stream.take() + stream.peek())
        assert shown == "> • a\n>   ─── py"
        stream.feed("\n>   x = 1")
        assert "".join(text for text, _ in stream.take()).endswith("\n>   ─── py")
        assert "".join(text for text, _ in stream.peek()) == "\n>   x = 1"

    def test_rules_fit_into_the_window(self) -> None:
        assert show("- a\n\n  ---\n\n---", 20) == ["• a", "", "  " + "─" * 18, "", "─" * 20]
        assert show("---", 80) == ["─" * 24]

    def test_tables_keep_their_layout(self) -> None:
        assert show("> | a | b |\n> |---|---|\n> | one two | three |", 40) == [
            *("> a       │ b", "> ────────┼──────", "> one two │ three"),
        ]

    def test_a_table_shown_as_a_list_breaks_between_words(self) -> None:
        source = "| a | b |\n|---|---|\n| exceptionally so | more words than fit |\n"
        assert show(source, 16) == [
            *("a: exceptionally", "  so", "b: more words", "  than fit", "───"),
        ]

    def test_a_table_in_a_quote_is_dim(self) -> None:
        stream = MarkdownStream(40, wrap=True)
        stream.feed("> | a |\n> |---|\n> | b")
        styles = dict(stream.take() + stream.peek())
        assert styles["a"] == "quote heading"
        assert styles["b"] == "quote"

    def test_a_table_can_follow_a_line_of_text(self) -> None:
        assert show("- text:\n  a | b\n  --|--\n  1 | 2", 40) == [
            *("• text:", "  a │ b", "  ──┼──", "  1 │ 2"),
        ]

    def test_nesting_leaves_room_for_words(self) -> None:
        source = "\n".join("  " * depth + "- some words" for depth in range(8))
        for width in range(1, 30):
            lines = show(source, width)
            assert all(count_cells(line) <= max(width, 5) for line in lines)
            assert re.findall(r"\w+", " ".join(lines)) == ["some", "words"] * 8

    def test_very_long_prose_is_final_but_for_its_last_word(self) -> None:
        stream = MarkdownStream(40, wrap=True)
        for _ in range(2_000):
            stream.feed("- word after word ")
            stream.take()
            assert sum(len(text) for text, _ in stream.peek()) < 60
        stream.feed("x" * 20_000)
        assert sum(len(text) for text, _ in stream.take()) > 20_000
