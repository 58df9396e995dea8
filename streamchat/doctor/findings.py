"""Findings: what a server or an agent does, and what streamchat does about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import one_line

Verdict: TypeAlias = Literal["ok", "different", "missing", "wrong"]
"""As expected; another way, which streamchat handles; absent; unusable."""

TEXT = "text"
"""The subject that decides whether a server can be used."""
ANSWER = "answer"
"""The subject that decides whether an agent can be used."""
MCP = "mcp"
"""Begins the subject of a finding about an MCP server, before its name."""
_MAX_SHOWN = 250


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a report.

    Attributes:
        subject: the part of the API, or of a turn.
        verdict: how the server or the agent does it.
        observed: what was seen.
        consequence: what streamchat does about it.
    """

    subject: str
    verdict: Verdict
    observed: str
    consequence: str


def is_usable(findings: Iterable[Finding]) -> bool:
    """Whether the server produces text, or the agent an answer, streamed or whole.

    If only MCP servers were checked: whether all of them can be used.
    """
    known = list(findings)
    if known and all(each.subject.startswith(f"{MCP} ") for each in known):
        return all(each.verdict != "wrong" for each in known)
    return any(
        each.subject in (TEXT, ANSWER) and each.verdict in ("ok", "different") for each in known
    )


def make_safe(finding: Finding, redactor: Redactor) -> Finding:
    """Return the finding without secrets and control characters."""
    observed = redact_url_credentials(redactor.redact(finding.observed))
    consequence = redactor.redact(finding.consequence)
    return replace(
        finding, observed=one_line(observed, _MAX_SHOWN), consequence=one_line(consequence)
    )
