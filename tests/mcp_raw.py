"""An MCP server in plain Python, which starts at once: python mcp_raw.py [KIND]

It speaks JSON-RPC in lines on its standard streams. Most kinds are broken or hostile.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

KIND = sys.argv[1] if len(sys.argv) > 1 else "plain"
OBJECT = {"type": "object", "properties": {}}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
ODD = {"type": "object", "properties": {each: {} for each in ("config", "runtime", "self")}}
GROWING = {
    f"d{n}": {"properties": {k: {"$ref": f"#/$defs/d{n + 1}"} for k in "ab"}} for n in range(30)
}
_lock = threading.Lock()


def send(**message: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}))


def write(line: str) -> None:
    with _lock:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def complain(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def tool(name: str, schema: Any = OBJECT, description: str = "") -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": schema}


def text(result: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": result}]}


TOOLS = [
    tool("echo", TEXT, "Say it again."),
    tool("add"),
    tool("odd", ODD),
    *map(tool, ("die", "stuck", "grow", "big", "ask_client", "strange")),
]
HOSTILE = [
    "not even a tool",
    tool("\x1b[2Jclear"),
    tool("twin"),
    tool("twin", TEXT),
    tool("final_answer"),
    tool("wordy", OBJECT, "long " * 200_000),
    tool("no_schema", "any"),
    tool("list", {"type": "array"}),
    tool("wrong", {"type": "object", "properties": 7}),
    tool("elsewhere", {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:9/x"}}}),
    tool("huge", {"type": "object", "description": "x" * 60_000}),
    tool("growing", {"type": "object", "$ref": "#/$defs/d0", "$defs": {**GROWING, "d30": {}}}),
    tool("tree", {"type": "object", "properties": {"left": {"$ref": "#"}}}),
    tool("slow", {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}),
]


def call(number: int, name: str, arguments: dict[str, Any]) -> None:
    if name == "echo":
        send(id=number, result=text(str(arguments["text"])))
    elif name == "odd":
        send(id=number, result=text(json.dumps(arguments)))
    elif name == "die":
        complain("\x1b[31mit was told to die\x1b[0m")
        os._exit(3)
    elif name == "stuck":
        complain(f"working on {number}")
    elif name == "grow":
        TOOLS.append(tool("grown"))
        send(method="notifications/tools/list_changed")
        send(id=number, result=text("grown"))
    elif name == "big":
        send(id=number, result=text("x" * 12_000_000))
    elif name == "ask_client":
        asked = {"messages": [], "maxTokens": 1, "message": "?", "requestedSchema": OBJECT}
        for each in ("sampling/createMessage", "elicitation/create", "roots/list", "no/such"):
            send(id=each, method=each, params=asked)
        send(id=number, result=text("asked"))
    elif name == "strange":
        blocks = [{"type": "film", "reel": 1}, "?", {"type": "audio", "data": "AAAA" * 500}]
        send(id=number, result={"content": blocks, "structuredContent": {"frames": [1, 2]}})
    else:
        send(id=number, error={"code": -32602, "message": f"no tool \x1b[2J{name}"})


def answer(message: dict[str, Any]) -> None:
    number, parameters = message.get("id"), message.get("params") or {}
    match message.get("method"):
        case "initialize":
            about = {"name": "raw\x1b[2J", "version": "1"}
            capabilities = {"tools": {"listChanged": True}}
            version = parameters["protocolVersion"]
            result = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": about}
            send(id=number, result=result)
        case "tools/list":
            listed = {"plain": TOOLS, "hostile": HOSTILE}.get(KIND, TOOLS[:1])
            if KIND == "pages":  # a list that does not end
                listed = [] if "cursor" in parameters else listed
                send(id=number, result={"tools": listed, "nextCursor": "more"})
            else:
                send(id=number, result={"tools": listed})
        case "tools/call":
            call(int(number or 0), parameters["name"], parameters.get("arguments") or {})
        case "notifications/cancelled":
            complain(f"cancelled {parameters['requestId']}")
        case None:  # an answer of the client's
            complain(f"{number}: {message.get('error', {}).get('message')}")


def flood() -> None:
    while True:
        os.write(2, b"flood\n" * 10_000)


def babble() -> None:
    while True:
        os.write(1, b"babble\n{broken\n" * 1_000)
        time.sleep(0.001)


def hang() -> None:
    """Ends only if killed, as a child does whose process ID is in a file."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "600"])  # it ignores these, too
    Path(sys.argv[2]).write_text(f"{os.getpid()} {child.pid}")
    complain("it hangs")
    while True:
        time.sleep(600)


def main() -> None:
    match KIND:
        case "flood":
            threading.Thread(target=flood, daemon=True).start()
        case "babble":
            threading.Thread(target=babble, daemon=True).start()
        case "hang":
            hang()
        case "quits":
            sys.exit(f"the key {os.environ['KEY']} is wrong")
        case "endless":  # a message that does not end
            while True:
                os.write(1, b"{" * 65_536)
    for line in sys.stdin:
        answer(json.loads(line))


if __name__ == "__main__":
    main()
