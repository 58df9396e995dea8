"""Lines of a file, a pipe or a terminal, read as they arrive."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator

from streamchat.process.threads import run_in_daemon_thread

_CHUNK = 1 << 16


async def read_lines(descriptor: int) -> AsyncGenerator[bytes, None]:
    """Yield each line without its end as soon as it is there, without blocking the event loop.

    Raises:
        OSError: it cannot be read.
    """
    begun: list[bytes] = []
    while chunk := await run_in_daemon_thread(os.read, descriptor, _CHUNK):
        first, *others = chunk.split(b"\n")
        begun.append(first)
        for line in others:
            yield b"".join(begun)
            begun = [line]
    if any(begun):
        yield b"".join(begun)
