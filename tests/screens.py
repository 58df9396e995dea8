"""Draws the pictures of README and manual from real turns and chats: python -m tests.screens

The turns are the executor's and those of the manual's example agents, on the scripted server; only
their times are made up, so that the pictures do not change. The chats are the installed program's,
on a terminal.

The film is the program's, too: a scripted turn, stored with times that are made up, and written by
`sessions replay --svg`.

Scenes are made of events, and in no page yet: `python -m tests.screens FOLDER` draws those.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import pyte
import pyte.graphics
from langchain_core.language_models import BaseChatModel
from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

from streamchat.agent.executor import AgentExecutor
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.config import Settings
from streamchat.events import (
    ArgumentsDelta,
    Event,
    ReasoningDelta,
    StepFinished,
    StepStarted,
    TextDelta,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
    TurnFailed,
)
from streamchat.models import open_model
from streamchat.models.openai_compatible import connect
from streamchat.repl.asking import advise
from streamchat.repl.commands import COMMANDS
from streamchat.turn import Turn, reduce
from streamchat.view.live import view
from streamchat.view.live.view import LiveView
from streamchat.view.outcome import format_outcome
from tests.chatting import Chat
from tests.examples import EXAMPLES, ask, opened, write_example_tools
from tests.program import run
from tests.providers import ANTHROPIC, Dialect
from tests.screen import Screen, ScreenTerminal
from tests.server import MARKDOWN, Hangup, Reply, Server, answers, calls, delta, says
from tests.stores import store_timed
from tests.turns import ASKING, GRAPH, PRINTING

FOLDER = Path(__file__).parent / "pictures"
WIDTHS = (80, 40)
THEMES = {"dark": SVG_EXPORT_THEME, "light": DEFAULT_TERMINAL_THEME}
LINES = 30
SECONDS = {
    StepFinished: {"seconds": 1.32, "first_token_seconds": 0.41},
    ToolFinished: {"seconds": 0.01},
    TurnDone: {"seconds": 2.7},
    TurnFailed: {"seconds": 1.4},
}
"""Fixed times, so that the pictures do not change."""
PACE = 0.05
"""Seconds between two events, on the view's clock."""


class Shot(NamedTuple):
    """A turn, up to some moment.

    Attributes:
        question: the user's.
        replies: the server's.
        until: the kind of event that is the last one shown; None shows the whole turn.
        count: how many events of that kind are shown.
        agent: the name of the example whose agent answers; empty for the executor.
        dialect: of the provider whose model answers; None for a server that speaks OpenAI's.
    """

    question: str
    replies: tuple[Reply, ...]
    until: type[Event] | None = None
    count: int = 0
    agent: str = ""
    dialect: Dialect | None = None


THOUGHTS = (
    "The user wants two results. One is a power and the other a product, and there is a tool for "
    "each, so I will call both at once and then put the results into one sentence."
)
POWER = ('{"', "x", '":', " 1", ".05", ', "', "y", '":', " 10", "}")
PRODUCT = ('{"', "x", '":', " 3", ', "', "y", '":', " 4", "}")


def thinks(text: str) -> Reply:
    return Reply(tuple(delta(reasoning_content=word) for word in re.findall(r"\S+\s*", text)))


BOTH = thinks(THOUGHTS) + calls("exponentiate", POWER) + calls("multiply", PRODUCT)
SHOTS = {
    "reasoning": Shot(
        "What are 1.05 to the power of 10, and 3 times 4?", (BOTH,), ReasoningDelta, 33
    ),
    "calls": Shot("What are 1.05 to the power of 10, and 3 times 4?", (BOTH,), ArgumentsDelta, 14),
    "answer": Shot(
        "What does a sum of 1,000 grow to?",
        (
            (thinks(THOUGHTS) + calls("exponentiate", POWER)).but(usage=(412, 61)),
            answers(MARKDOWN).but(usage=(498, 240)),
        ),
    ),
    "failed": Shot(
        "What is 10 to the power of 1,000?",
        (
            calls("exponentiate", ['{"', "x", '":', " 10", ', "', "y", '":', " 1000", "}"]),
            says("That ", "is ", "a ", "one ", "with ").but(done=False) + Reply((Hangup(),)),
        ),
    ),
}
PROVIDER = "provider"
CLAUDE = replace(ANTHROPIC, model="anthropic:claude-sonnet-5-5")  # as the manual has it
SHOTS[PROVIDER] = Shot(
    "What are 1,000 worth after ten years at 5 %?",
    (
        ANTHROPIC.call("exponentiate", '{"x": 1', ".0", "5", ', "y', '": 10', "}"),
        ANTHROPIC.call("multiply", '{"x"', ": 1000", ', "y": 1', ".62889", "4626777", "442}"),
        ANTHROPIC.answer("1,000 grow to ", "about **1,628.89**", " in ten years."),
    ),
    dialect=CLAUDE,
)
FILM, FILM_SIZE = "film", "80x19"
FILMED = Shot(
    "What are 1.05 to the power of 10, and 3 times 4?",
    (
        BOTH,
        answers("1.05 to the power of 10 is about **1.63**, and 3 times 4 is **12**."),
    ),
)
"""The turn that the film shows."""
PACES: dict[type[Event], int] = {
    StepStarted: 600,
    ReasoningDelta: 45,
    ArgumentsDelta: 130,
    ToolFinished: 400,
    TextDelta: 60,
}
"""Milliseconds before an event of the film; a moment before any other."""
SHOTS |= {name: Shot(each.question, each.replies, agent=name) for name, each in EXAMPLES.items()}
SCENES: dict[str, Sequence[Event]] = {
    "graph": GRAPH,
    "subgraph": GRAPH[:13],
    "printing": PRINTING,
    "tool": PRINTING[:-7],
    "asked": ASKING[:9],
    "approved": ASKING,
}


def open_menu(chat: Chat) -> None:
    chat.type("/")
    above_bar = min(sum(not each.with_agent for each in COMMANDS.values()), LINES - 3)
    chat.wait_for(lambda _: (chat.prompted or "").count("\n") == above_bar)


def list_servers(chat: Chat) -> None:
    chat.wait_for("files · 3 tools")
    chat.send("/mcp")


def ask_to_delete(chat: Chat) -> None:
    chat.type("\f")  # clears the screen, so that no port is in the picture
    chat.type("Tidy up: notes.txt can go.\r")
    chat.wait_for("run delete(")
    chat.wait_for("Esc stop")  # comes last


CHATS: dict[str, Callable[[Chat], None]] = {
    "welcome": lambda chat: None,
    "menu": open_menu,
    "servers": list_servers,
    "approval": ask_to_delete,
}
"""What the user does in the chat before the picture is taken."""
EVENTS = "events"
COMMANDS_SHOWN = ("head -n 9 turn.jsonl", "streamchat show turn.jsonl --raw")
"""What the picture of the events shows, with its output."""
DELETE = says("I ", "delete ", "it.") + calls(
    "delete", ('{"', "path", '":"', "notes", ".txt", '"}')
)
SERVERS = ("--mcp", "python mcp_files.py notes", "--mcp", "tracker=http://127.0.0.1:9/mcp")


AT_80 = {*EXAMPLES, PROVIDER, "servers", "approval", EVENTS}
"""What no picture shows at 40 columns."""


def list_names(kinds: Iterable[str]) -> list[str]:
    return [
        f"{kind}{'' if width == WIDTHS[0] else f'-{width}'}{'' if theme == 'dark' else f'-{theme}'}"
        for kind in kinds
        for width in (WIDTHS[:1] if kind in AT_80 else WIDTHS)
        for theme in THEMES
    ]


NAMES = list_names([*SHOTS, *CHATS, EVENTS])


def open_llm(server: Server, dialect: Dialect | None) -> BaseChatModel:
    if not dialect:
        return connect("gpt-4o-mini", base_url=server.url, api_key=None, temperature=0, timeout=60)
    with patch.dict(os.environ, dialect.point_to(server)):
        return open_model(Settings(model=dialect.model))


async def play(
    question: str, replies: Sequence[Reply], dialect: Dialect | None = None
) -> list[Event]:
    """Return the events of a turn, with times that never change."""
    with Server() as server:
        server.script(*replies)
        llm = open_llm(server, dialect)
        streamer = QueueCallbackHandler()
        executor = AgentExecutor(llm)
        task = asyncio.create_task(executor.invoke(question, streamer))
        events = [event async for event in streamer]
        await asyncio.wait([task])
        task.exception()  # what follows the picture does not matter
        await executor.aclose()
    return [fix(event) for event in events]


async def play_agent(name: str) -> list[Event]:
    """Return the events of an example's turn, with times that never change."""
    with Server() as server, TemporaryDirectory() as folder:
        async with opened(name, server, Path(folder)) as source:
            events = await ask(source, EXAMPLES[name], server)
    return [fix(event) for event in events]


def fix(event: Event) -> Event:
    """Return the event with a time and a port that do not change."""
    if isinstance(event, TurnFailed):
        event = replace(event, error=re.sub(r":\d+ ", ":8000 ", event.error))
    return replace(event, **SECONDS.get(type(event), {}))


def cut_off(shot: Shot, events: Sequence[Event]) -> Sequence[Event]:
    """Return the events that the shot shows."""
    if shot.until is None:
        return events
    ends = [at + 1 for at, event in enumerate(events) if isinstance(event, shot.until)]
    return events[: ends[shot.count - 1]]


@contextmanager
def slow_clock() -> Iterator[None]:
    """Let the view's clock go on by `PACE` whenever the view looks at it."""
    real, now = view.monotonic, 0.0

    def tick() -> float:
        nonlocal now
        now += PACE
        return now

    view.monotonic = tick
    try:
        yield
    finally:
        view.monotonic = real


def show_shot(shot: Shot, columns: int) -> Text:
    """Return a screen with the question and the turn's events."""
    playing = play_agent(shot.agent) if shot.agent else play(*shot[:2], shot.dialect)
    typed = f"› {shot.question}"
    if shot.dialect:
        typed = f'$ streamchat ask --model {shot.dialect.model} \\\r\n> "{shot.question}"'
    return show_events(typed, cut_off(shot, asyncio.run(playing)), columns)


def show_scene(events: Sequence[Event], columns: int) -> Text:
    """Return a screen with a turn, which may not be over."""
    return show_events(f"› {reduce(Turn(), events[0]).question}", events, columns)


def show_events(typed: str, events: Sequence[Event], columns: int) -> Text:
    screen = Screen(columns, 60)
    screen.write(f"\x1b[1m{typed}\x1b[0m\r\n\r\n")
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    turn = Turn()
    with slow_clock():
        live = LiveView(ScreenTerminal(screen), console, reflow=False)
        live.__enter__()
        for event in events:
            turn = reduce(turn, event)
            live.show(turn, event)
        if turn.status == "running":
            live._paint()
    screen.write(format_end(turn, columns))
    return colour(screen)


def format_end(turn: Turn, columns: int) -> str:
    """Return what the chat says below a turn that failed."""

    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    with patch.dict(os.environ, COLUMNS=str(columns), TERM="xterm"):
        outcome = format_outcome(turn, Terminal(), advise(turn))
    return outcome.replace("\n", "\r\n")


def show_chat(name: str, columns: int) -> Text:
    """Return the screen of a chat that the program runs."""
    with TemporaryDirectory() as home, Server() as server:
        variables = {"OPENAI_BASE_URL": "https://api.openai.com/v1"}  # which is not asked anything
        options: dict[str, Any] = {"lines": LINES, "columns": columns, **variables}
        arguments: Sequence[str] = ()
        if name == "servers":
            shutil.copy(Path(__file__).with_name("mcp_files.py"), home)
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            arguments, options = SERVERS, options | {"cwd": Path(home), "PATH": path}
        if name == "approval":
            write_example_tools(Path(home, "my_tools.py"))
            server.script(DELETE)
            arguments = ("--tools", "my_tools.py")
            options |= {"cwd": Path(home), "OPENAI_BASE_URL": server.url}
        with Chat(server, Path(home), *arguments, **options) as chat:
            chat.wait_until_ready()
            CHATS[name](chat)
            return colour(chat.screen)


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
        color=name_colour(character.fg),
        bgcolor=name_colour(character.bg),
        bold=character.bold,
        italic=character.italics,
        underline=character.underscore,
        strike=character.strikethrough,
        reverse=character.reverse,
        dim=character.blink,
    )


def name_colour(name: str) -> str | None:
    """Return Rich's name of the emulator's colour."""
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    known: dict[str, str | None] = {"default": None, "brown": "yellow"}
    return known.get(name, name.replace("bright", "bright_"))


def order_results(events: Iterable[Event]) -> Iterator[Event]:
    """Yield the events, with the ends of calls that ran at the same time in the calls' order."""
    calls: list[str] = []
    for are_runs, group in groupby(
        events, lambda each: isinstance(each, ToolStarted | ToolFinished)
    ):
        together = list(group)
        calls += [each.call_id for each in together if isinstance(each, ToolCallStarted)]
        if are_runs:
            together.sort(
                key=lambda each: (isinstance(each, ToolFinished), calls.index(each.call_id))
            )
        yield from together


def time_filmed() -> list[TimedEvent]:
    """Return the turn that the film shows, with its times."""
    at, events = 0, []
    for event in order_results(asyncio.run(play(FILMED.question, FILMED.replies))):
        at += PACES.get(type(event), 10)
        events.append(TimedEvent(event, at))
    return events


def show_events_kept(columns: int) -> Text:
    """Return a screen with a turn's first events in a file, and the turn as `show` renders it."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        session = store_timed(home, time_filmed())
        kept = run(home, "sessions", "replay", session, "--json").stdout
        (home / "turn.jsonl").write_text(kept, encoding="utf-8")
        shown = run(home, "show", "turn.jsonl", "--raw", cwd=home).stdout
    head = "".join(kept.splitlines(keepends=True)[:9])
    screen = Screen(columns, LINES)
    for command, output in zip(COMMANDS_SHOWN, (head, shown), strict=True):
        screen.write(f"\x1b[1m$ {command}\x1b[0m\r\n" + output.replace("\n", "\r\n"))
    return colour(screen)


def shoot_film() -> str:
    """Return the film, as the program writes it."""
    events = time_filmed()
    with TemporaryDirectory() as home:
        session = store_timed(Path(home), events)
        command = ("sessions", "replay", session, "--svg", "-", "--size", FILM_SIZE)
        return run(Path(home), *command).stdout


def read_film(picture: str) -> tuple[list[str], list[str]]:
    """Return the texts of a film and their times: its styles may differ with versions of Rich."""
    texts = re.findall(r">([^<]*)</tspan>", picture)
    return texts, re.findall(r"@keyframes .*", picture)


def draw_svg(name: str) -> str:
    """Return a picture as SVG."""
    kind, *options = name.split("-")
    columns = next((int(each) for each in options if each.isdigit()), WIDTHS[0])
    theme = THEMES["light" if "light" in options else "dark"]
    pyte.graphics.TEXT[2] = "+blink"  # the emulator has no dim text, and ours never blinks
    if kind == EVENTS:
        shown = show_events_kept(columns)
    elif kind in SCENES:
        shown = show_scene(SCENES[kind], columns)
    else:
        shown = show_chat(kind, columns) if kind in CHATS else show_shot(SHOTS[kind], columns)
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    console.print(shown, no_wrap=True)
    # A picture in a page loads no fonts from elsewhere.
    page = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    picture = console.export_svg(title="streamchat", unique_id=name, code_format=page, theme=theme)
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def read_words(picture: str) -> str:
    """Return the text of a picture: its drawing may differ between versions of Rich."""
    return "".join(re.findall(r"<text [^>]*>([^<]*)</text>", picture))


def main(folder: Path, names: Iterable[str]) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.svg").write_text(draw_svg(name), encoding="utf-8")


if __name__ == "__main__":
    if scenes := sys.argv[1:]:
        main(Path(*scenes), list_names(SCENES))
    else:
        main(FOLDER, NAMES)
        (FOLDER / f"{FILM}.svg").write_text(shoot_film(), encoding="utf-8")
