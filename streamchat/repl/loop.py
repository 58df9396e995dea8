"""The loop of the chat: read a message, run the command or ask the question, repeat."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from streamchat.process.interrupts import cancel_on_termination, outlive
from streamchat.process.styles import dim
from streamchat.repl.asking import ask_question
from streamchat.repl.background import report_error, show_news
from streamchat.repl.chat import Chat, Retry
from streamchat.repl.commands import is_command
from streamchat.repl.commands.help import KEYS_WANTED, show_keys
from streamchat.repl.errors import CommandError, is_expected
from streamchat.repl.past import show_resumed
from streamchat.repl.prompt import Prompt
from streamchat.repl.registry import COMMANDS, find_command
from streamchat.repl.welcome import format_hints, format_plain_welcome, format_welcome
from streamchat.text.surrogates import has_surrogates
from streamchat.view.glyphs import choose_glyphs
from streamchat.view.outcome import report_failure, report_interrupt

_log = logging.getLogger(__name__)


class Repl:
    """Runs a chat until its input ends.

    Args:
        chat: its state.
        prompt: reads messages; None to read lines of standard input.
    """

    def __init__(self, chat: Chat, prompt: Prompt | None) -> None:
        self._chat = chat
        self._prompt = prompt

    async def run(self) -> int:
        """Return the exit code when the input ends.

        Raises:
            ModelError: the model is not available, and no user is there to choose another.
            OSError: the output is gone.
        """
        with cancel_on_termination() as received:
            try:
                await self._begin()
                while True:
                    await self._handle(await self._read())
            except EOFError:
                # A user has seen what failed; a script has only the exit code.
                return 1 if self._chat.failed and not self._chat.interactive else 0
            except asyncio.CancelledError:
                if not received:
                    raise
                return 128 + received[-1]

    async def _begin(self) -> None:
        chat = self._chat
        chat.interrupts.disarm()
        outlive(signal.SIGINT)
        if not self._prompt:
            try:
                await chat.loader.wait_until_ready()
            finally:
                show_news(chat)
            return
        self._welcome()
        chat.separate()
        if chat.conversation.session_id:
            await show_resumed(chat)
            chat.separate()

    def _welcome(self) -> None:
        chat = self._chat
        if chat.is_plain:
            chat.say(format_plain_welcome(chat.settings))
            return
        dot = choose_glyphs(sys.stdout.encoding).dot
        chat.say(format_welcome(chat.settings, chat.loader.tool_count, chat.columns, dot))
        chat.say(format_hints(chat.columns), dim)

    async def _read(self) -> str:
        """Return the next message: from the queue, the prompt or standard input.

        Raises:
            EOFError: there are no more.
        """
        chat = self._chat
        if chat.queue:
            message = chat.queue.pop(0)
            if self._prompt:
                self._prompt.remember(message)
            chat.repeat_question(message)
            return message
        if not self._prompt:
            return await chat.lines.read()
        show_news(chat)
        edit = bool(chat.retry and chat.retry.edit)
        message = await self._prompt.read(chat.take_draft, chat.loader.start, edit=edit)
        if self._prompt.discarded:
            chat.retry = None
        return message

    async def _handle(self, line: str) -> None:
        retry, self._chat.retry = self._chat.retry, None
        if text := line.strip():
            await self._handle_text(text, line, retry)
            self._chat.separate()

    async def _handle_text(self, text: str, line: str, retry: Retry | None) -> None:
        chat = self._chat
        if text == KEYS_WANTED and chat.interactive:
            show_keys(chat)
            return
        if has_surrogates(text):
            chat.failed = True
            chat.restore(line, retry)
            report_failure("the message is not UTF-8 text", plain=chat.options.plain)
            return
        try:
            if is_command(text):
                await self._run_command(text)
                await self._ask_again()
            else:
                await ask_question(chat, self._prompt, text, retry)
        except EOFError:
            raise
        except CommandError as error:
            chat.failed = chat.failed or not is_command(text)
            # A known command without arguments has nothing to correct.
            chat.restore("" if text in COMMANDS else line, retry)
            report_error(chat, error)
        except Exception as error:
            if _is_output_gone(error, text) and not chat.interactive:
                raise
            chat.failed = True
            chat.restore("" if is_command(text) else line, retry)
            report_error(chat, error)
            if chat.options.verbose and not is_expected(error):
                _log.debug("not handled", exc_info=error)

    async def _run_command(self, text: str) -> None:
        chat = self._chat
        name, argument = [*text.split(maxsplit=1), ""][:2]
        if argument in ("--help", "-h"):
            name, argument = "/help", name
        command = find_command(name)
        command.check_argument(argument)
        chat.interrupts.arm()
        task = await chat.interrupts.run(command.handler(chat, argument))
        chat.print_warnings()
        if task.cancelled():
            report_interrupt(plain=chat.options.plain)
        else:
            task.result()

    async def _ask_again(self) -> None:
        """Ask the question that /retry has left, if it has left one."""
        chat, retry = self._chat, self._chat.retry
        if retry and not retry.edit:
            chat.retry = None
            chat.repeat_question(retry.question)
            await ask_question(chat, self._prompt, retry.question, retry)


def _is_output_gone(error: Exception, text: str) -> bool:
    """Whether an error means that nobody reads the output; commands have other files to fail at."""
    kind = BrokenPipeError if is_command(text) else OSError
    return isinstance(error, kind)
