"""The commands that list, show, search, write out and delete sessions."""

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
    # The commands bring SQLite, and what is kept there; `--help` must not wait for them.
    from streamchat.sessions.records import Session
    from streamchat.sessions.store import Store

sessions = typer.Typer(
    name="sessions",
    add_completion=False,
    rich_markup_mode=None,
    help="List, show, search, export and delete what was asked and answered.",
    epilog="Without a command: list.",
)


_HITS = 50
"""How many turns a search shows unless more are asked for."""


class Format(StrEnum):
    """What a session is written out as."""

    MARKDOWN = "md"
    JSON = "json"


Id = Annotated[str, typer.Argument(metavar="ID", help="A session, or how its name begins.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="How many at most.")]


@sessions.callback(invoke_without_command=True)
def _without_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_sessions()


@sessions.command("list")
def list_sessions(json: Json = False, limit: Limit = None) -> None:
    """List the sessions, those last used first."""
    with _opened() as store:
        found = store.sessions(limit)
    if json:
        _write_json(map(asdict, found))
        return
    from streamchat.view.table import show_sessions

    _explain_nothing(found, "there are no sessions yet")
    show_sessions(found, sys.stdout)


@sessions.command()
def show(
    id: Id,
    last: Annotated[
        int | None, typer.Option("--last", min=1, help="Only so many turns, the last ones.")
    ] = None,
    json: Json = False,
) -> None:
    """Show every turn of a session as it was."""
    from streamchat.sessions.replay import replay
    from streamchat.sessions.transcript import turn_as_dict
    from streamchat.view.choose import ViewOptions, choose_view

    with _opened() as store:
        session = store.find(id)
        turns = store.turns(session.id)
        shown = turns if last is None else turns[-last:]
        if json:
            _write_json(turn_as_dict(each, store.events(each.id)) for each in shown)
            return
        _explain_nothing(shown, f"session {session.id} has no turns")
        for each in shown:
            replay(each.question, store.events(each.id), choose_view(ViewOptions()), sys.stdout)


@sessions.command()
def search(
    words: Annotated[list[str], typer.Argument(help="What a turn must hold, all of it.")],
    json: Json = False,
    limit: Limit = None,
) -> None:
    """ViewOptions for words in questions, answers, tool calls and results."""
    with _opened() as store:
        found = store.search(" ".join(words), limit or _HITS)
    if json:
        _write_json(map(asdict, found))
        return
    from streamchat.view.table import Layout, cell, show_table

    _explain_nothing(found, "nothing found")
    layout = Layout(
        columns=("ID", "question", "turn", "found"),
        narrow=("ID", "question\nturn, found"),
        unbroken=("ID",),
    )
    rows = (
        [
            *(cell(each.session.id), cell(each.question)),
            *(cell(str(each.number), "dim"), cell(each.snippet, "dim")),
        ]
        for each in found
    )
    show_table(layout, rows, sys.stdout)


@sessions.command()
def export(
    id: Id,
    format: Annotated[Format, typer.Option("--format", help="For people or for programs.")] = (
        Format.MARKDOWN
    ),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file instead of standard output.")
    ] = None,
) -> None:
    """Write a session out, as Markdown or as one JSON document."""
    with _opened() as store:
        text = _exported(store, store.find(id), format)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        with output.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise StoreError(f"{output} exists already") from None
    except OSError as error:
        raise StoreError(f"cannot write {output}: {error.strerror or error}") from None


def _exported(store: Store, session: Session, format: Format) -> str:
    import json

    from streamchat.sessions.transcript import document, markdown
    from streamchat.text.sanitize import sanitize

    told = ((each, store.events(each.id)) for each in store.turns(session.id))
    if format is Format.JSON:
        return json.dumps(document(session, told), indent=2, default=str) + "\n"
    return sanitize(markdown(session, told))


@sessions.command()
def delete(id: Id) -> None:
    """Delete a session and all its turns."""
    with _opened() as store:
        session = store.find(id)
        store.delete(session.id)
    typer.echo(f"deleted {session.id}: {session.title or 'no turns'}")


@contextmanager
def _opened() -> Iterator[Store]:
    """Opens the store, and standard output for whatever stands in it."""
    from streamchat.process.streams import prepare_stdout
    from streamchat.sessions.store import Store

    prepare_stdout()
    with Store.open() as store:
        yield store


def _write_json(objects: Iterable[dict[str, Any]]) -> None:
    from streamchat.view.jsonl import JsonLines

    lines = JsonLines(sys.stdout)
    for each in objects:
        lines.write(each)


def _explain_nothing(found: list[Any], why: str) -> None:
    if not found:
        typer.echo(why, err=True)
        raise typer.Exit
