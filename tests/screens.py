"""Draws the README's pictures from turns on the scripted server: python -m tests.screens"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pyte
import pyte.graphics
from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.style import Style
from rich.text import Text

from streamchat.agent.executor import AgentExecutor
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.events import ArgumentsDelta, Event, StepFinished, ToolFinished, TurnDone
from streamchat.models.openai_compatible import connect
from streamchat.turn import Turn, reduce
from streamchat.view.live.view import LiveView
from tests.screen import Screen, ScreenTerminal
from tests.server import MARKDOWN, Reply, Server, answers, calls, says

FOLDER = Path(__file__).parent / "pictures"
COLUMNS = 80
SECONDS = {
    StepFinished: {"seconds": 1.32, "first_token_seconds": 0.41},
    ToolFinished: {"seconds": 0.01},
    TurnDone: {"seconds": 2.7},
}
"""Fixed times, so that the pictures do not change."""

BOTH = "What are 1.05 to the power of 10, and 3 times 4?"
PICTURES: dict[str, tuple[str, tuple[Reply, ...], int | None]] = {
    "calls": (
        BOTH,
        (
            says("I need *two* tools for that.")
            + calls("exponentiate", ['{"', "x", '":', " 1", ".05", ', "', "y", '":', " 10", "}"])
            + calls("multiply", ['{"', "x", '":', " 3", ', "', "y", '":', " 4", "}"]),
        ),
        14,
    ),
    "answer": (
        "What does a sum of 1,000 grow to?",
        (
            calls("exponentiate", ['{"', "x", '":', " 1", ".05", ', "', "y", '":', " 10", "}"]).but(
                usage=(412, 21)
            ),
            answers(MARKDOWN).but(usage=(498, 240)),
        ),
        None,
    ),
}
"""The question, the replies, and the number of argument fragments shown (None for all)."""


async def play(question: str, replies: Sequence[Reply]) -> list[Event]:
    """Return the events of a turn, with times that never change."""
    with Server() as server:
        server.script(*replies)
        llm = connect("gpt-4o-mini", base_url=server.url, api_key=None, temperature=0, timeout=60)
        streamer = QueueCallbackHandler()
        executor = AgentExecutor(llm)
        task = asyncio.create_task(executor.invoke(question, streamer))
        events = [event async for event in streamer]
        await asyncio.wait([task])
        task.exception()  # what follows the picture does not matter
        await executor.aclose()
    return [replace(event, **SECONDS.get(type(event), {})) for event in events]


def cut_off_after(fragments: int | None, events: Sequence[Event]) -> Sequence[Event]:
    """Return the events up to a number of argument fragments."""
    ends = [at + 1 for at, event in enumerate(events) if isinstance(event, ArgumentsDelta)]
    return events if fragments is None else events[: ends[fragments - 1]]


def show_on_screen(question: str, events: Sequence[Event]) -> Screen:
    """Return a screen with the prompt and these events."""
    pyte.graphics.TEXT[2] = "+blink"  # the emulator has no dim text, and ours never blinks
    screen = Screen(COLUMNS, 60)
    screen.write(f"\x1b[1m› {question}\x1b[0m\r\n")
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    view = LiveView(ScreenTerminal(screen), console, reflow=False)
    view.__enter__()
    turn = Turn()
    for event in events:
        turn = reduce(turn, event)
        view.show(turn, event)
    if turn.status == "running":
        view._paint()
    return screen


def colour(screen: Screen) -> Text:
    """Return the screen as Rich text."""
    lines = []
    for row in range(len(screen.visible())):
        groups = groupby(screen.row(row), key=find_style)
        parts = (("".join(each.data for each in group), style) for style, group in groups)
        lines.append(Text.assemble(*parts))
    return Text("\n").join(lines)


def find_style(character: pyte.screens.Char) -> Style:
    return Style(
        color=None if character.fg == "default" else character.fg,
        bold=character.bold,
        italic=character.italics,
        underline=character.underscore,
        strike=character.strikethrough,
        dim=character.blink,
    )


def draw_svg(name: str) -> str:
    """Return a picture as SVG."""
    question, replies, fragments = PICTURES[name]
    screen = show_on_screen(
        question, cut_off_after(fragments, asyncio.run(play(question, replies)))
    )
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(colour(screen), no_wrap=True)
    # A picture in a page loads no fonts from elsewhere.
    page = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    picture = console.export_svg(title="streamchat", unique_id=name, code_format=page)
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def read_words(picture: str) -> str:
    """Return the text of a picture: its drawing may differ between versions of Rich."""
    return "".join(re.findall(r"<text [^>]*>([^<]*)</text>", picture))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(draw_svg(name), encoding="utf-8")


if __name__ == "__main__":
    main()
