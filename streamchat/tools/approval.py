"""Which calls run without asking, which are asked about, and which never run: pure rules.

A rule gives an action to the tools that its pattern matches. The command line comes before the
user's file, and both before the default. Of the rules of one layer the most specific one decides,
and of equally specific ones the strictest. A project's rules can only make a decision stricter, so
that a cloned repository allows itself nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias

Action: TypeAlias = Literal["allow", "ask", "deny"]
IN_THIS_CHAT = "always in this chat"
"""The rule that the user makes by answering so."""
_STRICTNESS = ("allow", "ask", "deny")


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


@dataclass(frozen=True, slots=True)
class Rule:
    """An action for the tools with a name, or with one like a pattern: `*` is any text.

    `text` is the rule as the user wrote it.
    """

    pattern: str
    action: Action
    text: str

    def matches(self, name: str) -> bool:
        return matches(self.pattern, name)

    @property
    def specificity(self) -> tuple[bool, int]:
        """Rises with the characters that are given; a whole name is above all patterns."""
        return "*" not in self.pattern, len(self.pattern.replace("*", ""))

    @property
    def strictness(self) -> int:
        return _STRICTNESS.index(self.action)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, in layers."""

    command_line: Sequence[Rule] = ()
    file: Sequence[Rule] = ()
    project: Sequence[Rule] = ()

    def judge(self, name: str, default: Action = "ask") -> Verdict:
        """Return what is to be done with calls of the tool with this name in rules."""
        flag, own = find_rule(self.command_line, name), find_rule(self.file, name)
        if flag and not (own and _holds_against(own, flag)):
            return Verdict(flag.action, flag.text)
        decided = own or Rule(name, default, "")
        project = find_rule(self.project, name)
        if project and project.strictness > decided.strictness:
            decided = project
        return Verdict(decided.action, decided.text)

    def find_unused(self, names: Collection[str]) -> list[Rule]:
        """Return the rules of the command line that match none of the names."""
        return [rule for rule in self.command_line if not any(map(rule.matches, names))]


def _holds_against(own: Rule, flag: Rule) -> bool:
    """Whether a rule of the file holds: `--allow "*"` does not lift what is denied by name."""
    return own.action == "deny" and flag.action == "allow" and own.specificity > flag.specificity


def find_rule(rules: Iterable[Rule], name: str) -> Rule | None:
    """Return the rule of a layer that decides about the tool, if any does."""
    matching = [rule for rule in rules if rule.matches(name)]
    return max(matching, key=lambda rule: (rule.specificity, rule.strictness), default=None)


def matches(pattern: str, name: str) -> bool:
    """Whether a name is like a pattern. Takes linear time, however many `*` there are."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    *middle, last = others
    if not name.startswith(first):
        return False
    at = len(first)
    for part in middle:
        if (found := name.find(part, at)) < 0:
            return False
        at = found + len(part)
    return len(name) - at >= len(last) and name.endswith(last)


@dataclass
class RulePolicy:
    """Judges by rules, and by what the user allows for as long as the chat lasts.

    Attributes:
        rules: the user's and the project's.
        safe: the tools that run by default.
        qualified: the names of tools in rules, where these are not their own.
    """

    rules: Rules = field(default_factory=Rules)
    safe: Collection[str] = ()
    qualified: Mapping[str, str] = field(default_factory=dict)
    _always: set[str] = field(default_factory=set)

    def judge(self, tool: str) -> Verdict:
        verdict = self.rules.judge(self.name(tool), "allow" if tool in self.safe else "ask")
        if verdict.action == "ask" and self.name(tool) in self._always:
            return Verdict("allow", IN_THIS_CHAT)
        return verdict

    def remember(self, tool: str) -> None:
        self._always.add(self.name(tool))

    def fork(self) -> RulePolicy:
        """Return a copy: what is remembered there is not known here."""
        return replace(self, _always=set(self._always))

    def name(self, tool: str) -> str:
        """Return the name of a tool in rules."""
        return self.qualified.get(tool, tool)
