"""How the start of a model looks: a spinner, or a bar where the size of the work is known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamchat.process.streams import print_error
from streamchat.process.tty import can_repaint

_still = False


def keep_still() -> None:
    """From now on nothing moves: long work is told in one line."""
    global _still
    _still = True


@contextmanager
def progress_on_stderr(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Shows what is being done until it is done; what it yields is called with bytes done.

    Without a terminal only long work is told, in one line.
    """
    if _still or not can_repaint(sys.stderr):
        if total:
            print_error(f"{what}...")
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    from streamchat.view.glyphs import takes_unicode

    bar = (BarColumn(bar_width=20), DownloadColumn()) if total else ()
    console = Console(stderr=True)
    spinner = SpinnerColumn("dots" if takes_unicode(console.encoding) else "line")
    columns = (spinner, TextColumn("{task.description}"), *bar, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        console.show_cursor(True)  # Ctrl-Z must not leave the shell without one
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)
