"""Conversations with `@ag-ui/client`, the protocol's own client, in node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents import close_agents
from tests.agui import TOKEN, check, fragments, pick, serve, texts
from tests.server import NEVER, Reply, Server, calls, delta, fails, notebook, says
from tests.test_postponed import RAN, open_source

PACKAGE = "@ag-ui/client@1.0.0"
SCRIPT = Path(__file__).parent / "agui_client.mjs"
REPLIES = (
    *(*notebook(), *notebook()),
    *(calls("delete", path="a") + calls("add", x=1, y=2, id="call_add"), says("It is gone.")),
    *(calls("weather", city="Rome"), says("Sunny.")),
    *(fails(400, "no such thing"), Reply((delta(content="one "), NEVER))),
)


def find_package() -> Path:
    """Return the folder with the client, which npm installs once."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("node and npm are not there")
    folder = Path(tempfile.gettempdir()) / "streamchat-tests" / PACKAGE.replace("/", "-")
    if not (folder / "node_modules").exists():
        folder.parent.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        install = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(fresh), PACKAGE]
        if subprocess.run(install, capture_output=True, timeout=300, check=False).returncode:
            shutil.rmtree(fresh)
            pytest.skip(f"npm cannot install {PACKAGE}")
        fresh.rename(folder)
    return folder


@pytest.fixture(scope="module")
def report() -> Iterator[dict[str, Any]]:
    """What the client saw in all conversations, which one process of node has."""
    folder = find_package()
    RAN.clear()
    with Server() as server:
        server.script(*REPLIES)
        seen = asyncio.run(_converse(server, folder))
        assert server.disconnected.wait(300)
        yield {**seen, "requests": server.requests}


async def _converse(server: Server, folder: Path) -> dict[str, Any]:
    async with serve(open_source(server)) as address:
        process = await asyncio.create_subprocess_exec(
            *("node", SCRIPT, folder, f"http://{address}/agent", TOKEN),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    await close_agents()
    seen: dict[str, Any] = json.loads(output)
    return seen


def test_a_client_gets_every_fragment_of_a_call(report: dict[str, Any]) -> None:
    first = report["converse"]["first"]
    assert not first["error"]
    seen = check(first["events"])
    assert fragments(seen) == {"call_add": ['{"', "x", '":', "10", ',"', "y", '":', "10", "}"]}
    assert texts(seen) == ["10 + 10 equals 20."]
    assert [each["role"] for each in first["messages"]] == [
        *("user", "assistant", "tool", "assistant"),
    ]
    called, result, answer = first["messages"][1:]
    assert called["toolCalls"][0]["function"]["arguments"] == '{"x":10,"y":10}'
    assert (result["content"], answer["content"]) == ("20", "10 + 10 equals 20.")


def test_the_next_turn_has_the_history_and_calls_of_its_own(report: dict[str, Any]) -> None:
    second = report["converse"]["second"]
    assert not second["error"]
    ids = [call["id"] for message in second["messages"] for call in message.get("toolCalls") or ()]
    assert ids == ["call_add", "call_add_2"]
    assert len({each["id"] for each in second["messages"]}) == 8
    asked = [each["content"] for each in report["requests"][2]["messages"][1:]]
    assert asked == ["What is 10 + 10", "10 + 10 equals 20.", "And again?"]


def test_an_interrupt_is_answered_by_resuming(report: dict[str, Any]) -> None:
    story = report["approve"]
    assert story["first"]["events"][-1]["outcome"]["type"] == "interrupt"
    assert "not addressed by resume" in story["blocked"]["error"]
    second = story["second"]
    assert not second["error"]
    assert RAN == ["b"]
    assert texts(check(second["events"])) == ["It is gone."]
    assert story["left"] == []
    by_call = {
        each["toolCallId"]: each["content"] for each in second["messages"] if each["role"] == "tool"
    }
    assert by_call == {"call_add": "3", "call_delete": "b is gone"}


def test_a_client_runs_its_own_tool(report: dict[str, Any]) -> None:
    story = report["runTool"]
    assert not pick(story["first"]["events"], "TOOL_CALL_RESULT")
    assert texts(check(story["second"]["events"])) == ["Sunny."]


def test_a_failure_is_told(report: dict[str, Any]) -> None:
    events = check(report["fail"]["events"])
    assert "no such thing" in events[-1]["message"]


def test_a_client_that_stops_cancels_the_run(report: dict[str, Any]) -> None:
    events = report["cancel"]["events"]
    assert texts(events) == ["one "]
    assert events[-1]["type"] != "RUN_FINISHED"
