"""Asks whether a call may run: below its panel, answered by a key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from streamchat.agent.source import Approval
from streamchat.config import SettingsError
from streamchat.config.approval import APPROVAL
from streamchat.config.rule_writing import format_rule, write_rule
from streamchat.config.sources import find_config_file
from streamchat.events import ApprovalRequested
from streamchat.process.threads import run_in_daemon_thread
from streamchat.repl.chat import Chat
from streamchat.repl.prompt import Prompt
from streamchat.repl.questions import read_reply
from streamchat.repl.typeahead import TypeAhead
from streamchat.text.sanitize import one_line, sanitize
from streamchat.view import View
from streamchat.view.question import Choice, KeyQuestion
from streamchat.view.requests import format_approval_request

_STOP = Choice("Esc", "stop")
_CHOICES = (
    Choice("y", "once"),
    Choice("a", "always in this chat", "always"),
    Choice("n", "no"),
    Choice("e", "edit"),
    _STOP,
)
_YES_OR_NO = (Choice("y", "yes"), Choice("n", "no"), _STOP)
_WHY = "why (may be empty): "


class KeyApprovals:
    """Asks the user with a question of one key.

    Args:
        chat: its interrupts end a question that nothing else is shown beside.
        prompt: the chat's, for the keys of a line that is typed.
        typeahead: takes the keys.
        view: shows the question.
    """

    def __init__(self, chat: Chat, prompt: Prompt, typeahead: TypeAhead, view: View) -> None:
        self._chat = chat
        self._prompt = prompt
        self._typeahead = typeahead
        self._view = view
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
                key = await self._choose(KeyQuestion(text, _CHOICES, problem, counted=True), "A")
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
                return await self._write_rule(requested.name)
            case "n":
                return Approval(False, (await self._read(requested, _WHY)).strip())
            case _:
                return await self._edit(requested)

    async def _write_rule(self, name: str) -> Approval | str:
        """Write a rule for the tool into the configuration file, if the user says yes."""
        path, rule = find_config_file(), format_rule(name, "allow")
        text = f"add {rule} to [{APPROVAL}]?"
        if await self._choose(KeyQuestion(text, _YES_OR_NO, detail=_shorten_home(path))) == "n":
            return ""
        try:
            await run_in_daemon_thread(write_rule, path, name, "allow")
        except SettingsError as error:
            return str(error)
        return Approval(True, rule, always=True)

    async def _edit(self, requested: ApprovalRequested) -> Approval | str:
        """Let the user edit the arguments in the editor; without a change, nothing is decided."""
        unchanged = _format_arguments(requested)
        draft = self._drafts.get(requested.call_id, unchanged)
        text = await self._read(requested, "arguments: ", draft, in_editor=True)
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

    async def _choose(self, question: KeyQuestion, more: Sequence[str] = ()) -> str:
        """Return the key that the user presses.

        Args:
            question: shown as long as it is open.
            more: keys that it does not show.
        """
        keys = [each.key for each in question.choices if each is not _STOP]
        try:
            return await self._typeahead.choose(
                [*keys, *more], partial(self._view.show_question, question)
            )
        finally:
            self._view.show_question(None)

    async def _read(
        self, requested: ApprovalRequested, label: str, draft: str = "", *, in_editor: bool = False
    ) -> str:
        """Return a line that the user types; the call stands above it."""
        asked = one_line(format_approval_request(requested), max(self._chat.columns - 1, 1))
        async with self._typeahead.pause():
            with self._view.pause():
                return await read_reply(
                    label, draft, self._prompt, above=asked, erase=True, in_editor=in_editor
                )


def _format_arguments(requested: ApprovalRequested) -> str:
    text = json.dumps(requested.arguments, ensure_ascii=False)
    return json.dumps(requested.arguments, indent=2, ensure_ascii=sanitize(text) != text)


def _shorten_home(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
