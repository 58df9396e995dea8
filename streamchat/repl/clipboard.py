"""The clipboard: the platform's tool, or the terminal's own (OSC 52)."""

from __future__ import annotations

import asyncio
import base64
import os
import sys

from streamchat.process.threads import run_in_daemon_thread
from streamchat.repl.errors import CommandError

_PATIENCE = 5.0
"""Seconds that the clipboard tool may take."""
_MOST_OSC_52 = 74_994
"""Bytes that terminals take at most, as xterm and tmux have it."""


async def copy(text: str, by: str) -> None:
    """Puts a text on the clipboard.

    Args:
        text: any.
        by: "tool" for the platform's own program, "osc52" for the terminal.

    Raises:
        CommandError: there is no way to.
    """
    if by == "osc52":
        _copy_by_terminal(text)
        return
    try:
        async with asyncio.timeout(_PATIENCE):
            await run_in_daemon_thread(_copy_by_tool, text)
    except TimeoutError:
        raise CommandError("the clipboard tool does not end") from None


def _copy_by_tool(text: str) -> None:
    import pyperclip

    try:
        pyperclip.copy(text)
    except (pyperclip.PyperclipException, OSError) as error:
        raise CommandError(
            "there is no clipboard tool (xclip, xsel, wl-copy, pbcopy); "
            'clipboard = "osc52" in the configuration file uses the terminal\'s'
        ) from error


def _copy_by_terminal(text: str) -> None:
    encoded = base64.b64encode(text.encode(errors="replace")).decode()
    if not sys.stdout.isatty() or len(encoded) > _MOST_OSC_52:
        raise CommandError("the text is too long for the terminal's clipboard")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if "TMUX" in os.environ:
        sequence = f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    sys.stdout.write(sequence)
    sys.stdout.flush()
