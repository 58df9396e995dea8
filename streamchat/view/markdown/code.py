"""The code blocks of a Markdown text."""

from __future__ import annotations

from streamchat.view.markdown.blocks import BlockParser


def find_code_blocks(text: str) -> list[str]:
    """Return the contents of all blocks that the screen shows as code, in order.

    Each line ends with a line feed. Indentation that belongs to a list item, a quote or the fence
    is left out.
    """
    finder = _CodeFinder()
    finder.feed(text.replace("\r\n", "\n"))
    finder.finish()
    return ["".join(block) for block in finder.blocks]


class _CodeFinder(BlockParser):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[list[str]] = []
        """The source of each block, in pieces."""

    def open_fence(self, info: str) -> None:
        self.blocks.append([])

    def begin_indented_code(self) -> None:
        self.blocks.append([])

    def add_code(self, text: str) -> None:
        self.blocks[-1].append(text)

    def add_code_line(self, code: str) -> None:
        self.blocks[-1] += [code, "\n"]

    def end_code_line(self) -> None:
        self.blocks[-1].append("\n")
