"""The agents on the manual's page about agents work as printed."""

from __future__ import annotations

from pathlib import Path

from streamchat.agent.source import Exchange
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    InputReceived,
    InputRequested,
    OutputReceived,
    SpeakerChanged,
    TextDelta,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from tests.event_schema import check_lines
from tests.examples import EXAMPLES, MAIL, ask, opened, write_example
from tests.plays import pick, sent
from tests.program import run
from tests.server import Server


def fragments(events: list[Event]) -> list[str]:
    return [event.fragment for event in pick(events, ArgumentsDelta)]


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in pick(events, TextDelta, AnswerDelta)]


def list_texts(name: str) -> list[str]:
    """Return the pieces of text that the server sends in an example's turn."""
    parts = [part for reply in EXAMPLES[name].replies for part in reply.parts]
    deltas = [part["choices"][0]["delta"] for part in parts if isinstance(part, dict)]
    return [each["content"] for each in deltas if "content" in each]


async def test_an_agent_with_two_tools(server: Server, tmp_path: Path) -> None:
    async with opened("shop", server, tmp_path) as source:
        events = await ask(source, EXAMPLES["shop"], server)
    assert fragments(events) == [
        *('{"', "product", '":"', "lamp", '"}'),
        *('{"', "price", '":', "49", "}"),
    ]
    assert OutputReceived("looking up 'lamp'") in events
    assert [event.output for event in pick(events, ToolFinished)] == ["49.0", "58.8"]
    assert texts(events) == list_texts("shop")
    assert isinstance(events[-1], TurnDone)
    assert events[-1].tools_used == ("find_price", "add_tax")


async def test_a_graph_of_two_nodes(server: Server, tmp_path: Path) -> None:
    async with opened("report", server, tmp_path) as source:
        events = await ask(source, EXAMPLES["report"], server)
    assert pick(events, SpeakerChanged, OutputReceived) == [
        SpeakerChanged("collect", 1),
        OutputReceived("3 lines of facts", "custom"),
        SpeakerChanged("doubt", 1),
        SpeakerChanged("write", 0),
    ]
    assert texts(events) == list_texts("report")
    assert isinstance(events[-1], TurnDone)
    assert events[-1].answer.startswith("Begin with coffee, ")
    assert events[-1].answer.endswith("for longer.")


async def test_an_agent_that_asks_before_it_acts(server: Server, tmp_path: Path) -> None:
    async with opened("clerk", server, tmp_path) as source:
        events = await ask(source, EXAMPLES["clerk"], server)
    mail = {"to": "ada@example.org", "text": "".join(MAIL)}
    assert fragments(events)[-5:] == [*MAIL, '"}']
    requested, received, started, finished = pick(
        events, InputRequested, InputReceived, ToolStarted, ToolFinished
    )
    assert [(each["name"], each["arguments"]) for each in requested.actions] == [
        ("send_mail", mail)
    ]
    assert received.answer == "approved"
    assert (started.arguments, finished.output) == (mail, "sent to ada@example.org")
    assert isinstance(events[-1], TurnDone)
    assert events[-1].answer == "I have told Ada about her lamp."


async def test_a_chain(server: Server, tmp_path: Path) -> None:
    async with opened("translator", server, tmp_path) as source:
        before = [Exchange("Hello!", "Bonjour !")]
        events = await ask(source, EXAMPLES["translator"], server, before)
    assert texts(events) == list_texts("translator")
    assert sent(server)[1:] == [
        ("user", "Hello!"),
        ("assistant", "Bonjour !"),
        ("user", "The lamp has arrived."),
    ]
    assert isinstance(events[-1], TurnDone)
    assert events[-1].answer == "La lampe est arrivée."


async def test_an_executor(server: Server, tmp_path: Path) -> None:
    async with opened("units", server, tmp_path) as source:
        assert [tool.name for tool in source.tools] == ["to_celsius"]
        events = await ask(source, EXAMPLES["units"], server, [Exchange("Hi", "Hello!")])
    assert fragments(events) == ['{"', "fahren", "heit", '":', "451", "}"]
    assert [event.output for event in pick(events, ToolFinished)] == ["232.8"]
    assert sent(server, 0)[:2] == [("user", "Hi"), ("assistant", "Hello!")]
    assert texts(events) == list_texts("units")
    assert isinstance(events[-1], TurnDone)
    assert events[-1].answer == "Yes: it is 232.8 degrees Celsius."


def test_the_program_asks_it(server: Server, tmp_path: Path) -> None:
    question, replies, _ = EXAMPLES["report"]
    server.script(*replies)
    write_example("report", tmp_path)
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-example"}
    command = ("ask", "--agent", "report.py", "--json", question)
    done = run(tmp_path, *command, cwd=tmp_path, fresh=True, **variables)
    assert (done.stderr, done.returncode) == ("", 0)
    events = check_lines(done.stdout)
    spoken = [each for each in events if each["type"] == "speaker_changed"]
    assert [each["name"] for each in spoken] == ["collect", "doubt", "write"]
    texts = [each["text"] for each in events if each["type"] == "text_delta"]
    assert texts == list_texts("report")
    assert events[-1]["type"] == "turn_done"
