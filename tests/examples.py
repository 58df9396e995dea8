"""The agents on the manual's page about agents: as files, and asked on a scripted server."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, chdir
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from streamchat.agent.source import Exchange, Request
from streamchat.agent.target.interrupts import read_answer
from streamchat.agent.target.source import TargetSource
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    InputRequested,
    TextDelta,
    ToolCallStarted,
)
from streamchat.manual import read_topic
from tests.plays import forget_clients
from tests.server import Reply, Server, Until, calls, says
from tests.targets import keep_imports, loaded, write


class Example(NamedTuple):
    """A turn of one of the agents.

    Attributes:
        question: the user's.
        replies: the server's.
        typed: what the user answers, if the agent asks.
    """

    question: str
    replies: tuple[Reply, ...]
    typed: str = ""


MAIL = ("Your ", "lamp ", "has ", "arrived.")
EXAMPLES = {
    "shop": Example(
        "What does a lamp cost with tax?",
        (
            calls("find_price", ['{"', "product", '":"', "lamp", '"}']),
            calls("add_tax", ['{"', "price", '":', "49", "}"]),
            says("A lamp ", "costs ", "58.80 ", "euros, ", "tax ", "included."),
        ),
    ),
    "report": Example(
        "Coffee or tea for a night shift?",
        (
            says(
                "1. Coffee ", "has twice ", "the caffeine.\n", "2. Tea ", "wakes ", "for longer.\n"
            )
            + says("3. Tea ", "is older."),
            says("The third: ", "age ", "keeps ", "nobody ", "awake."),
            says("Begin ", "with coffee, ", "which has ", "twice the caffeine. ")
            + says("Then ", "drink tea, ", "which wakes ", "for longer."),
        ),
    ),
    "clerk": Example(
        "Tell Ada that her lamp has arrived.",
        (
            calls(
                "send_mail",
                ['{"', "to", '":"', "ada@", "example.org", '","', "text", '":"', *MAIL, '"}'],
            ),
            says("I have ", "told ", "Ada ", "about her lamp."),
        ),
        "approve",
    ),
    "translator": Example(
        "The lamp has arrived.", (says("La ", "lampe ", "est ", "arrivée", "."),)
    ),
    "units": Example(
        "Is 451 degrees Fahrenheit hot?",
        (
            calls("to_celsius", ['{"', "fahren", "heit", '":', "451", "}"]),
            says("Yes: ", "it is ", "232.8 ", "degrees ", "Celsius."),
        ),
    ),
}
"""The agents by the name of their file."""


def write_example(name: str, folder: Path) -> Path:
    """Write the file of an example as it is printed on the page."""
    blocks = re.findall(r"```python\n(.*?)```", read_topic("agents"), re.DOTALL)
    (code,) = [each for each in blocks if each.startswith(f'"""{name}.py: ')]
    return write(folder / f"{name}.py", code)


def write_example_tools(path: Path) -> Path:
    """Write the file of tools that the README has."""
    readme = Path(__file__).parent.parent / "README.md"
    (code,) = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    return write(path, code)


class Lockstep:
    """Lets a server send the next part of a reply only once the one before has become an event."""

    def __init__(self) -> None:
        self._shown = threading.Semaphore(0)

    def slow_down(self, reply: Reply) -> Reply:
        until = Until(self)  # type: ignore[arg-type]
        parts = tuple(each for part in reply.parts for each in (part, until))
        # The agent's model has nobody to close its connections.
        return reply.but(parts=parts, headers={"Connection": "close"})

    def see(self, event: Event) -> None:
        if isinstance(event, ToolCallStarted | ArgumentsDelta | TextDelta | AnswerDelta):
            self._shown.release()

    def wait(self, timeout: float) -> None:
        assert self._shown.acquire(timeout=timeout)


@asynccontextmanager
async def opened(name: str, server: Server, folder: Path) -> AsyncIterator[TargetSource]:
    """Load an example from a file in the folder, as in an environment with this server."""
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-example"}
    write_example(name, folder)
    with patch.dict(os.environ, variables), chdir(folder), keep_imports():
        async with loaded(f"{name}.py", timeout=20) as source:
            yield source
        forget_clients()


async def ask(
    source: TargetSource, example: Example, server: Server, history: Sequence[Exchange] = ()
) -> list[Event]:
    """Return the events of a turn; the server's next part always waits for that of the last."""
    lockstep = Lockstep()
    server.script(*map(lockstep.slow_down, example.replies))
    run = source.start(Request(example.question, history, interactive=True))
    events: list[Event] = []
    async for event in run:
        events.append(event)
        lockstep.see(event)
        if isinstance(event, InputRequested):
            run.reply(read_answer(event, example.typed))
    await run.aclose()
    return events
