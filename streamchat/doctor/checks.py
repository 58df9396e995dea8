"""Sends a server a few small requests and judges the responses.

The chunks are judged as received; what the agent would make of them is found by running its own
decoder on them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

from streamchat.agent.reply import Reply
from streamchat.doctor import call_verdicts, verdicts
from streamchat.doctor.findings import Finding, make_safe
from streamchat.doctor.probe import Failure, Probe, describe_tools
from streamchat.doctor.response import Response
from streamchat.doctor.verdicts import MOST_TOKENS, OFFERED
from streamchat.models.request_format import RequestFormat, add_fields, find_extra_names
from streamchat.models.wire.extras import CALL_FIELDS
from streamchat.tools.calls import to_sendable_arguments

_NO_SUCH_MODEL = "streamchat-doctor-no-such-model"
_NO_QUESTION = "no question can be answered"

_Message: TypeAlias = dict[str, Any]
_HELLO: list[_Message] = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say hello."},
]
_SUM: list[_Message] = [{"role": "user", "content": "What is 17 + 25? Call the tool add."}]
_TWO_SUMS: list[_Message] = [
    {
        "role": "user",
        "content": "Add 1 and 2, and multiply 3 by 4. Call both tools at once, in one message.",
    }
]


class _ServerLostError(Exception):
    """The server does not answer; the message says why."""


async def run_checks(probe: Probe) -> list[Finding]:
    """Run all checks, then close the connections."""
    try:
        return await collect_findings(probe)
    finally:
        await probe.aclose()


async def collect_findings(probe: Probe) -> list[Finding]:
    """Return the findings in the order of the requests, without secrets.

    A request that fails for lack of a connection, a response in time or the right key ends the
    checks.
    """
    findings: list[Finding] = []
    try:
        async for finding in _check_all(probe):
            findings.append(finding)
    except _ServerLostError as lost:
        so_far = "remaining checks skipped" if findings else _NO_QUESTION
        findings.append(Finding("server", "wrong", str(lost), so_far))
    return [make_safe(finding, probe.redactor) for finding in findings]


async def _check_all(probe: Probe) -> AsyncIterator[Finding]:
    requests = _Requests(probe)
    names = await probe.models()
    said = await requests.ask(_HELLO)
    yield verdicts.judge_model_list(names, probe.model)
    yield verdicts.judge_text(said)
    for option, words in requests.refused.items():
        yield Finding(
            f"option {option}", "different", f"refused: {words}", "omitted from later requests"
        )
    if said.failure:
        return
    yield verdicts.judge_system_role(requests.refused_forms.get("system role", ""))
    for finding in verdicts.judge_text_details(said, limited=requests.limited):
        yield finding
    async for finding in _check_tools(requests):
        yield finding
    yield verdicts.judge_unknown_model(await requests.send(_HELLO, model=_NO_SUCH_MODEL), names)


async def _check_tools(requests: _Requests) -> AsyncIterator[Finding]:
    offer: dict[str, Any] = {
        "tools": describe_tools(list(OFFERED.values())),
        "tool_choice": "required",
    }
    called = await requests.ask(_SUM, **offer)
    yield verdicts.judge_required_choice(called)
    if called.failure and called.failure.refuses_tools:
        offer["tool_choice"] = "auto"
        called = await requests.ask(_SUM, **offer)
        yield verdicts.judge_free_choice(called)
    if not called.reply.calls or called.failure:
        return
    for finding in call_verdicts.judge_calls(called, limited=requests.limited):
        yield finding
    yield call_verdicts.judge_parallel_calls(await requests.ask(_TWO_SUMS, **offer))
    exchange = _build_exchange(called.reply)
    returned = await requests.ask(_SUM + exchange, **offer)
    yield call_verdicts.judge_result(returned)
    if returned.failure:
        return
    fields = sorted(find_extra_names(exchange[0]))
    for finding in call_verdicts.judge_exchange(fields, requests.refused_forms):
        yield finding


class _Requests:
    """Sends requests as streamchat does, without the options that the server refuses.

    Attributes:
        refused: the refused options, and what the server said about each.
        refused_forms: the refused forms of messages ("system role", "null content", "fields"), and
            what the server said about each.
    """

    def __init__(self, probe: Probe) -> None:
        self.refused: dict[str, str] = {}
        self.refused_forms: dict[str, str] = {}
        self._format = RequestFormat()
        self._probe = probe
        self._options: dict[str, Any] = {
            "stream_options": {"include_usage": True},
            "max_tokens": MOST_TOKENS,
        }
        if probe.temperature is not None:
            self._options["temperature"] = probe.temperature

    @property
    def limited(self) -> bool:
        """Whether requests limit the length of a message."""
        return "max_tokens" in self._options

    async def ask(self, messages: list[_Message], **more: Any) -> Response:
        """Send a request and return the response.

        Raises:
            _ServerLostError: further requests would fail, too.
        """
        seen = await self.send(messages, **more)
        if seen.failure and seen.failure.final:
            raise _ServerLostError(seen.failure.words)
        return seen

    async def send(self, messages: list[_Message], **more: Any) -> Response:
        """Send a request and return the response, even if it failed."""
        basis = {"model": self._probe.model, "stream": True}
        while True:
            written = self._format.apply(messages)
            payload = {**basis, "messages": written, **self._options, **more}
            seen = Response(await self._probe.ask(payload))
            if not seen.failure or not self._adapt(seen.failure, written):
                return seen

    def _adapt(self, failure: Failure, messages: list[_Message]) -> bool:
        """Change later requests as streamchat does; return False if that cannot help."""
        if option := next((name for name in self._options if name in failure.complaint), ""):
            del self._options[option]
            # The limit is the doctor's own; streamchat sends none that could be refused.
            if option != "max_tokens":
                self.refused[option] = failure.said
            return True
        found = self._format.adapt(failure.complaint, messages) if failure.complaint else None
        if found:
            before, (self._format, _) = self._format, found
            self.refused_forms[_name_change(before, self._format)] = failure.said
        return found is not None


def _name_change(before: RequestFormat, after: RequestFormat) -> str:
    if before.system_role != after.system_role:
        return "system role"
    return "null content" if before.null_content != after.null_content else "fields"


def _build_exchange(reply: Reply) -> list[_Message]:
    """Return a call and its result as the agent sends them."""
    call = reply.calls[0]
    arguments = json.dumps(to_sendable_arguments(call.arguments))
    function = {"name": "add", "arguments": arguments}
    made = [{"type": "function", "id": call.call_id, "function": function}]
    message = {"role": "assistant", "content": None, "tool_calls": made}
    fields = {**reply.fields, CALL_FIELDS: {call.call_id: dict(call.fields)}}
    return [
        add_fields(message, fields),
        {"role": "tool", "content": "42", "tool_call_id": call.call_id},
    ]
