"""What the model is sent: constant instructions and examples, then the conversation as Python."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from streamchat.models.embedded.pythonic.plan import ANSWER
from streamchat.models.embedded.pythonic.toolbox import Toolbox

Message: TypeAlias = dict[str, str]
_WHO = (
    "You are streamchat's small built-in model. You run on the user's own computer, without the "
    "internet: you cannot know the time, the weather or the future."
)
_SUMS = "an arithmetic expression for a question that needs calculation"
_CALLS = "a call of one of these tools, with keyword arguments, for a question that needs it"
_REST = (
    'or say("...") with a helpful reply for anything else. When you get a result, say it in one '
    "sentence."
)
_FACT = ("What is the capital of Norway?", 'say("The capital of Norway is Oslo.")')
"""Comes after the calls of the user's tools, which are not for everything."""
_RESULT = "Omega"
_TALK: tuple[tuple[str, ...], ...] = (
    (
        "Who are you?",
        'say("I am streamchat\'s small built-in model. I do sums and answer short questions.")',
    ),
    ("What is a noun?", 'say("A noun is a word that names a person, place, thing or idea.")'),
    (
        "Write two lines about rain.",
        'say("Soft rain on the roof,\\nthe garden drinks and is still.")',
    ),
    ("How do you say apple in German?", 'say("Apple is Apfel in German.")'),
    ("past tense of see?", 'say("The past tense of see is saw.")'),
    ("Who wrote Hamlet?", 'say("William Shakespeare wrote Hamlet.")'),
    ("And Faust?", 'say("Goethe wrote Faust.")'),
    ("Will it be sunny on Monday?", 'say("I cannot know that: nobody knows the future.")'),
    ("What do you call a young horse?", 'say("A young horse is called a foal.")'),
)
_EXAMPLES: tuple[tuple[str, ...], ...] = (
    ("17+28", "17 + 28", "45", "17 + 28 is 45."),
    _TALK[0],
    (
        *("Mia has 26 cards and finds 11 more. How many cards does she have?", "26 + 11"),
        *("37", "Mia has 37 cards."),
    ),
    ("and 5 more?", "37 + 5", "42", "Then she has 42 cards."),
    ("She gives away 9 of them. How many are left?", "42 - 9", "33", "She has 33 cards left."),
    (
        *("Tim is 4 years younger than Kim, and Kim is 17. How old is Tim?", "17 - 4"),
        *("13", "Tim is 13 years old."),
    ),
    (
        *("I buy 4 pens at 5 each and pay with 100. What is my change?", "100 - 4 * 5"),
        *("80", "Your change is 80."),
    ),
    (
        *("A triangle is 6 m wide and 5 m high. What is its area?", "6 * 5 / 2"),
        *("15", "Its area is 15 square metres."),
    ),
    _TALK[1],
    ("A yard is 9 m by 8 m. How long is the fence around it?", "(9 + 8) * 2"),
    ("A square room has sides of 7 m. What is its area?", "7 ** 2"),
    _TALK[8],
    (
        *("A bike goes 15 miles per hour for 2 hours. How far is that?", "15 * 2"),
        *("30", "The bike goes 30 miles."),
    ),
    _TALK[2],
    (
        *("A rose costs 6 and a tulip 2. What do 3 roses and 8 tulips cost?", "6 * 3 + 2 * 8"),
        *("34", "They cost 34."),
    ),
    ("Leo has 30 and saves 8 a week for 5 weeks. How much has he then?", "30 + 8 * 5"),
    _TALK[3],
    ("A pump fills 30 litres in 5 minutes. How much does it fill in 8 minutes?", "30 / 5 * 8"),
    _TALK[4],
    _TALK[5],
    _TALK[6],
    ("Kim earns 24000 a year. How much is that per month?", "24000 / 12"),
    ("A cup costs 3 and a plate 7. What do 5 of each cost?", "(3 + 7) * 5"),
    (
        *("A coat costs 70 euros and is 20% off. What is its price now?", "70 * (100 - 20) / 100"),
        *("56", "It costs 56 euros now."),
    ),
    (
        "A lamp for 60 is 10% off, and then 5% tax is added. What do I pay?",
        "60 * (100 - 10) / 100 * (100 + 5) / 100",
    ),
    ("Share 48 sweets among 6 children. How many does each get?", "48 / 6", "8", "Each gets 8."),
    (
        "Ben is 9. Eva is twice his age, and Max is 5 years older than Eva. How old is Max?",
        *("9 * 2 + 5", "23", "Max is 23."),
    ),
    ("Zoe gets 10 a day for 3 days, then she pays 12. How much has she?", "10 * 3 - 12"),
    ("Rice is 7 at Joe's and 5 at Al's. How much do I save on 6 bags?", "(7 - 5) * 6"),
    _TALK[7],
    ("Food is 60 and wine 24, and 7 of us split the bill. What does each pay?", "(60 + 24) / 7"),
    ("I buy 12 litres of milk at 2 each and a cake for 5. What is the total?", "12 * 2 + 5"),
    ("If 4 pens cost 12, what do 7 pens cost?", "12 / 4 * 7", "21", "7 pens cost 21."),
    ("A tank of 200 litres loses 3 litres an hour. What is left in 2 days?", "200 - 3 * 24 * 2"),
    ("How much are 2 buns at 4 each and 6 teas at 5 each?", "2 * 4 + 6 * 5"),
    ("We had 90, spent 18 and split the rest equally among 4. What did each get?", "(90 - 18) / 4"),
)


_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_QUOTED = 200
"""Characters of an earlier question by which it is known."""


@dataclass(frozen=True, slots=True)
class Round:
    """A line that the model wrote in this turn, and what it came to; an error if it failed."""

    line: str
    result: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, the lines that the model wrote for it so far, and its answer at the end."""

    question: str
    rounds: Sequence[Round] = ()
    answer: str | None = None


def build_prefix(toolbox: Toolbox, instructions: str) -> list[Message]:
    """Return the messages that every request with these tools begins with."""
    kinds = [_SUMS] if toolbox.calculates else []
    kinds += [_CALLS] if toolbox.called else []
    lines = [_WHO, f"Answer with exactly one line of Python: {', '.join([*kinds, _REST])}"]
    lines += [f"Tools:\n{toolbox.signatures}"] if toolbox.called else []
    lines += [instructions] if instructions else []
    messages = [_say("system", "\n".join(lines))]
    for question, line, *closing in _choose_examples(toolbox):
        messages += [_say("user", question), _say("assistant", line)]
        if closing:
            result, sentence = closing
            messages += [
                _write_result(Round(line, result)),
                _say("assistant", _write_answer(sentence)),
            ]
    return messages


def _choose_examples(toolbox: Toolbox) -> Sequence[Sequence[str]]:
    if toolbox.is_arithmetic:
        return ()
    examples = _EXAMPLES if toolbox.calculates else _TALK
    calls = [(*each, _RESULT, f"It is {_RESULT}.") for each in toolbox.examples]
    return [*examples, _FACT, *calls]


def build_conversation(exchanges: Iterable[Exchange]) -> Iterable[Message]:
    """Yield the messages that follow the prefix."""
    for each in exchanges:
        yield _say("user", each.question)
        for done in each.rounds:
            yield from (_say("assistant", done.line), _write_result(done))
        if each.answer is not None:
            yield _say("assistant", _write_answer(each.answer))


def build_chat(exchanges: Sequence[Exchange], instructions: str) -> Iterable[Message]:
    """Yield the conversation without any examples, which the model takes for a part of it.

    A small model loses count of the questions, so the system message quotes the first ones and the
    last.
    """
    asked = [each.question for each in exchanges if each.answer is not None]
    about = " ".join([_WHO, "Answer in one sentence.", *_quote_questions(asked)])
    yield _say("system", f"{about}\n{instructions}" if instructions else about)
    for each in exchanges:
        yield _say("user", each.question)
        if each.answer is not None:
            yield _say("assistant", each.answer)


def _quote_questions(asked: Sequence[str]) -> Iterator[str]:
    for at, question in enumerate(asked):
        if at and at == len(asked) - 1:
            ordinal = "last"
        elif at < len(_ORDINALS):
            ordinal = _ORDINALS[at]
        else:
            continue
        text = json.dumps(question[:_QUOTED], ensure_ascii=False)
        yield f"The {ordinal} question was {text}."


def _write_result(done: Round) -> Message:
    verb = "failed:" if done.failed else "="
    return _say("user", f"{done.line} {verb} {done.result}")


def _write_answer(text: str) -> str:
    return f"{ANSWER}({json.dumps(text, ensure_ascii=False)})"


def _say(role: str, content: str) -> Message:
    return {"role": role, "content": content}
