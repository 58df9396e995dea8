"""Streamed Markdown looks the same however it is split."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamchat.view.glyphs import ASCII_GLYPHS, UNICODE_GLYPHS, Glyphs
from streamchat.view.markdown.code import find_code_blocks
from streamchat.view.markdown.inline import REACH, Span
from streamchat.view.markdown.lexers import load_highlighter
from streamchat.view.markdown.stream import MarkdownStream

LONG_TABLE = "\n".join(["| n | n² |", "|---|--:|", *(f"| {n} | {n * n} |" for n in range(13))])
LINES = st.sampled_from(
    [
        LONG_TABLE,
        *(
            "",
            "",
            "",
            "# Title",
            "## A *b* c",
            "### d `e`",
            "#### f",
            "##### g",
            "###### h",
            "####### x",
            "#tag",
            "---",
            "***",
            "* * *",
            "====",
        ),
        *("- one", "* two **b**", "+ three", "  - nested", "    - deep", "1. first", "2) second"),
        *(
            "   3. inner",
            "1986. A year",
            "-",
            "- ```py",
            "- > q",
            "> quote",
            "> > two",
            ">",
            "  > in an item",
            "     > deep",
            "  > - both",
            "  in",
        ),
        *(
            "```",
            "```python",
            "~~~",
            "    ```",
            "```a`b```",
            "``",
            "    code",
            "\tx = 1",
            "x = '''",
        ),
        *("| a | b |", "|---|--:|", "| 1 | `2|3` \\| x |", "|:-:|", "| only", "||", "|"),
        *("a | b", "--|--", ":-- | --:", "1 | *2*", "x |", "-|", "a " * 40 + "| b", "a|" * 300),
        *("===", "=", "--", "  ---", "  ===", "Ti*tle* `x`  ", "A title that is too long, " * 4),
        *("- [ ] to do", "- [x] done", "  1. [ ] *in*", "- [x](y)", "* [ ]", "+ [x]   `y`"),
        *("      code", "\t\ty", "          deep", "-\ttab", "-     code", "      ```", "  ```"),
        *("[1]: http://x.y", "See [a](http://b.c (d) and [b][1].", "[x](y) ![z](w)", "!["),
        *("**bold** and *it* `co", "de` ** * _", "__init__ a_b_c x**2 + y**2", "***all*** ~~no~~"),
        *(
            "日本語の**強調**です",
            "e\u0301 👩‍👩‍👧 ",
            "\\*no\\* \\[m\\] \\",
            "<b>&amp;</b> <br>",
        ),
    ]
)
WORDS = st.sampled_from(
    [*"*_`~[]()!\\|#>-=: \n\tab1", "**", "```", "\n\n", " word ", "](", "日", "- [ ] ", "--|-"]
)
MARKDOWN = st.one_of(
    st.lists(LINES, max_size=12).map("\n".join),
    st.lists(WORDS, max_size=60).map("".join),
    st.lists(st.one_of(LINES, WORDS), max_size=30).map("".join),
)
CUTS = st.lists(st.integers(0, 300), max_size=40)


@pytest.fixture(scope="module", autouse=True)
def load_lexers() -> None:
    """Until they are loaded, code is not final."""
    for language in ("python", "py", "sh"):
        load_highlighter(language, None).result()


def join_spans(pieces: list[Span]) -> list[tuple[str, str]]:
    """Return each character with its style."""
    return [(character, style) for text, style in pieces for character in text]


def render_at_once(
    source: str, width: int = 80, glyphs: Glyphs = UNICODE_GLYPHS, *, wrap: bool = False
) -> list[Span]:
    stream = MarkdownStream(width, glyphs, wrap=wrap)
    stream.feed(source)
    stream.finish()
    return stream.take()


def render_text(source: str, width: int = 80) -> str:
    return "".join(piece for piece, _ in render_at_once(source, width))


def split_source(source: str, cuts: list[int]) -> list[str]:
    ends = sorted({min(cut, len(source)) for cut in cuts} | {len(source)})
    return [source[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@given(MARKDOWN, CUTS, st.integers(1, 120), st.booleans())
@settings(max_examples=800, deadline=None)
def test_final_spans_and_the_rest_add_up_to_the_whole(
    source: str, cuts: list[int], width: int, wrap: bool
) -> None:
    whole = join_spans(render_at_once(source, width, wrap=wrap))
    stream = MarkdownStream(width, wrap=wrap)
    settled: list[Span] = []
    for piece in split_source(source, cuts):
        stream.feed(piece)
        stream.peek()  # looking changes nothing
        settled += stream.take()
        assert join_spans(settled) == whole[: len(join_spans(settled))]
    stream.finish()
    assert stream.peek() == []
    assert join_spans(settled + stream.take()) == whole


def find_letters(source: str) -> list[str]:
    """`<br>` may be a line end in a table."""
    return re.findall(r"[^\W_]", source.replace("<br>", ""))


@given(MARKDOWN, st.booleans())
@settings(max_examples=500, deadline=None)
def test_every_letter_is_shown_in_order(source: str, wrap: bool) -> None:
    """In a window wide enough for every table: cells of narrow ones stand side by side."""
    spans = render_at_once(source, 5_000, ASCII_GLYPHS, wrap=wrap)
    assert find_letters("".join(text for text, _ in spans)) == find_letters(source)


@given(MARKDOWN.filter(lambda source: "|" not in source), st.integers(1, 120))
@settings(max_examples=300, deadline=None)
def test_every_letter_is_shown_in_order_in_a_window_of_any_width(source: str, width: int) -> None:
    spans = render_at_once(source, width, ASCII_GLYPHS, wrap=True)
    assert find_letters("".join(text for text, _ in spans)) == find_letters(source)


PROSE = st.lists(
    st.tuples(
        st.sampled_from(
            ["", "", "", "> ", "- ", "  ", "\n", "\n  ", "1. ", "- [ ] ", "    ", "# "]
        ),
        st.lists(st.sampled_from(["word", "a", "Über,", "long." * 15]), min_size=1, max_size=6),
    ),
    max_size=4,
).map(lambda lines: "\n".join(start + " ".join(words) for start, words in lines))


@given(PROSE, st.integers(1, 80), st.booleans())
@settings(max_examples=300, deadline=None)
def test_prose_is_visible_at_once_and_as_it_stays(source: str, width: int, wrap: bool) -> None:
    stream = MarkdownStream(width, wrap=wrap)
    settled = ""
    for at, character in enumerate(source, 1):
        stream.feed(character)
        settled += "".join(piece for piece, _ in stream.take())
        if character.isalpha():
            shown = settled + "".join(piece for piece, _ in stream.peek())
            whole = render_at_once(source[:at], width, wrap=wrap)
            assert shown == "".join(piece for piece, _ in whole)


def find_styles(source: str) -> dict[str, str]:
    """Return the style of each piece of a line."""
    return {piece: style for piece, style in render_at_once(source) if piece.strip()}


class TestSpans:
    """Within a paragraph."""

    def test_marks_become_styles(self) -> None:
        assert find_styles("a **b** *c* `d` ~~e~~ ***f*** _g_") == {
            "a ": "",
            "b": "strong",
            "c": "emphasis",
            "d": "code",
            "e": "strike",
            "f": "strong emphasis",
            "g": "emphasis",
        }

    @pytest.mark.parametrize(
        "source",
        [
            *("2*3*4", "x**2 + y**2", "snake_case_name", "__init__ of __x_1__ it_", "a * b * c"),
            *(
                "**kwargs and *args",
                "`not closed",
                "5 ~ 6 ~ 7",
                "[x] and [y][1]",
                "[1]: http://x.y",
            ),
            *("<b>&amp;</b>", "\\[ x \\]", "\\(y\\)", "C:\\path", "wow!", "a ![b", "[a](b c d"),
        ],
    )
    def test_other_text_stays_unchanged(self, source: str) -> None:
        assert render_text(source) == source

    @pytest.mark.parametrize(
        ("source", "shown"),
        [
            ("[name](http://a.b/c_(d)_e)", "name (http://a.b/c_(d)_e)"),
            ("[http://a.b](http://a.b)", "http://a.b"),
            ("![alt](pic.png) ![](p.png)", "alt (pic.png) p.png"),
            ('[a](<b c> "title")', "a (b c)"),
            ("[**b** `c`](d)", "b c (d)"),
            ("\\*no\\* \\`x\\`", "*no* `x`"),
            ("`` a`b ``", "a`b"),
            ("**a `**` b**", "a ** b"),
            ("**a *b***", "a b"),
            ("日本語**強調**です", "日本語強調です"),
            ("**L**arge", "Large"),
        ],
    )
    def test_what_is_shown(self, source: str, shown: str) -> None:
        assert render_text(source) == shown

    def test_open_marks_look_as_if_they_were_closed(self) -> None:
        stream = MarkdownStream(80)
        stream.feed("- in an item, whose first line becomes nothing else, ")
        stream.take()
        stream.feed("a **bo")
        assert stream.take() + stream.peek() == [("a ", ""), ("bo", "strong")]
        stream.feed("ld*")
        assert stream.peek() == [("bold", "strong")]
        stream.feed("*.")
        assert stream.take() + stream.peek() == [("bold", "strong"), (".", "")]

    def test_an_open_link_looks_as_if_it_were_closed(self) -> None:
        stream = MarkdownStream(80)
        stream.feed("- in an item: ")
        stream.take()
        for source in ("[name](http", "://a.b"):
            stream.feed(source)
            shown = "".join(piece for piece, _ in stream.take() + stream.peek())
            assert "name (http://a.b".startswith(shown)
        stream.feed(")")
        assert "".join(piece for piece, _ in stream.take()).endswith("name (http://a.b)")

    def test_a_span_has_a_limit(self) -> None:
        """So a paragraph is final but for its last few words, whatever is in it."""
        near = f"**{'a' * (REACH - 2)}** b"
        far = f"**{'a' * (REACH - 1)}** b"
        assert render_text(near) == near.replace("*", "")
        assert render_text(far) == far
        stream = MarkdownStream(80)
        stream.feed("*a" + "b" * 20_000)
        assert len("".join(piece for piece, _ in stream.take())) == 20_002


class TestBlocks:
    """Sequences of blocks."""

    def test_headings(self) -> None:
        assert find_styles("# One\n## Two *x*\ntext") == {
            "One": "heading h1",
            "Two ": "heading h2",
            "x": "heading h2 emphasis",
            "text": "",
        }
        assert render_text("#hashtag\n####### seven") == "#hashtag\n####### seven"

    @pytest.mark.parametrize(
        ("source", "spans"),
        [
            ("One\n===\ntext", [("One", "heading h1"), ("\n", ""), ("text", "")]),
            ("Two\n---\ntext", [("Two", "heading h2"), ("\n", ""), ("text", "")]),
            ("Two *x* \n   --  ", [("Two ", "heading h2"), ("x", "heading h2 emphasis")]),
            ("One | 1\n=", [("One | 1", "heading h1")]),
            ("> One\n> ===", [("> ", "quote"), ("One", "heading h1")]),
            (
                "- a\n\n  One\n  ===",
                [
                    *render_at_once("- a\n\n  "),
                    ("\n\n", "quote"),
                    ("  ", ""),
                    ("One", "heading h1"),
                ],
            ),
        ],
    )
    def test_a_heading_can_be_underlined(self, source: str, spans: list[Span]) -> None:
        assert join_spans(render_at_once(source)) == join_spans(spans)

    @pytest.mark.parametrize(
        "source",
        [
            *("one\ntwo\n===", "One\n-", "One\n    ===", "> One\n===", "One\n= =", "One\n==x"),
            *("===", "One\n\n===", "x" * 61 + "\n===", "One\n" + "=" * 501),
        ],
    )
    def test_text_that_is_not_underlined(self, source: str) -> None:
        assert render_text(source) == source.replace("\n    ", "\n")
        assert {style for _, style in render_at_once(source)} <= {"", "quote"}

    def test_blanks_before_the_text_of_a_heading_split_anywhere(self) -> None:
        stream = MarkdownStream(80)
        for piece in ("## ", " A"):
            stream.feed(piece)
        assert join_spans(stream.take()) == join_spans(render_at_once("##  A"))
        assert render_at_once("##  A") == [("A", "heading h2")]

    def test_empty_lines_collapse_and_are_dropped_at_both_ends(self) -> None:
        assert render_text("\n\na\n\n\n\nb\n\n") == "a\n\nb"

    def test_line_breaks_in_a_paragraph_are_kept(self) -> None:
        assert render_text("Roses are red,\nviolets are **blue\nand** green") == (
            "Roses are red,\nviolets are blue\nand green"
        )

    def test_lists(self) -> None:
        source = "- a\n  - b\n    1. c\n       more\n- d\n\n  second\n\nend\n3. three\n4) four"
        assert render_text(source).split("\n") == [
            *("• a", "  • b", "    1. c", "       more", "• d", "", "  second", "", "end"),
            *("3. three", "4) four"),
        ]

    def test_tasks_have_a_box(self) -> None:
        source = "- [ ] a\n- [x] b\n  more\n  1. [X]  # *c*\n     more\n* [ ] - d"
        assert render_text(source).split("\n") == [
            *("☐ a", "☑ b", "  more", "  1. ☑ # c", "       more", "☐ - d"),
        ]
        shown = "".join(piece for piece, _ in render_at_once(source, 80, ASCII_GLYPHS))
        assert shown.split("\n")[:3] == ["[ ] a", "[x] b", "    more"]

    @pytest.mark.parametrize(
        ("source", "shown"),
        [
            ("- [x](y)", "• x (y)"),
            ("- [ ]", "• [ ]"),
            ("- [x]y", "• [x]y"),
            ("- [y] z", "• [y] z"),
            ("[ ] a", "[ ] a"),
            ("- \\[ ] a", "• \\[ ] a"),
        ],
    )
    def test_brackets_that_are_no_box(self, source: str, shown: str) -> None:
        assert render_text(source) == shown

    def test_a_number_in_a_paragraph_does_not_start_a_list(self) -> None:
        assert render_text("It was in\n1986. What a year.") == "It was in\n1986. What a year."

    def test_quotes_and_rules(self) -> None:
        rule = "─" * 24
        assert render_text("> a\n> b\n\nc\nd\n---\ne") == f"> a\n> b\n\nc\nd\n{rule}\ne"
        assert render_text("a\n\n---\nb\n***\nc") == f"a\n\n{rule}\nb\n{rule}\nc"

    @pytest.mark.parametrize(
        ("source", "shown"),
        [
            ("- a\n  > b\n  > c\n- d", "• a\n  > b\n  > c\n• d"),
            ("1. a\n   > b\n   >\n   > - c\n   >   d\n   e", None),
            ("- a\n  - b\n    > c\n  > d\n> e", "• a\n  • b\n    > c\n  > d\n> e"),
            ("- a\n  > b\n\n  c\n\n  > d\n  > > e", "• a\n  > b\n\n  c\n\n  > d\n  > > e"),
            ("> - a\n>   - b\n", "> • a\n>   • b"),
            ("- a\n\n      > b", "• a\n\n  > b"),
            ("-\ta\n\t> b", "• a\n  > b"),
            ("- a\n  > Title\n  > ===\n  > |b|\n  > |-|", "• a\n  > Title\n  > b\n  > ─"),
        ],
    )
    def test_a_quote_in_an_item(self, source: str, shown: str | None) -> None:
        expected = source.replace("- ", "• ") if shown is None else shown
        assert render_text(source) == expected

    def test_a_line_in_a_quote_that_is_not_decided_has_one_mark(self) -> None:
        stream = MarkdownStream(80)
        stream.feed("> text\n>\n> 12")
        assert "".join(text for text, _ in stream.take() + stream.peek()) == "> text\n>\n> 12"

    def test_code_is_shown_verbatim(self) -> None:
        code = "def f():\n\n    return '*a*'  # **b**\n\t| x |"
        for fence in ("```python", "~~~", "```unheard-of"):
            lines = render_text(f"{fence}\n{code}\n{fence[:3]}").split("\n")
            assert lines == [f"─── {fence[3:]}".rstrip(), *code.split("\n"), "───"]

    def test_an_unclosed_code_block(self) -> None:
        assert render_text("```\na\n``") == "───\na\n``\n───"

    def test_code_in_a_list_starts_at_the_margin_for_copying(self) -> None:
        assert render_text("1. a\n   ```sh\n   x\n     y\n   ```\n2. b").split("\n") == [
            *("1. a", "─── sh", "x", "  y", "───", "2. b"),
        ]
        assert render_text("- ```\n  x\n  ```").split("\n") == ["• ───", "x", "───"]

    @pytest.mark.parametrize(
        ("source", "shown"),
        [
            ("- Run:\n\n      if x:\n          y()", "• Run:\n\n  if x:\n      y()"),
            ("1. Run:\n\n       if x:\n         y\n\n   b", "1. Run:\n\n   if x:\n     y\n\n   b"),
            ("* a\n  * b\n\n        x\n\n      c", "• a\n  • b\n\n    x\n\n    c"),
            ("* a\n\n      - x\n          y: z", "• a\n\n  - x\n      y: z"),
            ("> - a\n>\n>       x\n>         y", "> • a\n>\n>   x\n>     y"),
            ("-     x\n\n        y", "• x\n\n    y"),
            ("-\ta\n\n\t\tx\n\t\t  y", "• a\n\n  x\n    y"),
            ("- a\n\n      ```\n      x\n        y\n      ```", "• a\n\n───\nx\n  y\n───"),
            ("-\ta\n\n\t```\n\tx\n\t\ty\n\t```", "• a\n\n───\nx\n\ty\n───"),
            ("- a\n      goes on", "• a\n  goes on"),
        ],
    )
    def test_code_in_an_item_keeps_its_own_indentation(self, source: str, shown: str) -> None:
        assert render_text(source) == shown

    def test_code_in_a_quote_keeps_its_own_marks(self) -> None:
        assert render_text("> ```sh\n> > x\n> ```") == "─── sh\n> x\n───"

    def test_very_many_marks_in_one_line(self) -> None:
        for mark in ("- ", "1. ", "> ", "* ", "+ "):
            assert render_text(mark * 400 + "x\n\nafter").endswith("x\n\nafter")

    @pytest.mark.parametrize("mark", [*"*-_>|~`+#", "- ", "> "])
    def test_a_line_of_marks_alone(self, mark: str) -> None:
        stream = MarkdownStream(80)
        for _ in range(600):
            stream.feed(mark)
            assert len("".join(piece for piece, _ in stream.peek())) <= 2_000
        stream.finish()
        assert join_spans(stream.take()) == join_spans(render_at_once(mark * 600))

    def test_ascii_glyphs(self) -> None:
        stream = MarkdownStream(80, ASCII_GLYPHS)
        stream.feed("- a\n\n| b | c |\n|---|---|\n")
        stream.finish()
        assert "".join(piece for piece, _ in stream.take()) == "* a\n\nb | c\n--+--"


class TestTables:
    """Columns are as wide as they need to be."""

    def lines(self, source: str, width: int = 40) -> list[str]:
        return [line.rstrip() for line in render_text(source, width).split("\n")]

    def test_columns_are_aligned(self) -> None:
        assert self.lines("| a | b | c |\n|:-:|--:|---|\n| wide | wide | x<br>y |\n| 1 | 2 |") == [
            " a   │    b │ c",
            "─────┼──────┼──",
            "wide │ wide │ x",
            "     │      │ y",
            " 1   │    2 │",
        ]

    def test_bars_in_cells_and_cells_without_a_heading(self) -> None:
        assert self.lines("| a | b |\n|---|---|\n| x \\| y | 1 | 2 |") == [
            *("a     │ b", "──────┼──────", "x | y │ 1 | 2"),
        ]

    @pytest.mark.parametrize(
        "source",
        [
            *(
                "| a |\n| b |\n\n|x| = 3",
                "a | b\n1 | 2",
                "a\n--|--",
                "a \\| b\n--|--",
            ),
            *("a | b\n\n--|--", "x" * 61 + " | b\n--|--", "a|" * 251 + "\n" + "-|" * 251),
        ],
    )
    def test_lines_with_bars_that_are_not_a_table(self, source: str) -> None:
        shown = source.replace("\\|", "|").replace("\n- ", "\n• ")
        assert render_text(source) == shown

    @pytest.mark.parametrize(
        "source",
        [
            *(
                "a | b\n--|--\n1 | 2\n\nend",
                "a|b\n:-|-:\n1|2\nend",
                "a | b |\n-|-|\n1 | 2 |\n\nend",
            ),
            *("text:\na | b\n---|---\n1 | 2\n# end", "| a | b\n|---|---\n1 | 2\n\nend"),
        ],
    )
    def test_outer_bars_may_be_missing(self, source: str) -> None:
        lines = self.lines(source)
        assert lines[-1] == "end"
        assert [line for line in lines if line not in ("", "text:", "end")] == [
            *("a │ b", "──┼──", "1 │ 2"),
        ]

    def test_a_table_without_outer_bars_ends_where_another_block_begins(self) -> None:
        table, shown = "a | b\n-|-\n", ["a │ b", "──┼──"]
        for line in ("no bars", "x" * 61 + " | too late"):
            assert self.lines(table + line) == [*shown, line]
        assert self.lines(table + "- a | b") == [*shown, "• a | b"]
        assert self.lines(table + "2. a | b") == [*shown, "2. a | b"]
        assert self.lines(table + "> a | b") == [*shown, "> a | b"]
        assert self.lines("- c\n\n  a | b\n  -|-\nd | e") == [
            "• c",
            "",
            "  a │ b",
            "  ──┼──",
            "d | e",
        ]

    @pytest.mark.parametrize("size", [1, 10, 23, 1_000])
    def test_every_row_of_a_long_table_appears_once(self, size: int) -> None:
        source = "| a |\n|---|\n" + "".join(f"| {number} |\n" for number in range(40))
        stream = MarkdownStream(40)
        for at in range(0, len(source), size):
            stream.feed(source[at : at + size])
        stream.finish()
        lines = "".join(piece for piece, _ in stream.take()).split("\n")
        assert lines[2:] == [str(number) for number in range(40)]

    def test_a_table_may_consist_of_headings(self) -> None:
        assert self.lines("| one | two |\n|---|---|", 4)[0] == "one │ two"

    def test_a_table_ends_where_a_quote_begins(self) -> None:
        assert self.lines("| a |\n> |---|") == ["| a |", "> |---|"]
        assert self.lines("| a |\n|---|\n> | b |") == ["a", "─", "> | b |"]

    def test_an_incomplete_row_in_a_quote(self) -> None:
        stream = MarkdownStream(40)
        stream.feed("> | a |\n> |---|\n> | 1")
        assert "".join(piece for piece, _ in stream.take() + stream.peek()) == "> a\n> ─\n> 1"

    def test_a_column_that_was_empty_at_first(self) -> None:
        rows = "|  | v |\n|--|--|\n" + "|  | x |\n" * 10 + "| late | y |"
        assert "late" in render_text(rows, 8).replace("\n", "").replace(" │ y", "").replace(" ", "")

    def test_a_table_ends_where_its_bars_end(self) -> None:
        assert self.lines("| a |\n|---|\n| 1 |\nb") == ["a", "─", "1", "b"]

    def test_a_late_row_that_is_too_long_for_its_table_ends_with_it(self) -> None:
        rows = "".join(f"| {n} | {n * n} |\n" for n in range(13))
        stream = MarkdownStream(6, wrap=True)
        stream.feed(f"| n | n² |\n|---|---:|\n{rows}")
        stream.finish()
        assert stream.peek() == []
        assert "".join(piece for piece, _ in stream.take()).split()[-3:] == ["14", "│", "4"]

    def test_cells_are_wrapped_in_a_narrow_window(self) -> None:
        lines = self.lines(f"| a | b |\n|---|---|\n| 1 | {'word ' * 10}|\n| 2 | {'x' * 40} |", 20)
        assert all(len(line) <= 20 for line in lines)
        assert lines[2] == "1 │ word word word"
        assert "".join(line[4:] for line in lines[-3:]) == "x" * 40

    def test_a_table_too_wide_for_the_window_becomes_a_list(self) -> None:
        names = [f"c{number}" for number in range(60)]
        rows = ["|".join(["", *names, ""]), "|---" * 60 + "|", "|".join(["", *"x" * 60, ""])]
        assert self.lines("\n".join(rows))[:60] == [f"{name}: x" for name in names]

    def test_a_long_table_becomes_final_before_it_ends(self) -> None:
        stream = MarkdownStream(40)
        stream.feed("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 9)
        assert stream.take() == []
        assert len(stream.peek()) > 9
        stream.feed("| 1 | 2 |\n")
        settled = "".join(piece for piece, _ in stream.take())
        assert settled.count("\n1 ") == 10
        stream.feed("| longer | 2 |\n| 3 |")
        assert "".join(piece for piece, _ in stream.take()) == "\nlonge │ 2\nr     │ "


class TestWhenItIsFinal:
    """Text is final as soon as it cannot change."""

    @pytest.mark.parametrize(
        ("source", "final"),
        [
            ("- some text", "• some text"),
            ("- some *te", "• some "),
            ("some text", ""),
            ("some text\nm", "some text\n"),
            ("some text\nmore\n", "some text\nmore"),
            ("some text\na | b\n", "some text\n"),
            ("some text\n=", ""),
            ("x" * 60, ""),
            ("x" * 61, "x" * 61),
            ("a | " + "x" * 496, ""),
            ("a | " + "x" * 497, "a | " + "x" * 497),
            ("- an ite", "• an ite"),
            ("# Ti", "Ti"),
            ("#", ""),
            ("12", ""),
            ("1. a\n2", "1. a"),
            ("```py\nx = 1\ny", "─── py\nx = 1"),
            ("```\nx = 1\ny = ", "───\nx = 1\ny = "),
            ("| a |\n|---|\n| 1 |\n", ""),
            ("| a |\n|---|\n| 1 |\n\n", "a\n─\n1"),
            ("- [a](http://b", "• "),
            ("- [a] b", "• [a] b"),
            ("- [x]", ""),
            ("- [x] ", ""),
            ("- [x] b", "☑ b"),
        ],
    )
    def test_unfinished_text_is_not_final(self, source: str, final: str) -> None:
        stream = MarkdownStream(40)
        stream.feed(source)
        assert "".join(piece for piece, _ in stream.take()) == final

    def test_lines_of_a_long_code_block_become_final_one_by_one(self) -> None:
        stream = MarkdownStream(40)
        stream.feed("```python\n")
        stream.take()
        for number in range(2_000):
            stream.feed(f"x = {number}\n")
            assert "".join(piece for piece, _ in stream.take()) == f"\nx = {number}"
        assert stream.peek() == []


class TestHighlighting:
    """Colors of code."""

    def test_a_string_continues_on_the_next_line(self) -> None:
        pieces = render_at_once('```python\nx = """a\nb"""\nreturn 1  # c\n```')
        assert ('b"""', "string") in pieces
        assert ("# c", "comment") in pieces

    @pytest.mark.parametrize("language", ["json", "c", "yaml", "console", "html", "diff", "php"])
    def test_highlighting_loses_no_code_in_any_language(self, language: str) -> None:
        code = '{"a": 1}  <b> // c\n$ ls # d\n+ e\n\n  - f: "g'
        assert render_text(f"```{language}\n{code}\n```").split("\n")[1:-1] == code.split("\n")

    def test_a_long_line_of_data_is_not_highlighted(self) -> None:
        line = f"x = '{'a' * 1_000}'"
        assert ("x = '", "") not in render_at_once(f"```python\n{line}\n```")
        assert (line, "") in render_at_once(f"```python\n{line}\n```")


@pytest.mark.parametrize(
    ("source", "blocks"),
    [
        ("no code, `only` a span", []),
        ("a\n```py\nx = 1\n\ny = 2\n```\nb\n```\nsecond\n```", ["x = 1\n\ny = 2\n", "second\n"]),
        ("```\n```", [""]),
        ("~~~\n```\nx\n```\n~~~~\n", ["```\nx\n```\n"]),
        ("```\r\nx\r\n```\r\ny", ["x\n"]),
        ("````\n```\n````", ["```\n"]),
        ("1. one\n   ```\n   x\n     y\n   ```\n- - ```\n    z\n    ```\n", ["x\n  y\n", "z\n"]),
        ("> ```\n> x\n>  y\n> ```\n> > ```\n> > z\nout", ["x\n y\n", "z\n"]),
        ("```\nnever closed", ["never closed\n"]),
        ("```\nnever closed\n\n", ["never closed\n\n"]),
        ("a\n\n    x\n      y\n\n    z\n\nb\n\n\tc\n", ["x\n  y\n\nz\n", "c\n"]),
        ("a\n    goes on", []),
        (
            "- a\n\n      if x:\n          y\n\n      z\n- b\n\n      c",
            ["if x:\n    y\n\nz\n", "c\n"],
        ),
        ("   - a\n\n         x\n\n    y", ["x\n", "y\n"]),
        ("-     x\n", ["x\n"]),
        ("- a\n\n      ```\n      x\n      ```", ["x\n"]),
        ("\ta:\n\t\tb", ["a:\n\tb\n"]),
        ("- a\n      goes on", []),
        ("Title\n---\n    x", ["x\n"]),
        ("    x\n> q\n\n    y", ["x\n", "y\n"]),
        ("    x\n```\ny\n```\n    z\n", ["x\n", "y\n", "z\n"]),
        ("```\n" + "x" * 5_000 + "\n```", ["x" * 5_000 + "\n"]),
        ("    " + "x" * 5_000 + "\n    y", ["x" * 5_000 + "\ny\n"]),
        ("    x\n>\n    y", ["x\n", "y\n"]),
        ("- a\n  > ```\n  > x\n  >  y\n  > ```\n  ```\n  z\n  ```", ["x\n y\n", "z\n"]),
        ("- a\n  > ```\n  > x\n> y", ["x\n"]),
    ],
)
def test_code_blocks_are_found(source: str, blocks: list[str]) -> None:
    assert find_code_blocks(source) == blocks


@given(MARKDOWN)
@settings(max_examples=300, deadline=None)
def test_the_code_blocks_found_are_the_ones_shown(source: str) -> None:
    found = find_code_blocks(source)
    spans = "".join(text for text, style in render_at_once(source) if style != "fence")
    fences = [text for text, style in render_at_once(source) if style == "fence"]
    assert len(fences) % 2 == 0
    assert len(found) >= len(fences) // 2
    for line in "".join(found).splitlines():
        assert line.strip() in spans
