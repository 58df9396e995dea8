"""Decides by rules about calls that an agent asks about, before the user is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from streamchat.agent.approving import make_given
from streamchat.agent.errors import AgentError
from streamchat.events import ApprovalGiven, InputRequested, Notice
from streamchat.text.sanitize import one_line
from streamchat.tools.approval import Verdict

FindIds: TypeAlias = Callable[[Iterable[tuple[str, Mapping[str, Any]]]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What rules say about the actions of a request.

    Attributes:
        requested: the request.
        decisions: one for each action; None where the user is to be asked.
        verdicts: those that the decisions come from.
    """

    requested: InputRequested
    decisions: Sequence[dict[str, object] | None]
    verdicts: Sequence[Verdict]

    @property
    def open(self) -> InputRequested | None:
        """The request without what rules decide; None if nothing is left of it."""
        actions = self.requested.actions
        left = [each for each, done in zip(actions, self.decisions, strict=True) if done is None]
        if actions and not left:
            return None
        return replace(self.requested, actions=tuple(left))

    def complete(self, answer: object) -> object:
        """Return the answer to the request, with the user's to what is open."""
        if not any(self.decisions):
            return answer
        given = iter(cast(Sequence[object], answer or ()))
        return [next(given) if each is None else each for each in self.decisions]

    def make_events(self, find_ids: FindIds) -> Iterator[ApprovalGiven | Notice]:
        """Yield what rules have decided.

        Args:
            find_ids: returns the IDs of calls with these names and arguments, empty if unknown.
        """
        calls = [(str(each["name"]), each["arguments"]) for each in self.requested.actions]
        ids = find_ids(calls)
        for at, (call_id, verdict) in enumerate(zip(ids, self.verdicts, strict=True)):
            if self.decisions[at] is None:
                continue
            approved = verdict.action == "allow"
            if call_id:
                yield make_given(call_id, approved, "rule", verdict.rule)
            else:
                what = "allowed" if approved else "refused"
                yield Notice(f"{calls[at][0]} is {what} by a rule: {verdict.rule}")


def rule(requested: InputRequested, judge: Callable[[str], Verdict]) -> Ruling:
    """Return what rules say about a request.

    Raises:
        AgentError: a call is denied, but the agent takes no decision that would not run it.
    """
    verdicts = [judge(str(action["name"])) for action in requested.actions]
    pairs = zip(requested.actions, verdicts, strict=True)
    return Ruling(requested, [_decide(*pair) for pair in pairs], verdicts)


def _decide(action: Mapping[str, Any], verdict: Verdict) -> dict[str, object] | None:
    """Return the decision that a verdict means; None if the user is to be asked."""
    decisions = action["decisions"]
    if verdict.action == "allow" and "approve" in decisions:
        return {"type": "approve"}
    if verdict.action != "deny":
        return None
    for kind in ("reject", "respond"):  # neither runs the call
        if kind in decisions:
            return {"type": kind, "message": f"denied by {verdict.rule}"}
    raise AgentError(
        f"{one_line(str(action['name']), 80)} is denied by {verdict.rule}, "
        "and the agent does not let this call be rejected"
    )
