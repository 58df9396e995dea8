"""Answers what the agent asks in the middle of a turn: the user does, or the next line of input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

from streamchat.agent.target.interrupts import find_decision, read_answer, to_json
from streamchat.agent.target.parts import is_complete, join_answers, split_request
from streamchat.events import InputRequested
from streamchat.repl.chat import Chat
from streamchat.repl.prompt import Prompt
from streamchat.repl.questions import read_reply
from streamchat.repl.typeahead import TypeAhead
from streamchat.sessions.turns import UserAnswer
from streamchat.text.sanitize import one_line, sanitize
from streamchat.text.surrogates import has_surrogates
from streamchat.view import View
from streamchat.view.outcome import report_failure

_Action: TypeAlias = Mapping[str, Any]
_FOLLOW_UPS = {
    "edit": "arguments: ",
    "reject": "why (may be empty): ",
    "respond": "instead of the result: ",
}
"""What is asked after a decision that needs more than its name."""


class Answering(Protocol):
    """Answers what the agent asks in a turn.

    Attributes:
        problem: why there is no answer, unless it was the user who stopped the turn; else empty.
    """

    problem: str

    async def ask(self, requested: InputRequested) -> UserAnswer | None:
        """Return the answer; None stops the turn."""
        ...


class TypedAnswers:
    """Asks at a prompt; the keys typed ahead are kept meanwhile.

    Args:
        chat: its interrupts end a question, too.
        prompt: the chat's, for its keys.
        typeahead: takes the keys during the rest of the turn.
        view: leaves the terminal to the prompt.
    """

    def __init__(self, chat: Chat, prompt: Prompt, typeahead: TypeAhead, view: View) -> None:
        self.problem = ""
        self._chat = chat
        self._prompt = prompt
        self._typeahead = typeahead
        self._view = view

    async def ask(self, requested: InputRequested) -> UserAnswer | None:
        return await self._chat.interrupts.complete(self._ask(requested))

    async def _ask(self, requested: InputRequested) -> UserAnswer | None:
        with suppress(KeyboardInterrupt, EOFError):
            async with self._typeahead.pause():
                with self._view.pause():
                    if requested.actions:
                        return await self._decide_all(requested)
                    return await self._answer(requested)
        return None

    async def _decide_all(self, requested: InputRequested) -> UserAnswer:
        parts = split_request(requested)
        answers = [(await self._decide(part, label)).value for label, part in parts]
        return UserAnswer(join_answers(answers))

    async def _answer(self, requested: InputRequested) -> UserAnswer:
        while True:
            typed = await self._read("answer: ")
            if typed.strip() and (answer := self._check(requested, typed)):
                return answer

    async def _decide(self, requested: InputRequested, label: str) -> UserAnswer:
        """Return the decision about the one action of a request."""
        (action,), draft = requested.actions, ""
        while True:
            typed = await self._read(f"{label}{_join(action['decisions'])}? ", draft)
            if kind := _find_follow_up(action, typed):
                answer, draft = await self._follow_up(requested, kind), ""
            else:
                # A word is typed again faster than it is corrected.
                answer, draft = self._check(requested, typed), typed if " " in typed else ""
            if answer:
                return answer

    async def _follow_up(self, requested: InputRequested, kind: str) -> UserAnswer | None:
        """Return a decision that needs more than its name; None if the user types nothing."""
        arguments = requested.actions[0]["arguments"]
        draft = _format_arguments(arguments, self._chat.columns) if kind == "edit" else ""
        while True:
            draft = await self._read(_FOLLOW_UPS[kind], draft)
            if not draft.strip() and kind != "reject":
                return None
            if answer := self._check(requested, f"{kind}: {draft}"):
                return answer

    async def _read(self, question: str, draft: str = "") -> str:
        return await read_reply(question, draft, self._prompt)

    def _check(self, requested: InputRequested, typed: str) -> UserAnswer | None:
        """Return the answer; None, after a line that says why, if it is none."""
        try:
            return parse_answer(requested, typed)
        except ValueError as error:
            report_failure(str(error), plain=self._chat.options.plain)
            return None


class ReadAnswers:
    """Takes the next line of standard input for the answer, or a line for each call.

    Args:
        chat: has the lines.
    """

    def __init__(self, chat: Chat) -> None:
        self.problem = ""
        self._chat = chat

    async def ask(self, requested: InputRequested) -> UserAnswer | None:
        try:
            return await self._chat.interrupts.complete(self._read(requested))
        except EOFError:
            self.problem = "standard input has ended before the agent's question was answered"
        except ValueError as error:
            self.problem = f"the next line does not answer the agent's question: {error}"
        return None

    async def _read(self, requested: InputRequested) -> UserAnswer:
        """Return what the next line answers; lines that are not complete are for one call each."""
        answers: list[object] = []
        for _, part in split_request(requested):
            line = await self._read_line()
            if not answers and is_complete(line):
                return parse_answer(requested, line)
            answers.append(parse_answer(part, line).value)
        return UserAnswer(join_answers(answers))

    async def _read_line(self) -> str:
        while not (line := await self._chat.lines.read()).strip():
            pass
        return line


def parse_answer(requested: InputRequested, typed: str) -> UserAnswer:
    """Return the answer.

    Raises:
        ValueError: it is none; the message is one line that says why.
    """
    answer = read_answer(requested, typed)
    if has_surrogates(to_json(answer)):
        raise ValueError("the answer is not UTF-8 text")
    return UserAnswer(answer)


def _join(decisions: Sequence[str]) -> str:
    *others, last = decisions
    return one_line(f"{', '.join(others)} or {last}" if others else f"{last}")


def _find_follow_up(action: _Action, typed: str) -> str:
    """Return the decision that was typed, if it is one that needs more; else nothing."""
    try:
        kind = find_decision(action, typed.strip())
    except ValueError:
        return ""
    return kind if kind in _FOLLOW_UPS else ""


def _format_arguments(arguments: object, columns: int) -> str:
    """Return arguments as JSON, on several lines if they do not fit on one."""
    text = to_json(arguments)
    indent = None if len(text) + len(_FOLLOW_UPS["edit"]) < columns else 2
    return json.dumps(arguments, indent=indent, ensure_ascii=sanitize(text) != text)
