"""Chains, models and functions, asked as their author wrote them."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import (
    ConfigurableFieldSpec,
    Runnable,
    RunnableGenerator,
    RunnableLambda,
    RunnablePassthrough,
)
from langchain_core.runnables.history import RunnableWithMessageHistory
from langchain_core.tools import tool
from langchain_openai import OpenAI
from pydantic import BaseModel

from streamchat.agent.errors import AgentError
from streamchat.agent.target.runnable import RunnablePlay
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    Notice,
    ReasoningDelta,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnDone,
)
from tests.plays import (
    Emitted,
    ask,
    close_models,
    collect,
    exchanges,
    join,
    open_model,
    pick,
    play_turn,
    sent,
)
from tests.server import Hangup, Reply, Server, answers, calls, completion, fails, says

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Be brief."),
        MessagesPlaceholder("chat_history"),
        ("human", "{input}"),
    ]
)
EARLIER = exchanges(("Sky?", "Blue."))


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await close_models()


@tool
def add(x: float, y: float) -> float:
    """Add x and y."""
    return x + y


class TestWhatStreams:
    async def test_a_chat_model(self, server: Server) -> None:
        server.script(says("N", "LP", usage=(7, 2)))
        events = await collect(RunnablePlay(open_model(server, stream_usage=True)), "What?")
        assert pick(events, AnswerDelta, TurnDone) == [
            *(AnswerDelta("N"), AnswerDelta("LP"), TurnDone("NLP")),
        ]
        (finished,) = pick(events, StepFinished)
        assert (finished.input_tokens, finished.output_tokens) == (7, 2)
        assert finished.finish_reason == "stop"
        assert 0 <= finished.first_token_seconds <= finished.seconds
        assert [type(event) for event in events[1:3]] == [StepStarted, AnswerDelta]
        assert not pick(events, Notice)

    async def test_a_prompt_and_a_model(self, server: Server) -> None:
        server.script(says("Red", "."))
        turn = await play_turn(RunnablePlay(PROMPT | open_model(server)), "Blood?", **EARLIER)
        assert (turn.answer.text, turn.status, turn.step) == ("Red.", "done", 1)
        assert sent(server) == [
            *(("system", "Be brief."), ("user", "Sky?"), ("assistant", "Blue.")),
            ("user", "Blood?"),
        ]

    async def test_a_parser_s_strings(self, server: Server) -> None:
        server.script(says("Re", "d.", usage=(7, 2)))
        chain = PROMPT | open_model(server, stream_usage=True) | StrOutputParser()
        events = await collect(RunnablePlay(chain))
        assert pick(events, AnswerDelta) == [AnswerDelta("Re"), AnswerDelta("d.")]
        (finished,) = pick(events, StepFinished)
        assert (finished.input_tokens, finished.output_tokens) == (7, 2)
        assert not pick(events, TextDelta, Notice)

    async def test_only_the_last_of_two_models_writes_the_answer(self, server: Server) -> None:
        server.script(says("Short ", "question?"), says("Ans", "wer."))
        model = open_model(server)
        chain = {"input": model | StrOutputParser(), "chat_history": lambda _: []} | PROMPT | model
        events = await collect(RunnablePlay(chain))
        assert join(events, AnswerDelta) == "Answer."
        assert not pick(events, TextDelta)
        assert [event.step for event in pick(events, StepStarted)] == [1, 2]
        assert sent(server)[-1] == ("user", "Short question?")

    async def test_an_asynchronous_generator(self, server: Server) -> None:
        async def shout(question: str) -> AsyncIterator[str]:
            for word in question.split():
                yield word.upper() + "!"

        events = await collect(RunnablePlay(RunnableLambda(shout)), "a b")
        assert pick(events, AnswerDelta) == [AnswerDelta("A!"), AnswerDelta("B!")]
        assert not pick(events, StepStarted, Notice)

    async def test_a_generator_after_a_model(self, server: Server) -> None:
        async def shout(chunks: AsyncIterator[AIMessageChunk]) -> AsyncIterator[AIMessageChunk]:
            async for chunk in chunks:
                yield AIMessageChunk(chunk.text.upper(), id=chunk.id)

        server.script(says("N", "lp"))
        events = await collect(RunnablePlay(open_model(server) | RunnableGenerator(shout)))
        assert join(events, AnswerDelta) == "NLP"
        assert events[-1] == TurnDone("NLP")
        assert len(pick(events, StepStarted)) == 1

    async def test_messages_that_no_model_is_seen_to_write(self) -> None:
        async def say(_: str) -> AsyncIterator[AIMessageChunk]:
            usage: Any = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
            yield AIMessageChunk("N")
            yield AIMessageChunk("LP", usage_metadata=usage)

        events = await collect(RunnablePlay(RunnableLambda(say)))
        assert pick(events, AnswerDelta) == [AnswerDelta("N"), AnswerDelta("LP")]
        (finished,) = pick(events, StepFinished)
        assert (finished.step, finished.input_tokens, finished.output_tokens) == (1, 3, 2)

    async def test_reasoning_is_seen_through_a_parser(self) -> None:
        thought = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Blue."}]
        model = FakeMessagesListChatModel(responses=[AIMessage(thought)])
        for chain in (model, model | StrOutputParser()):
            events = await collect(RunnablePlay(chain))
            assert (join(events, ReasoningDelta), events[-1]) == ("Hm.", TurnDone("Blue."))

    async def test_raw_chunks(self, server: Server) -> None:
        server.script(says("N", "LP"))
        events = await collect(RunnablePlay(open_model(server)), raw=True)
        assert "".join(each.content for each in pick(events, ChunkReceived)) == "NLP"


class TestObjects:
    async def test_the_answer_of_a_chain_that_passes_its_sources_on(self, server: Server) -> None:
        prompt = ChatPromptTemplate.from_template("{context} {text}")
        chain = RunnablePassthrough.assign(context=lambda _: "Paris is big.").assign(
            answer=prompt | open_model(server) | StrOutputParser()
        )
        server.script(says("Very", " big."))
        play = RunnablePlay(itemgetter_of("text") | chain)
        events = await collect(play, "Paris?")
        assert pick(events, AnswerDelta) == [AnswerDelta("Very"), AnswerDelta(" big.")]
        assert events[-1] == TurnDone("Very big.")
        assert sent(server) == [("user", "Paris is big. Paris?")]

    async def test_messages_in_an_object(self, server: Server) -> None:
        server.script(says("Very", " big."))
        chain = RunnablePassthrough.assign(answer=PROMPT | open_model(server))
        events = await collect(RunnablePlay(chain))
        assert pick(events, AnswerDelta) == [AnswerDelta("Very"), AnswerDelta(" big.")]

    async def test_json_as_a_parser_reads_more_and_more_of_it(self, server: Server) -> None:
        server.script(says('{"answer": "It ', "is", ' blue."}'))
        events = await collect(RunnablePlay(open_model(server) | JsonOutputParser()))
        assert join(events, AnswerDelta) == "It is blue."

    async def test_other_objects_are_shown_as_json_at_the_end(self, server: Server) -> None:
        server.script(says('{"setup": "Why', '?", "n": [1', "]}"))
        events = await collect(RunnablePlay(open_model(server) | JsonOutputParser()))
        assert not pick(events, AnswerDelta)
        assert events[-1].answer == '{\n  "setup": "Why?",\n  "n": [\n    1\n  ]\n}'

    async def test_parallel_answers(self, server: Server) -> None:
        server.script(says("Y", "es."), says("Y", "es."))
        model = open_model(server)
        parallel: Any = {"a": model | StrOutputParser(), "b": model | StrOutputParser()}
        chain = RunnablePassthrough() | parallel
        events = await collect(RunnablePlay(chain))
        # In the order in which they began.
        assert json.loads(events[-1].answer) == {"a": "Yes.", "b": "Yes."}

    async def test_a_structured_output_shows_its_call_and_is_json(self, server: Server) -> None:
        class Joke(BaseModel):
            setup: str

        model = open_model(server).with_structured_output(Joke, method="function_calling")
        server.script(calls("Joke", ['{"setup"', ': "Why?"}']))
        events = await collect(RunnablePlay(model))
        fragments = [each.fragment for each in pick(events, ArgumentsDelta)]
        assert fragments == ['{"setup"', ': "Why?"}']
        (finished,) = pick(events, ToolFinished)
        assert (finished.output, finished.failed) == ("read by the chain", False)
        assert events[-1] == TurnDone('{\n  "setup": "Why?"\n}')
        assert not pick(events, Notice)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"messages": [HumanMessage("Sky?"), AIMessage("Blue.")]}, "Blue."),
            ([HumanMessage("Sky?"), AIMessage("Blue.")], "Blue."),
            ({"output": [1, 2]}, "[\n  1,\n  2\n]"),
            (3.5, "3.5"),
            ({"at": Path("a")}, '{\n  "at": "a"\n}'),
            ({"said": AIMessage("Blue.")}, '{\n  "said": "Blue."\n}'),
            (PROMPT.invoke({"chat_history": [], "input": "Hi"}), "System: Be brief.\nHuman: Hi"),
        ],
    )
    async def test_other_results(self, value: Any, text: str) -> None:
        events = await collect(RunnablePlay(RunnableLambda(lambda _: value)))
        assert events[-1] == TurnDone(text)

    async def test_a_completion_model_s_text(self, server: Server) -> None:
        parts = [{"choices": [{"index": 0, "text": each}]} for each in ("N", "LP")]
        server.script(Reply(tuple(parts), finish_reason=None))
        async with openai.AsyncOpenAI(base_url=server.url, api_key="sk") as client:
            llm = OpenAI(model="m", api_key="sk", async_client=client.completions)
            events = await collect(RunnablePlay(llm))
        assert [each.text for each in pick(events, AnswerDelta)] == ["N", "LP"]
        (finished,) = pick(events, StepFinished)
        assert finished.first_token_seconds is not None

    async def test_all_messages_of_an_agent_that_yields_them(self) -> None:
        async def work(questions: AsyncIterator[str]) -> AsyncIterator[Any]:
            call: Any = {"name": "add", "args": {"x": 1, "y": 2}, "id": "a"}
            yield HumanMessage(await anext(questions))
            yield AIMessage("Let me see.", tool_calls=[call])
            yield ToolMessage("3.0", tool_call_id="a")
            yield AIMessage("It is 3.")

        events = await collect(RunnablePlay(RunnableGenerator(work)))
        assert [each.output for each in pick(events, ToolFinished)] == ["3.0"]
        assert events[-1].answer.endswith("It is 3.")


class TestCalls:
    async def test_calls_that_nothing_runs_are_shown_and_fail_the_turn(
        self, server: Server
    ) -> None:
        server.script(says("Let me see.") + calls("add", ['{"x": 1', ', "y": 2}']))
        play = RunnablePlay(PROMPT | open_model(server).bind_tools([add]))
        assert [(each.name, each.parameters) for each in play.tools] == [("add", ("x", "y"))]
        emit = Emitted()
        with pytest.raises(AgentError, match=r"the model called add, and nothing .*create_agent"):
            await ask(play, "?", emit)
        assert [each.fragment for each in pick(emit.events, ArgumentsDelta)] == [
            *('{"x": 1', ', "y": 2}'),
        ]
        assert join(emit.events, TextDelta) == "Let me see."
        (finished,) = pick(emit.events, ToolFinished)
        assert (finished.output, finished.failed) == (
            *("not run: nothing in the chain runs tools", True),
        )

    async def test_calls_that_a_parser_swallows(self, server: Server) -> None:
        server.script(calls("add", x=1, y=2))
        chain = open_model(server).bind_tools([add]) | StrOutputParser()
        with pytest.raises(AgentError, match="the model called add, and nothing"):
            await ask(RunnablePlay(chain), "?", Emitted())

    async def test_a_function_that_runs_the_tools_itself(self, server: Server) -> None:
        model = open_model(server, streaming=True).bind_tools([add])

        async def work(question: str) -> AIMessage:
            messages: list[Any] = [HumanMessage(question)]
            while True:
                said = await model.ainvoke(messages)
                messages.append(said)
                if not said.tool_calls:
                    return said
                messages += [await add.ainvoke(call) for call in said.tool_calls]

        server.script(calls("add", ['{"x": 1', ', "y": 2}']), says("It is 3."))
        events = await collect(RunnablePlay(RunnableLambda(work)))
        kinds = [type(each) for each in pick(events, ToolCallStarted, ToolStarted, ToolFinished)]
        assert kinds == [ToolCallStarted, ToolStarted, ToolFinished]
        assert pick(events, ToolFinished)[0].output == "3.0"
        assert pick(events, TextDelta) == [TextDelta("It is 3.")]
        assert events[-1] == TurnDone("It is 3.", ("add",))

    async def test_a_synchronous_function_that_runs_the_tools_itself(self, server: Server) -> None:
        model = open_model(server, streaming=True).bind_tools([add])

        def work(question: str) -> str:
            said = model.invoke(question)
            results = [add.invoke(call) for call in said.tool_calls]
            return str(model.invoke([HumanMessage(question), said, *results]).content)

        server.script(calls("add", x=1, y=2), says("It is 3."))
        events = await collect(RunnablePlay(RunnableLambda(work)))
        assert pick(events, ToolStarted) == [ToolStarted("call_add", {"x": 1, "y": 2})]
        assert pick(events, ToolFinished)[0].output == "3.0"
        assert events[-1] == TurnDone("It is 3.", ("add",))

    async def test_a_copy_of_a_message_is_not_a_second_call(self, server: Server) -> None:
        def copy(message: AIMessage) -> AIMessage:
            return AIMessage(message.content, tool_calls=message.tool_calls)

        server.script(calls("add", x=1, y=2))
        chain = open_model(server).bind_tools([add]) | RunnableLambda(copy)
        emit = Emitted()
        with pytest.raises(AgentError, match="the model called add, and nothing"):
            await ask(RunnablePlay(chain), "?", emit)
        assert len(pick(emit.events, ToolCallStarted)) == 1

    async def test_a_final_answer_needs_no_run(self, server: Server) -> None:
        @tool
        def final_answer(answer: str, tools_used: list[str]) -> str:
            """Answer."""
            raise AssertionError

        server.script(answers("It is blue."))
        chain = open_model(server).bind_tools([final_answer], tool_choice="any")
        events = await collect(RunnablePlay(chain))
        assert join(events, AnswerDelta) == "It is blue."
        assert events[-1] == TurnDone("It is blue.")


class TestInputs:
    @pytest.mark.parametrize(
        ("messages", "expected"),
        [
            (["{topic}"], ["user: Blood?"]),
            ([("placeholder", "{messages}")], ["user: Sky?", "assistant: Blue.", "user: Blood?"]),
            (
                [MessagesPlaceholder("history"), MessagesPlaceholder("messages")],
                ["user: Sky?", "assistant: Blue.", "user: Blood?"],
            ),
            (
                [MessagesPlaceholder("chat_history", optional=True), ("human", "{question}")],
                ["user: Sky?", "assistant: Blue.", "user: Blood?"],
            ),
            (
                [("human", "{query}"), MessagesPlaceholder("agent_scratchpad")],
                ["user: Blood?"],
            ),
            (
                ["{history}\n\nHuman: {input}"],
                ["user: Human: Sky?\nAI: Blue.\n\nHuman: Blood?"],
            ),
        ],
    )
    async def test_prompts(self, server: Server, messages: list[Any], expected: list[str]) -> None:
        server.script(says("Red", "."))
        chain = ChatPromptTemplate.from_messages(messages) | open_model(server)
        await collect(RunnablePlay(chain), "Blood?", **EARLIER)
        assert [f"{role}: {content}" for role, content in sent(server)] == expected

    async def test_functions_that_read_keys(self, server: Server) -> None:
        model = open_model(server)
        chains: list[Runnable[Any, Any]] = [
            {"input": lambda x: x["question"], "chat_history": lambda x: x.get("history", [])}
            | PROMPT
            | model,
            {"input": itemgetter("query"), "chat_history": itemgetter("chat_history")}
            | PROMPT
            | model,
            RunnablePassthrough.assign(chat_history=lambda x: x["messages"]) | PROMPT | model,
            RunnablePassthrough.assign(n=lambda x: len(x)) | RunnableLambda(read_later) | model,
        ]
        server.script(says("Red", "."), forever=True)
        for chain in chains:
            await collect(RunnablePlay(chain), "Blood?", **EARLIER)
            assert [content for _, content in sent(server)][-3:] == ["Sky?", "Blue.", "Blood?"]

    async def test_a_string_beside_a_passthrough(self, server: Server) -> None:
        def find(question: str) -> str:
            return f"about {question}"

        prompt = ChatPromptTemplate.from_template("{context}: {question}")
        chain = {"context": RunnableLambda(find), "question": RunnablePassthrough()} | prompt
        server.script(says("Red", "."))
        await collect(RunnablePlay(chain | open_model(server)), "blood")
        assert sent(server) == [("user", "about blood: blood")]

    async def test_what_is_wrapped_is_looked_into(self, server: Server) -> None:
        server.script(says("Red", "."), forever=True)
        chain = PROMPT | open_model(server)
        for each in (
            chain.with_config(tags=["a"]),
            chain.with_retry(),
            chain.with_fallbacks([chain]),
        ):
            await collect(RunnablePlay(each), "Blood?", **EARLIER)
            assert sent(server)[-1] == ("user", "Blood?")

    @pytest.mark.parametrize(
        ("chain", "why"),
        [
            (
                ChatPromptTemplate.from_template("{style}: {input} in {language}"),
                "the chain needs `language`, `style`, which streamchat cannot fill",
            ),
            (ChatPromptTemplate.from_template("Hi."), "the chain takes no question"),
            (
                {"a": lambda x: x["style"], "b": lambda x: x["tone"]} | RunnablePassthrough(),
                "the chain needs `style`, `tone`",
            ),
        ],
    )
    def test_what_cannot_be_filled_is_refused_by_name(
        self, chain: Runnable[Any, Any], why: str
    ) -> None:
        with pytest.raises(AgentError, match=re.escape(why)) as refused:
            RunnablePlay(chain)
        assert "\n" not in str(refused.value)

    async def test_a_chain_that_takes_the_question_alone_says_so_once(self) -> None:
        async def echo(question: str) -> AsyncIterator[str]:
            yield question
            yield "."

        play = RunnablePlay(RunnableLambda(echo))
        assert not pick(await collect(play, "1"), Notice)
        (notice,) = pick(await collect(play, "2", **EARLIER), Notice)
        assert notice.text == "the chain takes the question alone: earlier turns are not sent"
        assert not pick(await collect(play, "3", **EARLIER), Notice)


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainDeprecationWarning")
class TestMessageHistory:
    STORE: dict[str, InMemoryChatMessageHistory]

    def wrap(self, chain: Any, **options: Any) -> RunnableWithMessageHistory:
        self.STORE = {}

        def get(session_id: str) -> InMemoryChatMessageHistory:
            return self.STORE.setdefault(session_id, InMemoryChatMessageHistory())

        return RunnableWithMessageHistory(chain, get, **options)

    @pytest.mark.parametrize("wrapped", ["model", "keys", "input"])
    async def test_it_remembers_by_the_conversation_s_id(
        self, server: Server, wrapped: str
    ) -> None:
        model = open_model(server)
        prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("input")])
        keys = {"input_messages_key": "input", "history_messages_key": "chat_history"}
        chain = {
            "model": lambda: self.wrap(model),
            "keys": lambda: self.wrap(PROMPT | model, **keys),
            "input": lambda: self.wrap(prompt | model, input_messages_key="input"),
        }[wrapped]()
        server.script(says("Blue", "."), says("Red", "."))
        play = RunnablePlay(chain)
        await collect(play, "Sky?", thread_id="t")
        events = await collect(play, "Blood?", thread_id="t", **EARLIER)
        assert [content for _, content in sent(server)][-3:] == ["Sky?", "Blue.", "Blood?"]
        assert not pick(events, Notice)
        assert list(self.STORE) == ["t"]

    async def test_a_conversation_it_does_not_follow_is_told_once(self, server: Server) -> None:
        server.script(says("Blue", "."), forever=True)
        play = RunnablePlay(self.wrap(open_model(server)))
        await collect(play, "Sky?", thread_id="t")
        (notice,) = pick(await collect(play, "Sky?", thread_id="t"), Notice)
        assert "keeps its own memory" in notice.text

    def test_fields_that_nobody_fills_are_refused(self, server: Server) -> None:
        field = ConfigurableFieldSpec(id="user_id", annotation=str)
        chain = self.wrap(open_model(server), history_factory_config=[field])
        with pytest.raises(AgentError, match="needs 'user_id'"):
            RunnablePlay(chain)


class TestWhatDoesNotStream:
    async def test_a_function(self) -> None:
        play = RunnablePlay(RunnableLambda(lambda question: f"{question}!"))
        events = await collect(play, "Hi")
        (notice,) = pick(events, Notice)
        assert notice.text.startswith("the chain does not stream: its answer comes in one piece")
        assert events[-1] == TurnDone("Hi!")
        assert not pick(await collect(play, "Hi"), Notice)

    async def test_a_model_with_streaming_switched_off(self, server: Server) -> None:
        server.script(completion(role="assistant", content="Blue."))
        events = await collect(RunnablePlay(open_model(server, disable_streaming=True)))
        (notice,) = pick(events, Notice)
        assert "has streaming switched off" in notice.text
        assert join(events, AnswerDelta) == "Blue."

    async def test_a_step_that_waits_for_the_whole_message(self, server: Server) -> None:
        def shout(message: AIMessage) -> str:
            return message.text.upper()

        server.script(says("N", "lp"))
        events = await collect(RunnablePlay(open_model(server) | RunnableLambda(shout)))
        assert pick(events, AnswerDelta) == [AnswerDelta("NLP")]
        (notice,) = pick(events, Notice)
        assert "a step after it waits for the whole message" in notice.text


class TestFailures:
    async def test_errors_are_the_chain_s_own(self, server: Server) -> None:
        server.script(fails(400, "no such thing"))
        with pytest.raises(Exception, match="no such thing"):
            await ask(RunnablePlay(open_model(server)), "?", Emitted())

    async def test_a_stream_that_breaks_keeps_what_came(self, server: Server) -> None:
        server.script(Reply((*says("Blu", "e").parts, Hangup())))
        emit = Emitted()
        with pytest.raises(Exception, match=r"incomplete|closed|error"):
            await ask(RunnablePlay(open_model(server, max_retries=0)), "?", emit)
        assert join(emit.events, AnswerDelta) == "Blue"

    async def test_no_answer(self, server: Server) -> None:
        server.script(says(""))
        with pytest.raises(AgentError, match="the chain gave no answer"):
            await ask(RunnablePlay(open_model(server)), "?", Emitted())

    async def test_an_answer_that_was_cut_off_is_told(self, server: Server) -> None:
        server.script(says("Blu", "e").but(finish_reason="length"))
        events = await collect(RunnablePlay(open_model(server) | StrOutputParser()))
        (notice,) = pick(events, Notice)
        assert notice.text == "the model's message was cut off (finish_reason: length)"
        assert events[-1] == TurnDone("Blue")


@pytest.mark.parametrize(
    ("chain", "name"),
    [
        (PROMPT | FakeMessagesListChatModel(responses=[]), "chain (ChatPromptTemplate | Fake"),
        (FakeMessagesListChatModel(responses=[]), "model (FakeMessagesListChatModel)"),
        (RunnableLambda(len).with_config(tags=["a"]), "function (len)"),
    ],
)
def test_what_it_is(chain: Runnable[Any, Any], name: str) -> None:
    assert RunnablePlay(chain).name.startswith(name)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for many examples: the model's connections belong to it."""
    with asyncio.Runner() as running:
        yield running
        running.run(close_models())


async def pass_on(chunks: AsyncIterator[AIMessageChunk]) -> AsyncIterator[AIMessageChunk]:
    async for chunk in chunks:
        yield chunk


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.lists(st.integers(0, 20), max_size=8),
    st.sampled_from([None, StrOutputParser(), RunnableGenerator(pass_on)]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_arrives_whole_however_it_is_split(
    server: Server,
    runner: asyncio.Runner,
    text: str,
    thought: str,
    cuts: Sequence[int],
    after: Runnable[Any, Any] | None,
) -> None:
    # Hypothesis tries texts that it finds in the code, and so tags of its own accord.
    assume(not text.lstrip().startswith(("<", "[")))
    thought = thought.replace("<", "")
    whole = f"<think>{thought}</think>{text}" if thought else text
    ends = [0, *sorted(cuts), len(whole)]
    server.script(says(*(whole[begin:end] for begin, end in itertools.pairwise(ends))))
    model = open_model(server)
    events = runner.run(collect(RunnablePlay(model | after if after else model)))
    assert join(events, ReasoningDelta) == thought
    assert join(events, AnswerDelta) == (text.lstrip() if thought else text)
    assert events[-1].answer == join(events, AnswerDelta)


def itemgetter_of(key: str) -> Runnable[Any, Any]:
    """A step that takes an object with this key, and passes it on."""
    return RunnablePassthrough.assign(**{key: itemgetter(key)})


def read_later(x: dict[str, Any]) -> list[Any]:
    messages: list[Any] = x["messages"]
    return messages
