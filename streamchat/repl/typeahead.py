"""Takes the keys that are typed while an answer streams."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from streamchat.repl.bindings import bind_message_keys
from streamchat.repl.output import Unseen
from streamchat.repl.pastes import Pastes
from streamchat.repl.prompt import ESCAPE_SECONDS, Prompt


class TypeAhead:
    """Reads keys for the next prompt while an answer streams. Enter queues a message.

    Args:
        stop: called when the user stops the answer.
        suspend: called on Ctrl-Z; returns when the program continues.
        changed: called with the queue and the draft when either changes.
        prompt: the prompt the keys are for.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        suspend: Callable[[], None],
        changed: Callable[[list[str], str], None],
        prompt: Prompt,
    ) -> None:
        self.queued: list[str] = []
        """The messages, whole."""
        self._labelled: list[str] = []
        """The messages as they look at the prompt."""
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self._pastes = prompt.pastes
        self._session: PromptSession[str] = PromptSession(
            output=Unseen(sys.stdout),
            key_bindings=_bind_keys(stop, suspend, prompt.pastes),
            editing_mode=prompt.mode,
            # What is queued is not history before it is sent.
            history=InMemoryHistory(prompt.history.get_strings()),
            multiline=True,
        )
        self._session.app.ttimeoutlen = self._session.app.timeoutlen = ESCAPE_SECONDS
        self._session.default_buffer.on_text_changed += lambda _: self._report()

    @property
    def draft(self) -> Document:
        """The text that was typed and not queued."""
        return self._session.default_buffer.document

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[None]:
        """Read keys in this context."""
        self._start()
        try:
            yield
        finally:
            await self._stop()  # the next prompt must have the keyboard to itself

    @asynccontextmanager
    async def pause(self) -> AsyncIterator[None]:
        """Leave the keyboard to another prompt in this context; what was typed stays."""
        await self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _stop(self) -> None:
        if task := self._task:
            self._task = None
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        draft = self.draft
        while True:
            with suppress(EOFError):
                message = await self._session.prompt_async(
                    default=draft,
                    pre_run=self._flush_escape,
                    set_exception_handler=False,
                    handle_sigint=False,
                )
                draft = Document()
                if message.strip():
                    self.queued.append(self._pastes.unfold(message))
                    self._labelled.append(self._pastes.show(message))
                    self._changed(self._labelled, "")

    def _flush_escape(self) -> None:
        """Handle an Escape that arrived with the key that ended the previous prompt.

        prompt-toolkit would go on waiting for the rest of a sequence.
        """
        app = self._session.app

        def end() -> None:
            if app.is_running:
                app.key_processor.feed_multiple(app.input.flush_keys())
                app.key_processor.process_keys()

        asyncio.get_running_loop().call_later(ESCAPE_SECONDS, end)

    def _report(self) -> None:
        if self._task:  # another prompt has the screen meanwhile
            self._changed(self._labelled, self._pastes.show(self._session.default_buffer.text))


def _bind_keys(
    stop: Callable[[], None], suspend: Callable[[], None], pastes: Pastes
) -> KeyBindings:
    keys = bind_message_keys(pastes)

    @keys.add("escape")
    @keys.add("c-c")
    def _stop(event: KeyPressEvent) -> None:
        stop()

    @keys.add("c-z")
    def _suspend(event: KeyPressEvent) -> None:
        run_in_terminal(suspend)

    @keys.add("c-d")
    @keys.add("c-r")
    @keys.add("c-s")
    def _nothing(event: KeyPressEvent) -> None:
        """Quitting and searching belong to the prompt."""

    return keys
