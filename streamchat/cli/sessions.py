"""The `sessions` commands."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamchat.cli.replay import replay
from streamchat.cli.stored import Id, open_store, require_some, write_json, write_new

if TYPE_CHECKING:
    # It imports SQLite, which `--help` must not wait for.
    pass

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


app.command()(replay)


@app.command("list")
def list_sessions(json: Json = False, limit: Limit = None) -> None:
    """List sessions, the most recently used first."""
    with open_store() as store:
        found = store.sessions(limit)
    if json:
        write_json(map(asdict, found))
        return
    from streamchat.sessions.listing import show_sessions

    require_some(found, "no sessions yet")
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
    from streamchat.sessions.replay import replay as show_turn
    from streamchat.sessions.transcript import turn_to_dict
    from streamchat.view.choose import ViewOptions, choose_view
    from streamchat.view.look import Look

    options = ViewOptions(look=Look(reasoning="show"))
    with open_store() as store:
        session = store.find(id)
        turns = store.turns(session.id)
        shown = turns if last is None else turns[-last:]
        if json:
            write_json(turn_to_dict(each, store.timed_events(each.id)) for each in shown)
            return
        require_some(shown, f"session {session.id} has no turns")
        for at, each in enumerate(shown):
            if at and can_repaint(sys.stdout):
                typer.echo()
            show_turn(each.question, store.timed_events(each.id), choose_view(options), sys.stdout)


@app.command()
def search(
    words: Annotated[
        list[str], typer.Argument(help="Words to search for; a turn must contain all of them.")
    ],
    json: Json = False,
    limit: Limit = None,
) -> None:
    """Search questions, answers, tool calls and results."""
    with open_store() as store:
        found = store.search(" ".join(words), limit or _HITS)
    if json:
        write_json(map(asdict, found))
        return
    from streamchat.sessions.listing import show_hits

    require_some(found, "nothing found")
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

    with open_store() as store:
        session = store.find(id)
        turns = ((each, store.timed_events(each.id)) for each in store.turns(session.id))
        text = transcript.export(session, turns, as_json=format is Format.JSON)
    if output is None:
        sys.stdout.write(text)
        return
    write_new(output, text)


@app.command()
def delete(id: Id) -> None:
    """Delete a session and all its turns."""
    from streamchat.text.sanitize import one_line

    with open_store(only_read=False) as store:
        session = store.find(id)
        store.delete(session.id)
    typer.echo(one_line(f"deleted {session.id}: {session.title or 'no turns'}"))
