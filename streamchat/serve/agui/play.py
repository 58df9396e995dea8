"""Plays one run of AG-UI: its input becomes a request, the turn's events become the client's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from uuid import uuid4

from ag_ui.core import RunAgentInput

from streamchat.agent.source import Request
from streamchat.events import Event, Notice, TurnFailed, TurnStarted
from streamchat.serve.agui.encoder import Encoder
from streamchat.serve.agui.history import InputError, list_call_ids
from streamchat.serve.agui.inputs import make_request, read_input
from streamchat.serve.errors import RequestError
from streamchat.serve.ignored_tools import describe_ignored
from streamchat.serve.limits import Limits
from streamchat.serve.runs import ServedRun
from streamchat.serve.serving import Serving

_MOST_TOOLS = 128


class AguiRun:
    """A run that a client asks for.

    Args:
        plain: a `RunAgentInput` as a JSON value.
        serving: what the endpoints share.

    Raises:
        RequestError: the input cannot be used.
    """

    def __init__(self, plain: object, serving: Serving) -> None:
        self._serving = serving
        self._run: ServedRun | None = None
        self._is_cancelled = False
        try:
            input = read_input(plain)
            _check_limits(input, serving.limits)
            self._request = make_request(
                input, serving.settings.system or "", serving.settings.history_budget
            )
        except InputError as error:
            raise RequestError(400, str(error)) from None
        self._ignored = self._ignore_tools()
        self._encoder = _make_encoder(input, self._request)

    def _ignore_tools(self) -> Sequence[str]:
        """Take out the client's tools if the agent takes none, and return their names."""
        if self._serving.runs.source.takes_tools:
            return ()
        names = [tool.name for tool in self._request.client_tools]
        self._request = replace(self._request, client_tools=())
        self._serving.ignored_tools.log(names)
        return names

    async def play(self) -> AsyncGenerator[bytes, None]:
        """Yield the run's events, each a JSON object.

        Raises:
            Busy: as many runs as are allowed are under way; ShuttingDown likewise.
        """
        async with self._serving.runs.open(self._request) as self._run:
            if self._is_cancelled:
                self._run.cancel()
            async for event in self._run:
                for each in self._encode(event, self._run):
                    yield each

    def _encode(self, event: Event, run: ServedRun) -> list[bytes]:
        if isinstance(event, TurnStarted) and self._ignored:
            notice = Notice(describe_ignored(self._ignored))
            return [*self._encoder.encode(event), *self._encoder.encode(notice)]
        if not isinstance(event, TurnFailed):
            return self._encoder.encode(event)
        if run.ended_by_server:
            return self._encoder.fail(event.error, "ended_by_server")
        if not self._encoder.is_waiting:
            return self._encoder.encode(event)
        run.note_pause()
        return [*self._encoder.keep(run.run.kept), *self._encoder.encode(event)]

    def cancel(self) -> None:
        """Cancel the run; its last events follow."""
        self._is_cancelled = True
        if self._run:
            self._run.cancel()


def _check_limits(input: RunAgentInput, limits: Limits) -> None:
    limits.check_messages(input.messages)
    for message in input.messages:
        content = getattr(message, "content", None)
        for part in [content] if isinstance(content, str) else content or ():
            limits.check_text(part if isinstance(part, str) else getattr(part, "text", ""))
    for each in input.context or ():
        limits.check_text(each.value)
    if len(input.tools or ()) > _MOST_TOOLS:
        raise RequestError(413, f"there are more than {_MOST_TOOLS} tools")


def _make_encoder(input: RunAgentInput, request: Request) -> Encoder:
    calls = [call for step in request.steps for call in step.calls]
    return Encoder(
        input.thread_id,
        input.run_id,
        f"msg-{uuid4().hex[:12]}",
        known_calls=list_call_ids(input.messages),
        waiting_calls={call.call_id for call in calls if call.result is None},
        client_tools={tool.name for tool in request.client_tools},
    )
