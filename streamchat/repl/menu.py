"""The menu of completions below the prompt: as high and as wide as the window allows."""

from __future__ import annotations

import asyncio

from prompt_toolkit import PromptSession
from prompt_toolkit.layout import Dimension, Window
from prompt_toolkit.layout.menus import CompletionsMenu

MENU_STYLES = {
    # No background: any grey is too dark for some terminals and too bright for others.
    "completion-menu": "bg:default fg:default",
    "completion-menu.completion.current": "bg:default fg:default reverse",
    "completion-menu.meta.completion": "bg:default fg:default dim",
    "completion-menu.meta.completion.current": "bg:default fg:default reverse nodim",
    "scrollbar.background": "bg:default",
    "scrollbar.button": "bg:default reverse",
}
_ROWS_ABOVE = 1
"""Rows above the prompt that even a long menu leaves on the screen: all commands fit into 24."""
_LEAST_ROWS = 4


class CompletionMenu:
    """Reserves as many rows for the menu as it has entries, and gives them back.

    prompt-toolkit reserves a fixed number, and keeps rows that were used once.
    """

    def __init__(self, session: PromptSession[str]) -> None:
        self._session = session
        self._entries = 0
        self._closing = False
        for container in session.layout.walk():
            if isinstance(container, CompletionsMenu) and isinstance(container.content, Window):
                container.content.height = Dimension(min=1)
        session.app.before_render += lambda _: self._reserve()
        session.app.after_render += lambda _: self._check()

    def give_rows_back(self) -> None:
        """Draw the prompt as high as it is now, not as it was at its highest."""
        self._closing = True
        self._session.app.invalidate()

    def _reserve(self) -> None:
        if self._closing:
            self._closing = False
            self._session.app.renderer.erase()  # otherwise the bar would stay where it is
        state = self._session.default_buffer.complete_state
        if state and state.completions:
            self._entries = len(state.completions)
        above = self._session.default_buffer.document.cursor_position_row + 1
        bar = 1
        room = self._session.output.get_size().rows - above - bar
        rows = min(self._entries, max(room - _ROWS_ABOVE, _LEAST_ROWS))
        self._session.reserve_space_for_menu = above + rows if rows else 0

    def _check(self) -> None:
        """Close the menu unless new completions are about to be looked for, as after a key."""
        if self._entries and not self._session.default_buffer.complete_state:
            asyncio.get_running_loop().call_soon(self._close)

    def _close(self) -> None:
        app = self._session.app
        if app.is_running and not self._session.default_buffer.complete_state:
            self._entries = 0
            self.give_rows_back()
