"""How many lines a question asks for."""

from __future__ import annotations

import pytest

from streamchat.models.embedded.pythonic.layout import Layout, find_layout


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("Write a haiku of three lines about the sea.", 3),
        ("Compose another short haiku", 3),
        ("Write me a limerick about a cook, please.", 5),
        ("Write a four-line poem about autumn.", 4),
        ("Hello! Please write 2 rhyming lines about a cat.", 2),
        ("Explain gravity in two lines.", 2),
        ("Write 10 lines", 10),
    ],
)
def test_lines(question: str, count: int) -> None:
    assert find_layout(question) == Layout(count, numbered=False)


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("Give me three tips for better sleep.", 3),
        ("can you tell me 5 interesting facts about cats", 5),
        ("What are two good reasons to learn a language?", 2),
        ("I need 3 ideas for dinner.", 3),
        ("Four steps to make tea, please", 4),
        ("Name five fruits.", 5),
        ("List the 3 largest planets", 3),
        ("My dog is called 'Two tips'. Suggest seven ways to train it.", 7),
    ],
)
def test_items(question: str, count: int) -> None:
    assert find_layout(question) == Layout(count, numbered=True)


@pytest.mark.parametrize(
    "question",
    [
        *("What is a haiku?", "Who wrote the five-line poem?", "Give me a tip.", "Name one fruit."),
        *("Anna gives two tips of 3 euros each.", "I have 3 ideas: a, b and c. Which is best?"),
        *("Translate 'give me three tips' into French.", "What does 'name two fruits' mean?"),
        *("How do you say give me 3 examples in German?", "Give me 2 dollars.", "Give me 12 tips."),
        *(
            "She names 3 cats and 2 dogs.",
            "Name three.",
            f"Give me 3 tips. {'Text ' * 200}",
            "What is 3 times 4?",
            "",
        ),
    ],
)
def test_a_question_that_leaves_it_open(question: str) -> None:
    assert find_layout(question) is None
