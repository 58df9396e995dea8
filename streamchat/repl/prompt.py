"""The prompt: reads the user's messages."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from streamchat.process.tty import can_repaint
from streamchat.repl.bindings import bind_prompt_keys
from streamchat.repl.completion import is_completed
from streamchat.repl.editor import edit_buffer
from streamchat.repl.errors import catch_errors, describe_error
from streamchat.repl.history import open_history
from streamchat.repl.keys import KeyHelp
from streamchat.repl.menu import MENU_STYLES, CompletionMenu
from streamchat.repl.output import terminal_output
from streamchat.repl.pastes import Pastes, ShowLabels
from streamchat.text.redact import Redactor
from streamchat.view.glyphs import choose_prompt
from streamchat.view.outcome import report_failure

ESCAPE_SECONDS = 0.1
"""How long to wait for the rest of a key sequence that starts with Escape."""
_PROMPT_AND_BAR = 2
"""Rows that are always there."""
STYLE = Style.from_dict(
    {
        "bottom-toolbar": "noreverse fg:ansibrightblack",
        "auto-suggestion": "fg:ansibrightblack",
        "keys": "fg:default",
        "question": "bold",
        "paste": "dim",
        **MENU_STYLES,
    }
)


class Prompt:
    """Reads messages.

    Args:
        completer: completes commands and files.
        bar: returns the text of the bar for a number of columns.
        editing: "emacs" or "vi".
        save: whether the history of messages is saved.
        redactor: keeps secrets out of that history, and of errors.
        pastes: folds what is pasted, and unfolds it again.
        warn: called with one line when the history cannot be saved.
    """

    def __init__(
        self,
        completer: Completer,
        bar: Callable[[int], str],
        editing: str,
        *,
        save: bool,
        redactor: Redactor,
        pastes: Pastes,
        warn: Callable[[str], None],
    ) -> None:
        self._bar = bar
        self._mark = choose_prompt(sys.stdout)
        self._redactor = redactor
        self.pastes = pastes
        self.discarded = False
        """Whether Ctrl-C discarded the draft of the last message."""
        self.history = open_history(redactor, pastes, warn) if save else InMemoryHistory()
        self.mode = EditingMode.VI if editing == "vi" else EditingMode.EMACS
        self._key_help = KeyHelp(vi=editing == "vi")
        self._session: PromptSession[str] = PromptSession(
            self._mark,
            output=terminal_output(),
            history=self.history,
            auto_suggest=AutoSuggestFromHistory(),
            completer=completer,
            complete_while_typing=Condition(self._is_completed),
            key_bindings=self._bind_keys(),
            editing_mode=self.mode,
            input_processors=[ShowLabels(pastes)],
            multiline=True,
            prompt_continuation=" " * len(self._mark),
            bottom_toolbar=self._toolbar,
            style=STYLE,
            color_depth=choose_color_depth(),
            include_default_pygments_style=False,
            enable_suspend=True,
        )
        self._menu = CompletionMenu(self._session)
        self._session.default_buffer.on_text_changed += lambda _: self._hide_keys()
        self._session.app.ttimeoutlen = ESCAPE_SECONDS

    async def read(
        self,
        take_draft: Callable[[], Document],
        ready: Callable[[], None] = lambda: None,
        *,
        edit: bool = False,
    ) -> str:
        """Return the next message, whole.

        Args:
            take_draft: returns the text to start with; called again if the user discards it.
            ready: called once keys can be typed.
            edit: whether to open the draft in the editor.

        Raises:
            EOFError: the user quits.
        """

        def begin() -> None:
            asyncio.get_running_loop().call_soon(ready)
            if edit and not self.discarded:
                buffer = self._session.default_buffer
                self._session.app.create_background_task(edit_buffer(buffer, self.pastes))

        draft, self.discarded = take_draft(), False
        while True:
            self._key_help.hide()
            if not can_repaint(sys.stdout):  # where prompt-toolkit does not show the draft
                self._session.message = self._mark + draft.text
            try:
                with catch_errors(self.report):
                    text = await self._session.prompt_async(
                        default=draft,
                        pre_run=begin,
                        set_exception_handler=False,
                        handle_sigint=False,
                    )
                    return self.pastes.unfold(text)
            except KeyboardInterrupt:
                # As in a shell: Ctrl-C clears the line, Ctrl-D quits.
                draft, self.discarded = take_draft(), True

    def remember(self, message: str) -> None:
        """Add a message that was typed ahead to the history."""
        self.history.append_string(self.pastes.refold(message))

    def report(self, error: Exception) -> None:
        """Report above the prompt what a callback or a background task has raised."""
        cause = self._redactor.redact(describe_error(error))
        run_in_terminal(lambda: report_failure(cause))

    @property
    def is_open(self) -> bool:
        """Whether the prompt is on the screen, and can be drawn again below new lines."""
        app = self._session.app
        is_hidden = app._running_in_terminal  # by the editor
        return app.is_running and not (app.is_done or is_hidden)

    def print_above(self, write: Callable[[], None]) -> None:
        """Let something print lines above the prompt, which is open.

        prompt-toolkit's `run_in_terminal` would let the terminal echo the keys typed meanwhile.
        """
        self._session.app.renderer.erase()
        write()
        self._session.app.invalidate()

    def offer(self) -> None:
        """Offer completions that were found since the last key."""
        if self.is_open and self._is_completed():
            self._session.default_buffer.start_completion(select_first=False)

    def redraw(self) -> None:
        self._session.app.invalidate()

    def _is_completed(self) -> bool:
        return is_completed(self._session.default_buffer.document.text_before_cursor)

    def _bind_keys(self) -> KeyBindings:
        keys = bind_prompt_keys(self.pastes)
        self._key_help.bind(keys, lambda: self._menu.give_rows_back())
        return keys

    def _hide_keys(self) -> None:
        if self._key_help.hide():
            self._menu.give_rows_back()

    def _toolbar(self) -> StyleAndTextTuples:
        size = self._session.output.get_size()
        shown = self._key_help.format(size.columns, size.rows - _PROMPT_AND_BAR)
        lines = "".join(f"{line}\n" for line in shown)
        return [("class:keys", lines), ("", self._format_bar(size.columns - 1))]

    def _format_bar(self, columns: int) -> str:
        mode = ""
        if self._session.editing_mode == EditingMode.VI:
            mode = f"[{self._session.app.vi_state.input_mode.value.removeprefix('vi-')}] "
        return mode + self._bar(columns - len(mode))


def choose_color_depth() -> ColorDepth | None:
    """Return how many colors to use; None for as many as the terminal has."""
    return ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None
