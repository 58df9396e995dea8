"""Progress of long work: a bar if its size is known, and a spinner otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from streamchat.process.stdio import print_error
from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import sanitize

_animated = True


def disable_animation() -> None:
    """From now on, write a line for long work instead of showing spinners and bars."""
    global _animated
    _animated = False


@contextmanager
def show_progress(
    what: str, total: int | None = None, *, brief: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show progress on standard error; yield a function that advances it by a number of bytes.

    Where nothing can be animated, it is a single line; on a pipe only for work of known size.

    Args:
        what: the work in a few words.
        total: its size in bytes, if known.
        brief: whether it is too short for a line of its own.
    """
    if not (_animated and can_repaint(sys.stderr)):
        if total or (sys.stderr.isatty() and not brief):
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

    from streamchat.view.glyphs import supports_unicode

    bar = (BarColumn(bar_width=20), DownloadColumn()) if total else ()
    console = Console(stderr=True)
    spinner = SpinnerColumn("dots" if supports_unicode(console.encoding) else "line")
    columns = (spinner, TextColumn("{task.description}", markup=False), *bar, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        console.show_cursor(True)  # Ctrl-Z must not leave the shell without one
        task = progress.add_task(sanitize(what), total=total)
        yield lambda done: progress.advance(task, done)
