"""/help: the keys, the commands, and the manual."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from streamchat.manual import TOPICS, read_topic
from streamchat.process.styles import bold
from streamchat.repl.chat import Chat
from streamchat.repl.errors import CommandError
from streamchat.repl.keys import list_keys
from streamchat.repl.registry import COMMANDS, GROUPS, Command, command, find_command
from streamchat.repl.wrapping import wrap
from streamchat.text.sanitize import one_line
from streamchat.text.suggest import find_closest
from streamchat.view.document import show_document

KEYS_WANTED = "?"
"""The message that asks for the keys, where `?` cannot show them below the prompt."""
_INDENT = "  "
_NARROW = 30
"""Columns that the description of a command needs beside it."""


def _offer_names(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    commands = {name.removeprefix("/"): each.help for name, each in COMMANDS.items()}
    return (commands | TOPICS).items()


@command(
    "/help [COMMAND|TOPIC]",
    "list the commands, describe one, or show a topic of the manual",
    group="Other",
    more="Examples: /help, /help model, /help configuration. A name that is both is the topic; "
    "with its slash, as in /help /sessions, it is the command.",
    completer=_offer_names,
)
async def help_(chat: Chat, name: str) -> None:
    if name in TOPICS:
        show_document(read_topic(name), sys.stdout, plain=chat.options.plain)
    elif name:
        _describe(chat, _find_described(name))
    else:
        _list_commands(chat)


def _find_described(name: str) -> Command:
    command = f"/{name.removeprefix('/')}"
    if command not in COMMANDS and (topic := find_closest(name, TOPICS)):
        raise CommandError(f"Unknown topic {one_line(name, 40)}. Did you mean /help {topic}?")
    return find_command(command)


def _list_commands(chat: Chat) -> None:
    for group in GROUPS:
        chat.say(group, bold)
        _list_entries(chat, [(e.usage, e.help) for e in COMMANDS.values() if e.group == group])
        chat.separate()
    chat.say("Keys", bold)
    if chat.is_plain:
        show_keys(chat)
    else:
        chat.say(f"{_INDENT}? on an empty line shows them")
    chat.separate()
    chat.say("Topics of the manual, as in /help chat", bold)
    chat.say(wrap(_INDENT + ", ".join(TOPICS), chat.columns, _INDENT))


def _list_entries(chat: Chat, entries: Sequence[tuple[str, str]]) -> None:
    """List entries beside what they mean, or above it in a narrow window."""
    width = max(len(each.usage) for each in COMMANDS.values())
    for name, meaning in entries:
        if chat.columns < width + _NARROW:
            chat.say(_INDENT + name)
            chat.say(wrap(3 * _INDENT + meaning, chat.columns, 3 * _INDENT))
        else:
            line = f"{_INDENT}{name:{width}}{_INDENT}{meaning}"
            chat.say(wrap(line, chat.columns, " " * (width + 2 * len(_INDENT))))


def show_keys(chat: Chat) -> None:
    """Print what `?` shows below the prompt."""
    for key, what in list_keys(vi=chat.settings.editing == "vi"):
        chat.say(wrap(f"{_INDENT}{key}: {what}", chat.columns, 2 * _INDENT))


def _describe(chat: Chat, each: Command) -> None:
    columns = chat.columns
    chat.say(each.usage)
    for text in filter(None, (each.help, each.more)):
        chat.say(wrap(text, columns))
