"""An `AgentExecutor` as a source of events."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from streamchat.agent.approving import Approver, Later
from streamchat.agent.continuing import Continuation
from streamchat.agent.control import TurnControl
from streamchat.agent.executor import AgentExecutor
from streamchat.agent.own_tools.toolbox import Toolbox
from streamchat.agent.source import Approval, Request, ToolInfo
from streamchat.agent.streamer import QueueCallbackHandler
from streamchat.agent.target.output import make_context
from streamchat.events import Event, Notice, OutputReceived, TurnStarted
from streamchat.models.progress import Progress
from streamchat.text.suggest import find_closest
from streamchat.tools.approval import Rule, RulePolicy

_MOST_WAITING = 200
"""How many lines of output may wait to be shown."""
_PATIENCE = 0.1
"""Seconds after which a tool that waits looks whether the turn is over."""


class ExecutorSource:
    """Answers with an executor, which may be given another model meanwhile.

    Args:
        executor: answers.
        toolbox: the tools that it has.
        policy: decides which calls run without asking; by default all do.
    """

    wants_events = False
    takes_tools = True

    def __init__(
        self,
        executor: AgentExecutor,
        toolbox: Toolbox | None = None,
        policy: RulePolicy | None = None,
    ) -> None:
        self.executor = executor
        self._policy = policy
        self.toolbox = toolbox or Toolbox()
        self._has_checked_rules = False
        self._tell_policy()

    @property
    def name(self) -> str:
        return self.executor.model_name

    @property
    def tools(self) -> Sequence[ToolInfo]:
        find_place = self.toolbox.find_place
        return [replace(t, place=find_place(t.name)) for t in list_tools(self.executor)]

    @property
    def context_tokens(self) -> int | None:
        return self.executor.context_tokens

    def start(self, request: Request) -> ExecutorRun:
        self.renew_tools()
        policy = self._policy.fork() if self._policy and request.alone else self._policy
        run = ExecutorRun(self.executor, request, policy, self._check_rules())
        if self.toolbox.relay and not request.alone:
            self.toolbox.relay.attach(run.take_line)
        return run

    def use(self, toolbox: Toolbox) -> None:
        """Switch to other tools."""
        self.executor.use_tools(toolbox.tools, toolbox.run)
        self.toolbox = toolbox
        self._tell_policy()

    def renew_tools(self) -> None:
        """Take over the tools that servers have now."""
        if self.toolbox.is_outdated:
            self.use(self.toolbox.renew())

    def name_in_rules(self, tool: str) -> str:
        return self.toolbox.qualified.get(tool, tool)

    def allow(self, tool: str) -> None:
        if self._policy:
            self._policy.remember(tool)

    def _tell_policy(self) -> None:
        """Let the policy know the tools."""
        if self._policy:
            self._policy.safe = self.toolbox.safe
            self._policy.qualified = self.toolbox.qualified

    def _check_rules(self) -> list[Notice]:
        """Return, once, what is to be said about rules of the command line that match no tool.

        Servers may bring their tools late, so this waits for the first question.
        """
        if self._policy is None or self._has_checked_rules:
            return []
        self._has_checked_rules = True
        names = [self.name_in_rules(each.name) for each in self.executor.tools]
        unused = self._policy.rules.find_unused(names)
        return [Notice(self.executor.redact(_describe_unused(each, names))) for each in unused]

    async def prepare(self, progress: Progress) -> None:
        await self.executor.prepare(progress)

    async def aclose(self) -> None:
        await self.executor.aclose()


def list_tools(executor: AgentExecutor) -> list[ToolInfo]:
    """Return an executor's tools as `/tools` lists them."""
    return [ToolInfo(each.name, tuple(each.args), each.description) for each in executor.tools]


def _describe_unused(rule: Rule, names: Sequence[str]) -> str:
    close = find_closest(rule.pattern, names)
    return f"{rule.text}: no such tool" + (f"; did you mean {close}?" if close else "")


class ExecutorRun:
    """A turn of an executor, in a task of its own."""

    def __init__(
        self,
        executor: AgentExecutor,
        request: Request,
        policy: RulePolicy | None = None,
        notices: Sequence[Notice] = (),
    ) -> None:
        self._notices, self._redact = notices, executor.redact
        self.error: BaseException | None = None
        self._streamer = QueueCallbackHandler(asyncio.Queue(request.room), raw=request.raw)
        history = [(each.question, each.answer) for each in request.history]
        later = Later(request.postpones, request.decisions)
        approver = Approver(
            policy, interactive=request.approves, redact=executor.redact, later=later
        )
        self._control = TurnControl(approver if policy else None)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._lines: deque[OutputReceived] = deque()
        self._is_waking = False
        self._room = threading.Semaphore(_MOST_WAITING)
        turn = executor.invoke(
            request.question,
            self._streamer,
            history=history,
            instructions=request.instructions,
            control=self._control,
            continuation=Continuation(request.steps, request.client_tools, tuple(request.resume)),
        )
        context = make_context(self.take_line) if request.alone else None
        self._task = asyncio.create_task(turn, context=context)

    def take_line(self, line: OutputReceived) -> bool:
        """Take a line that a tool printed, unless the turn is over. May be called in any thread.

        A tool that prints faster than its lines are shown waits, as it would for a pipe.
        """
        if threading.get_ident() == self._thread:
            self._room.acquire(blocking=False)
        else:
            while not self._task.done() and not self._room.acquire(timeout=_PATIENCE):
                pass
        if self._task.done():
            return False
        self._lines.append(line)
        if not self._is_waking:
            self._is_waking = True
            with suppress(RuntimeError):  # the program ends
                self._loop.call_soon_threadsafe(self._push_lines)
        return True

    def _push_lines(self) -> None:
        self._is_waking = False
        while self._lines and self._streamer.has_room:
            self._room.release()
            self._streamer.push(self._lines.popleft())
        if self._lines and not self._task.done():
            self._is_waking = True
            self._loop.call_later(_PATIENCE, self._push_lines)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._add_notices() if self._notices else aiter(self._streamer)

    async def _add_notices(self) -> AsyncIterator[Event]:
        async for event in self._streamer:
            yield event
            if isinstance(event, TurnStarted):
                for notice in self._notices:
                    yield notice

    @property
    def kept(self) -> Mapping[str, str]:
        redact = self._redact
        return {redact(id): redact(fields) for id, fields in self._control.kept.items()}

    def cancel(self) -> None:
        self._task.cancel()

    def reply(self, answer: object) -> None:
        raise RuntimeError("an executor asks nothing")

    def decide(self, call_id: str, approval: Approval) -> None:
        self._control.approver.decide(call_id, approval)

    def refuse_arriving(self) -> bool:
        return self._control.refuse_arriving()

    def cancel_tools(self) -> bool:
        return self._control.cancel_tools()

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        # The turn's last event has said how it ended; the exception only repeats it.
        self.error = None if self._task.cancelled() else self._task.exception()
