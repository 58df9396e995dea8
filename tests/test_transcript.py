"""The history sent to the model, and exported sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.events import (
    Event,
    InputRequested,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnFailed,
    TurnStarted,
)
from streamchat.sessions import transcript
from streamchat.sessions.history import quote_answer, select_history
from streamchat.sessions.records import Session, StoredTurn
from streamchat.sessions.transcript import fence
from tests.turns import APPROVING, ASKING, DELEGATING, NOTEBOOK, TIME, call

SESSION = Session("1a2b3c4d", "Sums", "small", "Be brief.\nAlways.", None, 2, 86400.0, 90000.5)
DONE = StoredTurn(7, 1, "What is 10 + 10", "m", "10 + 10 equals 20.", "done", "small", 86401.0, 1.5)
FAILED = replace(DONE, number=2, answer="", status="failed")
INTERRUPTED = replace(DONE, number=3, answer="10 + 10", status="cancelled")


Turns = Iterable[tuple[StoredTurn, Sequence[Event]]]


def to_markdown(session: Session, turns: Turns) -> str:
    return transcript.to_markdown(session, add_times(turns))


def to_document(session: Session, turns: Turns) -> dict[str, Any]:
    return transcript.to_document(session, add_times(turns))


def add_times(turns: Turns) -> list[transcript.TurnWithEvents]:
    """Return the turns with an event every 40 milliseconds."""
    return [
        (stored, [TimedEvent(each, 40 * at) for at, each in enumerate(events)])
        for stored, events in turns
    ]


def turn(message: str, answer: str) -> StoredTurn:
    return replace(DONE, message=message, answer=answer)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (DONE, "10 + 10 equals 20."),
        (replace(DONE, answer=""), ""),
        (INTERRUPTED, "10 + 10\n\n[interrupted]"),
        (replace(INTERRUPTED, answer=" \n"), None),
        (FAILED, None),
        (replace(FAILED, answer="half"), None),
    ],
)
def test_how_the_history_quotes_an_answer(stored: StoredTurn, expected: str | None) -> None:
    assert quote_answer(stored) == expected


def select(turns: Iterable[StoredTurn], budget: int) -> tuple[list[tuple[str, str]], int]:
    selected, left_out = select_history(turns, budget)
    return [(each.message, answer) for each, answer in selected], left_out


class TestHistory:
    def test_everything_fits(self) -> None:
        pairs = [("m", "10 + 10 equals 20."), ("m", "10 + 10\n\n[interrupted]")]
        assert select([DONE, FAILED, INTERRUPTED], 1000) == (pairs, 0)

    def test_the_oldest_is_left_out_first(self) -> None:
        turns = [turn("aa", "bb"), FAILED, turn("cc", "dd"), turn("ee", "ff")]
        assert select(turns, 8) == ([("cc", "dd"), ("ee", "ff")], 1)
        assert select(turns, 7) == ([("ee", "ff")], 2)
        assert select(turns, 3) == ([], 3)
        assert select([], 3) == ([], 0)

    def test_nothing_before_a_gap_is_sent(self) -> None:
        turns = [turn("a", "b"), turn("c" * 9, "d"), turn("e", "f")]
        assert select(turns, 8) == ([("e", "f")], 2)

    @given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))), st.integers(-1, 60))
    def test_as_many_turns_as_fit_are_sent(self, texts: list[tuple[str, str]], most: int) -> None:
        pairs, left_out = select([turn(*each) for each in texts], most)
        assert texts[left_out:] == pairs
        if pairs:
            assert sum(len(text) for pair in pairs for text in pair) <= most
        if left_out:
            assert sum(len(text) for pair in texts[left_out - 1 :] for text in pair) > most


class TestMarkdown:
    def test_a_whole_session(self) -> None:
        failed: list[Event] = [TurnStarted("q", "m"), TurnFailed("no answer from h")]
        turns = [(DONE, NOTEBOOK), (FAILED, failed), (INTERRUPTED, [TurnCancelled()])]
        assert to_markdown(SESSION, turns) == (
            "# Sums\n\nSession 1a2b3c4d, small, 1970-01-02T00:00:00+00:00\n\n"
            "## Instructions\n\n> Be brief.\n> Always.\n\n"
            "## 1\n\n> What is 10 + 10\n\n"
            'Calling add\n\n```json\n{"x": 10, "y": 10}\n```\n\nadd returned:\n\n```\n20\n```\n\n'
            "10 + 10 equals 20.\n\n"
            "## 2\n\n> What is 10 + 10\n\n*[failed]* no answer from h\n\n"
            "## 3\n\n> What is 10 + 10\n\n10 + 10\n\n*[interrupted]*\n"
        )

    def test_what_an_agent_asks_and_which_node_calls_a_tool(self) -> None:
        text = to_markdown(SESSION, [(DONE, DELEGATING)])
        assert "**boss**\n\nCalling task\n\n" in text
        assert "**researcher**\n\nCalling search\n\n" in text
        assert text.count("**boss**") == 1  # it has called nothing later
        text = to_markdown(SESSION, [(DONE, ASKING)])
        assert (
            '\n\n*[asked]* delete_file(path="/home/me/notes.txt") Tool execution requires approval'
            "\n\n*[answered]* approved\n\nCalling delete_file\n\n"
        ) in text
        events = [InputRequested("q", "# Which\ncity?"), TurnCancelled()]
        assert "\n\n*[asked]* # Which city?\n\n" in to_markdown(SESSION, [(INTERRUPTED, events)])

    def test_each_call_that_an_agent_asks_about_has_a_line(self) -> None:
        actions = tuple({"name": name, "decisions": ["approve"]} for name in ("read", "delete"))
        events = [InputRequested("q", "approval required", actions), TurnCancelled()]
        assert ("\n\n*[asked]* read()\n\n*[asked]* delete()\n\n") in to_markdown(
            SESSION, [(INTERRUPTED, events)]
        )

    def test_who_approved_a_call_what_and_when(self) -> None:
        text = to_markdown(SESSION, [(DONE, APPROVING)])
        assert (
            'Calling delete\n\n```json\n{"path": "c"}\n```\n\n'
            f'*[allowed with path="c" by the user]* {TIME}\n\ndelete returned:\n\n'
        ) in text
        assert f"\n\n*[refused by the user: keep it]* {TIME}\n\ndelete failed:\n\n" in text

    def test_backticks_in_calls(self) -> None:
        events = call("run", ['{"code": "```py\\n````"}'], "`````\n# not a heading")
        text = to_markdown(SESSION, [(DONE, [TurnStarted("q", "m"), *events])])
        assert '`````json\n{"code": "```py\\n````"}\n`````\n' in text
        assert "\n``````\n`````\n# not a heading\n``````\n" in text

    def test_an_answer_is_copied_verbatim(self) -> None:
        answer = "```py\nprint(1)\n```\n\n| a |\n|---|\n\n  # heading  "
        text = to_markdown(SESSION, [(replace(DONE, answer=answer), NOTEBOOK)])
        assert f"\n\n{answer}\n" in text

    def test_a_multiline_question_is_quoted(self) -> None:
        question = "one\n\n# two\n```"
        assert "\n\n> one\n>\n> # two\n> ```\n\n" in to_markdown(
            SESSION, [(replace(DONE, question=question), NOTEBOOK)]
        )

    def test_unfinished_calls(self) -> None:
        events: list[Event] = [
            TurnStarted("q", "m"),
            *call("divide", ['{"x": 1}'], "", failed=True),
            ToolCallStarted("c", "a\nb"),
        ]
        text = to_markdown(SESSION, [(INTERRUPTED, events)])
        assert "divide failed.\n" in text
        assert "Calling a b\n\n```json\n\n```\n\na b did not finish.\n" in text

    @given(st.text("`~ab\n "))
    def test_text_cannot_close_its_fence(self, text: str) -> None:
        opened, *inside, closed = fence(text).split("\n")
        assert opened == closed == "`" * len(opened)
        assert "\n".join(inside) == text
        assert not any(re.match(rf" *{opened}", line) for line in inside)


def test_a_document() -> None:
    written = json.loads(json.dumps(to_document(SESSION, [(DONE, NOTEBOOK)])))
    assert written["version"] == 1
    session = written["session"]
    assert (session["id"], session["title"], session["system"]) == (
        *("1a2b3c4d", "Sums", "Be brief.\nAlways."),
    )
    assert session["created"] == "1970-01-02T00:00:00+00:00"
    (exchange,) = session["turns"]
    assert (exchange["question"], exchange["message"]) == ("What is 10 + 10", "m")
    assert (exchange["answer"], exchange["status"]) == ("10 + 10 equals 20.", "done")
    assert exchange["started"] == "1970-01-02T00:00:01+00:00"
    assert exchange["calls"] == [
        {
            "name": "add",
            "arguments": {"x": 10, "y": 10},
            "state": "done",
            "output": "20",
            "seconds": 0.0,
            "approval": None,
        }
    ]
    assert exchange["events"][0] == {
        "type": "turn_started",
        "question": "What is 10 + 10",
        "model": "m",
        "at": 0,
    }
    assert len(exchange["events"]) == len(NOTEBOOK)


def test_events_that_do_not_fit_are_skipped() -> None:
    events: list[Event] = [TurnStarted("q", "m"), ToolFinished("nowhere", "20")]
    assert to_document(SESSION, [(DONE, events)])["session"]["turns"][0]["calls"] == []
