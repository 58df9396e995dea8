"""Help."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable

from streamchat.repl.chat import Chat
from streamchat.repl.registry import COMMANDS, Command, command, found

_KEYS = (
    "Enter sends, Alt-Enter or Ctrl-J begins a new line. Ctrl-R searches what was typed, Right "
    "takes the grey suggestion, Tab completes, Ctrl-X Ctrl-E opens the editor. @path attaches a "
    "file. While an answer streams: keys are kept for the next prompt, Enter queues a message, "
    "Esc or Ctrl-C stops the answer. Ctrl-D leaves."
)


def _names(chat: Chat, begun: str) -> Iterable[tuple[str, str]]:
    return [(name.removeprefix("/"), each.help) for name, each in COMMANDS.items()]


@command(
    "/help [COMMAND]",
    "the commands, or more about one",
    more="Examples: /help, /help model",
    completer=_names,
)
async def help_(chat: Chat, name: str) -> None:
    """Shows the help of all commands, or of one."""
    if name:
        _show_one(chat, found("/" + name.removeprefix("/")))
        return
    width = max(len(each.usage) for each in COMMANDS.values())
    columns = shutil.get_terminal_size().columns if chat.interactive else 10_000
    chat.say(_wrapped(_KEYS, columns))
    for each in COMMANDS.values():
        if columns < width + 30:
            chat.say(_wrapped(f"{each.usage}  {each.help}", columns, "    "))
        else:
            chat.say(_wrapped(f"{each.usage:{width}}  {each.help}", columns, " " * (width + 2)))


def _show_one(chat: Chat, each: Command) -> None:
    columns = shutil.get_terminal_size().columns if chat.interactive else 10_000
    chat.say(each.usage)
    for text in filter(None, (each.help, each.more)):
        chat.say(_wrapped(text, columns))


def _wrapped(text: str, columns: int, indent: str = "") -> str:
    """Returns the text in lines that fit."""
    return textwrap.fill(
        text, max(columns - 1, 20), subsequent_indent=indent, break_on_hyphens=False
    )
