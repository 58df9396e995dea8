"""/help: the keys, the commands, and the manual."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable

from streamchat.manual import TOPICS, read_topic
from streamchat.repl.chat import Chat
from streamchat.repl.registry import COMMANDS, Command, command, find_command
from streamchat.view.document import show_document

_KEYS = (
    "Enter sends; Alt-Enter or Ctrl-J inserts a line break. Ctrl-R searches the prompt history, "
    "Right accepts the grey suggestion, Tab completes, Ctrl-X Ctrl-E opens the editor. @path "
    "attaches a file. While an answer streams, you can type the next message: Enter queues it, "
    "Esc or Ctrl-C stops the answer. Ctrl-D quits."
)


def _offer_names(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    commands = {name.removeprefix("/"): each.help for name, each in COMMANDS.items()}
    return (commands | TOPICS).items()


@command(
    "/help [COMMAND|TOPIC]",
    "list the commands, describe one, or show a topic of the manual",
    more="Examples: /help, /help model, /help configuration. A name that is both is the topic; "
    "with its slash, as in /help /sessions, it is the command.",
    completer=_offer_names,
)
async def help_(chat: Chat, name: str) -> None:
    if name in TOPICS:
        show_document(read_topic(name), sys.stdout, plain=chat.options.plain)
    elif name:
        _describe(chat, find_command("/" + name.removeprefix("/")))
    else:
        _list_commands(chat)


def _list_commands(chat: Chat) -> None:
    columns = chat.columns
    chat.say(_wrap(_KEYS, columns))
    width = max(len(each.usage) for each in COMMANDS.values())
    for each in COMMANDS.values():
        if columns < width + 30:
            chat.say(_wrap(f"{each.usage}  {each.help}", columns, "    "))
        else:
            chat.say(_wrap(f"{each.usage:{width}}  {each.help}", columns, " " * (width + 2)))
    chat.say(_wrap(f"Topics of the manual: {', '.join(TOPICS)}.", columns))


def _describe(chat: Chat, each: Command) -> None:
    columns = chat.columns
    chat.say(each.usage)
    for text in filter(None, (each.help, each.more)):
        chat.say(_wrap(text, columns))


def _wrap(text: str, columns: int, indent: str = "") -> str:
    return textwrap.fill(
        text, max(columns - 1, 20), subsequent_indent=indent, break_on_hyphens=False
    )
