"""`--mcp`: tools of MCP servers, which are real ones here, on real pipes and sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
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
from tests.chatting import CTRL_C, EMPTIED, Chat
from tests.program import HANGS, run, start, wait_until
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

    def read_output(self, name: str) -> Sequence[str]:
        states = self.manager.list_states()
        return ["", *next(each.output for each in states if each.name == name)]

    async def describe(self, name: str) -> ServerState:
        await self.manager.wait()
        return next(each for each in self.manager.list_states() if each.name == name)


def test_lines_are_bounded() -> None:
    splitter = LineSplitter(limit=5)
    assert [splitter.feed(each) for each in (b"a", b"b\nc\n\n", b"12345", b"\n")] == [
        *([], [b"ab", b"c", b""], [], [b"12345"]),
    ]
    with pytest.raises(LineTooLongError):
        splitter.feed(b"123456")
    tail = Tail()
    assert tail.feed(b"one\r\n50 %\r100 %\n\n\x1b[31mre") == ["one", "100 %"]
    tail.feed(b"d\x1b[0m\x07" + b"!" * 1000)
    assert tail.lines[-1][:10] == "red\\x07!!!"
    assert len(tail.lines[-1]) == 300
    tail.feed(b"\n" + b"flood\n" * 1_000_000)
    assert tail.lines == ["flood"] * 100


async def until(is_true: Callable[[], object]) -> None:
    async with asyncio.timeout(HANGS):
        while not is_true():  # noqa: ASYNC110  # another thread makes it true
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(*servers: McpServer) -> AsyncIterator[Servers]:
    running = Servers(*servers)
    try:
        await running.manager.wait()
        yield running
    finally:
        await running.manager.aclose()


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
    with fast_server() as url:
        running = Servers(*map(raw, kinds), fast, McpServer("web", url=url))
        running.manager.start()
        yield running
        asyncio.run(running.manager.aclose())


async def test_servers_start_and_their_tools_have_unique_names(servers: Servers) -> None:
    state = await servers.describe("plain")
    assert (state.state, state.detail) == ("ready", "raw\\x1b[2J 1")
    assert any(each.endswith("echo") for each in state.tools)  # nothing has been offered yet
    names = {(each.server, each.qualified): each.tool.name for each in servers.manager.offer([])}
    assert names["fast", "fast.fail"] == "fast_fail"  # web has it, too
    assert names["hostile", "hostile.tree"] == "tree"
    assert state.place.endswith("mcp_raw.py plain")
    assert (await servers.describe("fast")).instructions == "Ask it\\x1b[2J gently."


async def test_a_tool_never_takes_the_name_of_another_one() -> None:
    assert choose_names([("files", "add"), ("files", "read"), ("web", "read")], ["add"]) == {
        ("files", "add"): "files_add",
        ("files", "read"): "files_read",
        ("web", "read"): "web_read",
    }
    # Nor one that looks like that of another server's tool.
    pretending = [("evil", "files_read"), ("files", "read"), ("files", "files_add")]
    assert list(choose_names(pretending, []).values()) == ["evil_files_read", "read", "files_add"]
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
    arguments = {"config": "a", "runtime": "b", "self": "c"}
    tool = await servers.find("odd")
    result = await servers.manager.call(tool, arguments, print)
    assert json.loads(result) == arguments


async def test_a_server_that_writes_without_end_still_answers(servers: Servers) -> None:
    await servers.manager.wait()
    for name in ("flood", "babble", "flood", "babble"):
        assert await servers.call(f"{name}_echo", text=name) == name
        output = (await servers.describe(name)).output
        assert output[0] in ("flood", "babble", "{broken")
        assert len(output) <= 101


async def test_a_client_that_is_asked_declines(servers: Servers) -> None:
    assert await servers.call("ask_client") == "asked"
    wanted = [
        "sampling/createMessage: Sampling not supported",
        "elicitation/create: Elicitation not supported",
        "roots/list: List roots not supported",
        "no/such: Invalid request parameters",
    ]
    await until(lambda: servers.read_output("plain")[-4:] == wanted)


async def test_a_huge_result_arrives(servers: Servers) -> None:
    result = await servers.call("big")
    assert len(result) < 10_000_100
    assert result.endswith("[the first 10,000,000 of 12,000,000 characters]")


async def test_the_server_hears_that_nobody_waits_any_more(servers: Servers) -> None:
    tool = await servers.find("stuck")
    call = asyncio.create_task(servers.manager.call(tool, {}, print))
    await until(lambda: "working" in servers.read_output("plain")[-1])
    call.cancel()
    await until(lambda: "cancelled" in servers.read_output("plain")[-1])
    working, cancelled = servers.read_output("plain")[-2:]
    assert working.split()[-1] == cancelled.split()[-1]
    assert await servers.call("plain_echo", text="and goes on") == "and goes on"


async def test_tools_that_change_are_there_in_the_next_turn(servers: Servers) -> None:
    await servers.manager.wait()
    toolbox = Toolbox(ARITHMETIC).join(servers.manager)
    assert not toolbox.is_outdated
    await servers.call("grow")
    await until(lambda: toolbox.is_outdated)
    renewed = toolbox.renew()
    assert renewed.qualified["grown"] == "plain.grown"
    assert "grown" not in toolbox.qualified
    assert [each.name for each in renewed.tools][:4] == [each.name for each in ARITHMETIC]
    assert await renewed.run(renewed.offered["odd"].tool, {"config": 1}) == '{"config": 1}'


async def test_a_server_that_died_is_started_again_when_it_is_used(servers: Servers) -> None:
    servers.manager.take_lines()
    failure = "has ended with exit code 3: it was told to die"
    assert await servers.fail("die") == f"the MCP server plain {failure}"
    await until(lambda: servers.manager.list_states()[0].state == "failed")
    state = await servers.describe("plain")
    assert (state.detail, "plain_echo" in state.tools) == (failure, True)
    assert servers.manager.take_lines() == [f"MCP: plain {failure}"]
    assert await servers.call("plain_echo", text="I am back") == "I am back"
    assert (await servers.describe("plain")).state == "ready"
    await servers.manager.restart("plain")
    assert await servers.call("plain_echo", text="again") == "again"


async def test_tools_that_cannot_be_used_are_left_out(servers: Servers) -> None:
    state = await servers.describe("hostile")
    await servers.find("tree")
    names = {each.called: each for each in servers.manager.offer([]) if each.server == "hostile"}
    assert list(names) == ["\x1b[2Jclear", "twin", "final_answer", "wordy", "tree", "slow"]
    assert names["\x1b[2Jclear"].qualified == "hostile.__2Jclear"
    assert len(names["wordy"].tool.description) == 4001
    for each in names.values():
        json.dumps(convert_to_openai_tool(each.tool))
    assert [each.removeprefix("left out ") for each in state.notes] == [
        "a tool: it has no name",
        "twin: another one has this name",
        "no_schema: its arguments have no JSON schema of an object",
        "list: its arguments have no JSON schema of an object",
        "wrong: its JSON schema is invalid: 7 is not of type 'object'",
        "elsewhere: its schema refers to another one",
        "huge: its schema has more than 50,000 characters",
        "growing: its schema is too large",
    ]


async def test_no_pattern_of_a_server_can_hang_the_program(servers: Servers) -> None:
    tool = (await servers.find("slow")).tool
    assert check_arguments(tool, json.dumps({"x": "a" * 40 + "!"}))
    with pytest.raises(CallError, match="is not of type 'string'"):
        check_arguments(tool, '{"x": 1}')


async def test_one_that_cannot_start_is_one_line(tmp_path: Path) -> None:
    refusing = raw("quits", env={"KEY": SECRET})
    broken = McpServer("broken", fault="needs the variable KEY, which is not set")
    absent = McpServer("absent", "no-such-program")
    folder = McpServer("folder", "ls", cwd=str(tmp_path / "none"))
    endless = raw("endless")
    async with started(refusing, broken, absent, folder, endless) as servers:
        lines = sorted(servers.manager.take_lines())
    assert lines == [
        "MCP: absent cannot be started: no-such-program is not installed",
        "MCP: broken needs the variable KEY, which is not set",
        "MCP: endless was ended: it sent a message of more than 100 MB",
        f"MCP: folder cannot be started: there is no folder {tmp_path}/none",
        "MCP: quits has ended with exit code 1: the key sk-*** is wrong",
    ]


async def test_a_list_of_tools_that_does_not_end() -> None:
    async with started(raw("pages")) as servers:
        (state,) = servers.manager.list_states()
    assert state.state == "ready"


PAGES: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/login": (401, {"WWW-Authenticate": "Bearer"}, b"no"),
    "/forbidden": (403, {}, b"no"),
    "/lost": (404, {}, b"no"),
    "/broken": (500, {}, b"no"),
    "/page": (200, {"Content-Type": "text/html"}, b"<p>"),
    "/garbage": (200, {"Content-Type": "application/json"}, b"{garbage"),
    "/cut": (200, {"Content-Type": "text/event-stream"}, b"event: message\ndata: {"),
    "/zip": (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"?"),
    "/moved": (302, {"Location": "http://127.0.0.1:9/"}, b""),
}


class Pages(BaseHTTPRequestHandler):
    """Answers with something other than MCP."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, body = PAGES[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


async def test_what_is_wrong_over_http_is_one_line() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{pages.server_port}"
        named = [McpServer(path[1:], url=url + path) for path in PAGES]
        async with started(*named, McpServer("nobody", url="http://127.0.0.1:9/mcp")) as servers:
            lines = dict(each.split(" ", 2)[1:] for each in servers.manager.take_lines())
        pages.shutdown()
    login = "asks for a login; set a header, for example Authorization, in [mcp."
    assert lines.pop("moved").startswith("Redirect to http://127.0.0.1:9/ not followed")
    assert lines == {
        "login": f"{login}login]",
        "forbidden": f"{login}forbidden]",
        "lost": "has no MCP server at this address",
        "broken": "answers with HTTP status 500",
        "page": "does not answer with MCP messages",
        "garbage": "does not answer with MCP messages",
        "cut": "has broken off its answer",
        "zip": "compresses its answers, although it was asked not to",
        "nobody": "cannot be reached: All connection attempts failed",
    }


def name(server: McpServer) -> list[str]:
    return ["--mcp", f"{server.name}={server.place}"]


def test_ask_uses_a_server_and_ends_it(server: Server, tmp_path: Path) -> None:
    server.script(calls("echo", text="a b"), answers("It says a b."))
    named = [*name(raw()), *name(McpServer("no", "no-such-program"))]
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}
    ran = run(tmp_path, "ask", *named, "--allow", "plain.echo", "Say a b", **variables)
    assert (ran.returncode, ran.stdout) == (0, "It says a b.\n")
    assert ran.stderr == "MCP: no cannot be started: no-such-program is not installed\n"
    offered = [each["function"] for each in server.requests[0]["tools"]]
    echo = {"name": "echo", "description": "Say it again.", "parameters": TEXT}
    assert echo in offered
    assert "plain_add" in {each["name"] for each in offered}
    assert server.requests[1]["messages"][-1]["content"] == "a b"


TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # ended before it was read, or meanwhile
        return False
    return stat.rpartition(") ")[2][0] != "Z"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
def test_no_server_outlives_a_program_that_is_killed(server: Server, tmp_path: Path) -> None:
    hanging = name(raw("hang", str(tmp_path / "pids")))
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "none"}
    with start(tmp_path, "ask", "-v", *hanging, "Hi", **variables) as process:
        assert process.stderr
        assert process.stderr.readline() == b"hang: it hangs\n"
        process.kill()
    pids = [int(each) for each in (tmp_path / "pids").read_text().split()]
    wait_until(lambda: not any(map(is_alive, pids)))


def test_the_chat_is_there_before_its_servers(server: Server, tmp_path: Path) -> None:
    named = [*name(raw()), *name(raw("hang", str(tmp_path / "pids")))]
    with Chat(server, tmp_path, *named) as chat:
        chat.wait_for_prompt()
        chat.type("Hi\r")
        chat.wait_for("starting the MCP servers plain, hang")
        chat.type(CTRL_C)
        chat.wait_for_prompt("Hi")
        chat.type(EMPTIED)
        chat.leave()


@pytest.mark.skipif(not shutil.which("npx"), reason="needs node")
async def test_the_file_server_of_npm(tmp_path: Path) -> None:
    tmp_path.joinpath("note.txt").write_text("Buy lamps.")
    package = "@modelcontextprotocol/server-filesystem"
    files = McpServer("files", "npx", ("--yes", "--prefer-offline", package, str(tmp_path)))
    async with started(files) as servers:
        state = await servers.describe("files")
        if any("npm error" in each for each in state.output):
            pytest.skip("npm cannot download it")
        assert await servers.call("read_text_file", path=f"{tmp_path}/note.txt") == "Buy lamps."
        assert "Access denied" in await servers.fail("read_text_file", path="/etc/hostname")
