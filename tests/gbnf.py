"""A matcher of llama.cpp's grammars: rules, alternatives, groups and repeats, without recursion to
the left.

    grammar = Grammar('root ::= "a" ("b" | [0-9])*')
    assert grammar.matches("ab1")
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import cache, reduce
from typing import TypeAlias

Ends: TypeAlias = Callable[[str, int], frozenset[int]]
"""The places where a match of a rule may end that begins at a place."""
Matcher: TypeAlias = Callable[[str, int, Ends], frozenset[int]]
_TOKEN = re.compile(
    r'\s*([a-zA-Z][\w-]*|"(?:[^"\\]|\\.)*"|\[(?:[^]\\]|\\.)*\]|[()|?*+]|\{\d+(?:,\d*)?\})'
)


class Grammar:
    """A grammar, read from its text."""

    def __init__(self, text: str) -> None:
        self.uses: dict[str, list[set[str]]] = {}
        """For each rule and each of its alternatives, the rules named in it."""
        self._rules: dict[str, Matcher] = {}
        for line in text.split("\n"):
            name, _, body = line.partition(" ::= ")
            assert name not in self._rules, f"{name} is defined twice"
            reader = _Reader(body)
            self._rules[name] = reader.read_ways()
            assert not reader.tokens, f"left over in {name}: {reader.tokens}"
            self.uses[name] = reader.uses

    def matches(self, text: str) -> bool:
        """Whether the whole text is in the language."""

        @cache
        def ends(name: str, at: int) -> frozenset[int]:
            return self._rules[name](text, at, ends)

        return len(text) in ends("root", 0)


class _Reader:
    """Reads the body of a rule; the alternatives of its outermost level are listed in `uses`."""

    def __init__(self, body: str) -> None:
        self.tokens = _TOKEN.findall(body)
        assert "".join(self.tokens).replace(" ", "") == body.replace(" ", ""), body
        self.uses: list[set[str]] = []
        self._depth = 0

    def read_ways(self) -> Matcher:
        ways = [self._read_sequence()]
        while self.tokens[:1] == ["|"]:
            self.tokens.pop(0)
            ways.append(self._read_sequence())
        return lambda text, at, ends: _unite(way(text, at, ends) for way in ways)

    def _read_sequence(self) -> Matcher:
        if not self._depth:
            self.uses.append(set())
        parts: list[Matcher] = []
        while self.tokens and self.tokens[0] not in ("|", ")"):
            parts.append(self._read_repeats(self._read_part()))

        def match(text: str, at: int, ends: Ends) -> frozenset[int]:
            return reduce(
                lambda places, part: _unite(part(text, place, ends) for place in places),
                parts,
                frozenset({at}),
            )

        return match

    def _read_part(self) -> Matcher:
        token = self.tokens.pop(0)
        match token[0]:
            case "(":
                self._depth += 1
                group = self.read_ways()
                self._depth -= 1
                assert self.tokens.pop(0) == ")"
                return group
            case '"':
                literal = str(json.loads(token))
                return lambda text, at, _: frozenset(
                    {at + len(literal)} if text.startswith(literal, at) else ()
                )
            case "[":
                one = re.compile(token)
                return lambda text, at, _: frozenset({at + 1} if one.match(text, at) else ())
            case _:
                self.uses[-1].add(token)
                return lambda _, at, ends: ends(token, at)

    def _read_repeats(self, part: Matcher) -> Matcher:
        bounds = {"?": (0, 1), "*": (0, None), "+": (1, None)}
        if not self.tokens or self.tokens[0][0] not in "?*+{":
            return part
        mark = self.tokens.pop(0)
        if mark in bounds:
            least, most = bounds[mark]
        else:
            first, comma, last = mark[1:-1].partition(",")
            least, most = int(first), int(last) if last else (None if comma else int(first))
        return _repeat(part, least, most)


def _repeat(part: Matcher, least: int, most: int | None) -> Matcher:
    def match(text: str, at: int, ends: Ends) -> frozenset[int]:
        places, found, times = frozenset({at}), frozenset[int](), 0
        while places and (most is None or times <= most):
            if times >= least:
                found |= places
            places = _unite(part(text, place, ends) for place in places) - found
            times += 1
        return found

    return match


def _unite(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*sets)
