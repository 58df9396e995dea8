"""The agent as an OpenAI-compatible model: what is read, and what is sent. No server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from streamchat.agent.source import Exchange
from streamchat.events import (
    NOBODY,
    AnswerDelta,
    ApprovalGiven,
    ArgumentsDelta,
    Event,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.serve.openai.answer import AnswerText
from streamchat.serve.openai.encoder import DONE, ChunkEncoder, CompletionEncoder
from streamchat.serve.openai.inputs import read_request
from streamchat.serve.openai.messages import InvalidBodyError, select_newest
from streamchat.serve.openai.steps import StepsText
from tests.turns import ASKING, DELEGATING, GRAPH, NOTEBOOK, answer, call

ASKED = [{"role": "user", "content": "What is 10 + 10"}]


def body(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or ASKED, **fields}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


# The request


def test_the_last_message_is_the_question_and_the_pairs_before_it_are_the_history() -> None:
    system = {"role": "system", "content": "Be brief."}
    developer = {"role": "developer", "content": "Speak French."}
    parts = [{"type": "text", "text": "And"}, {"type": "text", "text": "now?"}]
    asked = read_request(body(system, user("Hello"), said("Hi!"), developer, user(parts)))
    assert asked.request.question == "And\nnow?"
    assert asked.request.history == [Exchange("Hello", "Hi!")]
    assert asked.request.questions == ["Hello"]
    assert asked.request.instructions == "Be brief.\n\nSpeak French."
    assert not asked.request.approves
    assert not any((asked.streams, asked.reports_usage, asked.shows_steps))


def test_questions_without_an_answer_belong_to_the_next() -> None:
    asked = read_request(body(user("One"), user("Two"), said(""), user("Three")))
    assert asked.request.question == "One\n\nTwo\n\nThree"
    assert asked.request.history == []


def test_the_newest_exchanges_are_kept() -> None:
    history = [Exchange("one", "1"), Exchange("two", "2", (ToolFinished("c", "x" * 10),))]
    kept = [*history, Exchange("three", "3")]
    assert select_newest(kept, 100) == kept
    assert select_newest(kept, 20) == kept[1:]
    assert select_newest(kept, 19) == kept[2:]
    assert select_newest(kept, 5) == []


def test_steps_that_a_client_sends_back_are_left_out() -> None:
    shown = "<think>\nCalling add...\nadd → 20\n</think>\n\nIt is 20."
    asked = read_request(body(user("10 + 10?"), said(shown), user("Thanks")))
    assert asked.request.history == [Exchange("10 + 10?", "It is 20.")]


def test_an_assistant_may_speak_first() -> None:
    asked = read_request(body(said("Welcome!"), user("Hello")))
    assert [each.answer for each in asked.request.history] == ["Welcome!"]
    assert asked.request.history[0].question


def test_calls_of_another_model_are_kept_with_their_results() -> None:
    made = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"x": 1}'}}
    result = {"role": "tool", "tool_call_id": "c1", "content": "3"}
    stray = {"role": "tool", "tool_call_id": "c9", "content": "?"}
    asked = read_request(
        body(user("1 + 2?"), said(None, tool_calls=[made]), result, stray, said("3."), user("Ok"))
    )
    (exchange,) = asked.request.history
    assert exchange.answer == "3."
    assert exchange.events == (
        ToolCallStarted("c1", "add"),
        ArgumentsDelta("c1", '{"x": 1}'),
        ToolFinished("c1", "3"),
    )


def test_a_result_belongs_to_a_call_of_its_own_turn() -> None:
    made = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    late = {"role": "tool", "tool_call_id": "c1", "content": "3"}
    asked = read_request(
        body(
            user("1 + 2?"), said(None, tool_calls=[made]), user("So?"), late, said("3."), user("Ok")
        )
    )
    assert asked.request.history[1].events == ()


def test_options_say_what_is_sent() -> None:
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    asked = read_request(body(**usage) | {"model": "agent.py:agent:steps"})
    assert asked.streams
    assert asked.reports_usage
    assert asked.shows_steps


def test_what_the_agent_decides_is_ignored() -> None:
    tool = {"type": "function", "function": {"name": "get_time", "parameters": {}}}
    fields = {
        "temperature": 0.7,
        "max_tokens": 10,
        "max_completion_tokens": 10,
        "top_p": 0.9,
        "seed": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "user": "me",
        "n": 1,
        "tools": [tool],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "stop": None,
        "response_format": {"type": "text"},
        "logprobs": False,
        "modalities": ["text"],
        "metadata": {"task": "title_generation"},
        "reasoning_effort": "high",
        "new": 1,
    }
    assert read_request(body() | fields).request.question == "What is 10 + 10"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"function_call": {"name": "f"}}, "function_call"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"response_format": "json"}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"stop": ["\n"]}, "stop"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "alloy"}}, "audio"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": ["Hello"]}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"messages": [user(5)]}, "messages"),
        ({"messages": [user(" ")]}, "messages"),
        ({"messages": [user([{"type": "text", "text": 5}])]}, "messages"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "x"}}])]}, "messages"),
        ({"messages": [user([{"type": "input_audio"}])]}, "messages"),
        ({"messages": [user([{"type": {}}])]}, "messages"),
        ({"messages": [user(["Hello"])]}, "messages"),
        ({"messages": [*ASKED, said("It is")]}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidBodyError) as error:
        read_request(body() | fields)
    assert error.value.param == param
    assert error.value.message.startswith(param)
    assert "\n" not in error.value.message
    assert len(error.value.message) < 200


@pytest.mark.parametrize("other", [None, [], "Hello", 5])
def test_a_body_is_an_object(other: object) -> None:
    with pytest.raises(InvalidBodyError, match="not a JSON object"):
        read_request(other)


# The content


def content(events: Iterable[Event]) -> list[str]:
    text = AnswerText()
    return [piece for event in events if (piece := text.feed(event))]


def test_the_answer_is_sent_as_it_arrives() -> None:
    assert content([StepStarted(1), *answer("It", " is", " 20.")]) == ["It", " is", " 20."]
    assert content(NOTEBOOK) == ["10 + 10 equals 20."]
    pieces = [TextDelta("It"), TextDelta(" is 20."), StepFinished(1), TurnDone("It is 20.")]
    assert content(pieces) == ["It", " is 20."]
    plain = [AnswerDelta("It is", ""), AnswerDelta(" 20."), TurnDone("It is 20.")]
    assert content(plain) == ["It is", " 20."]


def test_text_before_a_call_stands_apart_from_the_answer() -> None:
    events = [StepStarted(1), TextDelta("Let me see."), *call("add", ["{}"], "20"), StepStarted(2)]
    assert "".join(content([*events, *answer("It is 20.")])) == "Let me see.\n\nIt is 20."
    again = [*events, TextDelta("\n\nIt is 20."), StepFinished(2), TurnDone("\n\nIt is 20.")]
    assert "".join(content(again)) == "Let me see.\n\nIt is 20."


def test_blank_text_is_not_sent() -> None:
    events = [StepStarted(1), TextDelta("\n"), TextDelta("\n"), *call("add", ["{}"], "20")]
    assert content([*events, StepStarted(2), *answer("20")]) == ["20"]


def restarted(first: list[str], second: list[str]) -> str:
    began = [AnswerDelta(piece, "a") for piece in first]
    failed = [ToolFinished("a", "incomplete", failed=True), StepStarted(2)]
    again = [AnswerDelta(piece, "b") for piece in second]
    started = ToolCallStarted("a", "final_answer"), ToolCallStarted("b", "final_answer")
    done = TurnDone("".join(second))
    return "".join(content([started[0], *began, *failed, started[1], *again, done]))


def test_an_answer_that_starts_again_is_not_sent_twice() -> None:
    assert restarted(["It is", " 2"], ["It", " is ", "20."]) == "It is 20."
    assert restarted(["It is 20."], ["It is", " 20."]) == "It is 20."
    assert restarted(["It is 20."], ["It is 21."]) == "It is 20.\n\nIt is 21."
    assert restarted(["It is 20."], ["It is"]) == "It is 20.\n\nIt is"
    assert restarted(["It"], ["Twenty"]) == "It\n\nTwenty"
    assert restarted([], ["Twenty"]) == "Twenty"


def test_an_answer_that_was_not_streamed_is_sent_at_the_end() -> None:
    assert content([TurnDone("It is 20.")]) == ["It is 20."]
    assert content([TextDelta("It is"), TurnDone("It is 20.")]) == ["It is", " 20."]
    assert content([TextDelta("Planning."), TurnDone("20")]) == ["Planning.", "\n\n20"]
    assert content([TextDelta("20\n"), TurnDone("20")]) == ["20\n"]


def test_nodes_of_a_graph_speak_one_after_the_other() -> None:
    text = "".join(content(GRAPH))
    assert text.startswith("First a search, then a summary.\n\nLet me look that up.\n\nIt was Ada")
    assert text.endswith("1843.\n\n**Ada Lovelace** wrote the first.")


def test_an_agent_that_is_called_as_a_tool_says_nothing_to_the_user() -> None:
    assert content(DELEGATING) == ["Ada."]


# The agent's work


def steps(events: Iterable[Event]) -> str:
    text = StepsText()
    return "".join(map(text.feed, events))


def test_steps_are_the_calls_with_bars_between_their_fragments_and_the_results() -> None:
    lines = ["Calling add...", '{"|x|":|10|,"|y|":|10|}|', "add → 20", ""]
    assert steps(NOTEBOOK).split("\n") == lines


def test_steps_have_the_reasoning_without_bars() -> None:
    thought = [ReasoningDelta("Let me"), ReasoningDelta(" think.")]
    events = [TurnStarted("q", "m"), StepStarted(1), *thought, *call("add", ["{}"], "20")]
    assert steps(events) == "Let me think.\nCalling add...\n{}|\nadd → 20\n"


def test_steps_have_what_is_said_inside_a_call() -> None:
    assert "It was Ada.|" in steps(DELEGATING)
    assert "\nAda.|" not in steps(DELEGATING)


def test_steps_say_that_nobody_could_be_asked() -> None:
    refused = ApprovalGiven("delete", False, "rule", NOBODY)
    events = [*call("delete", ["{}"])[:2], refused, ToolFinished("delete", "not run", failed=True)]
    assert "delete: refused: nobody to ask" in steps([TurnStarted("q", "m"), *events])


def test_steps_are_safe_to_show() -> None:
    events = [TurnStarted("q", "m"), *call("add", ["\x1b[2J"], "\x1b]0;t", failed=True)]
    assert "\x1b" not in steps([*events, ReasoningDelta("\x1b[2J"), SpeakerChanged("\x1b[2J")])


# The stream


def encode(events: Iterable[Event], **options: bool) -> list[Any]:
    defaults = {"shows_steps": False, "reports_usage": False}
    encoder = ChunkEncoder("chatcmpl-1", 7, "m", **defaults | options)
    frames = [encoder.begin()]
    for event in events:
        frames += encoder.encode(event)
    assert frames.pop() == DONE
    assert all(frame.startswith(b"data: ") and frame.endswith(b"\n\n") for frame in frames)
    return [json.loads(frame[6:]) for frame in frames]


def deltas(chunks: Iterable[Any]) -> list[Any]:
    return [each["choices"][0]["delta"] for each in chunks if each["choices"]]


def test_a_stream_is_chunks_as_openai_sends_them() -> None:
    chunks = encode(answer("It", " is 20."))
    assert chunks[0] == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": ""},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
    }
    assert deltas(chunks)[1:] == [{"content": "It"}, {"content": " is 20."}, {}]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_usage_is_the_last_chunk_if_asked_for() -> None:
    step = StepFinished(1, input_tokens=100, output_tokens=20)
    events = [step, step, TurnDone("20")]
    assert "usage" not in encode(events)[-1]
    *others, last = encode(events, reports_usage=True)
    assert all(each["usage"] is None for each in others)
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 200,
        "completion_tokens": 40,
        "total_tokens": 240,
    }
    assert encode([TurnDone("20")], reports_usage=True)[-1]["usage"]["total_tokens"] == 0


def test_steps_are_sent_as_reasoning_piece_by_piece() -> None:
    shown = deltas(encode(NOTEBOOK, shows_steps=True))
    reasoning = [each["reasoning_content"] for each in shown if "reasoning_content" in each]
    assert reasoning[:3] == ["Calling add...\n", '{"|', "x|"]
    assert [each["reasoning"] for each in shown if "reasoning" in each] == reasoning
    assert "".join(each.get("content", "") for each in shown) == "10 + 10 equals 20."


def test_a_turn_that_fails_ends_the_stream_with_an_error() -> None:
    *_, last = encode([AnswerDelta("It", ""), TurnFailed("the model is gone")])
    assert last["error"]["message"] == "the model is gone"
    assert last["error"]["type"] == "server_error"
    *_, last = encode([TurnCancelled()])
    assert last["error"]["message"] == "the answer was cancelled"


def test_a_question_of_the_agent_ends_the_stream_with_it() -> None:
    *_, last = encode([*ASKING[:9], TurnCancelled()])
    asked = 'the agent asks whether to run delete_file(path="/home/me/notes.txt")'
    assert last["error"]["message"].startswith(asked)
    assert (collect([*ASKING[:9], TurnCancelled()]).error or "").startswith(asked)


def test_half_a_surrogate_pair_does_not_break_the_json() -> None:
    encoder = ChunkEncoder("1", 7, "m", shows_steps=True, reports_usage=False)
    for event in (TextDelta("\ud83d"), ReasoningDelta("\udca9"), TurnFailed("\ud83d")):
        assert all(b"\\ud83d" not in frame for frame in encoder.encode(event))


# In one piece


def collect(events: Iterable[Event], *, shows_steps: bool = False) -> CompletionEncoder:
    encoder = CompletionEncoder("chatcmpl-1", 7, "m", shows_steps=shows_steps)
    for event in events:
        encoder.feed(event)
    return encoder


def test_a_completion_is_the_answer_alone() -> None:
    step = StepFinished(1, input_tokens=100, output_tokens=20)
    whole = collect([TextDelta("Let me see."), step, *answer("It is 20.")]).to_dict()
    assert whole == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "It is 20."},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }


def test_a_completion_shows_the_steps_if_asked_for() -> None:
    message = collect(NOTEBOOK, shows_steps=True).to_dict()["choices"][0]["message"]
    assert message["reasoning_content"].startswith("Calling add...\n")
    assert message["reasoning"] == message["reasoning_content"]


def test_a_completion_knows_why_there_is_no_answer() -> None:
    assert collect([TurnDone("20")]).error is None
    assert collect([TurnFailed("the model is gone")]).error == "the model is gone"
    assert collect([TurnCancelled()]).error
