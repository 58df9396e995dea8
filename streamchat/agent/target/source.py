"""The user's agent as a source of events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path

from streamchat.agent.errors import AgentError
from streamchat.agent.source import Request, ToolInfo
from streamchat.agent.target.candidates import find_agent
from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.frames import describe_place, format_user_traceback
from streamchat.agent.target.fresh import list_read_files
from streamchat.agent.target.kinds import build, make_play
from streamchat.agent.target.loading import describe_failure, import_target, loading_code
from streamchat.agent.target.name import Target
from streamchat.agent.target.output import OutputRelay, get_relay
from streamchat.agent.target.play import Play
from streamchat.agent.target.run import ThreadRun
from streamchat.agent.target.secrets import learn_secrets
from streamchat.agent.target.worker import AgentThread, get_thread
from streamchat.config import Settings
from streamchat.models.progress import Progress
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor
from streamchat.tools.approval import Policy

_CLOSING = 1.0
"""Seconds that the agent's code may take to close what it has opened."""


class TargetSource:
    """Answers with the agent that the user's file makes, in a thread of its own.

    Attributes:
        target: where the agent is.
        play: what kind of agent it is.
    """

    context_tokens = None
    takes_tools = False

    def __init__(
        self,
        target: Target,
        host: _Host,
        play: Play,
        settings: Settings,
        redactor: Redactor,
        policy: Policy | None = None,
    ) -> None:
        self._policy = policy
        self.target = target
        self.play = play
        self._host = host
        self._timeout = settings.timeout
        self._redactor = redactor
        self._relay = get_relay()
        self._runs: list[ThreadRun] = []

    @classmethod
    def load(
        cls,
        target: Target,
        settings: Settings,
        redactor: Redactor,
        policy: Policy | None = None,
    ) -> TargetSource:
        """Import the user's file and what it imports from its own folder, and make the agent.

        This blocks for seconds. When called again, it imports all anew.

        Raises:
            TargetError: the file cannot be imported, or has no agent that can be used.
        """
        with loading_code(redactor):
            # First, for a model that the file makes takes a client that belongs to a thread.
            thread = get_thread()
            module, target = import_target(target)
            value, target = find_agent(module, target)
            host = _Host(thread, value, target.display)
            return cls(target, host, host.wait(), settings, redactor, policy)

    @property
    def name(self) -> str:
        return self.target.display

    @property
    def kind(self) -> str:
        """What the agent is, in a few words."""
        return self.play.name

    @property
    def wants_events(self) -> bool:
        return self.play.wants_events

    @property
    def tools(self) -> Sequence[ToolInfo]:
        return self.play.tools

    @property
    def files(self) -> list[Path]:
        """The user's files that the agent has been made of so far."""
        return list_read_files()

    @property
    def relay(self) -> OutputRelay:
        """Takes what the agent's code prints or logs."""
        return self._relay

    @property
    def traceback(self) -> str:
        """The user's own frames of the latest turn's failure; empty if it has not failed."""
        error = self._failure
        return self._redactor.redact(format_user_traceback(error)) if error else ""

    @property
    def place(self) -> str:
        """The line of the user's code where the latest turn has failed; empty if it has not."""
        return describe_place(self._failure) if self._failure else ""

    @property
    def _failure(self) -> BaseException | None:
        error = self._runs[-1].failure if self._runs else None
        if isinstance(error, AgentError) and not error.__cause__:
            return None  # it says what is wrong with the agent, and no code of the user raised it
        return error

    def name_in_rules(self, tool: str) -> str:
        return tool

    def allow(self, tool: str) -> None:
        if self._policy:
            self._policy.remember(tool)

    def start(self, request: Request) -> ThreadRun:
        learn_secrets(self._redactor)
        run = ThreadRun(
            self._host.thread,
            self.play,
            request,
            name=self.name,
            redactor=self._redactor,
            timeout=self._timeout,
            before=[] if request.alone else [run for run in self._runs if not run.has_ended],
            policy=self._policy,
            flush=self._relay.flush,
        )
        if not request.alone:
            self._relay.attach(run.take_line)
        run.begin()
        self._runs = [*(each for each in self._runs if not each.has_ended), run]
        return run

    async def prepare(self, progress: Progress) -> None:
        """Do nothing: what the agent does ahead of a question is in its own file."""

    async def aclose(self) -> None:
        for run in self._runs:
            run.cancel()
        await self._host.aclose()


class _Host:
    """Makes an agent in its thread, and keeps open what it opens.

    Args:
        thread: the agent's.
        value: what the target names: an agent, or a function that returns one.
        name: as shown to the user.
    """

    def __init__(self, thread: AgentThread, value: object, name: str) -> None:
        self.thread = thread
        self._value, self._name = value, name
        self._made: Future[Play] = Future()
        self._closed = threading.Event()
        self._closing = asyncio.Event()
        self.thread.call(self._begin)

    def wait(self) -> Play:
        """Wait for the agent.

        Raises:
            TargetError: there is none.
        """
        return self._made.result()

    async def aclose(self) -> None:
        """Close what the agent has opened; if its code does not let that happen, leave it."""
        self.thread.call(self._closing.set)
        await run_in_daemon_thread(self._closed.wait, _CLOSING)

    def _begin(self) -> None:
        self._task = self.thread.loop.create_task(self._run())
        self._task.add_done_callback(self._finish)

    async def _run(self) -> None:
        # Opened and closed in one task: some libraries insist on it.
        async with AsyncExitStack() as stack:
            self._made.set_result(await self._make(stack))
            await self._closing.wait()

    async def _make(self, stack: AsyncExitStack) -> Play:
        try:
            return make_play(await build(self._value, stack), self._name)
        except TargetError:
            raise
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            raise describe_failure(f"{self._name} cannot be made", error) from error

    def _finish(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if not self._made.done():
            self._made.set_exception(error or TargetError(f"{self._name} was not made"))
        self._closed.set()
