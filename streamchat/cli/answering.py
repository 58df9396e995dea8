"""Asks on the terminal what an agent wants to know, for `ask`: a line that is typed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from streamchat.agent.target.interrupts import list_decisions, read_answer
from streamchat.agent.target.parts import join_answers, split_request
from streamchat.events import InputRequested
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.stdio import write_stderr
from streamchat.process.tty import echo_on
from streamchat.sessions.turns import UserAnswer
from streamchat.text.sanitize import SafeText, sanitize
from streamchat.view.outcome import report_failure

_LONGEST = 1 << 16
"""Bytes of a line; terminals take fewer."""


class TerminalAnswers:
    """Asks at a prompt on standard error; the view has shown the question.

    Args:
        interrupts: end a question, too.
        plain: whether the user wants words only.
    """

    def __init__(self, interrupts: InterruptHandler, *, plain: bool) -> None:
        self._interrupts = interrupts
        self._plain = plain

    @staticmethod
    def are_possible() -> bool:
        """Whether there is a terminal to ask and to type on."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    async def ask(self, requested: InputRequested) -> UserAnswer | None:
        """Return the answer; None if the user has stopped the turn."""
        with echo_on():
            task = await self._interrupts.run(self._ask(requested))
        return None if task.cancelled() else task.result()

    async def _ask(self, requested: InputRequested) -> UserAnswer | None:
        answers = []
        for label, part in split_request(requested):
            if (answer := await self._ask_part(label, part)) is None:
                # Ctrl-D ends the turn as Ctrl-C does.
                self._interrupts.interrupt(signal.SIGINT)
                return None
            answers.append(answer.value)
        return UserAnswer(join_answers(answers))

    async def _ask_part(self, label: str, requested: InputRequested) -> UserAnswer | None:
        decisions = ", ".join(list_decisions(requested))
        prompt = f"{label}your answer ({decisions}): " if decisions else "your answer: "
        while line := await _read_line(sanitize(prompt)):
            if not line.strip():
                continue
            try:
                return UserAnswer(read_answer(requested, line))
            except ValueError as error:
                report_failure(str(error), plain=self._plain)
        return None


async def _read_line(prompt: SafeText) -> str:
    """Return a typed line with its end; empty at the end of the input."""
    write_stderr(prompt, end="")
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return os.read(sys.stdin.fileno(), _LONGEST).decode(errors="replace")
