"""Options that several commands share; those for settings come from their declarations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any, TypeAlias

import typer

from streamchat.config import PROFILE, SETTINGS, Setting, Settings
from streamchat.config.kinds import Places, Servers
from streamchat.config.setting import describe_default

Flags: TypeAlias = Mapping[str, Any]
"""The values of flags by the names of their settings; None for a flag that was not given."""

Continue = Annotated[bool, typer.Option("--continue", help="Continue the last session.")]
Resume = Annotated[
    str | None, typer.Option(metavar="ID", help="Resume a session by ID or ID prefix.")
]
New = Annotated[bool, typer.Option("--new", help="Start a new session (default).")]
Plain = Annotated[
    bool, typer.Option("--plain", help="Write plain lines: no panels, colors or cursor movement.")
]
Json = Annotated[bool, typer.Option("--json", help="Write each event as a line of JSON.")]
Raw = Annotated[bool, typer.Option("--raw", help="Write | after every token.")]

_FLAGS = {name: each for name, each in SETTINGS.items() if each.flags} | {"profile": PROFILE}
FLAGS_WITH_VALUE = frozenset(
    {
        "--resume",
        "--resume-value",
        *(flag for each in _FLAGS.values() if each.kind.metavar for flag in each.flags),
    }
)
"""The flags of `ask` and `repl` that the next argument belongs to."""
FLAGS_WITH_FILE = frozenset({"--output", "-o", "--cast", "--svg"})
"""The flags that the next argument names a file for."""


def takes_settings(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each of these settings, or for all that have one.

    The command's first parameter, `flags`, receives their values.
    """
    chosen = {name: _FLAGS[name] for name in names or _FLAGS}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = signature(command, eval_str=True)
        options = [_make_option(name, setting) for name, setting in chosen.items()]
        parameters = [*options, *list(own.parameters.values())[1:]]
        # Keyword parameters with and without a default may come in any order.
        keywords = [each.replace(kind=Parameter.KEYWORD_ONLY) for each in parameters]

        @wraps(command)
        def run(**arguments: Any) -> None:
            # A list without items was not given.
            flags = {name: None if (e := arguments.pop(name, None)) == [] else e for name in chosen}
            command(flags, **arguments)

        run.__signature__ = own.replace(parameters=keywords)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in keywords}
        return run

    return decorate


def _make_option(name: str, setting: Setting) -> Parameter:
    help = f"{setting.description}{_describe_source(name, setting)}"
    if setting.kind.metavar:
        # Values stay text here: the settings' own checks have better messages.
        option = typer.Option(*setting.flags, metavar=setting.kind.metavar, help=help)
        kind = list[str] if isinstance(setting.kind, Places | Servers) else str
        annotation: Any = Annotated[kind | None, option]
    else:
        option = typer.Option("/".join(setting.flags), help=help, show_default=False)
        annotation = Annotated[bool | None, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _describe_source(name: str, setting: Setting) -> str:
    default = describe_default(setting, getattr(Settings(), name, None))
    facts = {"env var": setting.variable, "default": default}
    known = "; ".join(f"{label}: {text}" for label, text in facts.items() if text)
    return f" [{known}]" if known else ""
