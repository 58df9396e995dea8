"""The registry of the chat's commands, from which help, completion and the manual are made.

The commands themselves are in `streamchat.repl.commands`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from streamchat.repl.errors import CommandError
from streamchat.text.sanitize import one_line
from streamchat.text.suggest import find_closest

if TYPE_CHECKING:
    from streamchat.repl.chat import Chat

Handler: TypeAlias = "Callable[[Chat, str], Coroutine[Any, Any, None]]"
"""Runs a command; takes what follows its name."""
Offers: TypeAlias = "Callable[[Chat, str], Iterable[tuple[str, str]]]"
"""Yields completions of the argument and what they mean; takes what is typed of it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: with its slash.
        arguments: as the help shows them; empty if it takes none.
        help: one line.
        more: further lines for `/help NAME`.
    """

    name: str
    arguments: str
    help: str
    more: str
    handler: Handler
    completer: Offers

    @property
    def usage(self) -> str:
        return f"{self.name} {self.arguments}".rstrip()


COMMANDS: dict[str, Command] = {}
"""All commands by name, in the order of the help."""


def offer_nothing(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    return ()


def command(
    usage: str, help: str, *, more: str = "", completer: Offers = offer_nothing
) -> Callable[[Handler], Handler]:
    """Register a function as a command.

    Args:
        usage: the name with its slash, and the arguments.
        help: one line.
        more: further lines for `/help NAME`.
        completer: completes the argument.
    """
    name, _, arguments = usage.partition(" ")

    def register(handler: Handler) -> Handler:
        COMMANDS[name] = Command(name, arguments, help, more, handler, completer)
        return handler

    return register


def find_command(name: str) -> Command:
    """Return the command of this name.

    Raises:
        CommandError: there is none.
    """
    if command := COMMANDS.get(name):
        return command
    close = find_closest(name, COMMANDS)
    hint = f"Did you mean {close}?" if close else "/help lists them."
    raise CommandError(f"Unknown command {one_line(name, 40)}. {hint}")


def render_table() -> str:
    """Return the commands as a Markdown table."""
    rows = (f"| `{_escape(each.usage)}` | {_escape(each.help)} |" for each in COMMANDS.values())
    return "\n".join(["| command | |", "|---|---|", *rows])


def _escape(cell: str) -> str:
    return cell.replace("|", r"\|")
