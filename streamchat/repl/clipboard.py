"""The clipboard: the platform's tool, or the terminal's own (OSC 52)."""

from __future__ import annotations

import asyncio
import base64
import os
import sys

from streamchat.process.threads import run_in_daemon_thread
from streamchat.repl.errors import CommandError

_TOOL_TIMEOUT = 5.0
"""Seconds to wait for the clipboard tool."""
_MAX_OSC_52 = 74_994
"""The most bytes that xterm and tmux accept."""


async def copy(text: str, by: str) -> None:
    """Copy text to the clipboard.

    Args:
        text: what to copy.
        by: "tool" for the platform's own program, "osc52" for the terminal.

    Raises:
        CommandError: it cannot be copied.
    """
    if by == "osc52":
        _copy_with_osc52(text)
        return
    try:
        async with asyncio.timeout(_TOOL_TIMEOUT):
            await run_in_daemon_thread(_copy_with_tool, text)
    except TimeoutError:
        raise CommandError("The clipboard tool timed out") from None


def _copy_with_tool(text: str) -> None:
    import pyperclip

    try:
        pyperclip.copy(text)
    except (pyperclip.PyperclipException, OSError) as error:
        raise CommandError(
            "No clipboard tool found (xclip, xsel, wl-copy, pbcopy). "
            'Set clipboard = "osc52" in the configuration file to copy through the terminal'
        ) from error


def _copy_with_osc52(text: str) -> None:
    encoded = base64.b64encode(text.encode(errors="replace")).decode()
    if not sys.stdout.isatty() or len(encoded) > _MAX_OSC_52:
        raise CommandError("The text is too long for the terminal's clipboard")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if "TMUX" in os.environ:
        sequence = f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    sys.stdout.write(sequence)
    sys.stdout.flush()
