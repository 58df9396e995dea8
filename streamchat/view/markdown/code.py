"""The code blocks of a Markdown text."""

from __future__ import annotations

from streamchat.view.markdown.stream import MarkdownStream


def find_code_blocks(text: str) -> list[str]:
    """Return the code in each block that the screen shows as code, in order.

    Each line ends with a line feed. Indentation that belongs to the list item, the quote or the
    fence is left out.
    """
    stream = MarkdownStream(1)
    stream.feed(text.replace("\r\n", "\n"))
    stream.finish()
    return ["".join(block) for block in stream.code_blocks]
