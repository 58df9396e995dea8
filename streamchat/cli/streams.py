"""The commands for streams of events: `show` and `schema`."""

from __future__ import annotations

import json as json_
from typing import TYPE_CHECKING, Annotated

import typer

from streamchat.cli.options import Json, Plain, Raw

if TYPE_CHECKING:
    from streamchat.view.choose import ViewOptions

schema_app = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="Describe what --json writes."
)


def choose_options(*, plain: bool, raw: bool, json: bool) -> ViewOptions:
    """Return how a recorded turn is shown: as the flags and the settings have it.

    Raises:
        SettingsError: the flags exclude each other, or a setting is wrong.
    """
    from streamchat.cli.looks import make_look
    from streamchat.config import SettingsError
    from streamchat.config.sources import load_settings
    from streamchat.view.choose import ViewOptions

    if json and (plain or raw):
        raise SettingsError("--json cannot be combined with --plain or --raw")
    return ViewOptions(plain, raw, json, look=make_look(load_settings({})))


def show(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="What ask --json wrote; - reads standard input."),
    ],
    json: Json = False,
    plain: Plain = False,
    raw: Raw = False,
) -> None:
    """Show a recorded or piped stream of events as ask would have shown it.

    The exit code is 0 if the last turn has an answer, and else 1.
    """
    from streamchat.cli.show import show_events
    from streamchat.process.stdio import prepare_stdout

    prepare_stdout()
    raise typer.Exit(show_events(file, choose_options(plain=plain, raw=raw, json=json)))


@schema_app.callback()
def _group() -> None:
    """Keep `events` a command: the only one of a group would take the group's name."""


@schema_app.command("events")
def show_event_schema() -> None:
    """Write the JSON Schema of a line of ask --json."""
    from streamchat.view.event_schema import build_schema

    typer.echo(json_.dumps(build_schema(), indent=2))
