"""Turns to show, as lists of events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    CodeDelta,
    Event,
    InputReceived,
    InputRequested,
    OutputReceived,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
    TurnStarted,
)
from streamchat.turn import Turn
from streamchat.view import View
from streamchat.view.play import show_all
from tests.server import NOTEBOOK_ANSWER, NOTEBOOK_ARGUMENTS

EVIL = "\x1b]0;title\x07\x9b2J\u202e[/x]:smile:[bold]"
EVIL_SHOWN = r"\x1b]0;title\x07\x9b2J\u202e[/x]:smile:[bold]"


def show_turn(view: View, events: Iterable[Event]) -> Turn:
    return show_all(map(TimedEvent, events), view)


def call(
    name: str, fragments: Sequence[str], output: str = "", failed: bool = False
) -> list[Event]:
    arguments = {} if failed else json.loads("".join(fragments))
    return [
        ToolCallStarted(name, name),
        *(ArgumentsDelta(name, fragment) for fragment in fragments),
        StepFinished(1, "tool_calls"),
        ToolStarted(name, arguments),
        ToolFinished(name, output, failed),
    ]


def answer(*pieces: str) -> list[Event]:
    return [
        ToolCallStarted("final_answer", "final_answer"),
        *(AnswerDelta(piece, "final_answer") for piece in pieces),
        StepFinished(2, "tool_calls"),
        ToolFinished("final_answer", ""),
        TurnDone("".join(pieces), (), 1.5),
    ]


LINE = ("(2", " +", " 3)", " *", " 4")
"""A line of Python that is two calls, as its tokens arrive."""


def write_code(*fragments: str) -> list[Event]:
    return [CodeDelta(fragment) for fragment in fragments]


def play_line() -> list[Event]:
    """Return the events of a turn in which the model writes `LINE`."""
    return [
        *(TurnStarted("What is (2 + 3) * 4?", "m"), StepStarted(1), *write_code(*LINE)),
        *call("add", ['{"x": 2, "y": 3}'], "5"),
        *(StepStarted(2), *call("multiply", ['{"x": 5, "y": 4}'], "20")),
        *(StepStarted(3), *answer("It is 20.")),
    ]


NOTEBOOK = [
    TurnStarted("What is 10 + 10", "m"),
    StepStarted(1),
    *call("add", NOTEBOOK_ARGUMENTS, "20"),
    StepStarted(2),
    ToolCallStarted("f", "final_answer"),
    *(ArgumentsDelta("f", fragment) for fragment in NOTEBOOK_ANSWER),
    AnswerDelta("10 + 10 equals 20.", "f"),
    StepFinished(2, "tool_calls"),
    ToolFinished("f", ""),
    TurnDone("10 + 10 equals 20.", ("functions.add",)),
]

GRAPH = [
    *(TurnStarted("Who was the first programmer?", "graph.py:app"), StepStarted(1)),
    *(SpeakerChanged("planner"), TextDelta("First a search, "), TextDelta("then a summary.")),
    *(StepFinished(1, "stop"), StepStarted(2)),
    *(SpeakerChanged("researcher", 1), TextDelta("Let me look that up.")),
    *call("search", ['{"query"', ': "first programmer"}'], "Ada Lovelace, 1843"),
    *(StepStarted(3), TextDelta("It was Ada Lovelace, who wrote a program for the ")),
    *(TextDelta("Analytical Engine in 1843."), StepFinished(3, "stop"), StepStarted(4)),
    *(SpeakerChanged("writer"), TextDelta("**Ada Lovelace** "), TextDelta("wrote the first.")),
    *(StepFinished(4, "stop"), TurnDone("**Ada Lovelace** wrote the first.", ("search",), 4.2)),
]
"""A turn of a graph: two nodes, and a subgraph between them."""

PRINTING = [
    *(TurnStarted("What is 10 + 10", "agent.py:agent"), OutputReceived("loaded 3 documents")),
    *(StepStarted(1), *call("add", NOTEBOOK_ARGUMENTS, "20")[:-1]),
    *(OutputReceived("adding 10 and 10"), OutputReceived("WARNING:root:slow", "stderr")),
    *(ToolFinished("add", "20"), StepStarted(2), TextDelta("It is tw")),
    *(OutputReceived("so far: tw", "custom"), TextDelta("enty."), StepFinished(2, "stop")),
    *(OutputReceived("saved to notes.txt"), TurnDone("It is twenty.", ("add",), 1.5)),
]
"""A turn of an agent whose code prints, logs, and writes to the stream."""

DELEGATING = [
    *(TurnStarted("Who was the first programmer?", "graph.py:app"), StepStarted(1)),
    *(
        SpeakerChanged("boss"),
        ToolCallStarted("t", "task"),
        ArgumentsDelta("t", '{"goal": "find"}'),
    ),
    *(StepFinished(1), ToolStarted("t", {"goal": "find"}), StepStarted(2)),
    *(SpeakerChanged("researcher", 1), *call("search", ["{}"], "Ada")[:-1]),
    *(OutputReceived("searching"), ToolFinished("search", "Ada"), StepStarted(3)),
    *(TextDelta("It was Ada."), StepFinished(3), ToolFinished("t", "It was Ada.", seconds=2.5)),
    *(StepStarted(4), SpeakerChanged("boss"), TextDelta("Ada."), StepFinished(4)),
    TurnDone("Ada.", ("task",), 4.2),
]
"""A turn in which a tool runs an agent."""

DELETION = {
    "name": "delete_file",
    "arguments": {"path": "/home/me/notes.txt"},
    "description": "Tool execution requires approval",
    "decisions": ["approve", "edit", "reject"],
}
ASKING = [
    *(TurnStarted("Delete my notes", "agent.py:agent"), StepStarted(1)),
    *(TextDelta("I will delete them."), ToolCallStarted("delete_file", "delete_file")),
    *(ArgumentsDelta("delete_file", '{"path"'), ArgumentsDelta("delete_file", ': "/home/me')),
    *(ArgumentsDelta("delete_file", '/notes.txt"}'), StepFinished(1, "tool_calls")),
    InputRequested("i1", "delete_file: approval required", (DELETION,)),
    InputReceived("i1", "approved"),
    ToolStarted("delete_file", {"path": "/home/me/notes.txt"}),
    *(ToolFinished("delete_file", "deleted"), StepStarted(2), TextDelta("They are gone.")),
    *(StepFinished(2, "stop"), TurnDone("They are gone.", ("delete_file",), 2.1)),
]
"""A turn of an agent that asks before it runs a tool."""
TIME = "2026-05-01T10:00:00+00:00"
APPROVING = [
    *(TurnStarted("Tidy up", "m"), StepStarted(1)),
    *call("delete", ['{"path": "a"}'], "a is gone")[:2],
    ToolCallStarted("second", "delete"),
    *(ArgumentsDelta("second", '{"path": "b"}'), StepFinished(1, "tool_calls")),
    ApprovalRequested("delete", "delete", {"path": "a"}),
    ApprovalGiven("delete", True, "user", "", {"path": "c"}, TIME),
    *(ToolStarted("delete", {"path": "c"}), ToolFinished("delete", "c is gone")),
    ApprovalRequested("second", "delete", {"path": "b"}),
    ApprovalGiven("second", False, "user", "keep it", None, TIME),
    ToolFinished("second", "not run: the user refused it: keep it", failed=True),
    *(StepStarted(2), TextDelta("Done."), StepFinished(2, "stop"), TurnDone("Done.", ("delete",))),
]
"""A turn in which the user edits a call, and refuses another."""
