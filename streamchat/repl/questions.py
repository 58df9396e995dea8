"""Prompts for a single answer: of what the agent asks, or a key."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import textwrap

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.document import Document
from prompt_toolkit.filters import emacs_mode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.utils import get_cwidth

from streamchat.process.tty import can_repaint
from streamchat.repl.bindings import bind_prompt_keys, bind_reports
from streamchat.repl.errors import catch_errors
from streamchat.repl.output import terminal_output
from streamchat.repl.pastes import Pastes, ShowLabels
from streamchat.repl.prompt import ESCAPE_SECONDS, STYLE, Prompt, choose_color_depth

_LEAST_ROOM = 10
"""Columns beside a question for the answer to it."""


async def read_reply(
    question: str,
    draft: str,
    prompt: Prompt,
    *,
    above: str = "",
    erase: bool = False,
) -> str:
    """Return what the user types after a question, whole.

    Args:
        question: free of control characters.
        draft: the text to start with.
        prompt: the chat's, whose keys and pastes are the same.
        above: a line to stand above the question; as free of control characters.
        erase: whether nothing of the question stays on the screen.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C or Esc.
        EOFError: the user pressed Ctrl-D.
    """
    session: PromptSession[str] = PromptSession(
        output=terminal_output(),
        history=InMemoryHistory(),
        key_bindings=_bind_keys(prompt.pastes),
        editing_mode=prompt.mode,
        input_processors=[ShowLabels(prompt.pastes)],
        multiline=True,
        style=STYLE,
        color_depth=choose_color_depth(),
        include_default_pygments_style=False,
        erase_when_done=erase,
    )

    session.app.ttimeoutlen = session.app.timeoutlen = ESCAPE_SECONDS
    message: StyleAndTextTuples = [("", f"{above}\n")] if above else []
    message.append(("class:question", _lay_out(question, draft)))
    if not can_repaint(sys.stdout):  # where prompt-toolkit does not show the draft
        message.append(("", draft))
    with catch_errors(prompt.report):
        text = await session.prompt_async(
            message,
            default=Document(draft),
            set_exception_handler=False,
            handle_sigint=False,
        )
    return prompt.pastes.unfold(text)


def _bind_keys(pastes: Pastes) -> KeyBindings:
    keys = bind_prompt_keys(pastes)

    @keys.add("escape", filter=emacs_mode)
    def _stop(event: KeyPressEvent) -> None:
        """Stop the answer, as during the rest of a turn; in vi's mode the key means more."""
        event.app.exit(exception=KeyboardInterrupt)

    @keys.add("c-z")
    def _suspend(event: KeyPressEvent) -> None:
        # prompt-toolkit sends SIGTSTP, which a view handles later, when the terminal is raw again.
        run_in_terminal(lambda: os.kill(os.getpid(), signal.SIGSTOP))

    return keys


def _lay_out(question: str, draft: str) -> str:
    """Return the question, with a line end unless there is room beside it."""
    columns = shutil.get_terminal_size().columns
    # prompt-toolkit does not show a prompt that takes the whole width.
    if "\n" not in draft and get_cwidth(question + draft) + _LEAST_ROOM < columns:
        return question
    return f"{textwrap.fill(question, columns - 1)}\n"


async def read_secret(question: str) -> str | None:
    """Return what the user types without echoing it, or None if the user cancels."""
    output = terminal_output()
    # prompt-toolkit would echo the secret on a dumb terminal.
    session = PromptSession[str](output=output or DummyOutput(), key_bindings=bind_reports())
    if output is None:
        print(question, end="", flush=True)  # noqa: T201  # a REPL prints
    try:
        with catch_errors(lambda _: None):  # an error could quote the secret
            return await session.prompt_async(
                question, is_password=True, set_exception_handler=False, handle_sigint=False
            )
    except (KeyboardInterrupt, EOFError):
        return None
    finally:
        if output is None:
            print(flush=True)  # noqa: T201
