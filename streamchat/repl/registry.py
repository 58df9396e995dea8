"""The registry of the chat's commands, from which help, completion and the manual are made.

The commands themselves are in `streamchat.repl.commands`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from streamchat.repl.errors import CommandError
from streamchat.text.sanitize import one_line
from streamchat.text.suggest import find_closest

if TYPE_CHECKING:
    from streamchat.repl.chat import Chat

Handler: TypeAlias = "Callable[[Chat, str], Coroutine[Any, Any, None]]"
"""Runs a command; takes what follows its name."""
Offers: TypeAlias = "Callable[[Chat, str], Iterable[tuple[str, str]]]"
"""Yields completions of the argument and what they mean; takes what is typed of it."""
Group: TypeAlias = Literal["Conversation", "Sessions", "Model", "Display", "Other"]
GROUPS: tuple[Group, ...] = get_args(Group)
"""The groups of commands, in the order of the help."""
_MAY_HOLD_SPACES = ("NAME", "FILE")
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: with its slash.
        arguments: as the help shows them; empty if it takes none. N is a number, TEXT is anything,
            NAME and FILE may hold spaces.
        help: one line.
        group: where the help lists it.
        more: further lines for `/help NAME`.
        with_agent: whether it is for code of the user's, or for models only; None for both.
    """

    name: str
    arguments: str
    help: str
    group: Group
    more: str
    handler: Handler
    completer: Offers
    with_agent: bool | None = None

    @property
    def usage(self) -> str:
        return f"{self.name} {self.arguments}".rstrip()

    def is_offered(self, chat: Chat) -> bool:
        """Whether the command is of any use in a chat."""
        if self.with_agent and chat.settings.tools:
            return True
        return self.with_agent in (None, bool(chat.settings.agent))

    def check_argument(self, argument: str) -> None:
        """Refuse an argument that the command does not take.

        Raises:
            CommandError: the argument is not what `arguments` says.
        """
        kind = self.arguments.strip("[]")
        if not argument or kind == "TEXT":
            return
        if not kind:
            raise CommandError(f"{self.name} takes no arguments")
        if kind == "N" and not _is_number(argument):
            taken = "a smaller number" if argument.isdecimal() else "a number"
            raise CommandError(f"{self.name} takes {taken}, not {one_line(argument, 20)}")
        if argument.startswith("-"):
            raise CommandError(f"{self.name} takes no options, not {one_line(argument, 20)}")
        if not kind.endswith(_MAY_HOLD_SPACES) and len(argument.split()) > 1:
            raise CommandError(f"{self.name} takes one argument: {self.usage}")


def _is_number(text: str) -> bool:
    # Python refuses to convert numbers of thousands of digits.
    return text.isdecimal() and len(text) <= _MOST_DIGITS


COMMANDS: dict[str, Command] = {}
"""All commands by name, in the order of the help."""


def offer_nothing(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    return ()


def command(
    usage: str,
    help: str,
    *,
    group: Group,
    more: str = "",
    completer: Offers = offer_nothing,
    with_agent: bool | None = None,
) -> Callable[[Handler], Handler]:
    """Register a function as a command.

    Args:
        usage: the name with its slash, and the arguments.
        help: one line.
        group: where the help lists it.
        more: further lines for `/help NAME`.
        completer: completes the argument.
        with_agent: whether it is for code of the user's, or for models only; None for both.
    """
    name, _, arguments = usage.partition(" ")

    def register(handler: Handler) -> Handler:
        COMMANDS[name] = Command(name, arguments, help, group, more, handler, completer, with_agent)
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
