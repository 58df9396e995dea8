"""The clipboard: the platform's tool, or the terminal's own (OSC 52)."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys

from streamchat.process.threads import run_in_daemon_thread
from streamchat.process.tty import can_repaint
from streamchat.repl.errors import CommandError, describe_exit

_TOOL_TIMEOUT = 5.0
"""Seconds to wait for the clipboard tool."""
_MAX_OSC_52 = 74_994
"""The most bytes that xterm and tmux accept."""
_TOOLS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
)
"""Programs that read the text from standard input, and the variable that names their display."""


async def copy(text: str, by: str) -> str:
    """Copy text to the clipboard, and return how.

    Args:
        text: what to copy.
        by: "tool" for the platform's own program, or the terminal if there is none; "osc52" for
            the terminal.

    Raises:
        CommandError: it cannot be copied.
    """
    tool = _find_tool() if by == "tool" else None
    if tool:
        await run_in_daemon_thread(_copy_with_tool, tool, text)
        return f"with {tool[0]}"
    _copy_with_osc52(text)
    return "through the terminal"


def _find_tool() -> tuple[str, ...] | None:
    if sys.platform == "darwin":
        return ("pbcopy",)
    tools = (tool for display, tool in _TOOLS if os.environ.get(display))
    return next((tool for tool in tools if shutil.which(tool[0])), None)


def _copy_with_tool(tool: tuple[str, ...], text: str) -> None:
    try:
        # A tool may stay in the background to serve the text: no pipe of its must be waited for.
        done = subprocess.run(  # noqa: S603  # a name of the table
            tool,
            input=text.encode(errors="replace"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TOOL_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"Not copied: {tool[0]} timed out") from None
    except OSError as error:
        raise CommandError(f"Not copied: cannot run {tool[0]}: {error.strerror}") from None
    if done.returncode:
        raise CommandError(f"Not copied: {describe_exit(tool[0], done.returncode)}")


def _copy_with_osc52(text: str) -> None:
    if not can_repaint(sys.stdout):
        raise CommandError(
            "Not copied: no clipboard tool found (wl-copy, xclip, xsel), and no terminal to ask"
        )
    encoded = base64.b64encode(text.encode(errors="replace")).decode()
    if len(encoded) > _MAX_OSC_52:
        raise CommandError("Not copied: the text is too long for the terminal's clipboard")
    sequence = f"\x1b]52;c;{encoded}\x07"
    if "TMUX" in os.environ:
        sequence = f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
    sys.stdout.write(sequence)
    sys.stdout.flush()
