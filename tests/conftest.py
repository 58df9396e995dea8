from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from tests.server import Server

# A busy machine may take any time for an example.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

pytest_plugins = ["tests.core_coverage"]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running
