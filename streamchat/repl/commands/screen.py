"""Commands that change the view, and /quit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from streamchat.repl.chat import Chat
from streamchat.repl.errors import CommandError
from streamchat.repl.registry import command
from streamchat.text.sanitize import one_line


@command("/verbose", "turn the debug lines for every chunk on or off", group="Display")
async def verbose(chat: Chat, _: str) -> None:
    chat.options = replace(chat.options, verbose=not chat.options.verbose)
    chat.say(f"Verbose is {'on' if chat.options.verbose else 'off'}")


@command("/raw", "turn the token view, with | after every fragment, on or off", group="Display")
async def raw(chat: Chat, _: str) -> None:
    chat.options = replace(chat.options, raw=not chat.options.raw)
    chat.say(f"Raw is {'on' if chat.options.raw else 'off'}")


_MEANINGS: dict[Literal["fold", "show", "hide"], str] = {
    "fold": "folded to one line once the answer begins",
    "show": "shown in full",
    "hide": "hidden",
}
"""What becomes of reasoning, by the value of the setting."""


def _offer_reasoning(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    return _MEANINGS.items()


@command(
    "/reasoning [HOW]",
    "fold, show or hide reasoning; without HOW, fold or show it",
    group="Display",
    more='It lasts until the chat ends; reasoning = "show" in the configuration file is for all. '
    "/last shows the reasoning of the last turn in any case.",
    completer=_offer_reasoning,
)
async def reasoning(chat: Chat, wanted: str) -> None:
    look = chat.options.look
    wanted = wanted or ("fold" if look.reasoning == "show" else "show")
    for how, meaning in _MEANINGS.items():
        if how == wanted:
            chat.options = replace(chat.options, look=replace(look, reasoning=how))
            chat.say(f"Reasoning is {meaning}")
            return
    raise CommandError(f"/reasoning takes fold, show or hide, not {one_line(wanted, 20)}")


@command("/quit", "quit (or press Ctrl-D)", group="Other")
async def quit_(chat: Chat, _: str) -> None:
    raise EOFError
