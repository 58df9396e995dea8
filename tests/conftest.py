from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from tests.server import Server

# A busy machine may take any time for an example.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

pytest_plugins = ["tests.core_coverage"]
STARTING = {"tests.program", "tests.chatting"}
"""What tests start the program with."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that start the program.

    They take longest, and a worker gets whole files: at the end, all are to have something to do.
    """
    items.sort(key=lambda item: not _starts_program(item))


def _starts_program(item: pytest.Item) -> bool:
    module = item.getparent(pytest.Module)
    used = vars(module.obj).values() if module else ()
    return not STARTING.isdisjoint(getattr(each, "__module__", None) for each in used)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running
