"""Secrets are redacted, and nothing else is."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    Notice,
    OutputReceived,
    PromptProgress,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from streamchat.text.redact import (
    EventRedactor,
    Redactor,
    StreamRedactor,
    is_secret,
    redact_url_credentials,
)

KEY = "sk-abcabd12"


def redact(*pieces: str, secret: str = KEY) -> str:
    stream = StreamRedactor(secret)
    return "".join(map(stream.feed, pieces)) + stream.finish()


@pytest.mark.parametrize("size", range(1, len(KEY) + 3))
def test_a_secret_is_found_wherever_it_is_split(size: int) -> None:
    text = f"key {KEY}, s{KEY}{KEY}sk-abc; sk-ab"
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    assert redact(*pieces) == "key sk-***, ssk-***sk-***sk-abc; sk-ab"


def redact_as_specified(text: str, secret: str) -> str:
    """The policy, word for word: each secret, and the end of the text if it is most of one."""
    *whole, rest = text.split(secret)
    shown = "".join(each + secret[:3] + "***" for each in whole)
    for size in range(len(secret) - 1, max(3, len(secret) // 2), -1):
        if rest.endswith(secret[:size]):
            return shown + rest[: -size + 3] + "***"
    return shown + rest


@given(
    st.lists(st.text("ab*", max_size=9)),
    st.text("ab", min_size=4, max_size=8),
)
def test_a_stream_redacts_the_secret_and_nothing_else(pieces: list[str], secret: str) -> None:
    assert redact(*pieces, secret=secret) == redact_as_specified("".join(pieces), secret)


@given(st.text("sk-ab1 *", max_size=60), st.sampled_from(["sk-ab1", "sk-sk-1", "ab1ab1ab1"]))
def test_a_whole_text_is_redacted_as_a_stream_is(text: str, secret: str) -> None:
    assert Redactor([secret]).redact(text) == redact_as_specified(text, secret)


@given(st.text(max_size=60))
def test_text_without_the_secret_stays_as_it_is(text: str) -> None:
    assert Redactor(["sk-\u2603-never"]).redact(text) == text


def test_pieces_of_other_text_are_passed_on_unchanged() -> None:
    stream = StreamRedactor(KEY)
    assert [stream.feed(piece) for piece in ("tools", "_used", "ask", "-", "abacus")] == [
        *("tools", "_used", "ask", "-", "abacus")
    ]


def test_held_text_is_released_at_the_end_unless_it_is_most_of_the_secret() -> None:
    assert redact("it is sk-a") == "it is sk-a"
    assert redact(KEY[:-1]) == "sk-***"


def redact_events(*events: Event) -> list[Event]:
    redactor = EventRedactor(Redactor([KEY]))
    return [each for event in events for each in redactor.feed(event)]


def test_channels_are_redacted_independently() -> None:
    events = redact_events(
        TextDelta(f"{KEY[:5]}"),
        ReasoningDelta("hm"),
        ArgumentsDelta("a", KEY[:6]),
        AnswerDelta(KEY[:7], "a"),
        TextDelta(f"{KEY[5:]}!"),
        ArgumentsDelta("a", KEY[6:]),
        AnswerDelta("x", "a"),
        ArgumentsDelta("b", "sk-ab"),
        StepFinished(1),
        ToolStarted("b", {}),
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
        StepFinished(1),
        ArgumentsDelta("b", "ab"),
        ToolStarted("b", {}),
    ]


@pytest.mark.parametrize(
    "between",
    [
        OutputReceived("a line"),
        Notice("a warning"),
        ToolStarted("b", {}),
        ToolFinished("b", "20"),
    ],
)
def test_what_happens_in_the_middle_of_a_secret_does_not_reveal_it(between: Event) -> None:
    for kind in (TextDelta, ReasoningDelta, AnswerDelta, partial(ArgumentsDelta, "a")):
        events = redact_events(kind(KEY[:5]), between, kind(KEY[5:]), TurnDone("Hm"))
        assert events == [kind("sk-"), between, kind("***"), TurnDone("Hm")]


def test_what_another_node_says_in_the_middle_of_a_call_does_not_reveal_a_secret() -> None:
    between = [StepFinished(1), StepStarted(2), SpeakerChanged("b"), TextDelta("Hello.")]
    events = redact_events(
        ArgumentsDelta("a", KEY[:5]), *between, ArgumentsDelta("a", KEY[5:]), ToolStarted("a", {})
    )
    assert events == [
        ArgumentsDelta("a", "sk-"),
        *between,
        ArgumentsDelta("a", "***"),
        ToolStarted("a", {}),
    ]


@pytest.mark.parametrize("at", range(len(KEY) + 1))
def test_a_secret_split_over_pieces_of_code_is_redacted(at: int) -> None:
    events = redact_events(
        CodeDelta(f"f(a='{KEY[:at]}"), CodeDelta(f"{KEY[at:]}')"), StepFinished(1)
    )
    code = [each.text for each in events if isinstance(each, CodeDelta)]
    assert "".join(code) == "f(a='sk-***')"


def test_values_are_redacted_at_any_depth() -> None:
    assert redact_events(
        ToolCallStarted(KEY, KEY),
        ToolStarted("a", {KEY: [f"x{KEY}", 1, {"y": KEY}]}),
        ToolFinished("a", f"is {KEY}", True),
        ChunkReceived(KEY, ({"args": KEY},)),
        PromptProgress(1, 2),
        TurnDone(KEY, (KEY,)),
    ) == [
        ToolCallStarted("sk-***", "sk-***"),
        ToolStarted("a", {"sk-***": ["xsk-***", 1, {"y": "sk-***"}]}),
        ToolFinished("a", "is sk-***", True),
        ChunkReceived("sk-***", ({"args": "sk-***"},)),
        PromptProgress(1, 2),
        TurnDone("sk-***", ("sk-***",)),
    ]


PLACEHOLDERS = (
    "ollama",
    "EMPTY",
    "test",
    "none",
    "dummy",
    "local",
    "lm-studio",
    "Ollama",
    "",
    None,
)


@pytest.mark.parametrize("word", PLACEHOLDERS)
def test_a_placeholder_for_a_key_is_not_a_secret(word: str | None) -> None:
    question = f"How do I install {word}?"
    assert not is_secret(word)
    assert Redactor([word]).redact(question) == question
    events = EventRedactor(Redactor([word]))
    assert events.feed(TextDelta(question)) == [TextDelta(question)]


def test_a_secret_that_is_learned_later_is_redacted_from_then_on() -> None:
    redactor = Redactor()
    assert redactor.redact(KEY) == KEY
    redactor.learn(KEY)
    assert redactor.redact(f"is {KEY}!") == "is sk-***!"
    assert redactor.contains_secret(f"is {KEY}!")


def test_the_longer_of_two_secrets_is_redacted_whole() -> None:
    assert Redactor(["pass-word", "my:pass-word"]).redact("my:pass-word") == "my:***"


def test_a_secret_that_was_cut_off_is_redacted() -> None:
    assert Redactor([KEY]).redact("sk-abca…, sk-…") == "sk-***…, sk-…"


def test_credentials_embedded_in_a_url_are_redacted() -> None:
    text = "see http://me:pa:ss@host:1/v1 and https://host/@me, a@b"
    expected = "see http://***@host:1/v1 and https://host/@me, a@b"
    assert redact_url_credentials(text) == expected
