"""Secrets kept out of events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    Event,
    ReasoningDelta,
    StepFinished,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from streamchat.text.redact import EventRedactor, StreamRedactor

KEY = "sk-abcabd12"


def masked(*pieces: str, secret: str = KEY) -> str:
    mask = StreamRedactor(secret)
    return "".join(map(mask.feed, pieces)) + mask.finish()


@pytest.mark.parametrize("size", range(1, len(KEY) + 3))
def test_a_secret_is_found_wherever_it_is_split(size: int) -> None:
    text = f"key {KEY}, s{KEY}{KEY}sk-abc; sk-ab"
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    assert masked(*pieces) == "key sk-***, ssk-***sk-***sk-abc; sk-ab"


@given(
    st.lists(st.text("ab", max_size=9)),
    st.text("ab", min_size=4, max_size=8),
)
def test_no_secret_comes_through_and_nothing_else_is_lost(pieces: list[str], secret: str) -> None:
    shown = masked(*pieces, secret=secret)
    assert shown == masked("".join(pieces), secret=secret)
    assert secret not in shown
    if secret not in "".join(pieces) and "*" not in shown:
        assert shown == "".join(pieces)


def test_pieces_of_other_text_stay_as_they_came() -> None:
    mask = StreamRedactor(KEY)
    assert [mask.feed(piece) for piece in ("tools", "_used", "ask", "-", "abacus")] == [
        *("tools", "_used", "ask", "-", "abacus")
    ]


def test_what_is_held_back_at_the_end_comes_out_unless_it_is_most_of_the_secret() -> None:
    assert masked("it is sk-a") == "it is sk-a"
    assert masked(KEY[:-1]) == "sk-***"


def fed(*events: Event) -> list[Event]:
    mask = EventRedactor([KEY])
    return [each for event in events for each in mask.feed(event)]


def test_every_channel_is_by_itself() -> None:
    events = fed(
        TextDelta(f"{KEY[:5]}"),
        ReasoningDelta("hm"),
        ArgumentsDelta("a", KEY[:6]),
        AnswerDelta(KEY[:7], "a"),
        TextDelta(f"{KEY[5:]}!"),
        ArgumentsDelta("a", KEY[6:]),
        AnswerDelta("x", "a"),
        ArgumentsDelta("b", "sk-ab"),
        StepFinished(1),
    )
    assert events == [
        TextDelta("sk-"),
        ReasoningDelta("hm"),
        ArgumentsDelta("a", "sk-"),
        AnswerDelta("sk-", "a"),
        TextDelta("***!"),
        ArgumentsDelta("a", "***"),
        AnswerDelta("abcax", "a"),
        ArgumentsDelta("b", "sk-"),
        ArgumentsDelta("b", "ab"),
        StepFinished(1),
    ]


def test_whole_values_of_any_depth() -> None:
    assert fed(
        ToolCallStarted(KEY, KEY),
        ToolStarted("a", {KEY: [f"x{KEY}", 1, {"y": KEY}]}),
        ToolFinished("a", f"is {KEY}", True),
        ChunkReceived(KEY, ({"args": KEY},)),
        TurnDone(KEY, (KEY,)),
    ) == [
        ToolCallStarted("sk-***", "sk-***"),
        ToolStarted("a", {"sk-***": ["xsk-***", 1, {"y": "sk-***"}]}),
        ToolFinished("a", "is sk-***", True),
        ChunkReceived("sk-***", ({"args": "sk-***"},)),
        TurnDone("sk-***", ("sk-***",)),
    ]


def test_a_word_that_is_no_secret_is_not_blotted_out() -> None:
    mask = EventRedactor(["ollama", "lm-studio", ""])
    assert mask.feed(TextDelta("ollama or lm-studio")) == [TextDelta("ollama or lm-studio")]
