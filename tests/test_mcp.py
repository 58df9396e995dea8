"""`--mcp`: tools of MCP servers, which are real ones here, on real pipes and sockets."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from langchain_core.tools import ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool

from streamchat.agent.mcp.lines import LineSplitter, LineTooLongError, Tail
from streamchat.agent.mcp.manager import McpManager, OfferedTool
from streamchat.agent.mcp.names import choose_names
from streamchat.agent.mcp.state import ServerState
from streamchat.agent.own_tools.toolbox import Toolbox
from streamchat.config.mcp import McpServer
from streamchat.text.redact import Redactor
from streamchat.tools import ARITHMETIC, CallError, check_arguments
from tests.chatting import CTRL_C, Chat
from tests.program import HANGS, run, start
from tests.server import Server, answers, calls

RAW, FAST = (str(Path(__file__).with_name(name)) for name in ("mcp_raw.py", "mcp_fast.py"))
SECRET = "sk-mcp-secret-1"


def raw(kind: str = "plain", *args: str, **fields: Any) -> McpServer:
    return McpServer(kind, sys.executable, ("-IS", RAW, kind, *args), **fields)


class Servers:
    """Servers that have been started, and their tools."""

    def __init__(self, *servers: McpServer) -> None:
        self.manager = McpManager(servers, Redactor([SECRET]))
        self.shown: list[str] = []

    async def find(self, name: str) -> OfferedTool:
        await self.manager.wait()
        offered = self.manager.offer([each.name for each in ARITHMETIC])
        return next(each for each in offered if each.tool.name == name)

    async def call(self, name: str, **arguments: Any) -> str:
        return await self.manager.call(await self.find(name), arguments, self.shown.append)

    async def fail(self, name: str, **arguments: Any) -> str:
        with pytest.raises(ToolException) as caught:
            await self.call(name, **arguments)
        return str(caught.value)

    async def describe(self, name: str) -> ServerState:
        await self.manager.wait()
        return next(each for each in self.manager.list_states() if each.name == name)


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(HANGS):
        while not is_true():
            await asyncio.sleep(0.01)


@contextmanager
def started(*servers: McpServer) -> Iterator[Servers]:
    running = Servers(*servers)
    running.manager.start()
    try:
        yield running
    finally:
        asyncio.run(running.manager.aclose())


@contextmanager
def fast_server() -> Iterator[str]:
    """FastMCP over HTTP, in a thread."""
    from tests.mcp_fast import server

    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(server.streamable_http_app(), log_level="critical")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=[[listening]])
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    finally:
        running.should_exit = running.force_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    fast = McpServer("fast", sys.executable, (FAST,))
    kinds = ("plain", "hostile", "flood", "babble")
    with fast_server() as url, started(*map(raw, kinds), fast, McpServer("web", url=url)) as all_:
        yield all_


async def test_servers_start_and_their_tools_have_unique_names(servers: Servers) -> None:
    state = await servers.describe("plain")
    assert (state.state, state.detail) == ("ready", "raw\\x1b[2J 1")
    names = {(each.server, each.qualified): each.tool.name for each in servers.manager.offer([])}
    assert names["fast", "fast.fail"] == "fast_fail"  # web has it, too
    assert names["hostile", "hostile.tree"] == "tree"
    assert state.place.endswith(f"mcp_raw.py plain")
    assert (await servers.describe("fast")).instructions == "Ask it\\x1b[2J gently."


async def test_a_tool_never_takes_the_name_of_another_one() -> None:
    assert choose_names([("files", "add"), ("files", "read"), ("web", "read")], ["add"]) == {
        ("files", "add"): "files_add",
        ("files", "read"): "files_read",
        ("web", "read"): "web_read",
    }
    crowded = choose_names([("a", "b_c"), ("a_b", "c"), ("x", "c")], ["a_b_c"])
    assert len({"a_b_c", *crowded.values()}) == 4
    long = choose_names([("s" * 32, "t" * 64), ("r" * 32, "t" * 64)], [])
    assert all(len(each) == 64 for each in long.values())


@pytest.mark.parametrize("transport", ["fast", "web"])
async def test_the_sdks_own_server_works(servers: Servers, transport: str) -> None:
    assert await servers.call(f"{transport}_count_words", text="one two") == "2"
    assert await servers.call(f"{transport}_look", place="home") == (
        "Here it is:\n[image/png, 24 kB]\n[note://place, text/plain, 4 bytes]\nhome\n"
        "[map, file:///map.pdf, 2.4 MB]"
    )
    assert "it cannot be done" in await servers.fail(f"{transport}_fail")
    servers.shown.clear()
    assert await servers.call(f"{transport}_work", steps=2) == "done"
    assert servers.shown == ["step 1", "step 2"]


async def test_what_is_not_text_is_named_and_sized(servers: Servers) -> None:
    assert await servers.call("strange") == (
        "[film, which streamchat does not know]\n[something that streamchat does not know]\n"
        '[audio, 2 kB]\n{"frames": [1, 2]}'
    )


async def test_any_name_may_be_an_arguments(servers: Servers) -> None:
    arguments = {"config": "a", "runtime": "b", "self": "c", "pattern": "d"}
    tool = await servers.find("odd")
    result = await servers.manager.call(tool, arguments, print)
    assert json.loads(result) == arguments


async def test_a_server_that_writes_without_end_still_answers(servers: Servers) -> None:
    before = time.process_time()
    for name in ("flood", "babble"):
        assert await servers.call(f"{name}_echo", text=name) == name
        output = (await servers.describe(name)).output
        assert output[0] in ("flood", "babble", "{broken")
        assert len(output) <= 101
    await asyncio.sleep(0.5)
    assert time.process_time() - before < 0.5  # it does not take a whole processor


async def test_a_client_that_is_asked_declines(servers: Servers) -> None:
    assert await servers.call("ask_client") == "asked"


async def test_a_huge_result_arrives(servers: Servers) -> None:
    result = await servers.call("big")
    assert len(result) < 10_000_100
    assert result.endswith("[the first 10,000,000 of 50,000,000 characters]")


async def test_the_server_hears_that_nobody_waits_any_more(servers: Servers) -> None:
    tool = await servers.find("stuck")
    call = asyncio.create_task(servers.manager.call(tool, {}, print))
    output = lambda: servers.manager.list_states()[0].output  # noqa: E731
    await until(lambda: any("working" in each for each in output()))
    call.cancel()
    await until(lambda: any("cancelled" in each for each in output()))
    working, cancelled = output()[-2:]
    assert working.split()[-1] == cancelled.split()[-1]
    assert await servers.call("plain_echo", text="and goes on") == "and goes on"
