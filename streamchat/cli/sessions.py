"""The `sessions` commands."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamchat.sessions import StoreError

if TYPE_CHECKING:
    # It imports SQLite, which `--help` must not wait for.
    from streamchat.sessions.store import Store

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    help="List, show, search, export and delete sessions.",
    epilog="Without a command, sessions runs list.",
)

_HITS = 50
"""The most turns that a search shows by default."""


class Format(StrEnum):
    """The format of an export."""

    MARKDOWN = "md"
    JSON = "json"


Id = Annotated[str, typer.Argument(metavar="ID", help="A session's ID or ID prefix.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON lines.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=1, metavar="NUMBER", help="Show at most this many."),
]


@app.callback(invoke_without_command=True)
def _run_default(context: typer.Context, json: Json = False, limit: Limit = None) -> None:
    command = context.invoked_subcommand
    if command is None:
        list_sessions(json, limit)
    elif json or limit:
        option = "--json" if json else "--limit"
        raise typer.BadParameter(f"put {option} after {command}")


@app.command("list")
def list_sessions(json: Json = False, limit: Limit = None) -> None:
    """List sessions, the most recently used first."""
    with _open_store() as store:
        found = store.sessions(limit)
    if json:
        _write_json(map(asdict, found))
        return
    from streamchat.sessions.listing import show_sessions

    _require_some(found, "no sessions yet")
    show_sessions(found, sys.stdout)


@app.command()
def show(
    id: Id,
    last: Annotated[
        int | None,
        typer.Option(
            "--last", min=1, metavar="NUMBER", help="Show only this many of the last turns."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show the turns of a session as they first appeared."""
    from streamchat.process.tty import can_repaint
    from streamchat.sessions.replay import replay
    from streamchat.sessions.transcript import turn_to_dict
    from streamchat.view.choose import ViewOptions, choose_view
    from streamchat.view.look import Look

    options = ViewOptions(look=Look(reasoning="show"))
    with _open_store() as store:
        session = store.find(id)
        turns = store.turns(session.id)
        shown = turns if last is None else turns[-last:]
        if json:
            _write_json(turn_to_dict(each, store.timed_events(each.id)) for each in shown)
            return
        _require_some(shown, f"session {session.id} has no turns")
        for at, each in enumerate(shown):
            if at and can_repaint(sys.stdout):
                typer.echo()
            replay(each.question, store.timed_events(each.id), choose_view(options), sys.stdout)


@app.command()
def search(
    words: Annotated[
        list[str], typer.Argument(help="Words to search for; a turn must contain all of them.")
    ],
    json: Json = False,
    limit: Limit = None,
) -> None:
    """Search questions, answers, tool calls and results."""
    with _open_store() as store:
        found = store.search(" ".join(words), limit or _HITS)
    if json:
        _write_json(map(asdict, found))
        return
    from streamchat.sessions.listing import show_hits

    _require_some(found, "nothing found")
    show_hits(found, sys.stdout)


@app.command()
def export(
    id: Id,
    format: Annotated[
        Format, typer.Option("--format", help="Markdown for people, JSON for programs.")
    ] = Format.MARKDOWN,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a new file.")
    ] = None,
) -> None:
    """Export a session as Markdown or as one JSON document."""
    from streamchat.sessions import transcript

    with _open_store() as store:
        session = store.find(id)
        turns = ((each, store.timed_events(each.id)) for each in store.turns(session.id))
        text = transcript.export(session, turns, as_json=format is Format.JSON)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with output.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise StoreError(f"{output} already exists") from None
    except OSError as error:
        raise StoreError(f"cannot write {output}: {error.strerror or error}") from None


@app.command()
def delete(id: Id) -> None:
    """Delete a session and all its turns."""
    from streamchat.text.sanitize import one_line

    with _open_store(only_read=False) as store:
        session = store.find(id)
        store.delete(session.id)
    typer.echo(one_line(f"deleted {session.id}: {session.title or 'no turns'}"))


@contextmanager
def _open_store(*, only_read: bool = True) -> Iterator[Store]:
    """Open the store, and prepare standard output for any text in it."""
    from streamchat.process.stdio import prepare_stdout
    from streamchat.sessions.store import Store

    prepare_stdout()
    with Store.open(only_read=only_read) as store:
        yield store


def _write_json(objects: Iterable[dict[str, Any]]) -> None:
    from streamchat.view.jsonl import JsonLines

    lines = JsonLines(sys.stdout)
    for each in objects:
        lines.write(each)


def _require_some(found: list[Any], message: str) -> None:
    """End the command with a message, but successfully, if nothing was found."""
    if not found:
        from streamchat.process.stdio import print_error

        print_error(message)
        raise typer.Exit
