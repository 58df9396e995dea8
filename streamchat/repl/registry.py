"""The commands of the chat: one registry, from which help, completion and the README come."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

from streamchat.repl.errors import CommandError
from streamchat.text.sanitize import one_line

if TYPE_CHECKING:
    from streamchat.repl.chat import Chat

Handler: TypeAlias = "Callable[[Chat, str], Coroutine[Any, Any, None]]"
"""Does what a command says; takes what stands after the command."""
Offers: TypeAlias = "Callable[[Chat, str], Iterable[tuple[str, str]]]"
"""What may stand there, with what it means; takes what of it was typed."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: with its slash.
        arguments: as the help shows them.
        help: one line.
        more: what else `/help NAME` tells.
    """

    name: str
    arguments: str
    help: str
    more: str
    handler: Handler
    completer: Offers

    @property
    def usage(self) -> str:
        """How it is called."""
        return f"{self.name} {self.arguments}".rstrip()


COMMANDS: dict[str, Command] = {}
"""All commands by their names, in the order of the help."""


def nothing(chat: Chat, begun: str) -> Iterable[tuple[str, str]]:
    """Offers nothing."""
    return ()


def command(
    usage: str, help: str, *, more: str = "", completer: Offers = nothing
) -> Callable[[Handler], Handler]:
    """Makes a function a command.

    Args:
        usage: the name with its slash, and the arguments.
        help: one line.
        more: what else `/help NAME` tells.
        completer: knows what the arguments may be.
    """
    name, _, arguments = usage.partition(" ")

    def register(handler: Handler) -> Handler:
        COMMANDS[name] = Command(name, arguments, help, more, handler, completer)
        return handler

    return register


def found(name: str) -> Command:
    """Returns the command of this name.

    Raises:
        CommandError: there is none.
    """
    if command := COMMANDS.get(name):
        return command
    near = get_close_matches(name, COMMANDS, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else "/help lists them"
    raise CommandError(f"no command is called {one_line(name, 40)}; {hint}")


def table() -> str:
    """Returns the commands as a table in Markdown."""
    rows = (
        f"| `{each.usage}` | {each.help.replace('|', chr(92) + '|')} |"
        for each in COMMANDS.values()
    )
    return "\n".join(["| command | |", "|---|---|", *rows])
