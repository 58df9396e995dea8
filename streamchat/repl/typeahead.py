"""The keys that are pressed while an answer streams."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.document import Document
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from streamchat.repl.output import Unseen
from streamchat.repl.prompt import ESCAPE_SECONDS, Prompt, message_keys


class TypeAhead:
    """Takes the keys that are pressed while an answer streams.

    What is typed is for the next prompt; Enter queues it, to be sent when the answer is over.

    Args:
        stop: is called when the user wants the answer to stop.
        suspend: is called when the program is to be stopped, and returns when it goes on.
        changed: is called with the queue and the text whenever one of them is another.
        prompt: the one that the keys are for; what is queued goes into its history.
    """

    def __init__(
        self,
        stop: Callable[[], None],
        suspend: Callable[[], None],
        changed: Callable[[list[str], str], None],
        prompt: Prompt,
    ) -> None:
        self.queued: list[str] = []
        self._changed = changed
        self._session: PromptSession[str] = PromptSession(
            output=Unseen(sys.stdout),
            key_bindings=_keys_meanwhile(stop, suspend),
            editing_mode=prompt.mode,
            history=prompt.history,
            multiline=True,
        )
        self._session.app.ttimeoutlen = self._session.app.timeoutlen = ESCAPE_SECONDS
        self._session.default_buffer.on_text_changed += lambda _: self._tell()

    @property
    def begun(self) -> Document:
        """What was typed and not sent."""
        return self._session.default_buffer.document

    async def run(self) -> None:
        """Takes keys until it is cancelled."""
        while True:
            with suppress(EOFError):
                message = await self._session.prompt_async(
                    handle_sigint=False, pre_run=self._end_begun_key
                )
                if message.strip():
                    self.queued.append(message)
                    self._changed(self.queued, "")

    def _end_begun_key(self) -> None:
        """An Escape that came with the key that ended the prompt is still taken for a beginning."""
        app = self._session.app

        def end() -> None:
            app.key_processor.feed_multiple(app.input.flush_keys())
            app.key_processor.process_keys()

        asyncio.get_running_loop().call_later(ESCAPE_SECONDS, end)

    def _tell(self) -> None:
        self._changed(self.queued, self._session.default_buffer.text)


def _keys_meanwhile(stop: Callable[[], None], suspend: Callable[[], None]) -> KeyBindings:
    keys = message_keys()

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
        """Leaving and searching are for the prompt."""

    return keys
