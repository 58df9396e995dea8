"""The line at which the user types."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import (
    Condition,
    completion_is_selected,
    emacs_mode,
    has_selection,
    is_searching,
    vi_navigation_mode,
)
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from streamchat.config import APP
from streamchat.process.tty import can_repaint
from streamchat.repl.completion import is_completed
from streamchat.repl.output import terminal_output
from streamchat.sessions.replay import PROMPT
from streamchat.text.redact import Redactor

_CONTINUED = " " * len(PROMPT)
ESCAPE_SECONDS = 0.1
"""How long a terminal has to send the rest of a key that begins with Escape."""
_STYLE = Style.from_dict(
    {"bottom-toolbar": "noreverse fg:ansibrightblack", "auto-suggestion": "fg:ansibrightblack"}
)


class Prompt:
    """Reads messages.

    Args:
        completer: knows the commands and files.
        bar: gives the text of the bar at the bottom, in so many columns.
        editing: "emacs" or "vi".
        keep: whether what was typed is kept for other times.
        redactor: keeps secrets out of what is kept.
    """

    def __init__(
        self,
        completer: Completer,
        bar: Callable[[int], str],
        editing: str,
        *,
        keep: bool,
        redactor: Redactor,
    ) -> None:
        self._bar = bar
        self.fresh = False
        """Whether the last message was begun anew, and what had stood there was given up."""
        self.history = _history_file(redactor) if keep else InMemoryHistory()
        self.mode = EditingMode.VI if editing == "vi" else EditingMode.EMACS
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            output=terminal_output(),
            history=self.history,
            auto_suggest=AutoSuggestFromHistory(),
            completer=completer,
            complete_while_typing=Condition(self._completes),
            key_bindings=_prompt_keys(),
            editing_mode=self.mode,
            multiline=True,
            prompt_continuation=_CONTINUED,
            bottom_toolbar=self._toolbar,
            style=_STYLE,
            color_depth=ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None,
            include_default_pygments_style=False,
            enable_suspend=True,
            tempfile_suffix=".md",
            reserve_space_for_menu=6,
        )
        self._session.app.ttimeoutlen = ESCAPE_SECONDS

    async def read(
        self, begun: Document, ready: Callable[[], None] = lambda: None, *, edit: bool = False
    ) -> str:
        """Returns the next message.

        Args:
            begun: what stands there already.
            ready: is called when keys can be pressed.
            edit: whether the editor is opened on that.

        Raises:
            EOFError: the user leaves.
        """

        def begin() -> None:
            asyncio.get_running_loop().call_soon(ready)
            if edit and not self.fresh:
                self._session.default_buffer.open_in_editor()

        self.fresh = False
        while True:
            if not can_repaint(sys.stdout):  # there, prompt-toolkit does not show it
                self._session.message = PROMPT + begun.text
            try:
                return await self._session.prompt_async(
                    default=begun, pre_run=begin, handle_sigint=False
                )
            except KeyboardInterrupt:
                # As in a shell: Ctrl-C gives a fresh line, Ctrl-D leaves.
                begun, self.fresh = Document(), True

    def offer(self) -> None:
        """Offers what has become known since the last key."""
        if self._session.app.is_running and self._completes():
            self._session.default_buffer.start_completion(select_first=False)

    def redraw(self) -> None:
        """Shows what the bar says now."""
        self._session.app.invalidate()

    def _completes(self) -> bool:
        """Commands and files are offered as soon as they begin."""
        return is_completed(self._session.default_buffer.document.text_before_cursor)

    def _toolbar(self) -> str:
        mode = ""
        if self._session.editing_mode == EditingMode.VI:
            mode = f"[{self._session.app.vi_state.input_mode.value.removeprefix('vi-')}] "
        columns = self._session.output.get_size().columns - 1
        return mode + self._bar(columns - len(mode))


def _history_file(redactor: Redactor) -> History:
    """Returns the history of lines typed, which only the user may read."""
    path = platformdirs.user_state_path(APP) / "history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return RedactedHistory(path, redactor)


class RedactedHistory(FileHistory):
    """What was typed, without secrets."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        super().__init__(path)
        self._redactor = redactor

    def store_string(self, string: str) -> None:
        """Keeps a message."""
        super().store_string(self._redactor.redact(string))


def _prompt_keys() -> KeyBindings:
    keys = message_keys()

    @keys.add("c-x", "c-e", filter=emacs_mode & ~has_selection)
    @keys.add("v", filter=vi_navigation_mode)
    def _edit(event: KeyPressEvent) -> None:
        event.current_buffer.open_in_editor()  # what was written is sent by Enter, as all else

    return keys


def message_keys() -> KeyBindings:
    """Returns the keys that end a message or a line of one."""
    keys = KeyBindings()

    @keys.add("enter", filter=~completion_is_selected & ~is_searching)
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("enter", filter=completion_is_selected)
    def _take(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None

    @keys.add("c-j", filter=~is_searching)
    @keys.add("escape", "enter", filter=emacs_mode & ~is_searching)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys


async def ask_unseen(question: str) -> str | None:
    """Returns what the user types, which is not shown, or None if there is nothing."""
    unseen = PromptSession[str](output=terminal_output())
    try:
        return await unseen.prompt_async(question, is_password=True, handle_sigint=False)
    except (KeyboardInterrupt, EOFError):
        return None
