"""The keys of the prompt, which `?` on an empty line shows below it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import zip_longest

from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition, emacs_mode, is_searching, vi_insert_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from streamchat.process.tty import can_repaint

Keys = Sequence[tuple[str, str]]
"""Keys and what they do."""
_KEYS: Keys = (
    ("Enter", "send the message"),
    ("Ctrl-J", "new line, as Alt-Enter"),
    ("Tab", "complete"),
    ("@file", "attach a file"),
    ("Up, Down", "earlier messages"),
    ("Ctrl-R", "search them"),
    ("Right", "accept the suggestion"),
    ("Ctrl-X Ctrl-E", "open the editor"),
    ("y, a, n, e", "decide about a call"),
    ("A", "allow it for ever"),
    ("Esc", "cancel a call, stop"),
    ("Ctrl-C", "stop, clear the line"),
    ("Ctrl-D", "quit"),
    ("/help", "list the commands"),
)
_VI = {"Ctrl-X Ctrl-E": "Esc v", "Ctrl-J": "Ctrl-J", "new line, as Alt-Enter": "new line"}
"""What is called otherwise with vi's keys."""
_GAP = 2


def list_keys(*, vi: bool) -> Keys:
    """Return the keys for emacs's or vi's way of editing."""
    return [(_VI.get(key, key), _VI.get(what, what)) for key, what in _KEYS] if vi else _KEYS


def format_keys(keys: Keys, columns: int) -> list[str]:
    """Return lines with the keys, in two columns if they fit."""
    halves = [keys[: (len(keys) + 1) // 2], keys[(len(keys) + 1) // 2 :]]
    left, right = map(_align, halves)
    width = max(map(len, left)) + _GAP
    pairs = zip_longest(left, right, fillvalue="")
    lines = [f"{first:{width}}{second}".rstrip() for first, second in pairs]
    return lines if max(map(len, lines)) < columns else _align(keys)


def _align(keys: Keys) -> list[str]:
    width = max(len(key) for key, _ in keys) + _GAP
    return [f" {key:{width}}{what}" for key, what in keys]


class KeyHelp:
    """Shows the keys below the prompt until the next key is pressed.

    Args:
        vi: whether the keys are vi's.
    """

    def __init__(self, *, vi: bool) -> None:
        self.is_shown = False
        self._keys = list_keys(vi=vi)

    def hide(self) -> bool:
        """Show them no longer; return whether they were shown."""
        was_shown, self.is_shown = self.is_shown, False
        return was_shown

    def format(self, columns: int, rows: int) -> list[str]:
        """Return the lines to show, no more than fit."""
        return format_keys(self._keys, columns)[: max(rows, 0)] if self.is_shown else []

    def bind(self, keys: KeyBindings, hidden: Callable[[], None]) -> None:
        """Bind `?` on an empty line; elsewhere it is a character like any other.

        Args:
            keys: what the prompt has bound so far.
            hidden: called when `?` hides the keys again.
        """
        is_empty = Condition(lambda: not get_app().current_buffer.text)
        typing = (emacs_mode | vi_insert_mode) & ~is_searching

        @keys.add("?", filter=is_empty & typing & Condition(lambda: can_repaint(sys.stdout)))
        def _toggle(event: KeyPressEvent) -> None:
            if self.hide():
                hidden()
            else:
                self.is_shown = True
