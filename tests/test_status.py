"""The bar at the bottom of the prompt."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streamchat.models.model_list import find_context, read_models
from streamchat.repl.status import format_context, format_status


def make_chat(  # type: ignore[no-untyped-def]  # whatever the bar reads of a chat
    name: str = "gpt-4o-mini", activity: str = "", *, is_saved: bool = True
):
    loader = SimpleNamespace(name=name, activity=activity, context_tokens=8192)
    conversation = SimpleNamespace(session_id="1a2b3c4d", is_saved=is_saved)
    return SimpleNamespace(loader=loader, conversation=conversation, context_tokens=3174)


@pytest.mark.parametrize(
    ("used", "total", "shown"),
    [
        (None, None, ""),
        (3174, None, "3,174 tokens"),
        (None, 8192, "8k context"),
        (0, 8192, "0 of 8k context"),
        (3174, 8192, "3.1k of 8k context"),
        (8192, 8192, "8k of 8k context"),
        (128_000, 128_000, "128k of 128k context"),
        (900, 131_072, "900 of 128k context"),
        (123_456, 1_048_576, "121k of 1024k context"),
        (1500, 32_000, "1.5k of 32k context"),
    ],
)
def test_the_context_in_thousands(used: int | None, total: int | None, shown: str) -> None:
    assert format_context(used, total) == shown


@pytest.mark.parametrize(
    ("columns", "bar"),
    [
        (80, "gpt-4o-mini · session 1a2b3c4d · 3.1k of 8k context · loading"),
        (60, "gpt-4o-mini · 1a2b3c4d · 3.1k of 8k · loading"),
        (39, "gpt-4o-mini · 3.1k of 8k · loading"),
        (30, "gpt-4o-mini · loading"),
        (10, "loading"),
        (5, "loadi"),
    ],
)
def test_a_narrow_window_leaves_parts_out(columns: int, bar: str) -> None:
    assert format_status(make_chat(activity="loading"), columns) == bar


def test_that_nothing_is_saved_is_not_left_out() -> None:
    assert format_status(make_chat(is_saved=False), 30) == "gpt-4o-mini · not saved"


def test_how_far_a_download_is_fits_in_40_columns() -> None:
    activity = "downloading from the package index 99 %"
    assert format_status(make_chat("local", activity), 40) == activity


@pytest.mark.parametrize("columns", range(1, 100))
def test_the_bar_fits(columns: int) -> None:
    assert len(format_status(make_chat("m" * 99, "assembling 5 %"), columns)) <= columns


@pytest.mark.parametrize(
    ("entries", "tokens"),
    [
        ([{"id": "m", "context_length": 128_000}], 128_000),  # OpenRouter
        ([{"id": "x", "max_model_len": 1}, {"id": "m", "max_model_len": 4096}], 4096),  # vLLM
        ([{"id": "m", "context_window": 131_072}], 131_072),  # Groq
        ([{"id": "a.gguf", "meta": {"n_ctx_train": 32_768, "n_ctx": 2048}}], 2048),  # llama.cpp
        ([{"id": "a.gguf", "meta": {"n_ctx_train": 32_768}}], None),
        ([{"id": "a", "context_length": 1000}, {"id": "b", "context_length": 2000}], None),
        ([{"id": "m", "context_length": "8k", "max_model_len": 2048}], 2048),
        ([{"id": "m", "context_length": True, "meta": 3}], None),
        ([{"id": "m", "context_length": -1}, {"id": 3}, None], None),
        ([{"id": "m", "context_length": 10**30}], None),
    ],
)
def test_the_context_that_servers_tell(entries: object, tokens: int | None) -> None:
    assert find_context(read_models({"data": entries}), "m") == tokens


@pytest.mark.parametrize("listed", [None, [], "x", {}, {"data": None}, {"data": {"id": "m"}}])
def test_a_list_of_another_form(listed: object) -> None:
    models = read_models(listed)
    assert (dict(models), find_context(models, "m")) == ({}, None)
