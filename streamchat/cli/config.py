"""The commands about the configuration file: where it is, what holds, a first one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import typer

from streamchat.cli.options import Profile

if TYPE_CHECKING:
    # The checks of settings bring msgspec; `--help` must not wait for it.
    from streamchat.cli.config_report import Origin, Shown, Value
    from streamchat.config import Loaded, Settings

app = typer.Typer(help="Show the settings and where each comes from, or begin a file of them.")


@app.command()
def path() -> None:
    """Print where the configuration file is, or would be. [STREAMCHAT_CONFIG]"""
    _print_path()


@app.command()
def show(
    profile: Profile = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per setting and line.")
    ] = False,
) -> None:
    """Show each setting, its value and where it comes from. The key is not shown."""
    from streamchat.config import load_sources

    loaded = load_sources({"profile": profile})
    from streamchat.cli.config_report import show_settings, write_json
    from streamchat.process.streams import prepare_stdout

    prepare_stdout()
    shown = list(_shown(loaded))
    (write_json if json else show_settings)(shown, _origin(loaded), sys.stdout)


@app.command()
def init() -> None:
    """Write a file that has every setting as a comment, and print where it is."""
    from streamchat.config import config_file
    from streamchat.config.example import write_example
    from streamchat.text.sanitize import one_line

    file = config_file()
    try:
        write_example(file)
    except OSError as error:
        typer.echo(one_line(f"error: {error.filename or file}: {error.strerror}"), err=True)
        raise typer.Exit(1) from None
    _print_path()


def _print_path() -> None:
    """A pipe gets the name as the system has it, whatever its characters."""
    from streamchat.config import config_file
    from streamchat.text.sanitize import sanitize

    name = str(config_file())
    if sys.stdout.isatty():
        typer.echo(sanitize(name))
    else:
        typer.echo(os.fsencode(name))


def _shown(loaded: Loaded) -> Iterator[Shown]:
    from streamchat.cli.config_report import Shown
    from streamchat.config import Settings
    from streamchat.text.redact import Redactor, redact_url_credentials

    settings = loaded.settings
    keys = (os.environ.get(each, "").strip() for each in loaded.key_variables)
    redactor = Redactor([*settings.secrets, *keys])
    for name in (each.name for each in fields(Settings)):
        if name == "api_key":
            note = f"set ({settings.api_key_env})" if settings.api_key else "not set"
            yield Shown(name, None, loaded.place(name), note)
        else:
            value = _value(settings, name)
            if isinstance(value, str):
                value = redact_url_credentials(redactor.redact(value))
            yield Shown(name, value, loaded.place(name))


def _value(settings: Settings, name: str) -> Value:
    """Returns what holds, also where nothing was set."""
    derived: dict[str, Value] = {
        "model": settings.model_name,
        "max_history": settings.history_budget,
    }
    value: Value = derived.get(name, getattr(settings, name))
    return value


def _origin(loaded: Loaded) -> Origin:
    from streamchat.cli.config_report import Origin

    file = loaded.file
    return Origin(
        file=str(file.path),
        exists=file.path.exists(),
        profile=loaded.profile or None,
        profile_source=loaded.profile_place,
        profiles=sorted(file.profiles),
    )
