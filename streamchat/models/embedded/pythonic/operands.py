"""The numbers that a sum may be made of, for a model that was trained to write sums."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamchat.models.embedded.pythonic.constants import (
    find_constants,
    has_negative,
    speaks_of_powers,
)
from streamchat.models.embedded.pythonic.implied import find_words
from streamchat.models.embedded.pythonic.numbers import (
    drop_signs,
    find_measured,
    find_mentioned,
    find_plain,
)

_AVERAGE = re.compile(
    r"\b(?:a[a-z]?v[aeiou]*r[aeiou]*g[aeiou]*[ds]?|mean|avg|how\s+many\s+there\s+are)\b",
    re.IGNORECASE,
)
"""The word is often misspelled."""


@dataclass(frozen=True, slots=True)
class Operands:
    """The numbers of a question and of what came before it.

    Attributes:
        required: those that a sum has to use, as often as they are there.
        others: those that it may use.
        spellings: how some may be written: those that may be below zero.
        has_powers: whether it may raise a number to another.
    """

    required: Sequence[str] = ()
    others: Sequence[str] = ()
    spellings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    has_powers: bool = True


def find_operands(question: str, earlier: Sequence[str], context: str = "") -> Operands:
    """Return what a sum for a question may be made of; nothing if it can need none.

    Args:
        question: the user's.
        earlier: the numbers of the last turns.
        context: the question before it, on which it may go on.
    """
    mentioned = find_plain(question)
    constants = find_constants(question)
    if not find_mentioned(question) and not (constants and earlier):
        return Operands()
    words = find_words(question)
    required = [] if "instead" in words else drop_signs(find_measured(question))
    if _AVERAGE.search(question):
        constants += [str(len(mentioned)), str(len(required))]
    others = [*mentioned, *constants, *earlier]
    spellings = {each: [each, f"({each})", each[1:]] for each in others if each.startswith("-")}
    if has_negative(question):
        plain = [each for each in mentioned if not each.startswith("-")]
        spellings |= {each: [each, f"-{each}", f"(-{each})"] for each in plain}
    has_powers = speaks_of_powers(question) or speaks_of_powers(context)
    return Operands(required, others, spellings, has_powers)
