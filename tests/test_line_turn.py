"""Turns of lines: what the model is sent, what its line becomes, and what the agent makes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool

from streamchat import AgentExecutor
from streamchat.agent.decoder import ChunkDecoder
from streamchat.agent.reply import Reply
from streamchat.events import (
    AnswerDelta,
    CodeDelta,
    Event,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
)
from streamchat.models.embedded.line_stream import LineTranslator
from streamchat.models.embedded.line_turn import LineTurn
from streamchat.models.embedded.model import EmbeddedChatOpenAI
from streamchat.models.embedded.pythonic.plan import Step
from streamchat.models.embedded.pythonic.prompt import Round, build_prefix
from streamchat.models.embedded.pythonic.toolbox import read_toolbox
from streamchat.models.embedded.server import EmbeddedServer
from streamchat.models.openai_compatible import connect
from streamchat.models.wire.extras import LINE_FIELD
from streamchat.tools import TOOLS
from streamchat.turn import Answer, ToolCall, fold
from tests.agents import collect_events
from tests.gbnf import Grammar
from tests.server import Hangup, Server, completion, delta, fails, says
from tests.server import Reply as Sent


@tool
def get_weather(city: str, days: int = 1) -> str:
    """Get the weather."""
    return f"sunny in {city} for {days}"


@tool
def find_city(code: str) -> str:
    """Find the city of a postal code."""
    return code


CALLED = [*TOOLS, get_weather, find_city]
SYSTEM = SystemMessage("Be brief.")


def begin(
    *messages: BaseMessage,
    tools: Sequence[Any] = TOOLS,
    instructions: str = "",
    lines: Mapping[str, Sequence[Round]] = {},
) -> LineTurn:
    toolbox = read_toolbox([convert_to_openai_tool(each) for each in tools])
    assert toolbox
    return LineTurn([SYSTEM, *messages], toolbox, instructions, lines)


def wrote(line: str, *results: str, failed: bool = False) -> list[BaseMessage]:
    """Return the messages of a line and the results of its first calls."""
    return [
        AIMessage("", additional_kwargs={LINE_FIELD: line}),
        *(
            ToolMessage(each, tool_call_id="c", status="error" if failed else "success")
            for each in results
        ),
    ]


def went_on(*results: str) -> list[BaseMessage]:
    """Return the messages of calls that a line goes on with."""
    return [AIMessage(""), *(ToolMessage(each, tool_call_id="c") for each in results)]


def ask(turn: LineTurn) -> tuple[list[str], Grammar]:
    """Return what is sent after the examples, and the grammar."""
    messages, grammar = turn.build_request()
    start = len(build_prefix(turn._toolbox, ""))
    return [f"{each['role']}: {each['content']}" for each in messages[start:]], Grammar(grammar)


class TestNextCalls:
    def test_a_question_has_none(self) -> None:
        assert begin(HumanMessage("2+3?")).find_next_calls() == []

    def test_the_outer_call_takes_the_result(self) -> None:
        question = HumanMessage("(2+3)*4")
        turn = begin(question, *wrote("(2 + 3) * 4", "5"))
        assert turn.find_next_calls() == [Step("multiply", {"x": 5, "y": 4})]
        assert begin(question, *wrote("(2 + 3) * 4", "5"), *went_on("20")).find_next_calls() == []

    def test_a_failed_call_ends_the_line(self) -> None:
        line = wrote("0 ** (0 - 1) * 2", "-1"), wrote("0 ** (0 - 1) * 2", "Error: no", failed=True)
        assert begin(HumanMessage("?"), *line[0]).find_next_calls()
        assert begin(HumanMessage("?"), *line[1]).find_next_calls() == []

    def test_only_the_last_line_counts(self) -> None:
        turn = begin(
            HumanMessage("?"),
            *wrote('get_weather(city=find_city(code="75"))', "Paris"),
            *went_on("sunny"),
            *wrote('find_city(code="10")', "Berlin"),
            tools=CALLED,
        )
        assert turn.find_next_calls() == []

    @pytest.mark.parametrize("code", ["75001", "1e3", "true", "null", '{"a": 1}', "Paris"])
    def test_a_result_stays_text_where_text_is_wanted(self, code: str) -> None:
        line = wrote('get_weather(city=find_city(code="75"))', code)
        turn = begin(HumanMessage("?"), *line, tools=CALLED)
        assert turn.find_next_calls() == [Step("get_weather", {"city": code})]

    def test_a_result_is_a_value_elsewhere(self) -> None:
        line = wrote('get_weather(city="Paris", days=find_city(code="75"))', "3")
        turn = begin(HumanMessage("?"), *line, tools=CALLED)
        assert turn.find_next_calls() == [Step("get_weather", {"city": "Paris", "days": 3})]


class TestToolsUsed:
    def test_each_once_in_order(self) -> None:
        turn = begin(HumanMessage("?"), *wrote("2 * 3 + 4 * 5", "6", "20"), *went_on("26"))
        assert turn.tools_used == ["multiply", "add"]

    def test_not_those_of_a_line_that_failed(self) -> None:
        turn = begin(HumanMessage("?"), *wrote("0 / 0", "Error: no", failed=True))
        assert turn.tools_used == []

    def test_none_in_a_turn_without_calls(self) -> None:
        assert begin(HumanMessage("Hello")).tools_used == []


class TestRequest:
    def test_a_question(self) -> None:
        messages, grammar = ask(begin(HumanMessage("I have two cats and 3 dogs.")))
        assert messages == ["user: I have two cats and 3 dogs."]
        assert grammar.matches("2 + 3")
        assert grammar.matches('say("Hello.")')
        assert not grammar.matches("2 + 4")

    def test_the_grammar_holds_the_examples(self) -> None:
        messages, _ = begin(HumanMessage("?"), tools=CALLED).build_request()
        pairs = [each["content"] for each in messages[1:-1]]
        history: list[BaseMessage] = []
        lines: dict[str, list[Round]] = {}
        asked_last = line_last = ""
        for said, line in zip(pairs[::2], pairs[1::2], strict=True):
            if said.startswith(f"{line_last} = "):  # the result, which the answer follows
                result = said.removeprefix(f"{line_last} = ")
                turn = begin(HumanMessage(asked_last), *wrote(line_last, result), tools=CALLED)
                history = [HumanMessage(asked_last), AIMessage(line)]
                lines = {asked_last: [Round(line_last, result)]}
            else:
                turn = begin(*history, HumanMessage(said), lines=lines, tools=CALLED)
                asked_last, line_last = said, line
            assert Grammar(turn.build_request()[1]).matches(line), (said, line)

    def test_the_user_s_instructions(self) -> None:
        messages, _ = begin(HumanMessage("Hi"), instructions="Rhyme.").build_request()
        assert messages[0]["content"].endswith("\nRhyme.")

    def test_earlier_answers_are_lines_again(self) -> None:
        history = [HumanMessage("Hi"), AIMessage('"Hello"\nyou')]
        messages, _ = ask(begin(*history, HumanMessage("Bye")))
        assert messages == ["user: Hi", r'assistant: say("\"Hello\"\nyou")', "user: Bye"]

    def test_a_follow_up_may_use_the_last_number(self) -> None:
        history = [HumanMessage("2 + 3"), AIMessage("2 + 3 is 5.")]
        _, grammar = ask(begin(*history, HumanMessage("and times 4?")))
        assert grammar.matches("5 * 4")
        assert not grammar.matches("3 * 4")

    def test_a_follow_up_sees_the_line_before_it_and_goes_on_with_its_result(self) -> None:
        history = [HumanMessage("Take 12 from 40."), AIMessage("28 is 40 - 12.")]
        lines = {"Take 12 from 40.": [Round("40 - 12", "28")]}
        messages, grammar = ask(begin(*history, HumanMessage("Double it."), lines=lines))
        assert messages == [
            *("user: Take 12 from 40.", "assistant: 40 - 12", "user: 40 - 12 = 28"),
            *('assistant: say("28 is 40 - 12.")', "user: Double it."),
        ]
        assert grammar.matches("28 * 2")
        assert not grammar.matches("12 * 2")

    def test_a_follow_up_that_begins_with_an_operator_goes_on_with_the_result(self) -> None:
        history = [HumanMessage("2 + 3"), AIMessage("2 + 3 is 5.")]
        _, grammar = ask(begin(*history, HumanMessage("minus 4?")))
        assert grammar.matches("5 - 4")
        assert not grammar.matches("4 - 5")

    def test_a_question_asked_once_more_with_another_number(self) -> None:
        history = [HumanMessage("A row has 12 seats. And 5 rows?"), AIMessage("60.")]
        lines = {history[0].text: [Round("12 * 5", "60")]}
        _, grammar = ask(begin(*history, HumanMessage("And 10 rows?"), lines=lines))
        assert grammar.matches("12 * 10")
        for question in ("And 10 more?", "Add 10."):
            turn = begin(*history, HumanMessage(question), lines=lines, tools=CALLED)
            _, grammar = ask(turn)
            assert grammar.matches("60 + 10")
            assert not grammar.matches("12 * 10")

    @pytest.mark.parametrize("question", ["what did I ask first?", "Do you remember my name?"])
    def test_a_question_about_the_conversation_comes_without_examples(self, question: str) -> None:
        history = (HumanMessage("I am Ann."), AIMessage("Hello Ann."), HumanMessage("2 + 3"))
        turn = begin(*history, AIMessage("It is 5."), HumanMessage(question), instructions="Hi.")
        messages, grammar = turn.build_request()
        assert turn.looks_back
        assert messages[0]["content"].endswith(
            'Answer in one sentence. The first question was "I am Ann.". '
            'The last question was "2 + 3".\nHi.'
        )
        assert [each["content"] for each in messages[1:]] == [
            *("I am Ann.", "Hello Ann.", "2 + 3", "It is 5.", question),
        ]
        assert Grammar(grammar).matches('say("It was: I am Ann.")')

    def test_the_first_and_the_last_question_are_named_in_a_long_conversation(self) -> None:
        history = [
            each
            for number in range(9)
            for each in (HumanMessage(f"question {number}" + "?" * 999), AIMessage("Yes."))
        ]
        messages, _ = begin(*history, HumanMessage("What did I ask first?")).build_request()
        *_, first, _, _, _, fifth, last = messages[0]["content"].split(". ")
        assert first.startswith('The first question was "question 0??')
        assert fifth.startswith('The fifth question was "question 4??')
        assert last.startswith('The last question was "question 8??')
        assert len(last) < 250

    @pytest.mark.parametrize("question", ["And of Spain?", "Take 2 off my number"])
    def test_other_questions_come_with_examples(self, question: str) -> None:
        history = (HumanMessage("I am Ann."), AIMessage("Hello Ann."))
        assert not begin(*history, HumanMessage(question)).looks_back
        assert not begin(HumanMessage("What did I ask first?")).looks_back

    def test_some_of_the_last_result(self) -> None:
        history = (HumanMessage("3 boxes of 24"), AIMessage("That is 72."))
        question = HumanMessage("We drank 10 of them. How many are left?")
        _, grammar = ask(begin(*history, question, tools=CALLED))
        assert grammar.matches("72 - 10")
        assert not grammar.matches("10 - 72")

    @pytest.mark.parametrize("shared", ["split the rest among 4", "the rest is shared by all 4"])
    def test_what_is_left_is_calculated_before_it_is_shared(self, shared: str) -> None:
        question = HumanMessage(f"I had 250, spent 34, and {shared}.")
        _, grammar = ask(begin(question, tools=CALLED))
        assert grammar.matches("(250 - 34) / 4")
        assert not grammar.matches("250 / 4 - 34")

    def test_several_earlier_results(self) -> None:
        history = (HumanMessage("45 + 38"), AIMessage("It is 83."), HumanMessage("45 - 38"))
        question = HumanMessage("add those two answers together")
        _, grammar = ask(begin(*history, AIMessage("It is 7."), question))
        assert grammar.matches("83 + 7")
        assert not grammar.matches("7 + 2")

    def test_a_question_of_its_own_uses_no_earlier_number(self) -> None:
        history = [HumanMessage("2 + 3"), AIMessage("2 + 3 is 5.")]
        for question in ("Hello!", "Take 1 from 2 and add 3."):
            _, grammar = ask(begin(*history, HumanMessage(question)))
            assert not grammar.matches("5 + 1")

    def test_calls_that_the_line_went_on_with_are_not_shown(self) -> None:
        messages, _ = ask(
            begin(HumanMessage("(2+3)*4"), *wrote("(2 + 3) * 4", "5"), *went_on("20.0"))
        )
        assert messages[1:] == ["assistant: (2 + 3) * 4", "user: (2 + 3) * 4 = 20"]

    def test_a_sum_is_closed_with_the_result(self) -> None:
        _, grammar = ask(begin(HumanMessage("12 minus 30"), *wrote("12 - 30", "-18")))
        assert grammar.matches('say("12 minus 30 is -18.")')
        for line in ('say("It is 18.")', 'say("12 minus 30.")', "12 - 30"):
            assert not grammar.matches(line)

    def test_a_closing_sentence_may_hold_the_numbers_of_the_line(self) -> None:
        history = [HumanMessage("7 * 6"), AIMessage("It is 42.")]
        turn = begin(*history, HumanMessage("double it"), *wrote("42 * 2", "84"))
        grammar = Grammar(turn.build_request()[1])
        assert grammar.matches('say("42 * 2 is 84.")')
        assert not grammar.matches('say("7 * 6 is 84.")')

    def test_a_tiny_error_of_floats_is_rounded_away(self) -> None:
        messages, grammar = ask(
            begin(HumanMessage("49 / 49"), *wrote("49 / 49", "0.02", "0.9999999999999999"))
        )
        assert messages[-1] == "user: 49 / 49 = 1"
        assert grammar.matches('say("49 / 49 is 1.")')

    def test_a_failed_call_is_explained_freely(self) -> None:
        messages, grammar = ask(
            begin(HumanMessage("1/0"), *wrote("1 / 0", "Error: 0 has no power", failed=True))
        )
        assert messages[-1] == "user: 1 / 0 failed: Error: 0 has no power"
        assert grammar.matches('say("That fails.")')
        assert not grammar.matches("1 / 0")

    def test_after_a_tool_of_the_user_comes_another_or_an_answer(self) -> None:
        turn = begin(
            HumanMessage("?"), *wrote('find_city(code="75")', "Paris " * 1000), tools=CALLED
        )
        messages, grammar = ask_with_tools(turn)
        assert len(messages[-1]) < 2100
        assert grammar.matches('get_weather(city="Paris")')
        assert grammar.matches('say("It is 42.")')

    def test_the_model_has_to_answer_in_the_end(self) -> None:
        def ask_after(rounds: int) -> Grammar:
            lines = [each for at in range(rounds) for each in wrote(f'find_city(code="{at}")', "x")]
            return ask_with_tools(begin(HumanMessage("?"), *lines, tools=CALLED))[1]

        assert ask_after(3).matches('find_city(code="7")')
        assert not ask_after(4).matches('find_city(code="7")')
        assert ask_after(4).matches('say("It is 42.")')

    def test_a_line_that_is_repeated_is_the_last(self) -> None:
        lines = [*wrote('find_city(code="7")', "x"), *wrote('find_city(code="7")', "x")]
        _, grammar = ask_with_tools(begin(HumanMessage("?"), *lines, tools=CALLED))
        assert not grammar.matches('find_city(code="8")')
        assert grammar.matches('say("It is x.")')

    def test_a_sum_is_the_last_line_with_other_tools_too(self) -> None:
        turn = begin(HumanMessage("2 + 3"), *wrote("2 + 3", "5"), tools=CALLED)
        _, grammar = ask_with_tools(turn)
        assert grammar.matches('say("2 + 3 is 5.")')
        assert not grammar.matches('say("2 + 3 is 6.")')
        assert not grammar.matches('find_city(code="8")')

    def test_the_result_of_a_tool_can_be_calculated_with(self) -> None:
        turn = begin(HumanMessage("4 of them?"), *wrote('find_city(code="7")', "2.5"), tools=CALLED)
        _, grammar = ask_with_tools(turn)
        assert grammar.matches("4 * 2.5")
        assert grammar.matches('say("All.")')

    def test_a_tool_of_the_user_may_convert_units(self) -> None:
        question = HumanMessage("How many days are in 14 weeks?")
        _, grammar = ask_with_tools(begin(question, tools=CALLED))
        assert grammar.matches('find_city(code="14")')

    def test_tools_of_the_user_come_with_examples(self) -> None:
        messages, _ = ask_with_tools(begin(HumanMessage("?"), tools=CALLED))
        at = messages.index("user: Get the weather: Alpha")
        assert messages[at + 1 : at + 4] == [
            'assistant: get_weather(city="Alpha")',
            'user: get_weather(city="Alpha") = Omega',
            'assistant: say("It is Omega.")',
        ]


def ask_with_tools(turn: LineTurn) -> tuple[list[str], Grammar]:
    messages, grammar = turn.build_request()
    return [f"{each['role']}: {each['content']}" for each in messages], Grammar(grammar)


def chunk(text: str = "", reason: str | None = None, **fields: Any) -> ChatGenerationChunk:
    metadata = {"finish_reason": reason} if reason else None
    message = AIMessageChunk(content=text, **fields)
    return ChatGenerationChunk(message=message, generation_info=metadata)


def decode(turn: LineTurn, chunks: Iterable[ChatGenerationChunk]) -> tuple[list[Event], Reply]:
    """Return what the agent makes of the chunks."""
    translator, decoder = LineTranslator(turn), ChunkDecoder()
    translated = [new for each in chunks for new in translator.feed(each)]
    translated += translator.finish()
    events: list[Event] = []
    for each in translated:
        assert isinstance(each.message, AIMessageChunk)
        each.message.response_metadata |= each.generation_info or {}  # as LangChain does
        events += decoder.feed(each.message)
    more, reply = decoder.finish()
    return [*events, *more], reply


def write(line: str, *cuts: int, reason: str | None = "stop") -> tuple[list[Event], Reply]:
    places = sorted({0, len(line), *(min(cut, len(line)) for cut in cuts)})
    pieces = [line[start:end] for start, end in pairwise(places)]
    end = [chunk(reason=reason)] if reason else []
    turn = begin(HumanMessage("?"), *wrote("1 + 1", "2"), tools=CALLED)
    return decode(turn, [*map(chunk, pieces), *end])


def join(events: Iterable[Event], kind: type[CodeDelta] | type[AnswerDelta]) -> str:
    return "".join(each.text for each in events if isinstance(each, kind))


CUTS = st.lists(st.integers(0, 60))


class TestTranslator:
    @given(CUTS)
    def test_code_arrives_before_its_calls(self, cuts: list[int]) -> None:
        events, reply = write("7 * 8 - 6 * 3", *cuts)
        assert join(events, CodeDelta) == "7 * 8 - 6 * 3"
        last = max(at for at, each in enumerate(events) if isinstance(each, CodeDelta))
        assert not any(isinstance(each, ToolCallStarted) for each in events[:last])
        assert [(call.name, json.loads(call.arguments)) for call in reply.calls] == [
            ("multiply", {"x": 7, "y": 8}),
            ("multiply", {"x": 6, "y": 3}),
        ]
        assert reply.fields == {LINE_FIELD: "7 * 8 - 6 * 3"}

    @pytest.mark.parametrize("text", ['"Hi", she\nsaid \\o/', "Grüße, 你好 😀", "It is 2."])
    @given(cuts=CUTS)
    def test_an_answer_arrives_as_it_is_written(self, text: str, cuts: list[int]) -> None:
        events, reply = write(f"say({json.dumps(text, ensure_ascii=False)})", *cuts)
        assert join(events, AnswerDelta) == text
        assert join(events, CodeDelta) == ""
        (call,) = reply.calls
        assert call.name == "final_answer"
        assert json.loads(call.arguments) == {"answer": text, "tools_used": ["add"]}

    def test_each_token_of_an_answer_is_an_event(self) -> None:
        events, _ = write('say("It is 2.")', 5, 7, 10)
        assert [each.text for each in events if isinstance(each, AnswerDelta)] == [
            "It",
            " is",
            " 2.",
        ]

    @pytest.mark.parametrize("line", ["Hello there.", "say('x')", "42", "nosuch(x=1)", "2 +"])
    def test_a_line_that_calls_nothing_is_a_text(self, line: str) -> None:
        events, reply = write(line)
        assert (reply.text, reply.calls, reply.cut_off) == (line, (), False)
        assert TextDelta(line) in events

    @pytest.mark.parametrize("line", ["2 + 3", "2 + ", 'say("It is', "s"])
    def test_a_line_that_was_cut_off_is_not_run(self, line: str) -> None:
        _, reply = write(line, reason="length")
        assert reply.cut_off
        assert not any(call.complete for call in reply.calls)
        _, reply = write(line, reason=None)
        assert not any(call.complete for call in reply.calls)
        assert reply.finish_reason is None

    def test_an_answer_without_its_end_is_complete_if_the_model_stopped(self) -> None:
        _, reply = write('say("It is 2.')
        assert json.loads(reply.calls[0].arguments)["answer"] == "It is 2."

    def test_usage_and_reason_are_passed_on(self) -> None:
        usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
        whole = chunk('say("Hi.")', "stop", usage_metadata=usage)
        for chunks in ([whole], [chunk('say("Hi.")'), chunk(reason="stop", usage_metadata=usage)]):
            events, reply = decode(begin(HumanMessage("?")), chunks)
            assert join(events, AnswerDelta) == "Hi."
            assert (reply.finish_reason, reply.input_tokens, reply.output_tokens) == ("stop", 7, 3)

    def test_progress_is_passed_on(self) -> None:
        translator = LineTranslator(begin(HumanMessage("?")))
        progress = chunk(additional_kwargs={"progress": 1})
        assert [*translator.feed(progress)] == [progress]


class FakeServer(EmbeddedServer):
    """In place of the embedded server, the scripted one."""

    def stop(self) -> None:
        pass


@pytest.fixture
async def llm(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[EmbeddedChatOpenAI]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    llm = connect(
        "local", EmbeddedChatOpenAI, base_url=server.url, api_key="k", temperature=0, timeout=60
    )
    llm._server = FakeServer(tmp_path / "model", "template", "id", address=server.url[:-3])
    yield llm
    await llm.aclose()


def script(server: Server, *replies: Sent) -> None:
    """Script the replies after those to processing the instructions."""
    server.script(completion(content=""), fails(404), *replies)


def asked(server: Server) -> list[dict[str, Any]]:
    return [each for each in server.requests[2:] if "messages" in each]


class TestTheAgent:
    async def test_a_line_of_two_calls(self, server: Server, llm: EmbeddedChatOpenAI) -> None:
        script(server, says("(2 + ", "3) * 4"), says('say("', "It is ", '20.")'))
        events = await collect_events(AgentExecutor(llm), "What is (2+3)*4?")
        turn = fold(events)
        assert [
            (each.name, each.code.text) for each in turn.blocks if isinstance(each, ToolCall)
        ] == [
            *(("add", "(2 + 3) * 4"), ("multiply", ""), ("final_answer", "")),
        ]
        assert [each.output for each in events if isinstance(each, ToolFinished)] == ["5", "20", ""]
        assert ToolStarted("call_2", {"x": 5, "y": 4}) in events
        assert (turn.answer.text, turn.tools_used) == ("It is 20.", ("add", "multiply"))
        # The outer call follows from the line: the model is not asked for it.
        assert len(asked(server)) == 2
        assert "tools" not in asked(server)[0]
        assert "grammar" in asked(server)[0]

    async def test_a_later_turn_sees_the_line(
        self, server: Server, llm: EmbeddedChatOpenAI
    ) -> None:
        script(
            server, says("2 + 3"), says('say("It is 5.")'), says("5 * 4"), says('say("It is 20.")')
        )
        agent = AgentExecutor(llm)
        await agent.invoke("What is 2 + 3?")
        await agent.invoke("and times 4?")
        sent = [message["content"] for message in asked(server)[-1]["messages"]]
        assert sent[-7:] == [
            *("What is 2 + 3?", "2 + 3", "2 + 3 = 5", 'say("It is 5.")'),
            *("and times 4?", "5 * 4", "5 * 4 = 20"),
        ]

    async def test_the_instructions_are_processed_again_after_a_question_without_them(
        self, server: Server, llm: EmbeddedChatOpenAI
    ) -> None:
        script(
            server,
            *(says('say("Hello.")'), says('say("Ann.")')),
            *(completion(content=""), fails(404), says('say("A word.")')),
        )
        agent = AgentExecutor(llm)
        await agent.invoke("I am Ann.")
        await agent.invoke("What is my name?")
        await agent.invoke("What is a verb?")
        sent = [len(each["messages"]) for each in asked(server)]
        prefix = len(server.requests[0]["messages"]) - 1
        assert sent == [prefix + 1, 4, prefix + 1, prefix + 5]

    async def test_a_tool_that_fails(self, server: Server, llm: EmbeddedChatOpenAI) -> None:
        script(server, says("5 / 0"), says('say("That fails.")'))
        turn = fold(await collect_events(AgentExecutor(llm), "What is 5 divided by 0?"))
        failed = [each.output for each in turn.blocks if isinstance(each, ToolCall) and each.failed]
        assert failed == ["0 has no negative power"]
        assert (turn.status, turn.answer.text) == ("done", "That fails.")

    async def test_an_answer_right_away(self, server: Server, llm: EmbeddedChatOpenAI) -> None:
        script(server, says('say("', "Hello", '!")'))
        turn = fold(await collect_events(AgentExecutor(llm), "Hi"))
        assert [type(each) for each in turn.blocks] == [ToolCall, Answer]
        assert (turn.answer.text, turn.tools_used) == ("Hello!", ())

    async def test_text_in_spite_of_the_grammar(
        self, server: Server, llm: EmbeddedChatOpenAI
    ) -> None:
        script(server, says("Hello", " there."))
        turn = fold(await collect_events(AgentExecutor(llm), "Hi"))
        assert (turn.status, turn.answer.text) == ("done", "Hello there.")

    @pytest.mark.parametrize("end", [{"finish_reason": "length"}, {"finish_reason": None}])
    async def test_a_line_that_is_cut_off_fails_the_turn(
        self, server: Server, llm: EmbeddedChatOpenAI, end: dict[str, Any]
    ) -> None:
        parts = (delta(content="2 + 3"), *([] if end["finish_reason"] else [Hangup()]))
        script(server, Sent(parts, **end))
        events = await collect_events(AgentExecutor(llm), "What is 2 + 3 * 4")
        turn = fold(events)
        assert (turn.status, "cut off" in turn.error or "closed" in turn.error) == ("failed", True)
        assert not any(isinstance(each, ToolStarted) for each in events)

    async def test_tools_that_the_grammar_cannot_hold_are_called_in_json(
        self, server: Server, llm: EmbeddedChatOpenAI
    ) -> None:
        @tool
        def store(values: dict[str, int]) -> str:
            """Store."""
            return str(values)

        script(server, says("Hello."))
        turn = fold(await collect_events(AgentExecutor(llm, tools=[store]), "Hi"))
        assert turn.answer.text == "Hello."
        assert asked(server)[0]["tools"]
        assert "grammar" not in asked(server)[0]


class TestTheAdapter:
    """A model that was trained to write sums needs no examples of them."""

    @pytest.fixture(autouse=True)
    def adapter(self, llm: EmbeddedChatOpenAI, tmp_path: Path) -> None:
        assert llm._server
        llm._server.adapter = tmp_path / "adapter.gguf"

    @staticmethod
    def list_switches(server: Server) -> list[float]:
        return [
            body[0]["scale"]
            for visit, body in zip(server.visits, server.requests, strict=True)
            if visit == "POST /lora-adapters"
        ]

    async def test_it_is_on_with_the_arithmetic_tools(
        self, server: Server, llm: EmbeddedChatOpenAI
    ) -> None:
        script(server, says("2 + 3"), says('say("It is 5.")'))
        await AgentExecutor(llm).invoke("What are 2 and 3 together?")
        assert self.list_switches(server) == []
        assert [len(each["messages"]) for each in asked(server)] == [2, 4]

    async def test_it_is_off_with_other_tools(
        self, server: Server, llm: EmbeddedChatOpenAI
    ) -> None:
        done = completion(content="")
        server.script(done, done, fails(404), says('say("Hi.")'), says('say("Hello.")'))
        agent = AgentExecutor(llm, tools=[get_weather])
        await agent.invoke("Hi")
        await agent.invoke("Hi")
        assert self.list_switches(server) == [0.0]
        assert len(server.requests[-1]["messages"]) > 20

    async def test_it_is_off_for_a_question_about_the_conversation(
        self, server: Server, llm: EmbeddedChatOpenAI
    ) -> None:
        done = completion(content="")
        server.script(
            *(done, fails(404), says('say("Hello.")')),
            *(done, says('say("Ann.")')),
            *(done, done, fails(404), says('say("A word.")')),
        )
        agent = AgentExecutor(llm)
        await agent.invoke("I am Ann.")
        await agent.invoke("What is my name?")
        await agent.invoke("What is a verb?")
        assert self.list_switches(server) == [0.0, 1.0]
