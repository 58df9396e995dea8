"""The keys of all prompts that end a message, edit it, or paste into it."""

from __future__ import annotations

from prompt_toolkit.filters import (
    completion_is_selected,
    emacs_mode,
    has_selection,
    is_searching,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from streamchat.repl.editor import edit_buffer
from streamchat.repl.pastes import Pastes


def bind_prompt_keys(pastes: Pastes) -> KeyBindings:
    """Return the bindings of a prompt whose text can also be edited in the editor."""
    keys = bind_message_keys(pastes)

    @keys.add("c-x", "c-e", filter=emacs_mode & ~has_selection)
    @keys.add("v", filter=vi_navigation_mode)
    def _edit(event: KeyPressEvent) -> None:
        # Enter sends the edited text, as it sends any other.
        event.app.create_background_task(edit_buffer(event.current_buffer, pastes))

    return keys


def bind_message_keys(pastes: Pastes) -> KeyBindings:
    """Return the bindings of the keys that end a message or a line of it, and of pasting."""
    keys = bind_reports()

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

    @keys.add(Keys.BracketedPaste, filter=~is_searching)
    def _paste(event: KeyPressEvent) -> None:
        text = event.data.replace("\r\n", "\n").replace("\r", "\n")
        event.current_buffer.insert_text(pastes.fold_paste(text))

    return keys


def bind_reports() -> KeyBindings:
    """Return bindings that drop reports of the mouse and of the cursor.

    The terminal is never asked for them. In typed or pasted text they are chance, such as a color
    (ESC [ 3 1 m), which prompt-toolkit takes for the mouse and fails at.
    """
    keys = KeyBindings()

    @keys.add(Keys.Vt100MouseEvent)
    @keys.add(Keys.CPRResponse)
    def _drop(event: KeyPressEvent) -> None:
        """Do nothing."""

    return keys
