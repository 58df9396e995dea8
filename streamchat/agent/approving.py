"""Decides whether a call runs: a rule does, the user, or the program that uses the executor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from streamchat.agent.edited import find_mask, hide_secrets, restore_secrets
from streamchat.agent.source import Approval
from streamchat.events import NOBODY, ApprovalGiven, ApprovalRequested, Event
from streamchat.tools.approval import IN_THIS_CHAT, Policy, Verdict
from streamchat.tools.calls import CallError

Approve: TypeAlias = Callable[[ApprovalRequested], Awaitable[Approval | bool]]
"""Decides whether a call runs, for a program: an asynchronous function."""
Check: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Returns arguments as a tool takes them, or raises a CallError."""
Put: TypeAlias = Callable[[Event], Awaitable[None]]
_ASK = Verdict("ask")
_CANNOT_WAIT = "not run: its arguments contain a secret, so that it cannot wait for approval"
_REFUSED_BY = {"user": "the user refused it", "program": "the program refused it"}


@dataclass(frozen=True, slots=True)
class _Question:
    """A call that the user is asked about; events have its ID as `shown_id`."""

    requested: ApprovalRequested
    shown_id: str
    check: Check
    answer: asyncio.Future[Approval]


class PostponedError(Exception):
    """A call waits for a later request, which decides about it or brings its result."""


@dataclass(frozen=True, slots=True)
class Later:
    """How calls are decided about across requests, instead of by waiting.

    Attributes:
        postpones: whether calls to ask about are postponed.
        decisions: made since, by call ID.
    """

    postpones: bool = False
    decisions: Mapping[str, Approval] = field(default_factory=dict)


class Approver:
    """Decides about the calls of one turn; those that need the user, one after the other.

    Args:
        policy: judges the calls; without one, `approve` decides about all of them.
        approve: decides instead of the user.
        interactive: whether a user can be asked.
        redact: redacts what events say.
        later: whether calls are decided about in a later request, and what was in this one.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        approve: Approve | None = None,
        *,
        interactive: bool = False,
        redact: Callable[[str], str] = str,
        later: Later | None = None,
    ) -> None:
        self._policy, self._approve, self._interactive = policy, approve, interactive
        self._later = later or Later()
        self._redact = redact
        self._one_by_one = asyncio.Lock()
        self._question: _Question | None = None

    async def approve(self, requested: ApprovalRequested, check: Check, put: Put) -> dict[str, Any]:
        """Wait until the call may run, and return the arguments to run it with.

        Raises:
            CallError: it may not, or its edited arguments are wrong.
            PostponedError: this will be decided in a later request.
        """
        given = await self._judge(requested, check, put)
        if given is None:
            return dict(requested.arguments)
        await put(given)
        if not given.approved:
            raise CallError(explain_refusal(given))
        return dict(requested.arguments) if given.arguments is None else check(given.arguments)

    def decide(self, call_id: str, approval: Approval) -> None:
        """Take the user's decision, if the call is asked about.

        Raises:
            ValueError: the edited arguments are wrong.
        """
        question = self._question
        if question is None or question.shown_id != call_id or question.answer.done():
            return
        if approval.approved and approval.arguments is not None:
            approval = self._take_edited(question, approval, approval.arguments)
        if approval.approved and approval.always and self._policy:
            self._policy.remember(question.requested.name)
        question.answer.set_result(approval)

    def _take_edited(
        self, question: _Question, approval: Approval, edited: Mapping[str, Any]
    ) -> Approval:
        original = question.requested.arguments
        restored = restore_secrets(edited, original, self._redact)
        if mask := find_mask(restored, original, self._redact):
            advice = "keep that text as it was, or replace all of it"
            raise ValueError(f"{mask} stands for a secret: {advice}")
        try:
            question.check(restored)
        except CallError as error:
            raise ValueError(str(error)) from None
        return replace(approval, arguments=None if restored == original else restored)

    async def _judge(
        self, requested: ApprovalRequested, check: Check, put: Put
    ) -> ApprovalGiven | None:
        """Return the decision; None if there is nothing to decide."""
        verdict = self._look_up(requested.name)
        if verdict.action == "ask":
            async with self._one_by_one:
                verdict = self._look_up(requested.name)  # an answer may have made a rule
                if verdict.action == "ask":
                    return await self._ask(requested, check, put)
        if not verdict.rule:
            return None
        return make_given(requested.call_id, verdict.action == "allow", "rule", verdict.rule)

    def _look_up(self, name: str) -> Verdict:
        if self._policy:
            return self._policy.judge(name)
        return _ASK if self._approve else Verdict("allow")

    async def _ask(self, requested: ApprovalRequested, check: Check, put: Put) -> ApprovalGiven:
        shown_id = self._redact(requested.call_id)
        if decision := self._later.decisions.get(shown_id):
            is_same = decision.arguments == requested.arguments
            decision = replace(decision, arguments=None) if is_same else decision
            return _to_given(requested.call_id, decision, "user")
        if self._interactive and not self._approve:
            return _to_given(requested.call_id, await self._wait(requested, check, put), "user")
        if self._later.postpones and not self._approve:
            if hide_secrets(requested.arguments, self._redact) != requested.arguments:
                raise CallError(_CANNOT_WAIT)
            await put(requested)
            raise PostponedError
        await put(requested)
        if self._approve:
            return _to_given(requested.call_id, await self._approve(requested), "program")
        return make_given(requested.call_id, False, "rule", NOBODY)

    async def _wait(self, requested: ApprovalRequested, check: Check, put: Put) -> Approval:
        answer: asyncio.Future[Approval] = asyncio.get_running_loop().create_future()
        question = _Question(requested, self._redact(requested.call_id), check, answer)
        self._question = question  # first: the answer may come while this waits for room
        try:
            await put(requested)
            return await answer
        finally:
            self._question = None


def make_given(
    call_id: str,
    approved: bool,
    by: str,
    reason: str = "",
    arguments: Mapping[str, Any] | None = None,
) -> ApprovalGiven:
    """Return a decision that is made now."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return ApprovalGiven(call_id, approved, by, reason, arguments, time)


def explain_refusal(given: ApprovalGiven) -> str:
    """Return why a call does not run, for the model and the user."""
    if given.by == "rule":
        is_alone = given.reason == NOBODY
        why = "nobody can be asked to approve it" if is_alone else f"denied by {given.reason}"
        return f"not run: {why}"
    said = f": {given.reason}" if given.reason else ""
    return f"not run: {_REFUSED_BY.get(given.by, 'it was refused')}{said}"


def _to_given(call_id: str, decided: Approval | bool, by: str) -> ApprovalGiven:
    if isinstance(decided, bool):
        decided = Approval(decided)
    if not isinstance(decided, Approval):
        raise CallError(f"not run: approve returned {type(decided).__name__}, not an Approval")
    edited = decided.arguments if decided.approved else None
    always = IN_THIS_CHAT if decided.approved and decided.always else ""
    return make_given(call_id, decided.approved, by, decided.reason or always, edited)
