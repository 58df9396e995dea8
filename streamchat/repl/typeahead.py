"""Takes the keys that are typed while an answer streams, and those that answer a question."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from time import monotonic

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from streamchat.repl.bindings import bind_message_keys
from streamchat.repl.output import Unseen
from streamchat.repl.prompt import ESCAPE_SECONDS, Prompt

PAUSE = 0.3
"""Seconds without a key after which the user may be asked for one."""
_SOON = 0.02
"""Seconds between two looks whether a question can be asked."""


class TypeAhead:
    """Reads keys for the next prompt while an answer streams. Enter queues a message.

    Args:
        stop: called when the user stops the answer.
        escape: called when the user presses Esc, unless that answers a question.
        suspend: called on Ctrl-Z; returns when the program continues.
        changed: called with the queue and the draft when either changes.
        prompt: the prompt the keys are for.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        escape: Callable[[], None],
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
        self._choice: asyncio.Future[str] | None = None
        """The key that the user is asked for."""
        self._keys: Collection[str] = ()
        self._typed_at = 0.0
        self._stop_turn, self._escape, self._suspend = stop, escape, suspend
        self._pastes = prompt.pastes
        self._session: PromptSession[str] = PromptSession(
            output=Unseen(sys.stdout),
            key_bindings=self._bind_keys(),
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

    async def choose(self, keys: Collection[str], show: Callable[[], bool]) -> str:
        """Return which of these keys the user presses; the other keys do nothing meanwhile.

        What is typed before the question is on the screen is text for the next prompt, and so is
        what belongs to it: nobody is asked in the middle of a word.

        Args:
            keys: the characters that are an answer.
            show: shows the question; returns whether the terminal shows it already.
        """
        while True:
            if self._is_idle() and show() and not self._take_typed():
                break
            await asyncio.sleep(_SOON)
        choice: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._choice, self._keys = choice, keys
        try:
            return await choice
        finally:
            self._choice = None

    def _is_idle(self) -> bool:
        """Whether keys are read, and the user has not typed for a moment."""
        app = self._session.app
        is_typing = self._take_typed() or monotonic() < self._typed_at + PAUSE
        return app.is_running and not (app.is_done or is_typing)

    def _take_typed(self) -> bool:
        """Take the keys that have been pressed so far; return whether there are any."""
        app, taken = self._session.app, False
        while app.is_running and (keys := app.input.read_keys()):
            taken = True
            app.key_processor.feed_multiple(keys)
            app.key_processor.process_keys()
        if taken:
            self._flush_escape()
        return taken

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
                self._typed_at = monotonic()
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
        self._typed_at = monotonic()
        if self._task:  # another prompt has the screen meanwhile
            self._changed(self._labelled, self._pastes.show(self._session.default_buffer.text))

    def _bind_keys(self) -> KeyBindings:
        keys = bind_message_keys(self._pastes)

        @keys.add("escape")
        def _escape(event: KeyPressEvent) -> None:
            self._escape()

        @keys.add("c-c")
        def _stop(event: KeyPressEvent) -> None:
            self._stop_turn()

        @keys.add("c-z")
        def _suspend(event: KeyPressEvent) -> None:
            run_in_terminal(self._suspend)

        @keys.add("c-d")
        @keys.add("c-r")
        @keys.add("c-s")
        def _nothing(event: KeyPressEvent) -> None:
            """Quitting and searching belong to the prompt."""

        self._bind_choice(keys)
        return keys

    def _bind_choice(self, keys: KeyBindings) -> None:
        """Bind the keys while the user is asked for one: they come before all others."""
        is_asked = Condition(lambda: self._choice is not None)

        @keys.add("escape", filter=is_asked, eager=True)
        @keys.add("c-c", filter=is_asked, eager=True)
        def _stop(event: KeyPressEvent) -> None:
            self._stop_turn()

        @keys.add("c-z", filter=is_asked, eager=True)
        def _suspend(event: KeyPressEvent) -> None:
            run_in_terminal(self._suspend)

        @keys.add(Keys.BracketedPaste, filter=is_asked, eager=True)
        def _paste(event: KeyPressEvent) -> None:
            """Drop it: who pastes does not see where it goes."""

        @keys.add(Keys.Any, filter=is_asked, eager=True)
        def _choose(event: KeyPressEvent) -> None:
            if self._choice and not self._choice.done() and event.data in self._keys:
                self._typed_at = monotonic()
                self._choice.set_result(event.data)
