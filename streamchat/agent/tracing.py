"""LangSmith, told of a run only when the user asks for it, and never in the way of an answer."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from langsmith import tracing_context

_FLUSH_SECONDS = 0.7


@contextmanager
def tracing(enabled: bool) -> Iterator[None]:
    """Runs made inside are sent to LangSmith if enabled, whatever the environment says."""
    if not enabled:
        with tracing_context(enabled=False):
            yield
        return
    # The process must be able to end while a dead endpoint is being tried, and the endpoint's
    # troubles are no lines in anybody's answer.
    os.environ["LANGSMITH_USE_DAEMON"] = "true"
    logging.getLogger("langsmith").setLevel(logging.CRITICAL)
    with tracing_context(enabled=True):
        yield


def flush() -> None:
    """Gives what was traced a moment to leave before the process ends."""
    from langchain_core.tracers.langchain import get_client

    get_client().flush(timeout=_FLUSH_SECONDS)
