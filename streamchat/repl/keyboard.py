"""Questions in the middle of a turn: a key answers them, or a line that is typed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from streamchat.process.threads import run_in_daemon_thread
from streamchat.process.tty import echo_on
from streamchat.repl.chat import Chat
from streamchat.repl.editor import edit
from streamchat.repl.prompt import Prompt
from streamchat.repl.questions import read_reply
from streamchat.repl.typeahead import TypeAhead
from streamchat.text.sanitize import one_line, sanitize
from streamchat.view import View
from streamchat.view.outcome import report_failure
from streamchat.view.question import Choice, KeyQuestion

ONCE, ALWAYS = Choice("y", "once"), Choice("a", "always in this chat", "always")
NO, EDIT = Choice("n", "no"), Choice("e", "edit")
STOP = Choice("Esc", "stop")
_FILE = "arguments.json"
WHY = "why (may be empty): "


class Keyboard:
    """Asks the user while a turn is shown.

    Args:
        chat: knows how wide a line may be.
        prompt: the chat's, for the keys of a line that is typed.
        typeahead: takes the keys during the rest of the turn.
        view: shows the questions.
    """

    def __init__(self, chat: Chat, prompt: Prompt, typeahead: TypeAhead, view: View) -> None:
        self._chat = chat
        self._prompt = prompt
        self._typeahead = typeahead
        self._view = view

    async def choose(self, question: KeyQuestion, more: Sequence[str] = ()) -> str:
        """Return the key that the user presses; Esc and Ctrl-C stop the turn instead.

        Args:
            question: shown as long as it is open.
            more: keys that it does not show.
        """
        keys = [each.key for each in question.choices if each is not STOP]
        show = partial(self._view.show_question, question)
        try:
            return await self._typeahead.choose([*keys, *more], show)
        finally:
            self._view.show_question(None)

    async def read(self, label: str, *, above: str) -> str:
        """Return a line that the user types.

        Args:
            label: stands before it.
            above: what it is about, on a line above.

        Raises:
            KeyboardInterrupt: the user pressed Ctrl-C or Esc.
            EOFError: the user pressed Ctrl-D.
        """
        async with self._leave_terminal():
            return await self._read(label, "", above)

    async def edit(self, arguments: object, *, above: str, draft: str = "") -> str:
        """Return arguments as the user leaves them in the editor, or at a prompt if that fails.

        Args:
            arguments: what is edited.
            above: what it is about, on a line above.
            draft: what the user has made of the arguments before, to begin with.

        Returns:
            What was left there, or nothing if that is empty or says what the arguments were.

        Raises:
            KeyboardInterrupt, EOFError: as from `read`.
        """
        unchanged = _format_json(arguments)
        text = await self._edit(draft or unchanged, above)
        return "" if text.strip() in ("", unchanged) else text

    async def _edit(self, draft: str, above: str) -> str:
        async with self._leave_terminal():
            with echo_on():
                text, problem = await run_in_daemon_thread(edit, draft, _FILE)
            if not problem:
                return text
            report_failure(problem, plain=self._chat.options.plain)
            return await self._read("arguments: ", text, above)

    @asynccontextmanager
    async def _leave_terminal(self) -> AsyncIterator[None]:
        """Leave the terminal to somebody else in this context."""
        async with self._typeahead.pause():
            with self._view.pause():
                yield

    async def _read(self, label: str, draft: str, above: str) -> str:
        line = one_line(above, max(self._chat.columns - 1, 1))
        return await read_reply(label, draft, self._prompt, above=line, erase=True)


def _format_json(arguments: object) -> str:
    """Return arguments as they are edited; what a screen would not show is escaped."""
    text = json.dumps(arguments, ensure_ascii=False)
    return json.dumps(arguments, indent=2, ensure_ascii=sanitize(text) != text)
