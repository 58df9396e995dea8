"""Keeps what the SDK logs off the screen: every line that is no message, and much else."""

from __future__ import annotations

import logging

from streamchat.process.threads import THREAD_NAME


def silence_sdk() -> None:
    """Log nothing of the SDK, which names two loggers and uses the root logger besides."""
    for name in ("mcp", "client"):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    logging.getLogger().addFilter(_is_elsewhere)


def _is_elsewhere(record: logging.LogRecord) -> bool:
    """Whether a record for the root logger itself comes from a thread of the user's code."""
    return record.threadName != THREAD_NAME
