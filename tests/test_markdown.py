"""Markdown as it streams: split anywhere, it comes out as if it had come at once."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from streamchat.view.inline import Piece
from streamchat.view.markdown import MarkdownStream

LINES = st.sampled_from(
    [
        *("", "", "", "# Title", "## A *b* c", "####### x", "#tag", "---", "***", "* * *", "===="),
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
WORDS = st.sampled_from([*"*_`~[]()!\\|#>- \nab1", "**", "```", "\n\n", " word ", "](", "日"])
MARKDOWN = st.one_of(
    st.lists(LINES, max_size=12).map("\n".join),
    st.lists(WORDS, max_size=60).map("".join),
    st.lists(st.one_of(LINES, WORDS), max_size=30).map("".join),
)
CUTS = st.lists(st.integers(0, 300), max_size=40)


def joined(pieces: list[Piece]) -> list[tuple[str, str]]:
    """Each character with its style."""
    return [(character, style) for text, style in pieces for character in text]


def whole(source: str, width: int = 80) -> list[Piece]:
    stream = MarkdownStream(width)
    stream.feed(source)
    stream.finish()
    return stream.take()


def text(source: str, width: int = 80) -> str:
    return "".join(piece for piece, _ in whole(source, width))


def split(source: str, cuts: list[int]) -> list[str]:
    ends = sorted({min(cut, len(source)) for cut in cuts} | {len(source)})
    return [source[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@given(MARKDOWN, CUTS, st.integers(1, 120))
@settings(max_examples=500, deadline=None)
def test_what_was_given_out_and_the_rest_are_the_whole(
    source: str, cuts: list[int], width: int
) -> None:
    stream = MarkdownStream(width)
    settled: list[Piece] = []
    for piece in split(source, cuts):
        stream.feed(piece)
        stream.tail()  # looking changes nothing
        settled += stream.take()
        assert joined(settled) == joined(whole(source, width))[: len(joined(settled))]
    stream.finish()
    assert stream.tail() == []
    assert joined(settled + stream.take()) == joined(whole(source, width))


def letters(source: str) -> list[str]:
    """`<br>` may be a line end in a table."""
    return re.findall(r"[^\W_]", source.replace("<br>", ""))


@given(MARKDOWN)
@settings(max_examples=500, deadline=None)
def test_every_letter_is_shown_in_its_place(source: str) -> None:
    """In a window wide enough for every table: cells of narrow ones stand side by side."""
    assert letters(text(source, 2_000)) == letters(source)
