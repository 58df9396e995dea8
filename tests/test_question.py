"""Questions that a key answers, in windows of any width."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from streamchat.events import (
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    StepStarted,
    ToolCallStarted,
    ToolStarted,
)
from streamchat.turn import Turn, fold
from streamchat.view.glyphs import ASCII_GLYPHS, UNICODE_GLYPHS, Glyphs
from streamchat.view.live.question import lay_out
from streamchat.view.plain import PlainView
from streamchat.view.question import Choice, KeyQuestion
from streamchat.view.requests import format_approval_request
from tests.test_live import Session

CHOICES = (
    Choice("y", "once"),
    Choice("a", "always in this chat", "always"),
    Choice("n", "no"),
    Choice("Esc", "stop"),
)
QUESTION = KeyQuestion('run delete(path="notes.txt")?', CHOICES, counted=True)


def draw(
    question: KeyQuestion, columns: int, turn: Turn | None = None, glyphs: Glyphs = UNICODE_GLYPHS
) -> list[str]:
    lines = lay_out(question, turn or Turn(), columns, glyphs)
    return ["".join(text for text, _ in line) for line in lines]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        (
            99,
            ['? run delete(path="notes.txt")?  y once · a always in this chat · n no · Esc stop'],
        ),
        (
            60,
            ['? run delete(path="notes.txt")?', "y once · a always in this chat · n no · Esc stop"],
        ),
        (39, ['? run delete(path="notes.txt")?', "y once · a always · n no · Esc stop"]),
        (20, ["? run delete(path…)?", "y once · a always", "n no · Esc stop"]),
    ],
)
def test_a_question_takes_as_few_lines_as_it_can(columns: int, lines: list[str]) -> None:
    assert draw(QUESTION, columns) == lines


def test_a_question_in_ascii_with_a_problem_and_a_detail() -> None:
    question = KeyQuestion("add it?", CHOICES[2:], "no\nsuch file", detail="/a/path/of 20 cells")
    assert draw(question, 20, glyphs=ASCII_GLYPHS) == [
        "failed no such file",
        "? add it?",
        "/a/path/of 20 cells",
        "n no - Esc stop",
    ]


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(1, 50), st.integers(1, 40))
def test_a_line_of_a_question_is_never_too_long(text: str, times: int, columns: int) -> None:
    requested = ApprovalRequested("c", "delete", {"path": text * times})
    first, *choices = draw(KeyQuestion(format_approval_request(requested), CHOICES), columns)
    if columns >= 6:
        assert cell_len(first) <= columns
        assert first.endswith(")?")
    assert len(choices) <= len(CHOICES)
    assert all(line.isprintable() for line in choices)


def fold_calls(*more: Any) -> Turn:
    calls = [
        each
        for name in ("a", "b", "c")
        for each in (ToolCallStarted(name, "delete"), ArgumentsDelta(name, "{}"))
    ]
    return fold([StepStarted(1), *calls, ApprovalRequested("a", "delete", {}), *more])


def test_which_of_several_calls_a_question_is_about() -> None:
    assert draw(QUESTION, 60, fold_calls())[0].startswith("? 1 of 3: run ")
    allowed = (ApprovalGiven("b", True, "rule", "x"), ToolStarted("b", {}))
    assert draw(QUESTION, 60, fold_calls(*allowed))[0].startswith("? 1 of 2: run ")
    decided = (ApprovalGiven("a", False, "user"), ApprovalRequested("c", "delete", {}))
    turn = fold_calls(*allowed, *decided)
    assert draw(QUESTION, 60, turn)[0].startswith("? 2 of 2: run ")


def test_a_question_is_not_shown_before_the_terminal_has_it() -> None:
    with Session(60, 10) as session:
        session.terminal.busy = True
        assert not session.view.show_question(QUESTION)
        session.terminal.busy = False
        assert session.view.show_question(QUESTION)
        assert session.visible[-2] == '? run delete(path="notes.txt")?'
        session.view.show_typed([str(number) for number in range(20)], "draft")
        session.view._paint()
        assert session.visible[-4:] == [
            '? run delete(path="notes.txt")?',
            "y once · a always in this chat · n no · Esc stop",
            "queued: 19",
            "› draft",
        ]
        with session.view.pause():
            assert not session.view.show_question(QUESTION)
        session.view.show_question(None)
        assert not any("run delete" in line for line in session.visible)


def test_a_question_is_said_once() -> None:
    out = io.StringIO()
    view = PlainView(out)
    for question in (QUESTION, QUESTION, None, QUESTION):
        assert view.show_question(question)
    said = (
        'run delete(path="notes.txt")? Press y: once, a: always in this chat, n: no, Esc: stop.\n'
    )
    assert out.getvalue() == said * 2
