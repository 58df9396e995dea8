"""Reasoning in tags at the start of a text, split anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.text.think import ThinkSplitter


def split(*pieces: str) -> tuple[str, str]:
    """Return the reasoning and the text of a message that arrives in these pieces."""
    splitter = ThinkSplitter()
    found = [*map(splitter.feed, pieces), splitter.finish()]
    return "".join(each.reasoning for each in found), "".join(each.text for each in found)


MESSAGES = {
    "Hello.": ("", "Hello."),
    "": ("", ""),
    " \n": ("", " \n"),
    "  Hello.": ("", "  Hello."),
    "<think>Hm.</think>Hello.": ("Hm.", "Hello."),
    "\n<think>\nHm.\n</think>\n\nHello. ": ("\nHm.\n", "Hello. "),
    "<think>Hm.</think>\n": ("Hm.", ""),
    "<think>Hm.</think>\n\n<": ("Hm.", "<"),
    "<think>Hm.</think> <think>So.</think> 3 < 4": ("Hm.So.", "3 < 4"),
    "<think>a < b </thin </think>Yes.": ("a < b </thin ", "Yes."),
    "<thinking>Hm.</think></thinking>Yes.": ("Hm.</think>", "Yes."),
    "<thought>Hm.</thought>Yes.": ("Hm.", "Yes."),
    "[THINK]Hm.[/THINK]Yes.": ("Hm.", "Yes."),
    "<think>Hm. </thi": ("Hm. </thi", ""),
    "<think": ("", "<think"),
    "<thin ice>": ("", "<thin ice>"),
    "[TH": ("", "[TH"),
    "Write <think>Hm.</think> first.": ("", "Write <think>Hm.</think> first."),
    "<think></think>Hello.": ("", "Hello."),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_only_tags_at_the_start_mean_reasoning(message: str) -> None:
    assert split(message) == MESSAGES[message]


@given(st.sampled_from(list(MESSAGES)), st.data())
def test_the_split_does_not_matter(message: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(message)))))
    pieces = [message[a:b] for a, b in zip([0, *cuts], [*cuts, len(message)], strict=True)]
    assert split(*pieces) == MESSAGES[message]


@given(st.lists(st.text("<think>/ \nx")))
def test_nothing_else_is_lost(pieces: list[str]) -> None:
    reasoning, text = split(*pieces)
    whole = "".join(pieces)
    if not whole.lstrip().startswith("<think"):
        assert (reasoning, text) == ("", whole)
    for each in (reasoning, text):
        assert each.count("x") <= whole.count("x")
    assert reasoning.count("x") + text.count("x") == whole.count("x")


def test_text_is_passed_on_as_soon_as_it_is_certain() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("<thi") == ("", "")
    assert splitter.feed("nk>Hm") == ("Hm", "")
    assert splitter.feed(". </") == (". ", "")
    assert splitter.feed("think>\n") == ("", "")
    assert splitter.feed("He") == ("", "He")
    assert splitter.feed("<think>") == ("", "<think>")
