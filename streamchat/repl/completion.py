"""Completes commands, their arguments, and files after an @."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from streamchat.repl.attachments import BEGIN
from streamchat.repl.chat import Chat
from streamchat.repl.registry import COMMANDS
from streamchat.text.sanitize import one_line

_MAX_WIDTH = 200
"""Characters of an entry; the window shows what fits."""
_ATTACHING = re.compile(BEGIN + r'(?:"([^"\n]*)|(\S*))$')


class ChatCompleter(Completer):
    """Completes a message."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        name, space, argument = text.partition(" ")
        if attaching := _ATTACHING.search(text):
            return _files(attaching)
        if space and (command := COMMANDS.get(name)):
            return _match(command.completer(self._chat, argument), argument)
        if text.startswith("/") and not space:
            offered = (each for each in COMMANDS.values() if each.is_offered(self._chat))
            return _match(((each.name, each.help) for each in offered), text)
        return []


def is_completed(text: str) -> bool:
    """Whether completions may exist for this text."""
    return text.startswith("/") or bool(_ATTACHING.search(text))


def _files(attaching: re.Match[str]) -> Iterable[Completion]:
    quoted, plain = attaching.groups()
    for path, _ in complete_path(plain if quoted is None else quoted):
        end = "" if path.endswith("/") else '"'
        text = f'@"{path}{end}' if quoted is not None or " " in path else f"@{path}"
        yield Completion(text, -len(attaching[0]), display=one_line(path, _MAX_WIDTH))


def _match(offers: Iterable[tuple[str, str]], typed: str) -> Iterable[Completion]:
    for text, meaning in offers:
        if text.startswith(typed):
            yield Completion(text, -len(typed), display_meta=one_line(meaning, _MAX_WIDTH))


def complete_path(typed: str) -> Iterable[tuple[str, str]]:
    """Yield the files and directories whose paths start with what is typed."""
    try:
        base = Path(typed).expanduser()
    except (RuntimeError, ValueError):  # no such user
        return
    folder, start = (base, "") if typed.endswith("/") else (base.parent, base.name)
    shown = typed[: len(typed) - len(start)]
    try:
        there = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return
    for each in there:
        if each.name.startswith(start):
            yield f"{shown}{each.name}{'/' if each.is_dir() else ''}", ""
