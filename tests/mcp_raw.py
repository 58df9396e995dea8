"""An MCP server in plain Python, which starts at once: python mcp_raw.py [KIND]

It speaks JSON-RPC in lines on its standard streams. Most kinds are hostile or broken.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

OBJECT = {"type": "object", "properties": {}}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
KIND = sys.argv[1] if len(sys.argv) > 1 else "plain"


def send(**message: Any) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}))


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tool(name: str, description: str = "", schema: Any = OBJECT) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": schema}


def text(result: str, **fields: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": result}], **fields}


TOOLS = [tool("echo", "Say it again.", TEXT), tool("die", "End the server."), tool("add")]


def list_tools() -> list[Any]:
    return TOOLS


def call(number: int, name: str, arguments: dict[str, Any]) -> None:
    if name == "echo":
        send(id=number, result=text(str(arguments["text"])))
    elif name == "add":
        send(id=number, result=text("added"))
    elif name == "die":
        print("it was told to die", file=sys.stderr, flush=True)
        os._exit(3)
    else:
        send(id=number, error={"code": -32602, "message": f"no tool {name}"})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        number, parameters = message.get("id"), message.get("params") or {}
        match message.get("method"):
            case "initialize":
                send(
                    id=number,
                    result={
                        "protocolVersion": parameters["protocolVersion"],
                        "capabilities": {"tools": {"listChanged": True}},
                        "serverInfo": {"name": "raw", "version": "1"},
                    },
                )
            case "tools/list":
                send(id=number, result={"tools": list_tools()})
            case "tools/call":
                call(number, parameters["name"], parameters.get("arguments") or {})


if __name__ == "__main__":
    main()
