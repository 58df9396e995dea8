"""Figures as people read them."""

from __future__ import annotations

import pytest

from streamchat.events import PromptProgress, StepStarted
from streamchat.turn import fold
from streamchat.view.formatting import format_waiting


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (None, "waiting for the model"),
        (PromptProgress(0, 1100), "reading the prompt 0 %"),
        (PromptProgress(500, 1100), "reading the prompt 45 %"),
        (PromptProgress(1099, 1100), "reading the prompt 99 %"),
        (PromptProgress(1100, 1100), "waiting for the model"),
    ],
)
def test_what_a_turn_waits_for(progress: PromptProgress | None, shown: str) -> None:
    turn = fold([StepStarted(1), *([progress] if progress else [])])
    assert format_waiting(turn) == shown
