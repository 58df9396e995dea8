"""The questions that the adapter was trained with: read from questions/*.jsonl, one a line.

Each was written by hand, in one or several wordings, with places for numbers and names:

    {"ask": ["A baker makes {a} loaves and sells {b:w}. How many are left?"],
     "line": "{a} - {b}", "close": "{r} loaves are left.",
     "numbers": {"a": {"from": 20, "to": 90}, "b": {"from": 3, "to": 19}}, "where": "r > 5"}
    {"ask": ["What is a noun?"], "say": "A noun is a word for a person, a place or a thing."}
    {"chat": [one of these, another, ...]}

`r` is the result, and `p` that of the last sum in a chat. `{b:w}` writes a number in words, and
`{a:c}` one with commas.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamchat.models.embedded.pythonic.numbers import TENS, UNITS

DIRECTORY = Path(__file__).with_name("questions")
_TRIES = 2000


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, and what the model should write.

    Attributes:
        question: what is asked.
        line: the sum; none if it is to be answered in words.
        result: what the sum comes to, as the program writes it.
        answer: the sentence at the end.
    """

    question: str
    line: str | None
    result: str
    answer: str


class _Number:
    def __init__(self, value: float, decimals: int = 0) -> None:
        self.value = value
        self._decimals = decimals

    def __format__(self, spec: str) -> str:
        if spec == "w":
            return spell(int(self.value))
        text = f"{self.value:.{self._decimals}f}"
        if self._decimals < 2 or self.value == int(self.value):
            text = _trim(text)
        if spec == "c":
            return f"{float(text):,}" if "." in text else f"{int(text):,}"
        return text


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def spell(number: int) -> str:
    """Return a number up to 999,999 in words."""
    if number < 20:
        return UNITS[number]
    if number < 100:
        tens, units = divmod(number, 10)
        return TENS[tens - 2] + (f"-{UNITS[units]}" if units else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{UNITS[hundreds]} hundred" + (f" and {spell(rest)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    return f"{spell(thousands)} thousand" + (f" {spell(rest)}" if rest else "")


def read_entries() -> list[dict[str, Any]]:
    """Return the entries of all files."""
    return [
        json.loads(line)
        for file in sorted(DIRECTORY.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def list_wordings(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the wordings of an entry's questions."""
    for each in entry.get("chat", [entry]):
        yield from each["ask"]


def make_conversations(
    entries: Sequence[Mapping[str, Any]], rng: random.Random
) -> Iterator[list[Exchange]]:
    """Yield conversations with numbers in them: one for each wording of a question."""
    for entry in entries:
        if "chat" in entry:
            yield _make_chat(entry["chat"], rng)
            continue
        for wording in entry["ask"]:
            yield [_make_exchange(entry, wording, rng, "")]


def _make_chat(turns: Sequence[Mapping[str, Any]], rng: random.Random) -> list[Exchange]:
    made: list[Exchange] = []
    last = ""
    for turn in turns:
        made.append(_make_exchange(turn, rng.choice(turn["ask"]), rng, last))
        last = made[-1].result or last
    return made


def _make_exchange(
    entry: Mapping[str, Any], wording: str, rng: random.Random, last: str
) -> Exchange:
    if "say" in entry:
        return Exchange(wording, None, "", entry["say"])
    for _ in range(_TRIES):
        values = {name: _draw(slot, rng) for name, slot in entry.get("numbers", {}).items()}
        values |= {"p": last} if last else {}
        plain = {name: _trim(f"{each}") for name, each in values.items()}
        line = entry["line"].format_map(plain)
        result = _calculate(line)
        if result and _fits(entry.get("where", "True"), values, last, result):
            values["r"] = result
            question, answer = wording.format_map(values), entry["close"].format_map(values)
            return Exchange(question, line, result, answer)
    raise ValueError(f"no numbers fit {entry['where']!r}: {wording}")


def _draw(slot: Any, rng: random.Random) -> Any:
    if isinstance(slot, list):
        choice = rng.choice(slot)
        return _Number(choice) if isinstance(choice, int) else choice
    low, step = slot["from"], slot.get("step", 1)
    value = low + step * rng.randint(0, round((slot["to"] - low) / step))
    return _Number(round(value, 6), max(_count_decimals(low), _count_decimals(step)))


def _count_decimals(number: float) -> int:
    return len(str(number).partition(".")[2]) if isinstance(number, float) else 0


def _calculate(line: str) -> str:
    """Return the result as the program writes it; nothing if there is none."""
    try:
        value = eval(line)  # our own, of numbers and operators
    except ZeroDivisionError:
        return ""
    if isinstance(value, complex) or abs(value) > 1e14:
        return ""
    value = float(f"{value:.10g}")
    return str(int(value)) if value.is_integer() else f"{value:.10g}"


def _fits(where: str, values: Mapping[str, Any], last: str, result: str) -> bool:
    known = {
        name: each.value if isinstance(each, _Number) else each for name, each in values.items()
    }
    known |= {"r": float(result)} | ({"p": float(last)} if last else {})
    return bool(eval(where, {"math": math, **known}))  # our own
