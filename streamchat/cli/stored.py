"""What the commands for stored sessions share."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamchat.sessions import StoreError

if TYPE_CHECKING:
    # It imports SQLite, which `--help` must not wait for.
    from streamchat.sessions.store import Store

Id = Annotated[str, typer.Argument(metavar="ID", help="A session's ID or ID prefix.")]


@contextmanager
def open_store(*, only_read: bool = True) -> Iterator[Store]:
    """Open the store, and prepare standard output for any text in it."""
    from streamchat.process.stdio import prepare_stdout
    from streamchat.sessions.store import Store

    prepare_stdout()
    with Store.open(only_read=only_read) as store:
        yield store


def write_json(objects: Iterable[dict[str, Any]]) -> None:
    from streamchat.view.jsonl import JsonLines

    lines = JsonLines(sys.stdout)
    for each in objects:
        lines.write(each)


def require_some(found: Sequence[Any], message: str) -> None:
    """End the command with a message, but successfully, if nothing was found."""
    if not found:
        from streamchat.process.stdio import print_error

        print_error(message)
        raise typer.Exit


def write_new(path: Path, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        StoreError: it does, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise StoreError(f"{path} already exists") from None
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None
