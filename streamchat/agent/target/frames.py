"""The user's own frames among all those of a traceback or a thread."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from pathlib import Path
from traceback import TracebackException
from types import FrameType

from streamchat.agent.target.name import shorten_path

_PACKAGE = str(Path(__file__).parents[2])
_LIBRARIES = tuple(
    f"{folder}/"
    for folder in {
        *(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        _PACKAGE,
    }
)
_INSTALLED = ("site-packages", "dist-packages")
_IDLE = ("selectors.py", "asyncio/base_events.py")
"""Where a thread is whose event loop waits for something to do."""


def is_users(filename: str) -> bool:
    """Whether the file is the user's own, and no library's, Python's or ours."""
    if filename.startswith(("<", *_LIBRARIES)):
        return False
    return not any(part in _INSTALLED for part in Path(filename).parts)


def format_user_traceback(error: BaseException) -> str:
    """Return the traceback with the user's own frames only; all of them if none is.

    Of a cause without any, the innermost frame is left: libraries have long stacks.
    """
    # Files may have been edited since they were shown last.
    linecache.checkcache()
    formatted = TracebackException.from_exception(error, compact=True)
    _keep_users(formatted, set(), most=0)
    return "".join(formatted.format()).rstrip("\n")


def _keep_users(formatted: TracebackException, seen: set[int], *, most: int) -> None:
    """Keep the user's frames or, if there are none, the innermost ones: `most`, or all."""
    if id(formatted) in seen:
        return
    seen.add(id(formatted))
    kept = [frame for frame in formatted.stack if is_users(frame.filename)]
    misspelt: str | None = getattr(formatted, "filename", None)
    if misspelt:  # a syntax error is at none of the frames
        formatted.filename = shorten_path(misspelt)
    formatted.stack[:] = kept if kept or misspelt else formatted.stack[-most:]
    for frame in formatted.stack:
        frame.filename = shorten_path(frame.filename)
    for other in (
        *(formatted.__cause__, formatted.__context__),
        *(getattr(formatted, "exceptions", None) or ()),
    ):
        if other:
            _keep_users(other, seen, most=1)


def describe_place(error: BaseException) -> str:
    """Return the file and line of the user's innermost frame: `my_agent.py:12`, or nothing."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{shorten_path(error.filename)}:{error.lineno}"
    place, traceback = "", error.__traceback__
    while traceback:
        filename = traceback.tb_frame.f_code.co_filename
        if is_users(filename):
            place = f"{shorten_path(filename)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def describe_busy_thread(ident: int | None) -> str:
    """Return what a thread is doing: `slow_tool (my_agent.py:23)`.

    That is the user's innermost frame, or the innermost of all if none is the user's. Empty if
    the thread's event loop is idle, or there is no such thread.
    """
    frame = sys._current_frames().get(ident) if ident is not None else None
    if frame is None or frame.f_code.co_filename.endswith(_IDLE):
        return ""
    return _describe_frame(_find_users(frame) or frame)


def _find_users(frame: FrameType | None) -> FrameType | None:
    while frame and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _describe_frame(frame: FrameType) -> str:
    filename = frame.f_code.co_filename
    shown = shorten_path(filename) if is_users(filename) else Path(filename).name
    return f"{frame.f_code.co_name} ({shown}:{frame.f_lineno})"
