"""What was found out about a server: pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "different", "missing", "wrong"]
"""As the API has it; otherwise, but streamchat copes; not there; not to be used."""

TEXT = "text"
"""The subject that decides whether a server can be used."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a report.

    Attributes:
        subject: the part of the API that was looked at.
        verdict: how the server does it.
        observed: what was seen.
        consequence: what streamchat does about it.
    """

    subject: str
    verdict: Verdict
    observed: str
    consequence: str


def is_usable(findings: Iterable[Finding]) -> bool:
    """Whether a text can be had, be it streamed or whole."""
    return any(each.subject == TEXT and each.verdict in ("ok", "different") for each in findings)
