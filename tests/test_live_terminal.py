"""A real terminal, read from its other end."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
import threading
from collections.abc import Iterator
from io import TextIOWrapper

import pytest

from streamchat.view.live.terminal import Tty


class Pair:
    """A terminal and what reads from it."""

    def __init__(self) -> None:
        self.outside, self.inside = pty.openpty()
        termios.tcsetwinsize(self.inside, (24, 80))
        self.stream: TextIOWrapper = os.fdopen(self.inside, "w", encoding="utf-8")

    def read(self, count: int) -> str:
        data = b""
        while len(data) < count:
            data += os.read(self.outside, count - len(data))
        return data.decode()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.stream.close()
    os.close(pair.outside)


def test_size(pair: Pair) -> None:
    terminal = Tty(pair.stream)
    assert terminal.size == (80, 24)
    termios.tcsetwinsize(pair.inside, (0, 0))
    assert terminal.size == (80, 24)  # the default for terminals that do not know
    terminal.close()


def test_text_reaches_the_terminal(pair: Pair) -> None:
    terminal = Tty(pair.stream)
    terminal.write("é")
    assert not terminal.busy
    terminal.close()
    assert pair.read(2) == "é"


async def test_a_terminal_that_reads_nothing_does_not_block(pair: Pair) -> None:
    """As after Ctrl-S, or at the end of a slow line."""
    terminal = Tty(pair.stream)
    text = "x" * 1_000_000
    terminal.write(text)
    assert terminal.busy
    assert await asyncio.to_thread(pair.read, len(text)) == text
    assert not terminal.busy
    terminal.close()


def test_draining_and_closing_wait_for_the_rest_to_be_written(pair: Pair) -> None:
    terminal = Tty(pair.stream)
    text = "x" * 100_000
    terminal.write(text)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pair.read(len(text))))
    reader.start()
    terminal.drain()
    assert not terminal.busy
    reader.join()
    assert got == [text]
    terminal.write(text)
    reader = threading.Thread(target=lambda: got.append(pair.read(len(text))))
    reader.start()
    terminal.close()
    reader.join()
    assert got == [text, text]


def test_writing_to_a_closed_terminal_fails(pair: Pair) -> None:
    terminal = Tty(pair.stream)
    os.close(pair.outside)
    with pytest.raises(OSError, match="Input/output error"):
        terminal.write("x")
    terminal.close() if not terminal.busy else None
    pair.outside = os.open(os.devnull, os.O_RDONLY)
