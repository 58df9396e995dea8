"""Makes a rule of the user's decision about a call."""

from __future__ import annotations

from pathlib import Path

from streamchat.config.approval import APPROVAL
from streamchat.config.rule_writing import format_rule, write_rule
from streamchat.config.sources import find_config_file
from streamchat.process.threads import run_in_daemon_thread
from streamchat.repl.chat import Chat
from streamchat.repl.keyboard import NO, STOP, Keyboard
from streamchat.view.question import Choice, KeyQuestion

_YES_OR_NO = (Choice("y", "yes"), NO, STOP)


async def offer_rule(tool: str, chat: Chat, keyboard: Keyboard) -> str:
    """Write a rule that allows a tool into the configuration file, if the user says yes.

    Returns:
        The line of the rule, or nothing if the user says no.

    Raises:
        SettingsError: it cannot be written; the message is one line.
    """
    source, path = chat.loader.source, find_config_file()
    name = source.name_in_rules(tool) if source else tool
    rule = format_rule(name, "allow")
    # The rule is the detail: it is never cut off, and a server's tool may have a long name.
    detail = f"{rule} in {_shorten_home(path)}"
    question = KeyQuestion(f"add this line to [{APPROVAL}]?", _YES_OR_NO, detail=detail)
    if await keyboard.choose(question) == "n":
        return ""
    await run_in_daemon_thread(write_rule, path, name, "allow")
    return rule


def _shorten_home(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
