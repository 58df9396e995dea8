"""The agent against a scripted server: a turn ends once, and every call has one result."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool, tool

from streamchat import AgentError, AgentExecutor, QueueCallbackHandler, merge_chunks
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    Event,
    PromptProgress,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.models.openai_compatible import connect
from streamchat.turn import Prose
from tests.agents import OPEN, close_agents, collect_events, open_agent, play_turn, sent_messages
from tests.chatting import hold
from tests.server import (
    NEVER,
    NOTEBOOK_ANSWER,
    NOTEBOOK_ARGUMENTS,
    Hangup,
    Pause,
    Reply,
    Server,
    answers,
    call_delta,
    calls,
    delta,
    fails,
    notebook,
    says,
    wait_for_request,
)


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await close_agents()


def split_bytes(size: int, data: bytes) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


async def test_the_notebook_s_transcript(server: Server) -> None:
    server.script(*notebook())
    agent = open_agent(server)
    events = await collect_events(agent)
    add, final = "call_add", "call_final_answer"
    assert [event for event in events if isinstance(event, ArgumentsDelta)] == [
        *(ArgumentsDelta(add, fragment) for fragment in NOTEBOOK_ARGUMENTS),
        *(ArgumentsDelta(final, fragment) for fragment in NOTEBOOK_ANSWER),
    ]
    assert [event.text for event in events if isinstance(event, AnswerDelta)] == [
        *("10", " +", " ", "10", " equals", " ", "20", ".")
    ]
    assert ToolStarted(add, {"x": 10, "y": 10}) in events
    result = next(event for event in events if isinstance(event, ToolFinished))
    assert (result.call_id, result.output, result.failed) == (add, "20", False)
    done = events[-1]
    assert isinstance(done, TurnDone)
    assert (done.answer, done.tools_used) == ("10 + 10 equals 20.", ("functions.add",))


async def test_invoke_returns_answer_and_tools(server: Server) -> None:
    server.script(*notebook())
    assert await open_agent(server).invoke("What is 10 + 10", QueueCallbackHandler()) == {
        "answer": "10 + 10 equals 20.",
        "tools_used": ["functions.add"],
    }


async def test_the_default_request(server: Server) -> None:
    await play_turn(server, *notebook())
    request = server.requests[0]
    assert request["temperature"] == 0
    assert request["tool_choice"] == "required"
    assert [each["function"]["name"] for each in request["tools"]] == [
        *("add", "subtract", "multiply", "exponentiate", "final_answer")
    ]
    assert [message["role"] for message in sent_messages(server, 0)] == ["system", "user"]


async def test_verbose_prints_each_chunk(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script(*notebook())
    await open_agent(server).invoke("What is 10 + 10", verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert "tool_name: add" in lines
    assert [line for line in lines if line.startswith("arg: ")][:3] == [
        'arg: {"',
        "arg: x",
        'arg: ":',
    ]


async def test_history_holds_questions_and_answers_only(server: Server) -> None:
    server.script(*notebook(), says("Hi."), says("Bye."))
    agent = open_agent(server)
    await agent.invoke("What is 10 + 10")
    await agent.invoke("Hello {you}")
    await agent.invoke("Bye")
    assert [(message["role"], message["content"]) for message in sent_messages(server)[1:]] == [
        ("user", "What is 10 + 10"),
        ("assistant", "10 + 10 equals 20."),
        ("user", "Hello {you}"),
        ("assistant", "Hi."),
        ("user", "Bye"),
    ]
    assert len(agent.chat_history) == 6


async def test_history_and_instructions_can_be_passed_into_a_turn(server: Server) -> None:
    server.script(says("Hi."), says("Bye."))
    agent = open_agent(server)
    agent.instructions = "Be brief."
    await agent.invoke("Hello")
    before = list(agent.chat_history)
    await agent.invoke("Bye", history=[("What?", "It \ud83d is")], instructions="Be kind.")
    assert agent.chat_history == before
    system, *messages = sent_messages(server)
    assert [message["content"] for message in messages] == ["What?", "It \ufffd is", "Bye"]
    assert system["content"].endswith("Be kind.")
    assert sent_messages(server, 0)[0]["content"].endswith("Be brief.")


async def test_an_interrupted_turn_leaves_a_passed_history_alone(server: Server) -> None:
    server.script(Reply((*says("It is").parts, NEVER)))
    agent, streamer = open_agent(server), QueueCallbackHandler()
    task = asyncio.create_task(agent.invoke("?", streamer, history=[]))
    async for event in streamer:
        if isinstance(event, TextDelta):
            task.cancel()
    await asyncio.wait([task])
    assert agent.chat_history == []


class TestWithoutAnEventLoop:
    """Programs that call `run` and `close`."""

    def test_the_calls_share_a_loop(self, server: Server) -> None:
        server.script(*notebook(), says("Retry."))
        agent = open_agent(server)
        assert agent.run("What is 10 + 10")["answer"] == "10 + 10 equals 20."
        assert agent.run("And?") == {"answer": "Retry.", "tools_used": []}
        agent.close()
        agent.close()

    def test_threads_take_turns(self, server: Server) -> None:
        server.script(says("One."), says("Two."))
        agent = open_agent(server)
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(agent.run, "1").result()["answer"] == "One."
        assert agent.run("2")["answer"] == "Two."
        agent.close()

    def test_a_second_thread_is_refused_and_asks_nothing(self, server: Server) -> None:
        release = threading.Event()
        server.script(hold(says("One."), release), says("Three."))
        agent = open_agent(server)
        with ThreadPoolExecutor(1) as thread:
            first = thread.submit(agent.run, "1")
            wait_for_request(server)
            for refused in (partial(agent.run, "2"), agent.close):
                with pytest.raises(RuntimeError, match="another thread is using this executor; "):
                    refused()
            release.set()
            assert first.result()["answer"] == "One."
        assert agent.run("3")["answer"] == "Three."
        agent.close()
        assert [sent_messages(server, at)[-1]["content"] for at in range(2)] == ["1", "3"]
        assert len(server.requests) == 2

    def test_a_tool_cannot_run_its_own_agent(self, server: Server) -> None:
        def ask(question: str) -> str:
            """Ask."""
            return str(agent.run(question))

        server.script(calls("ask", question="2"), answers("No."))
        agent = open_agent(server, tools=[StructuredTool.from_function(ask)])
        assert agent.run("1") == {"answer": "No.", "tools_used": []}
        agent.close()
        assert "of its own" in sent_messages(server)[-1]["content"]

    @pytest.mark.parametrize("method", ["run", "close"])
    async def test_in_a_running_loop_the_error_names_what_to_await(
        self, server: Server, method: str
    ) -> None:
        agent = open_agent(server)
        instead = {"run": "await executor.invoke(...)", "close": "await executor.aclose()"}[method]
        with pytest.raises(RuntimeError) as caught:
            agent.run("?") if method == "run" else agent.close()
        assert str(caught.value) == (
            f"{method} cannot be called while an event loop is running, as in a notebook; "
            f"use {instead}"
        )
        gc.collect()  # complains of what was never awaited
        assert server.visits == []
        server.script(says("Still here."))
        assert (await agent.invoke("?"))["answer"] == "Still here."


class TestCalls:
    """Calls and their results."""

    async def test_prose_survives_a_failing_tool(self, server: Server) -> None:
        turn = await play_turn(
            server,
            says("Let me try.") + calls("exponentiate", x=0, y=-1),
            answers("Not possible."),
        )
        assert isinstance(turn.blocks[0], Prose)
        assert turn.blocks[0].text.text == "Let me try."
        assert turn.call("call_exponentiate").failed
        assert (turn.status, turn.answer.text) == ("done", "Not possible.")
        assert sent_messages(server)[-1] == {
            "role": "tool",
            "tool_call_id": "call_exponentiate",
            "content": "Error: 0 has no negative power",
        }

    async def test_every_call_gets_one_result_good_or_bad(self, server: Server) -> None:
        turn = await play_turn(
            server,
            calls("add", x=1, y=2)
            + calls("divide", x=1, y=2)
            + calls("multiply", ["{x: 1}"])
            + calls("subtract", x="1", y=2),
            answers("Well."),
        )
        assistant, *results = sent_messages(server)[-5:]
        ids = [call["id"] for call in assistant["tool_calls"]]
        assert [result["tool_call_id"] for result in results] == ids
        outputs = {result["tool_call_id"]: result["content"] for result in results}
        assert outputs["call_add"] == "3"
        assert outputs["call_divide"].startswith("Error: unknown tool 'divide'")
        assert outputs["call_multiply"].startswith("Error: the arguments are not valid JSON")
        assert outputs["call_subtract"] == "Error: wrong arguments: x: not a number"
        assert json.loads(assistant["tool_calls"][2]["function"]["arguments"]) == {}
        assert [turn.call(call_id).failed for call_id in ids] == [False, True, True, True]

    async def test_calls_of_one_message_run_at_the_same_time(self, server: Server) -> None:
        meeting = threading.Barrier(2, timeout=300)

        @tool
        def meet(who: str) -> str:
            """Wait for the other."""
            meeting.wait()
            return f"{who} met"

        turn = await play_turn(
            server,
            calls("meet", who="a", id="1") + calls("meet", who="b", id="2"),
            answers("Both."),
            tools=[meet],
        )
        assert [turn.call(call_id).output for call_id in "12"] == ["a met", "b met"]
        assert turn.status == "done"

    async def test_the_model_sees_what_a_tool_raises(self, server: Server) -> None:
        @tool
        async def explode() -> str:
            """Explode."""
            raise OSError("the fuse \ud83d was wet")

        turn = await play_turn(server, calls("explode"), answers("Boom."), tools=[explode])
        assert turn.call("call_explode").output == "OSError: the fuse \ufffd was wet"
        assert turn.status == "done"

    async def test_a_tool_that_cancels_itself_only_fails(self, server: Server) -> None:
        @tool
        async def odd() -> str:
            """Cancel."""
            raise asyncio.CancelledError

        turn = await play_turn(server, calls("odd"), answers("Odd."), tools=[odd])
        assert turn.call("call_odd").failed
        assert turn.status == "done"

    async def test_a_tool_that_never_returns_times_out(self, server: Server) -> None:
        release = threading.Event()

        @tool
        def stuck() -> str:
            """Hang."""
            release.wait(600)
            return ""

        turn = await play_turn(
            server, calls("stuck"), answers("Oh."), tools=[stuck], tool_timeout=1
        )
        release.set()
        assert (
            turn.call("call_stuck").output
            == "no result within 1 s (--tool-timeout); its thread still runs"
        )
        assert turn.status == "done"

    async def test_a_tool_s_own_timeout_is_an_error_of_the_tool(self, server: Server) -> None:
        @tool
        async def slow() -> str:
            """Time out."""
            raise TimeoutError("the database")

        turn = await play_turn(server, calls("slow"), answers("Oh."), tools=[slow])
        assert turn.call("call_slow").output == "TimeoutError: the database"

    async def test_a_call_without_arguments_may_be_empty(self, server: Server) -> None:
        ran = []

        @tool
        def ping() -> str:
            """Ping."""
            ran.append(1)
            return "pong"

        turn = await play_turn(server, calls("ping", []), answers("Pong."), tools=[ping])
        assert turn.call("call_ping").output == "pong"
        quiet = calls("ping", []).but(finish_reason=None)
        assert (await play_turn(server, quiet, answers("Pong."), tools=[ping])).status == "done"
        assert len(ran) == 2
        cut = await play_turn(server, quiet.but(done=False), tools=[ping])
        assert cut.error == "the stream ended inside the arguments of ping"
        assert len(ran) == 2

    async def test_what_is_sent_back_is_always_json(self, server: Server) -> None:
        bad = calls("add", ['{"x": NaN, "y": 1}']) + calls("add", ['{"x": 1e400, "y": 1}'], id="b")
        await play_turn(server, bad, answers("Well."))
        for call in sent_messages(server)[2]["tool_calls"]:
            assert json.loads(call["function"]["arguments"]) == {}

    async def test_a_tool_with_a_json_schema_is_checked_too(self, server: Server) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        double = StructuredTool(
            name="double", description="Double n.", args_schema=schema, func=lambda n: 2 * n
        )
        turn = await play_turn(
            server,
            calls("double", n="4", id="bad") + calls("double", n=4, id="good"),
            answers("8"),
            tools=[double],
        )
        assert turn.call("bad").output == "wrong arguments: $.n: '4' is not of type 'integer'"
        assert turn.call("good").output == "8"

    async def test_a_tool_without_a_schema_has_that_of_its_function(self, server: Server) -> None:
        class Double(BaseTool):
            name: str = "double"
            description: str = "Double n."

            def _run(self, n: int) -> int:
                return 2 * n

        turn = await play_turn(
            server,
            calls("double", n="4", id="bad") + calls("double", n=4, id="good"),
            answers("8"),
            tools=[Double()],
        )
        assert turn.call("bad").failed
        assert turn.call("good").output == "8"

    async def test_the_same_server_id_in_two_steps_is_two_calls(self, server: Server) -> None:
        turn = await play_turn(
            server, calls("add", x=1, y=2, id="0"), calls("add", x=3, y=4, id="0"), answers("7")
        )
        outputs = [block.output for block in turn.blocks[:2]]  # type: ignore[union-attr]
        assert outputs == ["3", "7"]


class TestAnswers:
    """How a turn arrives at its answer."""

    async def test_plain_text_is_an_answer(self, server: Server) -> None:
        turn = await play_turn(server, calls("add", x=1, y=2), says("It ", "is 3."))
        assert (turn.status, turn.answer.text) == ("done", "It is 3.")
        assert turn.tools_used == ("add",)

    async def test_a_chat_without_tools_streams_its_text(self, server: Server) -> None:
        server.script(says("N", "LP"))
        events = await collect_events(open_agent(server, tools=[]), "What is NLP?")
        assert [event for event in events if isinstance(event, AnswerDelta)] == [
            AnswerDelta("N"),
            AnswerDelta("LP"),
        ]
        assert "tools" not in server.requests[0]

    async def test_a_model_that_names_no_tools_used_those_that_ran(self, server: Server) -> None:
        bad = calls("exponentiate", x=0, y=-1)
        turn = await play_turn(server, calls("add", x=1, y=2) + bad, answers("3"))
        assert turn.tools_used == ("add",)
        named = await play_turn(
            server, calls("add", x=1, y=2), answers("3", tools_used=["functions.add"])
        )
        assert named.tools_used == ("functions.add",)

    async def test_other_calls_beside_the_final_answer_still_run(self, server: Server) -> None:
        turn = await play_turn(server, calls("add", x=1, y=2) + answers("3"))
        assert turn.call("call_add").output == "3"
        assert (turn.status, turn.answer.text) == ("done", "3")

    async def test_the_first_of_two_final_answers_counts(self, server: Server) -> None:
        turn = await play_turn(server, answers("yes") + answers("no").but())
        assert turn.answer.text == "yes"

    @pytest.mark.parametrize(
        "bad",
        [
            calls("final_answer", ['{"answer": 20}']),
            calls("final_answer", ['{"answer": "x", "answer": "y"}']),
            answers("  "),
        ],
    )
    async def test_a_bad_final_answer_is_requested_again(self, server: Server, bad: Reply) -> None:
        turn = await play_turn(server, bad, answers("Good."))
        assert (turn.status, turn.answer.text) == ("done", "Good.")
        assert sent_messages(server)[-1]["content"].startswith("Error: ")

    async def test_the_answer_is_the_concatenation_of_its_fragments(self, server: Server) -> None:
        text = 'Ein "schöner" \\ Tag\n\t😀 \u2028 漢字 e\u0301'
        server.script(answers(text, size=1))
        events = await collect_events(open_agent(server))
        assert "".join(e.text for e in events if isinstance(e, AnswerDelta)) == text
        assert isinstance(events[-1], TurnDone)
        assert events[-1].answer == text

    async def test_bytes_split_anywhere_on_the_wire(self, server: Server) -> None:
        text = "schön 😀"
        for size in range(1, 8):
            turn = await play_turn(server, answers(text).but(split=partial(split_bytes, size)))
            assert turn.answer.text == text

    async def test_an_answer_that_names_no_tools_counts(self, server: Server) -> None:
        turn = await play_turn(server, calls("final_answer", ['{"answer": "20"}']))
        assert (turn.status, turn.answer.text) == ("done", "20")

    async def test_lone_surrogates_in_the_arguments(self, server: Server) -> None:
        turn = await play_turn(server, calls("final_answer", ['{"answer": "hi \\ud83d"}']))
        assert (turn.status, turn.answer.text) == ("done", "hi \ud83d")
        bad = calls("add", ['{"x": "\\ud83d", "y": 1}'])
        turn = await play_turn(server, bad, answers("Well."))
        assert turn.status == "done"
        assert sent_messages(server)[-1]["content"] == "Error: wrong arguments: x: not a number"

    async def test_a_surrogate_pair_split_between_fragments(self, server: Server) -> None:
        turn = await play_turn(server, says("a\ud83d", "\ude00b"))
        assert turn.answer.text == "a😀b"


class TestEndings:
    """Whatever fails, the stream ends once and says how."""

    async def failure(self, server: Server, *replies: Reply, **options: Any) -> str:
        turn = await play_turn(server, *replies, **options)
        assert turn.status == "failed"
        assert len(turn.error) <= 300
        assert "\n" not in turn.error
        return turn.error

    async def test_an_endless_loop_of_calls(self, server: Server) -> None:
        server.script(calls("add", x=1, y=1), forever=True)
        events = await collect_events(open_agent(server, max_steps=3))
        assert isinstance(events[-1], TurnFailed)
        assert "no answer after 3 steps" in events[-1].error
        assert len(server.requests) == 3

    async def test_a_wrong_key_without_showing_it(self, server: Server) -> None:
        error = await self.failure(server, fails(401, "Incorrect API key provided: sk-secret."))
        told = f"401 from {server.url[7:-3]}: Incorrect API key provided: sk-***."
        assert error == f"{told}; check OPENAI_API_KEY"

    async def test_an_unreachable_server(self, server: Server) -> None:
        llm = connect(
            "m", base_url="http://127.0.0.1:9/v1", api_key=None, temperature=0, timeout=60
        )
        events = await collect_events(AgentExecutor(llm))
        await llm.aclose()
        assert isinstance(events[-1], TurnFailed)
        refused = "cannot reach 127.0.0.1:9: Connection refused; is the server running?"
        assert events[-1].error == refused

    async def test_without_a_key_nothing_is_redacted(self) -> None:
        llm = connect(
            "m", base_url="http://none.invalid/v1", api_key=None, temperature=0, timeout=60
        )
        events = await collect_events(AgentExecutor(llm))
        await llm.aclose()
        assert isinstance(events[-1], TurnFailed)
        assert events[-1].error.startswith("cannot reach none.invalid: ")

    @pytest.mark.parametrize("reason", ["length", "content_filter", "error", "max_tokens"])
    async def test_a_message_that_was_cut_off_runs_nothing(
        self, server: Server, reason: str
    ) -> None:
        turn = await play_turn(server, calls("add", x=1, y=2).but(finish_reason=reason))
        assert turn.error == f"the model's message was cut off (finish_reason: {reason})"
        assert turn.call("call_add").arguments is None
        assert turn.call("call_add").failed

    async def test_a_stream_cut_inside_arguments(self, server: Server) -> None:
        cut = calls("add", ['{"x": 10, "y": 1']).but(finish_reason=None, done=False)
        turn = await play_turn(server, cut)
        assert turn.error == 'the stream ended inside the arguments of add: {"x": 10, "y": 1'
        assert turn.call("call_add").arguments is None

    async def test_whole_arguments_without_a_finish_reason_are_fine(self, server: Server) -> None:
        quiet = calls("add", x=1, y=2).but(finish_reason=None)
        assert (await play_turn(server, quiet, answers("3"))).status == "done"

    async def test_a_connection_that_breaks_inside_arguments(self, server: Server) -> None:
        broken = Reply((*calls("add", ['{"x": 10, "y": 1']).parts, Hangup()))
        turn = await play_turn(server, broken)
        assert "closed the connection" in turn.error
        assert turn.call("call_add").failed
        assert len(server.requests) == 1

    async def test_an_answer_that_was_cut_off_stays_visible(self, server: Server) -> None:
        turn = await play_turn(server, Reply((*says("It is").parts, Hangup())), tools=[])
        assert turn.status == "failed"
        assert turn.answer.text == "It is"

    async def test_a_stream_that_falls_silent_times_out(self, server: Server) -> None:
        silent = Reply((*says("It is").parts, NEVER))
        error = await self.failure(server, silent, timeout=4)
        host = server.url[7:-3]
        assert error == f"timed out: nothing new from {host} for 4 s (--timeout)"
        assert len(server.requests) == 1

    async def test_a_server_that_never_answers_times_out(self, server: Server) -> None:
        error = await self.failure(server, Reply((NEVER,)), timeout=0.5)
        assert error == f"timed out: no answer from {server.url[7:-3]} for 0.5 s (--timeout)"

    async def test_pings_and_empty_chunks_are_not_progress(self, server: Server) -> None:
        ping = (b": ping\n\n", delta(content=""), Pause(0.1))
        error = await self.failure(server, Reply(ping * 1000), timeout=4)
        assert error.startswith("timed out: nothing new")

    async def test_reasoning_is_progress(self, server: Server) -> None:
        thought = (delta(reasoning_content="hm"), Pause(0.5), delta(reasoning="hm"), Pause(0.5))
        turn = await play_turn(server, Reply(thought * 6) + says("20"), timeout=5)
        assert turn.answer.text == "20"

    async def test_prompt_processing_is_progress_but_not_reasoning(self, server: Server) -> None:
        read = tuple(
            part
            for done in range(12)
            for part in ({"choices": [], "prompt_progress": {"processed": done}}, Pause(0.5))
        )
        server.script(Reply(read) + Reply((delta(reasoning="hm"),)) + says("20"))
        streamer = QueueCallbackHandler(keep_chunks=True)
        result = await open_agent(server, timeout=5).invoke("?", streamer)
        assert result["answer"] == "20"
        assert merge_chunks(streamer.chunks).additional_kwargs["reasoning_content"] == "hm"

    async def test_prompt_processing_is_reported_without_what_was_cached(
        self, server: Server
    ) -> None:
        told = [
            {"total": 1300, "cache": 300, "processed": 300 + done, "time_ms": 1}
            for done in (0, 512, 512, 1000)
        ]
        odd = [{"total": 5}, {"total": "5", "processed": 1}, {"total": 1, "processed": 2}, 7, "x"]
        read = tuple({"choices": [], "prompt_progress": each} for each in [*odd, *told])
        server.script(Reply(read) + says("20"))
        streamer = QueueCallbackHandler()
        await open_agent(server).invoke("?", streamer)
        events = [event async for event in streamer]
        assert [event for event in events if isinstance(event, PromptProgress)] == [
            *(PromptProgress(0, 5), PromptProgress(0, 1000)),
            *(PromptProgress(512, 1000), PromptProgress(1000, 1000)),
        ]
        began = next(at for at, event in enumerate(events) if isinstance(event, TextDelta))
        assert not any(isinstance(event, PromptProgress) for event in events[began:])

    async def test_repeated_progress_does_not_count(self, server: Server) -> None:
        read = ({"choices": [], "prompt_progress": {"processed": 1}}, Pause(0.1))
        error = await self.failure(server, Reply(read * 1000), timeout=0.5)
        assert error.startswith("timed out")

    async def test_a_slow_but_steady_answer_does_not_time_out(self, server: Server) -> None:
        steady = Reply(tuple(each for _ in range(12) for each in (delta(content="x"), Pause(0.5))))
        assert (await play_turn(server, steady, timeout=5)).answer.text == "x" * 12

    @pytest.mark.parametrize(
        "after",
        [
            (NEVER,),
            (b": ping\n\n", Pause(0.2)) * 1000,
            (b"data: {nonsense\n\n", NEVER),
            (b'data: {"error": "too late"}\n\n',),
            (Hangup(),),
        ],
    )
    async def test_nothing_after_a_complete_message_spoils_it(
        self, server: Server, after: tuple[Any, ...]
    ) -> None:
        whole = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        turn = await play_turn(server, Reply((delta(content="hi"), whole, *after)), timeout=3)
        assert (turn.status, turn.answer.text) == ("done", "hi")

    async def test_a_failed_message_is_requested_again_if_none_of_it_was_shown(
        self, server: Server
    ) -> None:
        nameless = Reply((call_delta(arguments='{"x": 1'), Hangup()))
        server.script(nameless, answers("20"))
        events = await collect_events(open_agent(server))
        assert isinstance(events[-1], TurnDone)
        assert [event.name for event in events if isinstance(event, ToolCallStarted)] == [
            "final_answer"
        ]

    async def test_more_text_after_the_end(self, server: Server) -> None:
        whole = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        reply = Reply((delta(content="hi"), whole, delta(content="!"), NEVER))
        turn = await play_turn(server, reply, timeout=3)
        assert (turn.status, turn.answer.text) == ("done", "hi!")

    async def test_other_choices_are_ignored(self, server: Server) -> None:
        def choice(index: int, **fields: Any) -> dict[str, Any]:
            return {"choices": [{"index": index, "delta": fields}]}

        end = {"choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]}
        parts = (choice(0, content="A"), choice(1, content="B"), end)
        assert (await play_turn(server, Reply(parts))).answer.text == "A"

    async def test_too_many_calls(self, server: Server) -> None:
        many = Reply(tuple(call_delta(at, id=f"c{at}", name="add") for at in range(600)))
        assert (
            await self.failure(server, many) == "the model made more than 500 calls in one message"
        )

    @pytest.mark.parametrize("used", [None, "add", ["add", 7], {}])
    async def test_an_answer_counts_whatever_it_says_about_tools(
        self, server: Server, used: Any
    ) -> None:
        arguments = json.dumps({"answer": "20", "tools_used": used, "confidence": 1})
        turn = await play_turn(server, calls("final_answer", [arguments]))
        assert (turn.status, turn.answer.text) == ("done", "20")
        assert turn.tools_used == (() if used in (None, {}) else ("add",))

    @pytest.mark.parametrize(
        "reply",
        [
            Reply((delta(refusal="no " * 78 + "sk-secret-key and more " * 5),)),
            calls("add", ['{"x": "' + "y" * 86 + "sk-secret-key"]).but(finish_reason=None),
        ],
    )
    async def test_no_part_of_the_key_survives_where_a_text_is_cut(
        self, server: Server, reply: Reply
    ) -> None:
        llm = connect("m", base_url=server.url, api_key="sk-secret-key", temperature=0, timeout=60)
        OPEN.append(AgentExecutor(llm))
        server.script(reply)
        last = (await collect_events(OPEN[-1]))[-1]
        assert isinstance(last, TurnFailed)
        assert "sk-s" not in last.error

    async def test_an_empty_message(self, server: Server) -> None:
        assert await self.failure(server, says()) == "the model's message was empty"

    @pytest.mark.parametrize(
        "bad",
        [
            Reply((b"data: {nonsense\n\n",)),
            Reply((b"data: \xff\xfe\n\n",)),
            Reply((b"data: [1, 2]\n\n",)),
            Reply((b'data: {"choices": 7}\n\n',)),
            Reply((b'data: {"choices": [{"delta": "text"}]}\n\n',)),
            Reply((b'data: {"choices": [{"delta": {"tool_calls": [7]}}]}\n\n',)),
            Reply((b'data: {"choices": [{"delta": {"content": {"a": 1}}}]}\n\n',)),
            Reply((), finish_reason=None),
            Reply((), finish_reason=None, done=False),
            Reply((b"<html>It works!</html>",), finish_reason=None, done=False),
        ],
    )
    async def test_an_unusable_stream(self, server: Server, bad: Reply) -> None:
        assert await self.failure(server, bad)

    async def test_an_error_inside_the_stream(self, server: Server) -> None:
        bad = Reply((b'data: {"error": {"message": "out of memory"}}\n\n',))
        error = await self.failure(server, bad)
        assert error == f"error in the stream from {server.url[7:-3]}: out of memory"

    async def test_a_redirect_is_not_followed(self, server: Server) -> None:
        with Server() as other:
            other.script(says("stolen"))
            error = await self.failure(server, fails(307, headers={"Location": other.url}))
            assert error.startswith(f"307 from {server.url[7:-3]}: it redirects to {other.url}")
            assert other.requests == []

    async def test_cancelling_stops_the_server(self, server: Server) -> None:
        server.script(Reply((*says("It is").parts, NEVER)))
        streamer = QueueCallbackHandler()
        task = asyncio.create_task(open_agent(server).invoke("?", streamer))
        seen: list[Event] = []
        async for event in streamer:
            seen.append(event)
            if isinstance(event, TextDelta):
                task.cancel()
        assert isinstance(seen[-1], TurnCancelled)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.disconnected.wait, 300)

    async def test_cancelling_while_a_tool_runs(self, server: Server) -> None:
        release = threading.Event()

        @tool
        def stuck() -> None:
            """Hang."""
            release.wait(600)

        server.script(calls("stuck"))
        streamer = QueueCallbackHandler()
        task = asyncio.create_task(open_agent(server, tools=[stuck]).invoke("?", streamer))
        before = time.monotonic()
        async for event in streamer:
            if isinstance(event, ToolStarted):
                task.cancel()
        assert isinstance(event, TurnCancelled)
        assert time.monotonic() - before < 300
        release.set()
        await asyncio.wait([task])

    async def test_a_turn_cancelled_before_it_starts(self, server: Server) -> None:
        streamer = QueueCallbackHandler()
        task = asyncio.create_task(open_agent(server).invoke("?", streamer))
        task.cancel()
        async with asyncio.timeout(300):
            events = [event async for event in streamer]
        assert [type(event) for event in events] == [TurnCancelled]
        assert task.cancelled()

    async def test_an_interrupted_answer_stays_in_the_history_and_says_so(
        self, server: Server
    ) -> None:
        agent = open_agent(server)
        server.script(Reply((*says("It ", "is\ud83d").parts, NEVER)), says("Hi."))
        streamer = QueueCallbackHandler()
        task = asyncio.create_task(agent.invoke("What?", streamer))
        async for event in streamer:
            if event == TextDelta("is"):
                task.cancel()
        await asyncio.wait([task])
        await agent.invoke("Hello")
        contents = [message["content"] for message in sent_messages(server)[1:]]
        assert contents == ["What?", "It is\n\n[interrupted]", "Hello"]

    async def test_a_turn_interrupted_before_its_first_word_is_forgotten(
        self, server: Server
    ) -> None:
        agent = open_agent(server)
        server.script(Reply((NEVER,)), says("Hi."))
        task = asyncio.create_task(agent.invoke("What?"))
        while not server.requests:  # noqa: ASYNC110  # the server is in a thread
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        await agent.invoke("Hello")
        assert [message["content"] for message in sent_messages(server)[1:]] == ["Hello"]

    async def test_a_failed_turn_leaves_no_trace_in_the_history(self, server: Server) -> None:
        agent = open_agent(server)
        server.script(fails(401, "no"), says("Hi."))
        with pytest.raises(AgentError, match="401"):
            await agent.invoke("What?")
        await agent.invoke("Hello")
        assert [message["content"] for message in sent_messages(server)[1:]] == ["Hello"]


class Whole(BaseChatModel):
    """A third-party model that cannot stream."""

    replies: list[AIMessage]
    takes_tools: bool = True

    @property
    def _llm_type(self) -> str:
        return "whole"

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.replies.pop(0))])

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind() if self.takes_tools else super().bind_tools(tools, **kwargs)


async def test_an_error_that_holds_the_key_is_not_the_cause(server: Server) -> None:
    server.script(fails(401, "wrong key sk-secret"), fails(401, "wrong key"))
    agent = open_agent(server)
    for has_cause in (False, True):
        with pytest.raises(AgentError) as raised:
            await agent.invoke("?")
        assert bool(raised.value.__cause__) is has_cause


class TestOtherModels:
    """Any LangChain chat model works."""

    async def test_a_model_that_cannot_stream(self) -> None:
        call = {"id": "a", "name": "add", "args": {"x": 1, "y": 2}}
        llm = Whole(replies=[AIMessage("", tool_calls=[call]), AIMessage("3")])
        events = await collect_events(AgentExecutor(llm))
        assert ToolCallStarted("a", "add") in events
        assert ArgumentsDelta("a", '{"x": 1, "y": 2}') in events
        assert isinstance(events[-1], TurnDone)
        assert events[0] == TurnStarted("What is 10 + 10", "Whole")

    async def test_a_model_without_tools(self) -> None:
        events = await collect_events(
            AgentExecutor(Whole(replies=[AIMessage("3")], takes_tools=False))
        )
        assert isinstance(events[-1], TurnDone)
        assert events[-1].answer == "3"
        await AgentExecutor(Whole(replies=[], takes_tools=False)).prepare()

    async def test_a_model_that_streams_words(self) -> None:
        llm = GenericFakeChatModel(messages=iter([AIMessage("It is 3.")]))
        result = await AgentExecutor(llm, []).invoke("?")
        assert result["answer"] == "It is 3."

    async def test_another_model_takes_over_with_the_history(self, server: Server) -> None:
        agent = AgentExecutor(Whole(replies=[AIMessage("one")]))
        await agent.invoke("first")
        server.script(says("two"))
        agent.use(connect("m", base_url=server.url, api_key=None, temperature=0, timeout=60))
        await agent.invoke("second")
        await agent.aclose()
        assert [message["content"] for message in sent_messages(server)[1:]] == [
            "first",
            "one",
            "second",
        ]


def test_the_model_named_by_the_settings_is_the_default(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("STREAMCHAT_MODEL", "from-the-environment")
    server.script(says("Hi."))
    agent = AgentExecutor()
    assert agent.run("Hello")["answer"] == "Hi."
    assert agent.model_name == "from-the-environment"
    assert server.requests[0]["model"] == "from-the-environment"
    agent.close()


def test_final_answer_is_added_to_tools_of_one_s_own() -> None:
    @tool
    def ping() -> str:
        """Ping."""
        return "pong"

    tools: list[BaseTool] = [ping]
    agent = AgentExecutor(Whole(replies=[]), tools)
    assert [each.name for each in agent.tools] == ["ping", "final_answer"]
    assert tools == [ping]
