"""What a play is given to emit its events, and to ask the user."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from streamchat.agent.continuing import PausedError
from streamchat.agent.errors import AgentError
from streamchat.agent.target.interrupts import list_decisions, read_answer
from streamchat.agent.target.parts import count_answers, join_answers, split_request
from streamchat.agent.target.room import Room
from streamchat.events import Event, InputRequested
from streamchat.text.sanitize import one_line
from streamchat.tools.approval import Policy, Verdict

RESUME = "--resume-value"
"""The option of `ask` for answers to what an agent asks."""
_MOST_SHOWN = 160
"""Characters of a question in an error."""
_MOST_QUOTED = 40


class Emitter:
    """Emits into a turn; see `Emit`.

    Args:
        push: takes the events.
        interactive: whether somebody is there to answer.
        answers: given beforehand, as typed; then nobody is asked.
        policy: the user's rules; none by default.
        room: for events that wait to be taken; as much as they need by default.
        postpones: whether questions are left to a later request.
        resume: answers to those of an earlier one, by `request_id`.

    Attributes:
        is_waiting: whether the agent waits for the user.
    """

    def __init__(
        self,
        push: Callable[[Event], None],
        *,
        interactive: bool,
        answers: Sequence[str] = (),
        policy: Policy | None = None,
        room: Room | None = None,
        postpones: bool = False,
        resume: Mapping[str, object] | None = None,
    ) -> None:
        self._policy = policy
        self._room = room
        self._postpones, self._resume = postpones, resume or {}
        self.is_waiting = False
        self._push = push
        self._interactive = interactive and not answers
        self._answers, self._is_prepared = deque(answers), bool(answers)
        self._reply: asyncio.Future[object] | None = None

    def __call__(self, event: Event) -> None:
        self._push(event)

    async def wait_for_room(self) -> None:
        if self._room:
            await self._room.wait()

    @asynccontextmanager
    async def hold(self, lock: asyncio.Lock) -> AsyncIterator[None]:
        self.is_waiting = True
        try:
            await lock.acquire()
        finally:
            self.is_waiting = False
        try:
            yield
        finally:
            lock.release()

    async def ask(self, requested: InputRequested) -> object:
        if requested.request_id in self._resume:
            return _read_resumed(requested, self._resume[requested.request_id])
        if self._postpones:
            self._push(requested)
            raise PausedError([summarize_request(requested)])
        if self._answers:
            self._push(requested)
            return join_answers([self._answer(*each) for each in self._take_answers(requested)])
        if not self._interactive:
            raise AgentError(describe_unanswered(requested, more=self._is_prepared))
        self._reply = asyncio.get_running_loop().create_future()
        self.is_waiting = True
        try:
            self._push(requested)
            return await self._reply
        finally:
            self.is_waiting = False

    def judge(self, tool: str) -> Verdict:
        return self._policy.judge(tool) if self._policy else Verdict("ask")

    def _take_answers(self, requested: InputRequested) -> list[tuple[InputRequested, str]]:
        """Return the request with the next answer, or the parts of it with an answer each."""
        left, count = self._answers, count_answers(len(requested.actions), self._answers)
        if count > len(left):
            raise AgentError(
                f"{summarize_request(requested)}; {len(left)} values of {RESUME} are left for "
                f"{count} calls: give one for each, or one for all"
            )
        parts = [part for _, part in split_request(requested)] if count > 1 else [requested]
        return [(part, left.popleft()) for part in parts]

    def _answer(self, requested: InputRequested, text: str) -> object:
        try:
            return read_answer(requested, text)
        except ValueError as error:
            shown = one_line(text, _MOST_QUOTED)
            raise AgentError(
                f"{RESUME} {shown!r} is no answer: {summarize_request(requested)}; {error}"
            ) from None

    def reply(self, answer: object) -> None:
        """Pass the answer on to `ask`; called in the agent's loop."""
        if self._reply and not self._reply.done():
            self._reply.set_result(answer)


def _read_resumed(requested: InputRequested, answer: object) -> object:
    if not requested.actions:
        return answer
    try:
        return read_answer(requested, _to_typed(answer))
    except ValueError as error:
        raise AgentError(f"{summarize_request(requested)}; {error}") from None


def _to_typed(answer: object) -> str:
    """Return decisions as a user would type them."""
    match answer:
        case str():
            return answer
        case {"approved": True, "editedArgs": dict() as edited}:
            return f"edit {json.dumps(edited)}"
        case {"approved": True} | True:
            return "approve"
        case {"approved": False, "reason": str() as reason} if reason.strip():
            return f"reject: {reason}"
        case {"approved": False} | False:
            return "reject"
        case _:
            return json.dumps(answer)


def summarize_request(requested: InputRequested) -> str:
    """Return what the agent asks, in one line."""
    shown = " and ".join(map(_format_action, requested.actions)) or requested.question
    asked = "asks whether to run" if requested.actions else "asks:"
    return f"the agent {asked} {one_line(shown, _MOST_SHOWN)}"


def describe_unanswered(requested: InputRequested, *, more: bool = False) -> str:
    """Return what the agent asks, and how to answer where nobody can be asked.

    Args:
        requested: the request.
        more: whether earlier requests have been answered in that way.
    """
    value = ", ".join(list_decisions(requested)) or "TEXT"
    option = f"one more {RESUME}" if more else RESUME
    return f"{summarize_request(requested)}; answer with {option} ({value}) or in the chat"


def _format_action(action: Mapping[str, Any]) -> str:
    arguments = action.get("arguments") or {}
    listed = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False, default=str)}"
        for name, value in arguments.items()
    )
    return f"{action.get('name')}({listed})"
