"""The `config` commands."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from streamchat.cli.options import Flags, takes_settings
from streamchat.config import CONFIG_FILE

app = typer.Typer(help="Show the settings and where they come from, or create the file.")


@app.command(
    help="Print the path of the configuration file, which need not exist. "
    f"[env var: {CONFIG_FILE.variable}]"
)
def path() -> None:
    _print_path()


@app.command()
@takes_settings("profile")
def show(
    flags: Flags,
    json: Annotated[
        bool, typer.Option("--json", help="Write each setting as a line of JSON.")
    ] = False,
) -> None:
    """Show each setting, its value and where it comes from. The API key is never shown."""
    from streamchat.config.sources import load_sources

    loaded = load_sources(flags)
    from streamchat.cli.config_report import show_settings, write_json
    from streamchat.process.stdio import prepare_stdout

    prepare_stdout()
    (write_json if json else show_settings)(loaded, sys.stdout)


@app.command()
def init() -> None:
    """Create a configuration file with every setting commented out, and print its path."""
    from streamchat.config.example import write_example
    from streamchat.config.sources import find_config_file
    from streamchat.process.stdio import print_error

    file = find_config_file()
    try:
        write_example(file)
    except OSError as error:
        print_error(f"error: {error.filename or file}: {error.strerror}")
        raise typer.Exit(1) from None
    _print_path()


def _print_path() -> None:
    """Print the path; on a pipe, as the exact bytes that the system uses."""
    from streamchat.config.sources import find_config_file
    from streamchat.text.sanitize import sanitize

    path = str(find_config_file())
    if sys.stdout.isatty():
        typer.echo(sanitize(path))
    else:
        typer.echo(os.fsencode(path))
