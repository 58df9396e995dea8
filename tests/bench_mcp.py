"""What MCP servers cost that write without end: python -m tests.bench mcp [seconds]

CPU seconds for each second in which nobody asks a server anything. A flood must not take a
processor, so each figure is to stay far below 1.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from streamchat.agent.mcp.manager import McpManager
from streamchat.config.mcp import McpServer
from streamchat.text.redact import Redactor

SECONDS = 5
KINDS = {"plain": "writes nothing", "flood": "standard error", "babble": "lines that are no JSON"}


def mcp(parts: list[str]) -> None:
    """Print a table of what servers write."""
    seconds = float(parts[0]) if parts else SECONDS
    print(f"{'':>24} {'CPU s':>7}   for each second")
    for kind, written in KINDS.items():
        print(f"{written:>24} {asyncio.run(measure(kind, seconds)) / seconds:>7.3f}", flush=True)


async def measure(kind: str, seconds: float) -> float:
    """Return the CPU seconds of this process while the server runs."""
    script = str(Path(__file__).with_name("mcp_raw.py"))
    server = McpServer(kind, sys.executable, ("-IS", script, kind))
    manager = McpManager([server], Redactor([]))
    try:
        await manager.wait()
        before = time.process_time()
        await asyncio.sleep(seconds)
        return time.process_time() - before
    finally:
        await manager.aclose()
