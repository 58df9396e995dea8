"""Reads what the user names or types: text as UTF-8, and regular files of a sane size."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def read_utf8(text: str) -> str:
    """Return text of the command line or the environment, read as UTF-8 whatever the locale.

    Text that is not UTF-8 stays as the locale has it; it may contain surrogates.
    """
    try:
        return os.fsencode(text).decode()
    except ValueError:
        return text


def open_regular_file(path: Path) -> BinaryIO:
    """Open a file for reading: one that does not block, as a FIFO does, and that has an end.

    Raises:
        OSError: it cannot be opened, or is not a regular file; `strerror` says which.
    """
    try:
        _check_kind(path.stat())  # merely opening a device may have an effect
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:  # a NUL in the path
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None
    file = os.fdopen(descriptor, "rb")
    try:
        _check_kind(os.fstat(descriptor))
    except OSError:
        file.close()
        raise
    return file


def check_regular_file(path: Path, limit: int) -> None:
    """Check a file that a library is going to read.

    Raises:
        OSError: as for `read_regular_file`.
    """
    with open_regular_file(path) as file:
        _check_size(os.fstat(file.fileno()).st_size, limit)


def read_regular_file(path: Path, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises:
        OSError: as for `open_regular_file`, or the file is too large.
    """
    with open_regular_file(path) as file:
        content = file.read(limit + 1) or b""
    _check_size(len(content), limit)
    return content


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise OSError(errno.EFBIG, f"too large: more than {limit:,} bytes")


def _check_kind(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
