"""Python tracebacks."""

from __future__ import annotations

import os
from typing import TextIO

from streamchat.process.tty import can_repaint
from streamchat.view.document import write_source


def show_traceback(text: str, out: TextIO, code_style: str, *, plain: bool = False) -> None:
    """Write a traceback, highlighted on a terminal unless the user wants no colors.

    Args:
        text: the traceback, without secrets.
        out: where to write it.
        code_style: the setting of that name.
        plain: whether the user wants text only.

    Raises:
        OSError: the output is gone.
    """
    if plain or os.environ.get("NO_COLOR") or not can_repaint(out):
        write_source(f"{text}\n", out)
    else:
        _draw(text, out, code_style)


def _draw(text: str, out: TextIO, code_style: str) -> None:
    # Rich and Pygments are slow to import, and most chats need no traceback.
    from streamchat.view.markdown.highlight import highlight_whole, load_lexer
    from streamchat.view.style import Palette, choose_code_style, open_console, render

    console = open_console(out)
    style = choose_code_style(code_style, console)
    spans = highlight_whole(text, load_lexer("pytb"), style)
    out.write(render(Palette(console).apply(spans)))
    out.flush()
