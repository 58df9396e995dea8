"""Prompts for a single answer: of what the agent asks, or a key."""

from __future__ import annotations

import sys

from prompt_toolkit import PromptSession
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.output import DummyOutput

from streamchat.process.tty import can_repaint
from streamchat.repl.errors import catch_errors
from streamchat.repl.output import terminal_output
from streamchat.repl.pastes import ShowLabels
from streamchat.repl.prompt import (
    ESCAPE_SECONDS,
    STYLE,
    Prompt,
    bind_prompt_keys,
    bind_reports,
    choose_color_depth,
)


async def read_reply(question: str, draft: str, prompt: Prompt) -> str:
    """Return what the user types after a question, whole.

    Args:
        question: free of control characters.
        draft: the text to start with.
        prompt: the chat's, whose keys and pastes are the same.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C.
        EOFError: the user pressed Ctrl-D.
    """
    session: PromptSession[str] = PromptSession(
        output=terminal_output(),
        history=InMemoryHistory(),
        key_bindings=bind_prompt_keys(prompt.pastes),
        editing_mode=prompt.mode,
        input_processors=[ShowLabels(prompt.pastes)],
        multiline=True,
        style=STYLE,
        color_depth=choose_color_depth(),
        include_default_pygments_style=False,
        enable_suspend=True,
    )
    session.app.ttimeoutlen = ESCAPE_SECONDS
    # On a dumb terminal, prompt-toolkit does not show the draft.
    shown = question if can_repaint(sys.stdout) else question + draft
    message: StyleAndTextTuples = [("class:question", shown)]
    with catch_errors(prompt.report):
        text = await session.prompt_async(
            message, default=Document(draft), set_exception_handler=False, handle_sigint=False
        )
    return prompt.pastes.unfold(text)


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
