"""Traces runs in LangSmith, only if the user asks for it, and never at the cost of an answer."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from langsmith import tracing_context

_FLUSH_SECONDS = 0.7


@contextmanager
def tracing(enabled: bool) -> Iterator[None]:
    """Trace the runs in the body if enabled, whatever the environment says."""
    if not enabled:
        with tracing_context(enabled=False):
            yield
        return
    # A dead endpoint must not keep the process from exiting, nor print its errors into an answer.
    os.environ["LANGSMITH_USE_DAEMON"] = "true"
    logging.getLogger("langsmith").setLevel(logging.CRITICAL)
    with tracing_context(enabled=True):
        yield


def flush() -> None:
    """Wait a moment for traces to be sent; called before the process exits."""
    from langchain_core.tracers.langchain import get_client

    get_client().flush(timeout=_FLUSH_SECONDS)
