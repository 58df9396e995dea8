"""Asks about an agent's calls with a key each, in the way in which `approving` does."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain

from streamchat.agent.target.parts import join_answers, split_request
from streamchat.config import SettingsError
from streamchat.events import InputRequested
from streamchat.repl.answering import TypedAnswers, parse_answer
from streamchat.repl.chat import Chat
from streamchat.repl.keyboard import ALWAYS, EDIT, NO, ONCE, STOP, WHY, Keyboard
from streamchat.repl.prompt import Prompt
from streamchat.repl.rules import offer_rule
from streamchat.repl.typeahead import TypeAhead
from streamchat.sessions.turns import UserAnswer
from streamchat.text.sanitize import one_line
from streamchat.view import View
from streamchat.view.formatting import format_call
from streamchat.view.question import Choice, KeyQuestion

_KEYS = {
    "approve": (ONCE, ALWAYS),
    "reject": (NO,),
    "edit": (EDIT,),
    "respond": (Choice("r", "respond"),),
}
"""The keys for each decision that an agent may allow."""
_APPROVE = "approve"
_MAX_NAME = 60


class KeyAnswers(TypedAnswers):
    """Asks with a key about calls, and at a prompt for all else.

    Args:
        chat: its interrupts end a question, too.
        prompt: the chat's, for its keys.
        typeahead: takes the keys during the rest of the turn.
        view: leaves the terminal to the prompt.
        keyboard: asks for the keys.
    """

    def __init__(
        self, chat: Chat, prompt: Prompt, typeahead: TypeAhead, view: View, keyboard: Keyboard
    ) -> None:
        super().__init__(chat, prompt, typeahead, view)
        self._keyboard = keyboard
        self._allowed: set[str] = set()
        """The tools that the user has allowed in answering the current request."""

    async def _ask(self, requested: InputRequested) -> UserAnswer | None:
        if not requested.actions:
            return await super()._ask(requested)
        parts = [part for _, part in split_request(requested)]
        answers = []
        self._allowed.clear()  # from the next request on, rules know
        with suppress(KeyboardInterrupt, EOFError):
            for number, part in enumerate(parts, 1):
                if part.actions[0]["name"] in self._allowed:
                    answers.append(parse_answer(part, _APPROVE).value)
                    continue
                position = f"{number} of {len(parts)}: " if len(parts) > 1 else ""
                answers.append((await self._choose(part, position)).value)
            return UserAnswer(join_answers(answers))
        return None

    async def _choose(self, requested: InputRequested, position: str) -> UserAnswer:
        """Return the decision about the one action of a request."""
        (action,), problem = requested.actions, ""
        text = f"{position}run {one_line(str(action['name']), _MAX_NAME)}?"
        allowed = [keys for kind, keys in _KEYS.items() if kind in action["decisions"]]
        choices = [*chain(*allowed), STOP]
        while True:
            more = "A" * (ALWAYS in choices)
            key = await self._keyboard.choose(KeyQuestion(text, choices, problem), more)
            problem = ""
            try:
                if typed := await self._follow(key, requested):
                    return parse_answer(requested, typed)
            except (ValueError, SettingsError) as error:
                problem = str(error)

    async def _follow(self, key: str, requested: InputRequested) -> str:
        """Return the decision that a key stands for as it would be typed; empty for none."""
        (action,) = requested.actions
        name = str(action["name"])
        call = format_call(name, action["arguments"])
        match key:
            case "y":
                return _APPROVE
            case "a":
                return self._allow(name)
            case "A":
                is_written = await offer_rule(name, self._chat, self._keyboard)
                return self._allow(name) if is_written else ""
            case "n":
                return f"reject: {await self._keyboard.read(WHY, above=call)}"
            case "r":
                text = await self._keyboard.read("instead of the result: ", above=call)
                return f"respond: {text}" if text.strip() else ""
            case _:
                text = await self._keyboard.edit(action["arguments"], above=call)
                return f"edit: {text}" if text else ""

    def _allow(self, tool: str) -> str:
        """Let a tool run from now on, and return the decision about its call."""
        self._allowed.add(tool)
        if source := self._chat.loader.source:
            source.allow(tool)
        return _APPROVE
