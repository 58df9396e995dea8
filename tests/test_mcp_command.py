"""/mcp in a chat with real servers, and doctor --mcp."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.chatting import EMPTIED, MARK, Chat
from tests.program import run
from tests.server import Server, calls, says

HERE = Path(__file__).parent
RAW = f"raw={sys.executable} {HERE / 'mcp_raw.py'}"


def wait_for_servers(chat: Chat) -> None:
    chat.wait_for(
        lambda _: chat.prompted == MARK and not {"loading", "starting"} & {*chat.bar.split()}
    )


def test_servers_are_listed_and_restarted(server: Server, tmp_path: Path) -> None:
    servers = ("--mcp", RAW, "--mcp", "gone=/no/such --token s3cret-s3cret")
    with Chat(server, tmp_path, *servers, "--allow", "*") as chat:
        wait_for_servers(chat)
        chat.type("/mcp re")
        chat.wait_for_completion("/mcp re", "restart")
        chat.type("start r")
        chat.wait_for_completion("/mcp restart r", "restart raw")
        chat.type(EMPTIED)
        shown = chat.send("/mcp")
        assert re.search(r"^raw  ready, \d tools: raw", shown, re.MULTILINE)
        assert "\n  echo  Say it again.\n" in shown
        assert "\ngone  failed: " in shown
        assert "s3cret-s3cret" not in chat.shown
        assert "(MCP server raw)" in chat.send("/tools")

        server.script(calls("die"), says("It is gone."))
        assert "It is gone." in chat.send("End it.")
        assert "raw  failed: has ended with exit code 3: it was told to die" in chat.send("/mcp")
        assert "raw  ready, " in chat.send("/mcp restart raw")
        assert "gone  failed: " in chat.send("/mcp restart gone")
        chat.expect_refusal("/mcp restart raww", "There is no server raww. Did you mean raw?")
        chat.expect_refusal("/mcp nope", "There is no server nope. Name one of raw, gone")
        chat.leave()
        assert "streamchat --mcp 'raw=" in chat.shown


def test_a_server_says_more_about_itself(server: Server, tmp_path: Path) -> None:
    fast = f"{sys.executable} {HERE / 'mcp_fast.py'}"
    with Chat(server, tmp_path, "--mcp", fast, columns=40) as chat:
        wait_for_servers(chat)
        shown = chat.send("/mcp fast")
        assert "fast  ready, 4 tools: Fast " in shown
        assert "\n    Ask it\\x1b[2J gently.\n" in shown
        assert max(map(len, shown.splitlines())) < 40
        assert "count_words  Count the words of a\n" in shown


def test_a_chat_without_servers(server: Server, tmp_path: Path) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.expect_refusal("/mcp", "There are no MCP servers; --mcp names one: /help mcp")


def test_doctor_starts_servers_and_says_what_is_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--mcp", RAW, "--mcp", "gone=/no/such --token s3cret-s3cret")
    first, *others = done.stdout.splitlines()
    assert re.fullmatch(r"mcp raw: ok; raw.* 1; \d tools: echo, .*; offered to the model", first)
    assert others == [
        "mcp gone: wrong; cannot be started: /no/such is not installed; "
        "the chat goes on without its tools",
        "usable: no",
    ]
    assert done.returncode == 1
    done = run(tmp_path, "doctor", "--json", "--mcp", RAW)
    *_, last = done.stdout.splitlines()
    assert (last, done.returncode) == ('{"usable": true}', 0)
    done = run(tmp_path, "doctor", "--mcp", "")
    assert done.stderr == "error: there are no MCP servers to check\n"
