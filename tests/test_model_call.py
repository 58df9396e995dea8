"""One model message: how long it is waited for, whether it can be used, what is tried next."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.language_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessageChunk

from streamchat.agent.binding import ModelBinding
from streamchat.agent.errors import AgentError
from streamchat.agent.history import mark_interrupted
from streamchat.agent.reply import Call, Reply, find_fault
from streamchat.agent.watchdog import Watchdog
from streamchat.events import Event, TextDelta, ToolCallStarted
from streamchat.tools import TOOLS

PING = AIMessageChunk("")
WORD: list[Event] = [TextDelta("a")]


class TestWatchdog:
    """Progress extends the wait; anything else does not."""

    @staticmethod
    async def wait(watchdog: Watchdog, message: AIMessageChunk, events: list[Event]) -> bool:
        """Return whether seeing this extended a wait of 10 s by a margin."""
        loop = asyncio.get_running_loop()
        async with watchdog.watch("a server"):
            deadline = watchdog._deadline
            assert deadline
            deadline.reschedule(loop.time() + 5)
            watchdog.observe(message, events)
            watchdog.check()
            when = deadline.when()
            return when is not None and when > loop.time() + 7

    @pytest.mark.parametrize(
        ("message", "events"),
        [
            (PING, WORD),
            (AIMessageChunk("", additional_kwargs={"refusal": "no"}), []),
            (AIMessageChunk("", additional_kwargs={"prompt_progress": {"done": 1}}), []),
            (AIMessageChunk("", response_metadata={"finish_reason": "stop"}), []),
        ],
    )
    async def test_progress_counts_once(self, message: AIMessageChunk, events: list[Event]) -> None:
        watchdog = Watchdog(10)
        assert not await self.wait(watchdog, PING, [])
        assert await self.wait(watchdog, message, events)
        assert await self.wait(watchdog, message, events) is bool(
            events or message.additional_kwargs.get("refusal")
        )
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
    async def test_a_silent_server_is_named(
        self, chunks: list[AIMessageChunk], missing: str
    ) -> None:
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

    async def test_too_many_calls_end_the_message(self) -> None:
        watchdog = Watchdog(10)
        watchdog.observe(PING, [ToolCallStarted(str(number), "add") for number in range(500)])
        watchdog.check()
        watchdog.observe(PING, [ToolCallStarted("one more", "add")])
        with pytest.raises(AgentError, match="over 500 calls"):
            watchdog.check()


CUT = Call("a", "add", '{"x": 1', whole=False)


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (Reply("Hi.", finish_reason="stop"), ""),
        (Reply("Hi."), ""),
        (Reply("", (Call("a", "add", "{}"),)), ""),
        (Reply("", (Call("a", "ping", "", whole=False),)), ""),
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
