"""Which calls run without asking, which are asked about, and which never run: pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Action: TypeAlias = Literal["allow", "ask", "deny"]
IN_THIS_CHAT = "always in this chat"
"""The rule that the user makes by answering so."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a call, and the rule that says so; empty for the default."""

    action: Action
    rule: str = ""


class Policy(Protocol):
    """Judges calls by their tools."""

    def judge(self, tool: str) -> Verdict:
        """Return what is to be done with a call of the tool."""
        ...

    def remember(self, tool: str) -> None:
        """Let the tool run without asking from now on, unless a rule denies it."""
        ...
