"""Runs `streamchat help`."""

from __future__ import annotations

import sys
from shutil import get_terminal_size

from streamchat.config import SettingsError
from streamchat.manual import TOPICS, list_topics, read_topic
from streamchat.process.stdio import prepare_stdout
from streamchat.text.sanitize import sanitize
from streamchat.text.suggest import find_closest
from streamchat.view.document import show_document


def show_manual(topic: str | None, *, plain: bool) -> None:
    """Write a topic of the manual, or the list of topics.

    Raises:
        SettingsError: there is no such topic.
    """
    prepare_stdout()
    if topic is None:
        columns = get_terminal_size().columns if sys.stdout.isatty() else 80
        sys.stdout.write(sanitize(list_topics(columns)))
        return
    try:
        text = read_topic(topic)
    except KeyError:
        close = find_closest(topic, TOPICS)
        hint = f"did you mean {close}?" if close else "streamchat help lists them"
        raise SettingsError(f"unknown topic {topic}; {hint}") from None
    show_document(text, sys.stdout, plain=plain)
