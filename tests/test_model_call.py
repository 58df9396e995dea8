"""One model message: how long to wait, whether it is usable, and what to try next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from langchain_core.language_models import FakeMessagesListChatModel

from streamchat import AgentError
from streamchat.agent.binding import ModelBinding
from streamchat.agent.interrupted import mark_interrupted
from streamchat.agent.reply import Call, Reply, find_fault
from streamchat.agent.watchdog import Watchdog
from streamchat.events import AnswerDelta, Event, Notice, TextDelta, ToolCallStarted, TurnDone
from streamchat.models.wire.delta import Delta
from streamchat.tools import TOOLS
from streamchat.turn import Prose
from tests.agents import close_agents, collect_events, open_agent, play_turn, sent_messages
from tests.server import Reply as Response
from tests.server import Server, answers, call_delta, calls, fails, says


@pytest.fixture(autouse=True)
async def _close() -> AsyncIterator[None]:
    yield
    await close_agents()


PING = Delta()
WORD: list[Event] = [TextDelta("a")]


class TestWatchdog:
    """Progress extends the wait; anything else does not."""

    @staticmethod
    async def wait(watchdog: Watchdog, delta: Delta, events: list[Event]) -> bool:
        """Return whether seeing this extended a wait of 10 s by a margin."""
        loop = asyncio.get_running_loop()
        async with watchdog.watch("a server"):
            deadline = watchdog._deadline
            assert deadline
            now = loop.time()
            deadline.reschedule(now + 5)
            watchdog.observe(delta, events)
            watchdog.check()
            when = deadline.when()
            return when is not None and when > now + 7

    @pytest.mark.parametrize(
        ("delta", "events"),
        [
            (PING, WORD),
            (Delta(refusal="no"), []),
            (Delta(prompt_progress='{"done": 1}'), []),
            (Delta(finish_reason="stop"), []),
        ],
    )
    async def test_progress_counts_once(self, delta: Delta, events: list[Event]) -> None:
        watchdog = Watchdog(10)
        assert not await self.wait(watchdog, PING, [])
        assert await self.wait(watchdog, delta, events)
        assert await self.wait(watchdog, delta, events) is bool(events or delta.refusal)
        assert not await self.wait(watchdog, PING, [])

    async def test_it_knows_when_the_message_began(self) -> None:
        watchdog = Watchdog(10)
        watchdog.observe(PING, [])
        assert watchdog.heard
        assert watchdog.began is None
        watchdog.observe(PING, WORD)
        began = watchdog.began
        watchdog.observe(PING, WORD)
        assert watchdog.began == began is not None

    @pytest.mark.parametrize(("chunks", "missing"), [([], "no answer"), ([PING], "nothing new")])
    async def test_a_silent_server_is_named(self, chunks: list[Delta], missing: str) -> None:
        watchdog = Watchdog(0.01)
        for chunk in chunks:
            watchdog.observe(chunk, [])
        with pytest.raises(AgentError, match=f"timed out: {missing} from a server for 0.01 s"):
            async with watchdog.watch("a server"):
                await asyncio.Event().wait()

    async def test_another_timeout_is_not_its_own(self) -> None:
        with pytest.raises(TimeoutError):
            async with Watchdog(10).watch("a server"):
                raise TimeoutError

    async def test_a_reader_may_be_slow_after_the_message_too(self) -> None:
        watchdog = Watchdog(10)
        async with watchdog.watch("a server"):
            with watchdog.pause():
                pass
        with watchdog.pause():  # the last events of the message wait for room
            pass

    async def test_too_many_calls_end_the_message(self) -> None:
        watchdog = Watchdog(10)
        watchdog.observe(PING, [ToolCallStarted(str(number), "add") for number in range(500)])
        watchdog.check()
        watchdog.observe(PING, [ToolCallStarted("one more", "add")])
        with pytest.raises(AgentError, match="more than 500 calls"):
            watchdog.check()


CUT = Call("a", "add", '{"x": 1', complete=False)


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (Reply("Hi.", finish_reason="stop"), ""),
        (Reply("Hi."), ""),
        (Reply("", (Call("a", "add", "{}"),)), ""),
        (Reply("", (Call("a", "ping", "", complete=False),)), ""),
        (Reply("Hi.", finish_reason="Length"), "was cut off (finish_reason: Length)"),
        (Reply("", (CUT,), "length"), 'was cut off (finish_reason: length): {"x": 1'),
        (Reply("", (CUT,)), 'inside the arguments of add: {"x": 1'),
        (Reply("", (CUT,), "tool_calls"), ""),  # the tool's check of its arguments says more
        (Reply("", refusal="I won't."), "the model refused: I won't."),
        (Reply(" \n", finish_reason="stop"), "the model's message was empty"),
        (Reply("Hi.", broken_off=True), "the answer may be cut off"),
    ],
)
def test_the_finish_reason_decides_whether_a_message_can_be_used(reply: Reply, fault: str) -> None:
    found = find_fault(reply)
    assert fault in found
    assert bool(fault) == bool(found)


def test_a_binding_gives_up_tools_step_by_step() -> None:
    binding = ModelBinding.bind(FakeMessagesListChatModel(responses=[]), TOOLS)
    changes = []
    while adapted := binding.adapt(NotImplementedError()):
        binding, change = adapted
        changes.append((change, binding.offers_tools))
    assert changes == [("with a free choice of tools", True), ("without tools", False)]
    assert binding.adapt(OSError("busy")) is None


def test_an_interrupted_answer_is_marked_if_there_is_one() -> None:
    assert mark_interrupted(" It is \n") == "It is\n\n[interrupted]"
    assert mark_interrupted(" \n") == ""


class TestFallbacksAndRetries:
    """Servers differ in what they support."""

    @pytest.mark.parametrize(
        "refusal",
        [
            fails(400, "tool_choice 'required' is not supported"),
            fails(422),
            fails(500, "tools param requires --jinja flag"),
        ],
    )
    async def test_a_free_choice_of_tools_is_next(self, server: Server, refusal: Response) -> None:
        server.script(refusal, calls("add", x=1, y=2), answers("3"), answers("4"))
        agent = open_agent(server)
        events = await collect_events(agent)
        assert isinstance(events[-1], TurnDone)
        assert any(isinstance(event, Notice) for event in events)
        await agent.invoke("and?")
        choices = [request.get("tool_choice") for request in server.requests]
        assert choices == ["required", "auto", "auto", "auto"]

    async def test_a_server_without_tools_answers_in_plain_text(self, server: Server) -> None:
        server.script(
            fails(400, "m does not support tools"),
            fails(400, "m does not support tools"),
            says("NLP"),
            says("is"),
        )
        agent = open_agent(server)
        events = await collect_events(agent)
        assert AnswerDelta("NLP") in events
        await agent.invoke("more")
        assert ["tools" in request for request in server.requests] == [True, True, False, False]
        assert "final_answer" not in sent_messages(server)[0]["content"]

    @pytest.mark.parametrize(
        "refusal",
        [
            fails(400, "this model's context length is 4096"),
            fails(400, "maximum context length exceeded; reduce the messages or functions"),
            fails(400, "error parsing tool call: raw='{'"),
        ],
    )
    async def test_a_refusal_for_another_reason_is_final(
        self, server: Server, refusal: Response
    ) -> None:
        turn = await play_turn(server, refusal)
        assert turn.status == "failed"
        assert len(server.requests) == 1

    async def test_a_fallback_that_did_not_help_is_not_kept(self, server: Server) -> None:
        server.script(*[fails(422)] * 3, answers("20"))
        agent = open_agent(server)
        with pytest.raises(AgentError):
            await agent.invoke("?")
        await agent.invoke("?")
        choices = [request.get("tool_choice") for request in server.requests]
        assert choices == ["required", "auto", None, "required"]

    async def test_a_complaint_in_a_list_of_details(self, server: Server) -> None:
        detail = [{"loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]
        body = json.dumps({"detail": detail}).encode()
        turn = await play_turn(server, Response(status=422, body=body), answers("20"))
        assert turn.status == "done"
        assert server.requests[1]["tool_choice"] == "required"
        assert "stream_options" not in server.requests[1]

    async def test_an_unsupported_option_is_left_out(self, server: Server) -> None:
        turn = await play_turn(
            server,
            fails(400, "unknown field: stream_options"),
            fails(400, "Unsupported value: 'temperature' does not support 0 with this model."),
            answers("3"),
        )
        assert turn.status == "done"
        assert "stream_options" not in server.requests[1]
        assert "temperature" not in server.requests[2]
        assert server.requests[2]["tool_choice"] == "required"

    async def test_a_busy_server_gets_a_retry(self, server: Server) -> None:
        busy = fails(429, "slow down", {"Retry-After": "0"})
        turn = await play_turn(server, busy, busy, answers("3"))
        assert turn.status == "done"

    @pytest.mark.parametrize(
        ("status", "words"), [(429, "; rate limited, retrying in 0 s"), (503, "; retrying in 0 s")]
    )
    async def test_the_notice_says_why_and_when(
        self, server: Server, status: int, words: str
    ) -> None:
        server.script(fails(status, "slow down", {"Retry-After": "0"}), answers("3"))
        events = await collect_events(open_agent(server))
        (notice,) = (event.text for event in events if isinstance(event, Notice))
        assert notice.endswith(f"slow down{words}")

    async def test_a_server_that_stays_busy_fails(self, server: Server) -> None:
        busy = fails(503, "overloaded", {"Retry-After": "0"})
        turn = await play_turn(server, *[busy] * 5)
        assert turn.error.endswith("overloaded")
        assert len(server.requests) == 3

    async def test_a_long_wait_is_left_to_the_user(self, server: Server) -> None:
        turn = await play_turn(server, fails(429, "come back later", {"Retry-After": "100"}))
        assert turn.error.endswith("come back later; rate limited, try again in 100 s")
        assert len(server.requests) == 1

    async def test_streams_that_are_a_little_different(self, server: Server) -> None:
        turn = await play_turn(
            server,
            Response(
                (
                    {"choices": [], "prompt_filter_results": []},
                    {"choices": [{"index": 0, "delta": {"role": "user", "content": "Hm."}}]},
                    call_delta(None, id=7, name="add", arguments={"x": 1, "y": 2}),
                    {"choices": None},
                ),
                finish_reason=None,
            ),
            answers("3").but(usage=(100, 20)),
        )
        assert turn.status == "done"
        assert isinstance(turn.blocks[0], Prose)
        assert turn.call("7").output == "3"
        assert (turn.input_tokens, turn.output_tokens) == (100, 20)
