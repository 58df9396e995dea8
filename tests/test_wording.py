"""Sums in words: what can mean only one calculation becomes it, and nothing else does."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamchat.models.embedded.pythonic.expression import (
    asks_only_for_result,
    find_continuation,
    find_expression,
)
from streamchat.models.embedded.pythonic.numbers import TENS, UNITS, find_numbers, write_digits

KINDS = {
    "{a} increased by {b}": "a + b",
    "{a} reduced by {b}": "a - b",
    "{a} take away {b}": "a - b",
    "Increase {a} by {b}": "a + b",
    "What do I get if I raise {a} by {b}?": "a + b",
    "lower {a} by {b}": "a - b",
    "Cut {a} by {b}.": "a - b",
    "Remove {b} from {a}": "a - b",
    "Take {b} off {a}": "a - b",
    "Take {b} away from {a}": "a - b",
    "From {a}, take {b}.": "a - b",
    "Which number is {b} below {a}?": "a - b",
    "What's {b} less than {a}?": "a - b",
    "how much is {b} fewer than {a}": "a - b",
    "What is {b} more than {a}?": "a + b",
    "Find the number that is {b} above {a}": "a + b",
    "the sum of {a} and {b}": "a + b",
    "Sum up {a} and {b}, please": "a + b",
    "How much are {a} and {b} together?": "a + b",
    "The product of {a} and {b}": "a * b",
    "What is the quotient of {a} and {b}?": "a / b",
    "How many times does {b} go into {a}?": "a / b",
    "The difference between {a} and {b}": "abs(a - b)",
    "What is the average of {a}, {b} and {c}?": "(a + b + c) / 3",
    "the mean of {a} and {b}": "(a + b) / 2",
    "Add {a}, {b} and {c}": "a + b + c",
    "{a} to the power of 2": "a ** 2",
    "{a} to the third power": "a ** 3",
    "What is minus {a} plus {b}?": "-a + b",
    "{a} times negative {b}": "a * -b",
    "{a} raised to the 3rd power": "a ** 3",
    "What is the cube of {a}?": "a ** 3",
    "the square root of {a}": "a ** 0.5",
    "twice {a}": "a * 2",
    "half of {a}": "a / 2",
    "What is a third of {a}?": "a / 3",
    "three quarters of {a}": "a * 3 / 4",
    "2/5 of {a}": "a * 2 / 5",
    "What is {b}% of {a}?": "a * b / 100",
    "{b} percent of {a}": "a * b / 100",
    "{b}% off {a}": "a - a * b / 100",
    "Increase {a} by {b}%": "a + a * b / 100",
    "Reduce {a} by {b} percent.": "a - a * b / 100",
    "{a} increased by {b}%": "a + a * b / 100",
    "{a} decreased by {b}%": "a - a * b / 100",
    "add {b}% to {a}": "a + a * b / 100",
    "Take {b}% off {a}": "a - a * b / 100",
    "What is {b}% more than {a}?": "a + a * b / 100",
    "What is {b}% less than {a}?": "a - a * b / 100",
    "the sum of {a} and {b}, multiplied by {c}": "(a + b) * c",
    "{c} times the difference of {a} and {a}": "c * 0",
    "Multiply the sum of {a} and {b} by the product of {a} and {c}": "(a + b) * a * c",
    "Divide {a} by half of {b}": "a / (b / 2)",
    "{a} minus {b} and then times {c}": "(a - b) * c",
    "{a} plus {b}, doubled": "(a + b) * 2",
    "the product of {a} and {b}, then halved": "a * b / 2",
    "{a} minus {b}, and tripled": "(a - b) * 3",
    "Remove {b} from {a}, then multiply what is left by {c}.": "(a - b) * c",
    "Double {a} and then take off {b}": "a * 2 - b",
    "Divide {a} by {b} and square what you get": "(a / b) ** 2",
    "Add {a} to {b}, halve it, and then add {c}": "(a + b) / 2 + c",
    "take {a}, subtract {b}, then lower the result by {c}": "a - b - c",
    "Start with {a}. Add {b}. Then increase it by {c}": "a + b + c",
    "add {a} to {b}, times it by {c} and half it": "(a + b) * c / 2",
    "Multiply {a} by {b}, take {c} off and double it": "(a * b - c) * 2",
}
"""Ways to ask for a sum, and the sum."""
NUMBERS = st.integers(1, 2500) | st.sampled_from([0.5, 7.25, 12.5, 480.75])


def calculate(line: str | None, **names: float) -> float:
    assert line is not None
    return float(eval(line, {"__builtins__": {"abs": abs}}, names))


@pytest.mark.parametrize("wording", KINDS)
@settings(max_examples=5)
@given(a=NUMBERS, b=NUMBERS, c=NUMBERS)
@example(a=1, b=2500, c=1)
def test_a_wording_is_the_sum_that_it_asks_for(wording: str, a: float, b: float, c: float) -> None:
    question = wording.format(a=f"{a:,}", b=b, c=c)
    expected = calculate(KINDS[wording], a=a, b=b, c=c)
    assert math.isclose(calculate(find_expression(question)), expected, abs_tol=1e-6), question
    assert asks_only_for_result(question), question


@pytest.mark.parametrize(
    "question",
    [
        *("What is 3 times less than 12?", "Raise 3 by 4 times", "half of 60 minus 4"),
        *("Is 5 less than 8?", "Why is 9 more than 3?", "By how much is 5 less than 8?"),
        *("the sum of 11 and 9 multiplied by 3", "Take 4 from 10 and from 12", "cut 10 by half"),
        *("Add 3 and 4 to 10", "the average of 3, 4 and the next", "the difference of 1, 2 and 3"),
        "Which one is bigger, 3 plus 4 or 6?",
        "Which is larger: 5, the sum of 3 and 4, or 2?",
        *("2 and a half", "3 plus a half", "2 and half"),
        *("20% of 50 are ill. Who is not?", "Half of 60 beads are red. How many are blue?"),
        *("There are a total of 12, 5 of them red", "the total of 12 and 5 of them"),
        *(f"{'many words ' * 50} the sum of 3 and 4", "that\ntimes 5 plus 3"),
        *("I remove 3 cups from 8 cups", "Lower the price of 50 by 5", "the difference of x and y"),
        *("5 (3 + 4)", "12 and 3 more", "the sum of half of 8 and 3 hundred"),
        *(
            "the difference between the sum of 1 and 2 and 9",
            "minus 5 plus 3",
            "that times 5 plus 3",
        ),
    ],
)
def test_what_may_mean_something_else_is_left_to_the_model(question: str) -> None:
    assert find_expression(question) is None


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("Take 15 off that.", "48 - 15"),
        ("Reduce it by 5.", "48 - 5"),
        ("Increase the result by 10%", "48 * (100 + 10) / 100"),
        ("and how much is a third of that?", "48 / 3"),
        ("What is 20% of it?", "48 * 20 / 100"),
        ("Subtract that from 100.", "100 - 48"),
        ("now what's that times 4", "48 * 4"),
        ("ok and plus sixteen", "48 + 16"),
        ("And what is the square root of this?", "48 ** 0.5"),
        ("Add 3 to it and double it.", "(48 + 3) * 2"),
        ("How much is it in dollars?", None),
        ("Is that more than 40?", None),
        ("What is 2 + 3, and is that prime?", None),
        ("If I take 15 off that, who pays it?", None),
    ],
)
def test_a_question_about_the_last_result(question: str, line: str | None) -> None:
    assert find_continuation(question, "48") == line


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("Ninety-one and forty two", "91 and 42"),
        ("two hundred, a hundred and one hundred twenty-three", "200, 100 and 123"),
        ("three thousand four hundred ten or a thousand", "3410 or 1000"),
        ("twelve thousand", "12000"),
        ("two hundred and five", "205"),
        ("nine hundred and twelve thousand and sixty", "912060"),
        ("a hundred and two hundred", "100 and 200"),
        ("the sum of two hundred and five", "the sum of 200 and 5"),
        ("add a hundred and fifty", "add 100 and 50"),
        ("twenty ten, someone, often, tent", "20 10, someone, often, tent"),
        ("a hundredth", "a hundredth"),
        ("twelve and a half plus 3", "12.5 plus 3"),
    ],
)
def test_numbers_in_words_become_digits(text: str, digits: str) -> None:
    assert write_digits(text) == digits


@given(st.integers(0, 999_999))
def test_any_number_in_words(number: int) -> None:
    assert find_numbers(spell(number)) == [str(number)]


def spell(number: int) -> str:
    """Write a number below a million in words, without "and"."""
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = f" {spell(number % size)}" if number % size else ""
            return f"{spell(number // size)} {name}{rest}"
    if number < 20:
        return UNITS[number]
    return TENS[number // 10 - 2] + (f"-{UNITS[number % 10]}" if number % 10 else "")
