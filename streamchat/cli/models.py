"""The `models` commands."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from streamchat.models.embedded.weights import Weights

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="List, download and delete the models that run inside the program.",
    epilog="Without a command, models lists them.",
)


class Name(StrEnum):
    """The name of a model."""

    LOCAL = "local"
    LOCAL_LARGE = "local-large"


Model = Annotated[Name, typer.Argument(metavar="NAME", help="local or local-large.")]


@app.callback(invoke_without_command=True)
def _list_models(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Write JSON lines.")] = False,
) -> None:
    if context.invoked_subcommand:
        if json:
            raise typer.BadParameter(f"{context.invoked_subcommand} has no --json")
        return
    from streamchat.models.embedded.weights import EMBEDDED
    from streamchat.process.stdio import prepare_stdout

    prepare_stdout()
    if json:
        from streamchat.view.jsonl import JsonLines

        lines = JsonLines(sys.stdout)
        for each in EMBEDDED.values():
            lines.write(_describe(each))
    else:
        _show([_describe(each) for each in EMBEDDED.values()])


@app.command()
def pull(
    name: Model,
    plain: Annotated[
        bool, typer.Option("--plain", help="Write plain lines instead of a progress bar.")
    ] = False,
) -> None:
    """Download a model, or go on with it, and print its path.

    A question to the model does so, too.
    """
    from streamchat.models.embedded.weights import EMBEDDED
    from streamchat.process.stdio import prepare_stdout
    from streamchat.text.sanitize import sanitize
    from streamchat.view.progress import disable_animation, show_progress

    if plain:
        disable_animation()
    prepare_stdout()
    typer.echo(sanitize(str(EMBEDDED[name].file(show_progress))))


@app.command("rm")
def remove(name: Model) -> None:
    """Delete a model from the disk."""
    from streamchat.models.embedded.weights import EMBEDDED
    from streamchat.view.formatting import format_size

    typer.echo(f"deleted {name}: {format_size(EMBEDDED[name].remove())}")


def _describe(weights: Weights) -> dict[str, Any]:
    if weights.installed:
        state, size = "ready", weights.release.size
    else:
        size = min(weights.staged, weights.release.size)
        state = "partial" if size else "absent"
    return {
        "name": weights.name,
        "title": weights.title,
        "bytes": weights.release.size,
        "sha256": weights.sha256,
        "state": state,
        "downloaded": size,
        "path": str(weights.path),
    }


def _show(models: list[dict[str, Any]]) -> None:
    from streamchat.view.formatting import format_size
    from streamchat.view.table import Layout, cell, show_table

    layout = Layout(
        columns=("name", "model", "size", "state", "file"),
        narrow=("name", "model\nsize, state\nfile"),
        narrow_below=150,
        unbroken=("name",),
    )
    rows = (
        [
            *(cell(each["name"]), cell(each["title"]), cell(format_size(each["bytes"]), "dim")),
            *(cell(_format_state(each)), cell(each["path"], "dim")),
        ]
        for each in models
    )
    show_table(layout, rows, sys.stdout)


def _format_state(model: dict[str, Any]) -> str:
    percent = model["downloaded"] * 100 // model["bytes"]
    states = {
        "ready": "ready",
        "partial": f"{percent} % downloaded",
        "absent": "not downloaded",
    }
    return states[model["state"]]
