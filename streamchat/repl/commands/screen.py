"""What is shown of a turn, and the end of the chat."""

from __future__ import annotations

from dataclasses import replace

from streamchat.repl.chat import Chat
from streamchat.repl.registry import command


@command("/verbose", "show every chunk as it comes, or no longer")
async def verbose(chat: Chat, _: str) -> None:
    """Switches the debug lines."""
    chat.look = replace(chat.look, verbose=not chat.look.verbose)
    chat.say(f"verbose is {'on' if chat.look.verbose else 'off'}")


@command("/raw", "show every fragment and token followed by |, or panels again")
async def raw(chat: Chat, _: str) -> None:
    """Switches the token view."""
    chat.look = replace(chat.look, raw=not chat.look.raw)
    chat.say(f"raw is {'on' if chat.look.raw else 'off'}")


@command("/quit", "leave, as Ctrl-D does")
async def quit_(chat: Chat, _: str) -> None:
    """Leaves."""
    raise EOFError
