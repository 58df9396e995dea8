"""Commands that change the view, and /quit."""

from __future__ import annotations

from dataclasses import replace

from streamchat.repl.chat import Chat
from streamchat.repl.registry import command


@command("/verbose", "turn the debug lines for every chunk on or off", group="Display")
async def verbose(chat: Chat, _: str) -> None:
    chat.options = replace(chat.options, verbose=not chat.options.verbose)
    chat.say(f"Verbose is {'on' if chat.options.verbose else 'off'}")


@command("/raw", "turn the token view, with | after every fragment, on or off", group="Display")
async def raw(chat: Chat, _: str) -> None:
    chat.options = replace(chat.options, raw=not chat.options.raw)
    chat.say(f"Raw is {'on' if chat.options.raw else 'off'}")


@command("/quit", "quit (or press Ctrl-D)", group="Other")
async def quit_(chat: Chat, _: str) -> None:
    raise EOFError
