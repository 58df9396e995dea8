"""The transport for servers that are started as a command, and speak on their standard streams.

The SDK has one as well, which keeps whatever a server writes until a line ends, copies a long line
once for each piece of it, and ends the children of a server only if the server has to be killed.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCResponse
from pydantic import ValidationError

from streamchat.agent.mcp.lines import LineSplitter, LineTooLongError
from streamchat.agent.mcp.state import ServerError
from streamchat.config.mcp import McpServer

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]
TakeOutput = Callable[[bytes], None]
"""Takes what a server writes that is no message."""

_GUARDIAN = Path(__file__).with_name("guardian.py")
LONGEST_MESSAGE = 100_000_000
"""Bytes."""
_CHUNK = 1 << 16
_PAUSE = 0.01
"""Seconds between two chunks of what nobody has asked for, lest a flood takes the processor."""
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
    process = await _spawn(server)
    assert process.stderr
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
        await transport.close()
        reading.cancel()


async def _spawn(server: McpServer) -> Process:
    environment = get_default_environment() | dict(server.env)
    _check_command(server, environment)
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-IS", str(_GUARDIAN), server.command, *server.args),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
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
        command = Path(server.cwd) / server.command
        found = shutil.which(command)
    else:
        found = shutil.which(server.command, path=environment.get("PATH"))
    if not found:
        raise ServerError(f"cannot be started: {server.command} is not installed")


class _Transport:
    """What passes between a process and a session."""

    def __init__(
        self,
        process: Process,
        received: MemoryObjectSendStream[SessionMessage | Exception],
        sent: MemoryObjectReceiveStream[SessionMessage],
        take_output: TakeOutput,
    ) -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._received = received
        self._sent = sent
        self._take_output = take_output

    async def read_messages(self, reading: asyncio.Task[None]) -> None:
        """Pass messages on until the server ends; then wait until its errors are read.

        Raises:
            ServerError: it has ended.
        """
        splitter = LineSplitter(LONGEST_MESSAGE)
        while data := await self._stdout.read(_CHUNK):
            try:
                lines = splitter.feed(data)
            except LineTooLongError:
                raise ServerError(describe_too_long()) from None
            answers = [await self._take_line(line) for line in lines]
            if lines and not any(answers):
                await asyncio.sleep(_PAUSE)
        end = await self._describe_end()
        await asyncio.wait([reading], timeout=_PATIENCE)
        raise ServerError(end)

    async def _take_line(self, line: bytes) -> bool:
        """Pass a line on, and return whether somebody waits for it."""
        message = _parse(line)
        if message is None:
            self._take_output(line + b"\n")
            return False
        await self._received.send(SessionMessage(message))
        return isinstance(message.root, JSONRPCResponse | JSONRPCError)

    async def write_messages(self) -> None:
        async for each in self._sent:
            text = each.message.model_dump_json(by_alias=True, exclude_none=True)
            with suppress(ConnectionError):  # the server has ended, which reading it shows
                self._stdin.write(text.encode() + b"\n")
                await self._stdin.drain()

    async def read_errors(self) -> None:
        """Take what the server writes to its standard error, at a pace that costs little."""
        while data := await self._stderr.read(_CHUNK):
            self._take_output(data)
            await asyncio.sleep(_PAUSE)

    async def close(self) -> None:
        """Close the server's input, and wait a moment for its end; the guardian waits longer."""
        if not self._stdin.is_closing():
            self._stdin.transport.abort()  # a server that hangs would never read what is left
        with suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT):
                await self._process.wait()

    async def _describe_end(self) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                code = await self._process.wait()
                return f"has ended with exit code {code}" if code else "has ended"
        return "has closed its output"


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
