"""A good MCP server, made with the SDK's own FastMCP: python mcp_fast.py"""

from __future__ import annotations

import asyncio

from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.types import EmbeddedResource, ResourceLink, TextResourceContents
from pydantic import AnyUrl

server = FastMCP("Fast", instructions="Ask it\x1b[2J gently.")


@server.tool()
def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


@server.tool()
async def work(steps: int, context: Context) -> str:  # type: ignore[type-arg]
    """Work for some steps."""
    for step in range(steps):
        await context.report_progress(step + 1, steps, f"step {step + 1}")
        await asyncio.sleep(0.25)
    return "done"


@server.tool(structured_output=False)
def look(place: str) -> list[object]:
    """Look at a place."""
    note = TextResourceContents(uri=AnyUrl("note://place"), mimeType="text/plain", text=place)
    return [
        "Here it is:",
        Image(data=b"\x89PNG" + bytes(24_000), format="png"),
        EmbeddedResource(type="resource", resource=note),
        ResourceLink(
            type="resource_link", name="map", uri=AnyUrl("file:///map.pdf"), size=2_400_000
        ),
    ]


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("it cannot be done")


if __name__ == "__main__":
    server.run()
