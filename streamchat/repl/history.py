"""The history of what was typed at the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from streamchat.config import APP
from streamchat.config.reading import check_regular_file
from streamchat.process.stdio import print_error
from streamchat.repl.pastes import Pastes
from streamchat.text.redact import Redactor
from streamchat.text.surrogates import replace_surrogates

_MOST_BYTES = 50_000_000
"""Size of the history file, which is read at once."""


def open_history(redactor: Redactor, pastes: Pastes, warn: Callable[[str], None]) -> History:
    """Return the saved history, in a file that only the user can read.

    What is typed is kept in memory if there can be no such file.
    """
    path = platformdirs.user_state_path(APP) / "history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        check_regular_file(path, _MOST_BYTES)
        path.chmod(0o600)
    except OSError as error:
        print_error(f"the prompt keeps no history: {path}: {error.strerror}")
        return InMemoryHistory()
    return RedactedHistory(path, redactor, pastes, warn)


class RedactedHistory(FileHistory):
    """A history file without secrets.

    Args:
        path: the file.
        redactor: keeps secrets out of it.
        pastes: what is folded in the messages, which are whole in the file.
        warn: called with one line when the file cannot be written, as on a full disk.
    """

    def __init__(
        self, path: Path, redactor: Redactor, pastes: Pastes, warn: Callable[[str], None]
    ) -> None:
        super().__init__(path)
        self._redactor = redactor
        self._pastes = pastes
        self._warn = warn
        self._failed = False

    def load_history_strings(self) -> Iterator[str]:
        return map(self._pastes.fold_recalled, super().load_history_strings())

    def store_string(self, string: str) -> None:
        before, self._failed = self._failed, False
        whole = self._redactor.redact(self._pastes.unfold(string))
        try:
            super().store_string(replace_surrogates(whole))
        except OSError as error:
            self._failed = True
            if not before:
                self._warn(f"the prompt's history is not saved: {error.strerror}")
