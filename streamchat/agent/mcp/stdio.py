"""The transport for servers that are started as a command, and speak on their standard streams.

The SDK has one as well, which keeps whatever a server writes until a line ends, copies a long line
once for each piece of it, and ends the children of a server only if the server has to be killed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCResponse
from pydantic import ValidationError

from streamchat.agent.mcp.lines import LineSplitter, LineTooLongError
from streamchat.agent.mcp.state import ServerError
from streamchat.config.mcp import McpServer
from streamchat.process.threads import THREAD_NAME, run_in_daemon_thread

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]
TakeOutput = Callable[[bytes], None]
"""Takes what a server writes that is no message."""

_GUARDIAN = Path(__file__).with_name("guardian.py")
LONGEST_MESSAGE = 100_000_000
"""Bytes."""
_CHUNK = 1 << 16
_PAUSE = 0.01
"""Seconds between two chunks of what nobody has asked for."""
_RATIO = 10
"""How many times as long it pauses as it took to read one: a flood must not take a processor."""
_PATIENCE = 1.5
"""Seconds in which a server that has closed its output should end."""
_MOMENT = 0.3
"""Seconds in which most servers end once their input has."""


@asynccontextmanager
async def open_stdio(
    server: McpServer, take_output: TakeOutput
) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Start a server; at the end of the context, it and its children are ended.

    Raises:
        ServerError: it cannot be started; or it has ended, in a group of exceptions.
    """
    process = _spawn(server)
    received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
    outgoing, sent = anyio.create_memory_object_stream[SessionMessage]()
    transport = _Transport(process, received, sent, take_output)
    reading = asyncio.create_task(transport.read_errors())
    try:
        async with received, incoming, outgoing, sent, anyio.create_task_group() as group:
            group.start_soon(transport.read_messages, reading)
            group.start_soon(transport.write_messages)
            yield incoming, outgoing
            group.cancel_scope.cancel()
    finally:
        reading.cancel()
        await asyncio.wait([reading])
        await transport.close()


def _spawn(server: McpServer) -> subprocess.Popen[bytes]:
    environment = get_default_environment() | dict(server.env)
    _check_command(server, environment)
    try:
        # asyncio's own subprocesses are killed when they are collected as garbage, and so would the
        # guardian be before its work is done.
        return subprocess.Popen(  # noqa: S603  # the user's own command
            [sys.executable, "-IS", str(_GUARDIAN), server.command, *server.args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment,
            cwd=server.cwd or None,
            start_new_session=True,  # Ctrl-C is for the program alone
        )
    except OSError as error:
        raise ServerError(f"cannot be started: {error.strerror}") from error


def _check_command(server: McpServer, environment: Mapping[str, str]) -> None:
    if server.cwd and not Path(server.cwd).is_dir():
        raise ServerError(f"cannot be started: there is no folder {server.cwd}")
    if "/" in server.command:
        found = shutil.which(Path(server.cwd) / server.command)
    else:
        found = shutil.which(server.command, path=environment.get("PATH"))
    if not found:
        raise ServerError(f"cannot be started: {server.command} is not installed")


class _Transport:
    """What passes between a process and a session."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        received: MemoryObjectSendStream[SessionMessage | Exception],
        sent: MemoryObjectReceiveStream[SessionMessage],
        take_output: TakeOutput,
    ) -> None:
        self._process = process
        self._received = received
        self._sent = sent
        self._take_output = take_output
        for stream in self._streams:
            os.set_blocking(stream.fileno(), False)

    @property
    def _streams(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        process = self._process
        assert process.stdin
        assert process.stdout
        assert process.stderr
        return process.stdin, process.stdout, process.stderr

    async def read_messages(self, reading: asyncio.Task[None]) -> None:
        """Pass messages on until the server ends; then wait until its errors are read.

        Raises:
            ServerError: it has ended.
        """
        splitter = LineSplitter(LONGEST_MESSAGE)
        while data := await _read(self._streams[1]):
            begun = time.monotonic()
            try:
                lines = splitter.feed(data)
            except LineTooLongError:
                raise ServerError(describe_too_long()) from None
            answers = [await self._take_line(line) for line in lines]
            if lines and not any(answers):
                await _pause_since(begun)
        code = await self._wait(_PATIENCE)
        await asyncio.wait([reading], timeout=_PATIENCE)
        raise ServerError(_describe_end(code))

    async def _take_line(self, line: bytes) -> bool:
        """Pass a line on, and return whether somebody waits for it."""
        message = _parse(line)
        if message is None:
            self._take_output(line + b"\n")
            return False
        await self._received.send(SessionMessage(message))
        return isinstance(message.root, JSONRPCResponse | JSONRPCError)

    async def write_messages(self) -> None:
        """Write what the session sends."""
        async for each in self._sent:
            text = each.message.model_dump_json(by_alias=True, exclude_none=True)
            with suppress(ConnectionError):  # the server has ended, which reading it shows
                await _write(self._streams[0], text.encode() + b"\n")

    async def read_errors(self) -> None:
        """Take what the server writes to its standard error, at a pace that costs little."""
        while data := await _read(self._streams[2]):
            begun = time.monotonic()
            self._take_output(data)
            await _pause_since(begun)

    async def close(self) -> None:
        """Close the pipes, and wait a moment for the server's end; the guardian waits longer."""
        for stream in self._streams:
            stream.close()
        if await self._wait(_MOMENT) is None:
            threading.Thread(target=self._process.wait, daemon=True, name=THREAD_NAME).start()

    async def _wait(self, seconds: float) -> int | None:
        """Return the exit code; None if the server has not ended in this time."""
        try:
            return await run_in_daemon_thread(self._process.wait, seconds)
        except subprocess.TimeoutExpired:
            return None


async def _read(stream: IO[bytes]) -> bytes:
    """Return the next bytes; none at the end."""
    while True:
        await anyio.wait_readable(stream.fileno())
        with suppress(BlockingIOError):
            return os.read(stream.fileno(), _CHUNK)


async def _write(stream: IO[bytes], data: bytes) -> None:
    while data:
        await anyio.wait_writable(stream.fileno())
        with suppress(BlockingIOError):
            data = data[os.write(stream.fileno(), data) :]


async def _pause_since(begun: float) -> None:
    await asyncio.sleep(max(_PAUSE, _RATIO * (time.monotonic() - begun)))


def _describe_end(code: int | None) -> str:
    if code is None:
        return "has closed its output"
    return f"has ended with exit code {code}" if code else "has ended"


def describe_too_long() -> str:
    return f"was ended: it sent a message of more than {LONGEST_MESSAGE // 1_000_000} MB"


def _parse(line: bytes) -> JSONRPCMessage | None:
    """Return the message; None if the line is something else, such as a server's log."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        return JSONRPCMessage.model_validate_json(line)
    except ValidationError:
        return None
