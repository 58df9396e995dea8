"""Findings: how a server does each part of the API, and what streamchat does about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "different", "missing", "wrong"]
"""As in the API; another way, which streamchat handles; absent; unusable."""

TEXT = "text"
"""The subject that decides whether a server can be used."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a report.

    Attributes:
        subject: the part of the API.
        verdict: how the server does it.
        observed: what was seen.
        consequence: what streamchat does about it.
    """

    subject: str
    verdict: Verdict
    observed: str
    consequence: str


def is_usable(findings: Iterable[Finding]) -> bool:
    """Whether the server produces text, streamed or whole."""
    return any(each.subject == TEXT and each.verdict in ("ok", "different") for each in findings)
