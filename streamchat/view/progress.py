"""Progress of long work: a bar if its size is known, and a spinner otherwise."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamchat.process.stdio import print_error
from streamchat.process.threads import THREAD_NAME
from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import sanitize
from streamchat.view.formatting import format_size

if TYPE_CHECKING:
    from rich.progress import Progress

_BESIDE_BAR = 29
"""Columns for the spinner, the sizes and the time, and the spaces between them."""
_PERIOD = 0.1
"""Seconds between two pictures of a spinner."""
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

    Where nothing can be animated, work of known size gets a line, and one more for each quarter
    that is done; other work gets one on a terminal.

    Args:
        what: the work in a few words.
        total: its size in bytes, if known.
        brief: whether it is too short for a line of its own.
    """
    if not (_animated and can_repaint(sys.stderr)):
        if not total and sys.stderr.isatty() and not brief:
            print_error(f"{what}...")
        yield _write_lines(what, total) if total else lambda done: None
        return
    from rich.cells import cell_len
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

    console = Console(stderr=True)
    room = console.width - cell_len(what) - _BESIDE_BAR
    bar = (BarColumn(max(4, min(room, 20))), DownloadColumn()) if total else ()
    spinner = SpinnerColumn("dots" if supports_unicode(console.encoding) else "line")
    columns = (spinner, TextColumn("{task.description}", markup=False), *bar, TimeElapsedColumn())
    progress = Progress(
        *columns,
        console=console,
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with progress, _refreshing(progress):
        console.show_cursor(True)  # Ctrl-Z must not leave the shell without one
        task = progress.add_task(sanitize(what), total=total)
        yield lambda done: progress.advance(task, done)


@contextmanager
def _refreshing(progress: Progress) -> Iterator[None]:
    """Refresh the progress in a thread that counts as the program's own, as Rich's does not."""
    ended = threading.Event()

    def refresh() -> None:
        while not ended.wait(_PERIOD):
            progress.refresh()

    thread = threading.Thread(target=refresh, daemon=True, name=THREAD_NAME)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _write_lines(what: str, total: int) -> Callable[[int], None]:
    done = quarters = 0

    def advance(more: int) -> None:
        nonlocal done, quarters
        done += more
        before, quarters = quarters, max(quarters, done * 4 // total)
        if before < quarters < 4:
            print_error(f"{25 * quarters} %")

    print_error(f"{what} ({format_size(total)})...")
    return advance
