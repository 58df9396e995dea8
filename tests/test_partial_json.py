"""Reading the answer out of JSON that is still arriving."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.text.partial_json import AnswerReader
from streamchat.text.surrogates import (
    SurrogateJoiner,
    has_surrogates,
    join_surrogates,
    replace_surrogates,
)

TEXT = st.text(st.characters(codec=None), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def split_at(text: str, places: Sequence[int]) -> list[str]:
    cuts = sorted({place % (len(text) + 1) for place in places})
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def read(*fragments: str, field: str | None = "answer") -> str:
    reader = AnswerReader(field)
    return "".join(reader.feed(fragment) for fragment in fragments)


@given(
    answer=TEXT,
    before=st.dictionaries(TEXT.filter(lambda key: key != "answer"), JSON, max_size=3),
    after=st.dictionaries(TEXT.filter(lambda key: key != "answer"), JSON, max_size=3),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 2]),
    places=st.lists(st.integers(0, 10_000), max_size=40),
)
def test_any_answer_in_any_object_in_any_split(
    answer: str,
    before: dict[str, object],
    after: dict[str, object],
    ascii_only: bool,
    indent: int | None,
    places: list[int],
) -> None:
    text = json.dumps(before | {"answer": answer} | after, ensure_ascii=ascii_only, indent=indent)
    expected = join_surrogates(json.loads(text)["answer"])
    reader = AnswerReader()
    assert "".join(reader.feed(piece) for piece in split_at(text, places)) == expected
    assert reader.closed


@given(st.text(st.sampled_from('{}[]:,"\\/u0dDaAnswer 8e1'), max_size=60))
def test_nonsense_never_raises(text: str) -> None:
    assert read(*text) == read(text)


def test_text_comes_as_soon_as_it_is_there() -> None:
    reader = AnswerReader()
    pieces = ['{"', "answer", '":"', "10", " +", ' 10\\"', '","', "tools_used", '":[]}']
    assert [reader.feed(piece) for piece in pieces] == ["", "", "", "10", " +", ' 10"', "", "", ""]


def test_every_escape_of_json() -> None:
    assert read(*r'{"answer": "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}') == '"\\/\b\f\n\r\té😀'


def test_the_key_may_be_escaped() -> None:
    assert read(r'{"\u0061nswer": "yes"}') == "yes"


def test_only_the_object_s_own_field_counts() -> None:
    text = '{"other": {"answer": "no"}, "list": ["answer", {"answer": "no"}], "answer": "yes"}'
    assert read(text) == "yes"
    assert read('["answer", "no"]') == ""
    assert read('{"answer": 20}') == read('{"answer": ["no"]}') == ""


def test_the_text_of_the_answer_is_not_structure() -> None:
    assert read('{"x": "\\"answer\\": {[", "answer": "a}]"}') == "a}]"


def test_without_a_field_only_the_end_is_found() -> None:
    reader = AnswerReader(field=None)
    assert reader.feed('{"answer": "}"') == ""
    assert not reader.closed
    reader.feed("} ")
    assert reader.closed


def test_what_follows_the_object_is_ignored() -> None:
    assert read('{"answer": "yes"}{"answer": "no"}') == read(
        '{"answer": "yes"', '}{"answer": "no"}'
    )
    assert read('{"answer": "yes"}{"answer": "no"}') == "yes"


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud83d", "\ud83d"),
        (r"\ude00", "\ude00"),
        (r"\ud83dx", "\ud83dx"),
        (r"\ud83d\n", "\ud83d\n"),
        (r"\ud83d\ud83d\ude00", "\ud83d😀"),
        (r"\q", "\ufffd"),
        (r"\uzzzz", "\ufffd"),
    ],
)
def test_half_a_pair_stays_and_a_false_escape_becomes_a_replacement_character(
    escaped: str, text: str
) -> None:
    whole = f'{{"answer": "{escaped}"}}'
    assert read(whole) == read(*whole) == text


def test_a_pair_may_come_in_two_halves() -> None:
    assert replace_surrogates("a\ud83d\ude00\ud83d") == "a😀\ufffd"
    joiner = SurrogateJoiner()
    assert [joiner.feed("a\ud83d"), joiner.feed("\ude00b"), joiner.finish()] == ["a", "😀b", ""]
    assert [joiner.feed("a\ud83d"), joiner.finish()] == ["a", "\ud83d"]


@given(TEXT, st.lists(st.integers(0, 30), max_size=5))
def test_pairs_are_joined_wherever_the_text_is_cut(text: str, places: list[int]) -> None:
    joiner = SurrogateJoiner()
    joined = "".join(map(joiner.feed, split_at(text, places))) + joiner.finish()
    assert joined == join_surrogates(text)
    assert replace_surrogates(joined) == replace_surrogates(text)
    assert replace_surrogates("plain") == "plain"
    assert not has_surrogates(replace_surrogates(text))
    assert has_surrogates(f"{text}\ud83d")
    replace_surrogates(text).encode()
