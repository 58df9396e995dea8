"""Asks whether a call may run: below its panel, answered by a key."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from streamchat.agent.source import Approval
from streamchat.config import SettingsError
from streamchat.config.approval import APPROVAL
from streamchat.config.rule_writing import format_rule, write_rule
from streamchat.config.sources import find_config_file
from streamchat.events import ApprovalRequested
from streamchat.process.threads import run_in_daemon_thread
from streamchat.repl.chat import Chat
from streamchat.repl.keyboard import STOP, WHY, Keyboard, format_json
from streamchat.view.question import Choice, KeyQuestion
from streamchat.view.requests import format_approval_request

_CHOICES = (
    Choice("y", "once"),
    Choice("a", "always in this chat", "always"),
    Choice("n", "no"),
    Choice("e", "edit"),
    STOP,
)
_YES_OR_NO = (Choice("y", "yes"), Choice("n", "no"), STOP)


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
        task = await self._chat.interrupts.run(self._ask(requested, problem))
        return None if task.cancelled() else task.result()

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
                return await self._write_rule(self._find_name(requested.name))
            case "n":
                above = format_approval_request(requested)
                return Approval(False, (await self._keyboard.read(WHY, above=above)).strip())
            case _:
                return await self._edit(requested)

    async def _write_rule(self, name: str) -> Approval | str:
        """Write a rule for the tool into the configuration file, if the user says yes."""
        path = find_config_file()
        rule = format_rule(name, "allow")
        text = f"add {rule} to [{APPROVAL}]?"
        question = KeyQuestion(text, _YES_OR_NO, detail=_shorten_home(path))
        if await self._keyboard.choose(question) == "n":
            return ""
        try:
            await run_in_daemon_thread(write_rule, path, name, "allow")
        except SettingsError as error:
            return str(error)
        return Approval(True, rule, always=True)

    def _find_name(self, tool: str) -> str:
        """Return the name of a tool in rules."""
        source = self._chat.loader.source
        return source.name_in_rules(tool) if source else tool

    async def _edit(self, requested: ApprovalRequested) -> Approval | str:
        """Let the user edit the arguments in the editor; without a change, nothing is decided."""
        unchanged = format_json(requested.arguments)
        draft = self._drafts.get(requested.call_id, unchanged)
        text = await self._keyboard.edit(draft, above=format_approval_request(requested))
        if not text.strip() or text.strip() == unchanged:
            return ""
        self._drafts[requested.call_id] = text
        try:
            arguments = json.loads(text)
        except (ValueError, RecursionError) as error:
            return f"the arguments are not valid JSON: {error}"
        if not isinstance(arguments, dict):
            return "the arguments are not a JSON object"
        return Approval(True, arguments=arguments)


def _shorten_home(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
