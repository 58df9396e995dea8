"""Limits what prompt-toolkit writes to a terminal to what the rest of the program writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self, TextIO

from prompt_toolkit.application import create_app_session
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.plain_text import PlainTextOutput
from prompt_toolkit.output.vt100 import Vt100_Output

from streamchat.process.tty import can_repaint


class Output(Vt100_Output):
    """Writes text, styles, cursor movement, erasing, and two modes: cursor and bracketed paste.

    It does not ask the terminal where its cursor is: a slow terminal, or one that never answers,
    would hold up the prompt, and a late answer would be read as keys.
    """

    @classmethod
    def on(cls, stream: TextIO) -> Self:
        output = cls.from_pty(stream, term=os.environ.get("TERM"), enable_bell=False)
        assert isinstance(output, cls)
        return output

    @property
    def responds_to_cpr(self) -> bool:
        return False

    def get_rows_below_cursor_position(self) -> int:
        """Return the least number of rows: that of the cursor."""
        return 1

    def show_cursor(self) -> None:
        """Show the cursor without setting whether it blinks."""
        self.write_raw("\x1b[?25h")

    def hide_cursor(self) -> None:
        self.write_raw("\x1b[?25l")

    def cursor_backward(self, amount: int) -> None:
        if amount:
            self.write_raw(f"\x1b[{amount}D")

    def disable_autowrap(self) -> None:
        """Do nothing: no text ever follows a full line here."""

    def enable_autowrap(self) -> None:
        """Do nothing: see `disable_autowrap`."""

    def reset_cursor_key_mode(self) -> None:
        """Do nothing: the program never sets another mode."""


class Unseen(DummyOutput):
    """Writes nothing of a prompt, but lets the terminal mark what is pasted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def enable_bracketed_paste(self) -> None:
        self._write("\x1b[?2004h")

    def disable_bracketed_paste(self) -> None:
        self._write("\x1b[?2004l")

    def _write(self, sequence: str) -> None:
        if can_repaint(self._stream):
            self._stream.write(sequence)
            self._stream.flush()


@contextmanager
def limit_session() -> Iterator[None]:
    """On a dumb terminal, let prompt-toolkit write nothing but text."""
    if can_repaint(sys.stdout):
        yield
    else:
        with create_app_session(output=PlainTextOutput(sys.stdout)):
            yield


def terminal_output() -> Output | None:
    """Return the output for the terminal; None on a dumb one, where prompt-toolkit has its own."""
    return Output.on(sys.stdout) if can_repaint(sys.stdout) else None
