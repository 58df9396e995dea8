"""The chat: read a message, do what it says, show it, and again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from prompt_toolkit.document import Document

from streamchat.config import ModelError, SettingsError
from streamchat.process.interrupts import cancel_on_termination
from streamchat.process.streams import print_error
from streamchat.process.threads import run_in_daemon_thread
from streamchat.repl.attachments import AttachmentError, attached
from streamchat.repl.chat import Chat, Retry
from streamchat.repl.commands import is_command
from streamchat.repl.completion import ChatCompleter
from streamchat.repl.errors import CommandError
from streamchat.repl.prompt import Prompt
from streamchat.repl.registry import COMMANDS, found
from streamchat.repl.typeahead import TypeAhead
from streamchat.sessions import StoreError
from streamchat.sessions.replay import format_question
from streamchat.sessions.turns import ask
from streamchat.text.sanitize import one_line
from streamchat.turn import Turn
from streamchat.view import View
from streamchat.view.choose import choose_view
from streamchat.view.formatting import format_outcome
from streamchat.view.glyphs import ASCII_GLYPHS, UNICODE_GLYPHS, takes_unicode
from streamchat.view.progress import progress_on_stderr

if TYPE_CHECKING:
    from streamchat.agent.executor import AgentExecutor


class Repl:
    """Reads questions and commands until the user leaves.

    Args:
        chat: what they are put to.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._queue: list[str] = []
        """Messages that were sent while an answer streamed."""
        self._failed = False
        self._prompt: Prompt | None = None

    async def run(self) -> int:
        """Runs until the input ends, and returns the exit code.

        Raises:
            ModelError: the model cannot be had, and nobody is there to choose another.
            OSError: the output is gone.
        """
        with cancel_on_termination() as terminated:
            try:
                await self._begin()
                while True:
                    await self._dispatch(await self._next_message())
            except EOFError:
                # Who types sees what failed; a script has only this to go by.
                return 1 if self._failed and not self._chat.interactive else 0
            except asyncio.CancelledError:
                if not terminated:
                    raise
                return 128 + terminated[-1]

    async def _begin(self) -> None:
        chat = self._chat
        chat.stops.rest()
        if chat.interactive:
            if chat.look.plain:
                os.environ["TERM"] = "dumb"  # so that prompt-toolkit moves no cursor, either
            self._prompt = Prompt(
                ChatCompleter(chat),
                self._bar,
                chat.settings.editing,
                keep=chat.settings.save,
                redactor=chat.redactor,
            )
            chat.found = self._prompt.offer
            chat.engine.changed = self._prompt.redraw
            chat.say(f"streamchat with {chat.engine.name}; /help lists the commands")
        else:
            await chat.engine.ready()
        if chat.interactive and chat.conversation.session_id:
            await chat.show_again()

    async def _next_message(self) -> str:
        if self._queue:
            message = self._queue.pop(0)
            self._chat.say(format_question(message))
            return message
        if not self._prompt:
            return await _line_of_stdin()
        begun, self._chat.begun = self._chat.begun, Document()
        again = self._chat.again
        edit = bool(again and again.edit)
        message = await self._prompt.read(begun, self._chat.engine.start, edit=edit)
        if self._prompt.fresh:
            self._chat.again = None
        return message

    async def _dispatch(self, line: str) -> None:
        text = line.strip()
        again, self._chat.again = self._chat.again, None
        if not text:
            return
        try:
            if is_command(text):
                await self._command(text)
                await self._ask_again()
            else:
                await self._ask(text, again)
        except (CommandError, AttachmentError) as error:
            # A command alone that is there can only be mended by doing something else.
            self._give_back("" if text in COMMANDS else line, again)
            print_error(f"error: {error}")
        except (ModelError, SettingsError, StoreError) as error:
            self._failed = True
            self._give_back("" if is_command(text) else line, again)
            print_error(f"error: {error}")

    async def _command(self, text: str) -> None:
        name, argument = [*text.split(maxsplit=1), ""][:2]
        command = found(name)
        self._chat.stops.arm()
        doing = await self._chat.stops.run(command.handler(self._chat, argument.strip()))
        self._print_warnings()
        if doing.cancelled():
            print_error("interrupted")
        else:
            doing.result()

    def _print_warnings(self) -> None:
        for line in self._chat.conversation.take_warnings():
            print_error(line)

    def _give_back(self, line: str, again: Retry | None) -> None:
        """Puts a line that could not be used, and what was queued, at the next prompt."""
        chat = self._chat
        chat.again = again
        texts = [line.rstrip("\n"), *self._queue, chat.begun.text]
        self._queue, chat.begun = [], Document("\n".join(filter(None, texts)))

    async def _ask_again(self) -> None:
        """Does what a command wants asked anew."""
        again = self._chat.again
        if again and not again.edit:
            self._chat.again = None
            self._chat.say(format_question(again.question))
            await self._ask(again.question, again)

    async def _ask(self, question: str, again: Retry | None = None) -> None:
        chat = self._chat
        message, files = attached(question)
        for file in files:
            chat.say(f"({one_line(file.line)})")
        view = choose_view(chat.look)
        chat.stops.arm()
        async with self._listening(view):
            executor = await self._loaded()
            if executor is None:
                print_error("interrupted")
                self._give_back(question, again)
                return
            try:
                turn = await ask(
                    chat.conversation,
                    executor,
                    question,
                    view,
                    chat.stops,
                    message=message,
                    replacing=again.instead_of if again else None,
                    verbose=chat.look.verbose,
                )
            finally:
                self._print_warnings()
        self._tell_end(turn)

    async def _loaded(self) -> AgentExecutor | None:
        """Returns the agent, or None if the user did not want to wait for it."""
        engine, stops = self._chat.engine, self._chat.stops
        if engine.executor:
            return engine.executor
        with progress_on_stderr(engine.doing or "loading"):
            waiting = await stops.run(engine.ready())
        return None if waiting.cancelled() else waiting.result()

    def _tell_end(self, turn: Turn) -> None:
        chat = self._chat
        chat.turn = turn
        if outcome := format_outcome(turn):
            print_error(outcome)
        if chat.interactive:
            chat.tell_left_out()
            chat.say("")
        self._failed = self._failed or turn.status == "failed"
        if turn.status != "done" and self._queue:
            # What was to be sent may rest on an answer that there is none of.
            self._give_back("", None)
            chat.say("(what was queued is back at the prompt)")

    @asynccontextmanager
    async def _listening(self, view: View) -> AsyncIterator[None]:
        """Within, keys are taken for the next prompt."""
        if not self._prompt:
            yield
            return
        stops = self._chat.stops
        ahead = TypeAhead(
            lambda: stops.interrupt(signal.SIGINT),
            view.suspend,
            view.show_typed,
            self._prompt,
        )
        task = asyncio.create_task(ahead.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])  # the next prompt must have the keys for itself
            self._queue += ahead.queued
            if ahead.begun.text:
                self._chat.begun = ahead.begun

    def _bar(self, columns: int) -> str:
        """Returns model, session, tokens so far, and what is being done, as far as they fit."""
        chat = self._chat
        name, id = one_line(chat.engine.name, 40), chat.conversation.session_id or "new"
        kept, tokens = chat.conversation.store, f"{chat.tokens:,} tokens"
        doing = [chat.engine.doing] if chat.engine.doing else []
        long = [name, f"session {id}" if kept else "not saved", tokens, *doing]
        short = [name[:20], id if kept else "not saved", tokens, *doing]
        dot = UNICODE_GLYPHS.dot if takes_unicode(sys.stdout.encoding) else ASCII_GLYPHS.dot
        bars = [f" {dot} ".join(parts) for parts in (long, short)]
        return next((bar for bar in bars if len(bar) <= columns), bars[-1][:columns])


async def _line_of_stdin() -> str:
    line: str = await run_in_daemon_thread(sys.stdin.readline)
    if not line:
        raise EOFError
    return line
