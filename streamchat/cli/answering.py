"""Asks on the terminal what an agent wants to know, or to run, for `ask`: a line is typed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from streamchat.agent.edited import read_edit
from streamchat.agent.source import Approval
from streamchat.agent.target.interrupts import list_decisions, read_answer
from streamchat.agent.target.parts import join_answers, split_request
from streamchat.events import ApprovalRequested, InputRequested
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.stdio import write_stderr
from streamchat.process.tty import echo_on
from streamchat.sessions.turns import UserAnswer
from streamchat.text.sanitize import SafeText, one_line, sanitize
from streamchat.view.outcome import report_failure
from streamchat.view.requests import format_approval_request

_LONGEST = 1 << 16
"""Bytes of a line; terminals take fewer."""
_LONGEST_QUESTION = 10_000
_CHOICES = "[y/a/n/e, or n REASON]"
_HINT = "type y to run it, a to run it always, n or n REASON to refuse it, e to edit its arguments"


class TerminalAnswers:
    """Asks at a prompt on standard error; the view has shown the question.

    Args:
        interrupts: end a question, too.
        plain: whether the user wants words only.
        is_stated: whether the user has seen already which call is asked about.
    """

    pauses = True

    def __init__(
        self, interrupts: InterruptHandler, *, plain: bool, is_stated: bool = False
    ) -> None:
        self._interrupts = interrupts
        self._plain = plain
        self._is_stated = is_stated

    @staticmethod
    def are_possible() -> bool:
        """Whether there is a terminal to ask and to type on."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    async def ask(self, requested: InputRequested) -> UserAnswer | None:
        """Return the answer; None if the user has stopped the turn."""
        with echo_on():
            return await self._interrupts.complete(self._ask(requested))

    async def approve(self, requested: ApprovalRequested, problem: str) -> Approval | None:
        """Return the decision about a call; None if the user has stopped the turn."""
        with echo_on():
            return await self._interrupts.complete(self._approve(requested, problem))

    async def _approve(self, requested: ApprovalRequested, problem: str) -> Approval | None:
        call = one_line(format_approval_request(requested), _LONGEST_QUESTION)
        question = f"{_CHOICES} " if self._is_stated else f"{call} {_CHOICES} "
        while True:
            if problem:
                report_failure(problem, plain=self._plain)
            if not (line := await _read_line(sanitize(question))):
                # Ctrl-D ends the turn as Ctrl-C does.
                self._interrupts.interrupt(signal.SIGINT)
                return None
            try:
                return read_approval(line.strip()) or await self._edit()
            except ValueError as error:
                problem = str(error)

    async def _edit(self) -> Approval:
        return read_edit(await _read_line(sanitize("arguments as JSON: ")))

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


def read_approval(text: str) -> Approval | None:
    """Return the decision that a user has typed; None to edit the arguments first.

    Raises:
        ValueError: it is none; the message is a hint of one line.
    """
    word, _, rest = text.partition(" ")
    match word.lower():
        case "y" | "yes" if not rest:
            return Approval(True)
        case "a" | "always" if not rest:
            return Approval(True, always=True)
        case "n" | "no":
            return Approval(False, rest.strip())
        case "e" | "edit":
            return read_edit(rest) if rest.strip() else None
        case _:
            raise ValueError(_HINT)


async def _read_line(prompt: SafeText) -> str:
    """Return a typed line with its end; empty at the end of the input."""
    write_stderr(prompt, end="")
    line = ""
    try:
        line = await _wait_for_line()
    finally:
        if not line.endswith("\n"):  # after Ctrl-C and Ctrl-D the cursor is beside the prompt
            write_stderr(sanitize(""))
    return line


async def _wait_for_line() -> str:
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return os.read(sys.stdin.fileno(), _LONGEST).decode(errors="replace")
