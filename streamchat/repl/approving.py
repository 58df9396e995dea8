"""Asks whether a call may run: below its panel, answered by a key."""

from __future__ import annotations

from contextlib import suppress

from streamchat.agent.edited import read_edit
from streamchat.agent.source import Approval
from streamchat.config import SettingsError
from streamchat.events import ApprovalRequested
from streamchat.repl.chat import Chat
from streamchat.repl.keyboard import ALWAYS, EDIT, NO, ONCE, STOP, WHY, Keyboard
from streamchat.repl.rules import offer_rule
from streamchat.view.question import KeyQuestion
from streamchat.view.requests import format_approval_request

_CHOICES = (ONCE, ALWAYS, NO, EDIT, STOP)


class KeyApprovals:
    """Asks the user with a question of one key.

    Args:
        chat: its interrupts end a question that nothing else is shown beside.
        keyboard: has the keys.
    """

    def __init__(self, chat: Chat, keyboard: Keyboard) -> None:
        self._chat = chat
        self._keyboard = keyboard
        self._drafts: dict[str, str] = {}
        """The arguments as they were edited last, by the IDs of their calls."""

    @property
    def pauses(self) -> bool:
        return self._chat.is_plain

    async def approve(self, requested: ApprovalRequested, problem: str) -> Approval | None:
        if not self.pauses:
            return await self._ask(requested, problem)
        return await self._chat.interrupts.complete(self._ask(requested, problem))

    async def _ask(self, requested: ApprovalRequested, problem: str) -> Approval | None:
        # What is not looked at on a screen has said it already.
        text = "" if self.pauses else format_approval_request(requested)
        with suppress(KeyboardInterrupt, EOFError):
            while True:
                question = KeyQuestion(text, _CHOICES, problem, counted=True)
                key = await self._keyboard.choose(question, "A")
                answer = await self._follow(key, requested)
                if isinstance(answer, Approval):
                    return answer
                problem = answer
        return None

    async def _follow(self, key: str, requested: ApprovalRequested) -> Approval | str:
        """Return the decision that a key stands for, or why there is none; may be empty."""
        match key:
            case "y":
                return Approval(True)
            case "a":
                return Approval(True, always=True)
            case "A":
                return await self._offer_rule(requested)
            case "n":
                above = format_approval_request(requested)
                return Approval(False, (await self._keyboard.read(WHY, above=above)).strip())
            case _:
                return await self._edit(requested)

    async def _offer_rule(self, requested: ApprovalRequested) -> Approval | str:
        try:
            rule = await offer_rule(requested.name, self._chat, self._keyboard)
        except SettingsError as error:
            return str(error)
        return Approval(True, rule, always=True) if rule else ""

    async def _edit(self, requested: ApprovalRequested) -> Approval | str:
        """Let the user edit the arguments in the editor; without a change, nothing is decided."""
        draft = self._drafts.get(requested.call_id, "")
        above = format_approval_request(requested)
        text = await self._keyboard.edit(requested.arguments, above=above, draft=draft)
        if not text:
            return ""
        self._drafts[requested.call_id] = text
        try:
            return read_edit(text)
        except ValueError as error:
            return str(error)
