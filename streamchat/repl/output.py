"""What prompt-toolkit writes on a terminal: no more than every other part of the program does."""

from __future__ import annotations

import os
import sys
from typing import Self, TextIO

from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.vt100 import Vt100_Output

from streamchat.process.tty import can_repaint


class Output(Vt100_Output):
    """Writes on the terminal only what every other part of the program does.

    That is text, styles, cursor movement, erasing, and the cursor's and bracketed paste's modes.
    A terminal is not asked where its cursor is: it may be slow to answer, or never do, and the
    answer would be taken for keys.
    """

    @classmethod
    def on(cls, stream: TextIO) -> Self:
        """Returns the output to a terminal."""
        output = cls.from_pty(stream, term=os.environ.get("TERM"), enable_bell=False)
        assert isinstance(output, cls)
        return output

    @property
    def responds_to_cpr(self) -> bool:
        """Whether it is asked where its cursor is."""
        return False

    def get_rows_below_cursor_position(self) -> int:
        """Returns how many lines there are at least: that of the cursor."""
        return 1

    def show_cursor(self) -> None:
        """Shows the cursor, and leaves it to its user whether it blinks."""
        self.write_raw("\x1b[?25h")

    def hide_cursor(self) -> None:
        """Hides the cursor."""
        self.write_raw("\x1b[?25l")

    def cursor_backward(self, amount: int) -> None:
        """Moves the cursor to the left."""
        if amount:
            self.write_raw(f"\x1b[{amount}D")

    def disable_autowrap(self) -> None:
        """Does nothing: full lines are never followed by more text here."""

    def enable_autowrap(self) -> None:
        """Does nothing."""

    def reset_cursor_key_mode(self) -> None:
        """Does nothing: no other mode is ever set."""


class Unseen(DummyOutput):
    """Shows nothing of a prompt, and has the terminal tell what was pasted from what was typed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def enable_bracketed_paste(self) -> None:
        """Has the terminal mark what is pasted."""
        self._write("\x1b[?2004h")

    def disable_bracketed_paste(self) -> None:
        """Has the terminal mark nothing."""
        self._write("\x1b[?2004l")

    def _write(self, sequence: str) -> None:
        if can_repaint(self._stream):
            self._stream.write(sequence)
            self._stream.flush()


def terminal_output() -> Output | None:
    """Returns the output to the terminal; prompt-toolkit has its own for a dumb one."""
    return Output.on(sys.stdout) if can_repaint(sys.stdout) else None
