"""Examines a server: a few small requests, and what streamchat makes of what comes back.

The chunks are looked at as they came. What the agent would have read in them is told by the very
code that reads them for it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, TypeAlias

from streamchat.agent.reply import Reply
from streamchat.doctor import verdicts
from streamchat.doctor.findings import Finding
from streamchat.doctor.probe import Failure, Probe, described
from streamchat.doctor.seen import Seen
from streamchat.doctor.verdicts import MOST_TOKENS, OFFERED
from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import one_line
from streamchat.tools.calls import sendable_arguments

_MOST_SHOWN = 250
_NO_SUCH_MODEL = "streamchat-doctor-no-such-model"
_NO_QUESTION = "no question can be answered"

_Message: TypeAlias = dict[str, Any]
_HELLO: list[_Message] = [{"role": "user", "content": "Say hello."}]
_SUM: list[_Message] = [{"role": "user", "content": "What is 17 + 25? Call the tool add."}]
_TWO_SUMS: list[_Message] = [
    {
        "role": "user",
        "content": "Add 1 and 2, and multiply 3 by 4. Call both tools at once, in one message.",
    }
]


class _LostError(Exception):
    """The server does not answer any more, or never did; the message says why."""


async def diagnosis(probe: Probe) -> list[Finding]:
    """Returns what `examine` finds out, and closes the connections."""
    try:
        return await examine(probe)
    finally:
        await probe.aclose()


async def examine(probe: Probe) -> list[Finding]:
    """Returns what the server does, in the order of the requests, without secrets.

    Where one request fails for want of a connection, of time or of the right key, the rest is not
    tried.
    """
    findings: list[Finding] = []
    try:
        async for finding in _checks(probe):
            findings.append(finding)
    except _LostError as lost:
        so_far = "the rest was not tried" if findings else _NO_QUESTION
        findings.append(Finding("server", "wrong", str(lost), so_far))
    return [_harmless(finding, probe.redactor) for finding in findings]


def _harmless(finding: Finding, redactor: Redactor) -> Finding:
    """Returns the finding without secrets, and without what a terminal would take for a command."""
    observed = redact_url_credentials(redactor.redact(finding.observed))
    consequence = redactor.redact(finding.consequence)
    return replace(
        finding, observed=one_line(observed, _MOST_SHOWN), consequence=one_line(consequence)
    )


async def _checks(probe: Probe) -> AsyncIterator[Finding]:
    requests = _Requests(probe)
    names = await probe.models()
    said = await requests.ask(_HELLO)
    yield verdicts.model_list(names, probe.model)
    yield verdicts.text(said)
    for option, words in requests.refused.items():
        yield Finding(f"option {option}", "different", f"refused: {words}", "left out from then on")
    if said.failure:
        return
    for finding in verdicts.about_text(said, limited=requests.limited):
        yield finding
    async for finding in _tool_checks(requests):
        yield finding
    yield verdicts.unknown_model(await requests.send(_HELLO, model=_NO_SUCH_MODEL), names)


async def _tool_checks(requests: _Requests) -> AsyncIterator[Finding]:
    offer: dict[str, Any] = {"tools": described(list(OFFERED.values())), "tool_choice": "required"}
    called = await requests.ask(_SUM, **offer)
    yield verdicts.required_choice(called)
    if called.failure and called.failure.refuses_tools:
        offer["tool_choice"] = "auto"
        called = await requests.ask(_SUM, **offer)
        yield verdicts.free_choice(called)
    if not called.reply.calls or called.failure:
        return
    for finding in verdicts.about_calls(called, limited=requests.limited):
        yield finding
    yield verdicts.parallel(await requests.ask(_TWO_SUMS, **offer))
    yield verdicts.result(await requests.ask(_SUM + _exchange(called.reply), **offer))


class _Requests:
    """Sends requests as streamchat does, and leaves out of them what the server refuses.

    Attributes:
        refused: the options that were refused, and the server's words about them.
    """

    def __init__(self, probe: Probe) -> None:
        self.refused: dict[str, str] = {}
        self._probe = probe
        self._options: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "max_tokens": MOST_TOKENS,
        }
        if probe.temperature is not None:
            self._options["temperature"] = probe.temperature

    @property
    def limited(self) -> bool:
        """Whether the length of a message is limited by the request."""
        return "max_tokens" in self._options

    async def ask(self, messages: list[_Message], **more: Any) -> Seen:
        """Returns what came.

        Raises:
            _LostError: there is no use in asking further.
        """
        seen = await self.send(messages, **more)
        if seen.failure and seen.failure.final:
            raise _LostError(seen.failure.words)
        return seen

    async def send(self, messages: list[_Message], **more: Any) -> Seen:
        """Returns what came, of whatever kind."""
        basis = {"model": self._probe.model, "messages": messages, "stream": True}
        while True:
            seen = Seen(await self._probe.ask(basis | self._options | more))
            if not (option := self._refused_option(seen.failure)):
                return seen
            del self._options[option]
            # The limit is the doctor's own: streamchat has none that could be refused.
            if option != "max_tokens" and seen.failure:
                self.refused[option] = seen.failure.said

    def _refused_option(self, failure: Failure | None) -> str:
        named = (name for name in self._options if failure and name in failure.complaint)
        return next(named, "")


def _exchange(reply: Reply) -> list[_Message]:
    """Returns a call and its result as the agent sends them back."""
    call = reply.calls[0]
    arguments = json.dumps(sendable_arguments(call.arguments))
    function = {"name": "add", "arguments": arguments}
    made = [{"type": "function", "id": call.call_id, "function": function}]
    return [
        {"role": "assistant", "content": None, "tool_calls": made},
        {"role": "tool", "content": "42", "tool_call_id": call.call_id},
    ]
