"""The user's own agent: load it anew, and see where its code failed."""

from __future__ import annotations

from streamchat.agent.target.loader import TargetLoader
from streamchat.repl.background import print_traceback, report_reload
from streamchat.repl.chat import Chat
from streamchat.repl.errors import CommandError
from streamchat.repl.registry import command
from streamchat.view.progress import show_progress


@command(
    "/reload",
    "load the agent of --agent anew",
    group="Model",
    more="Its file is imported again, with what that imports from its own folder. The "
    "conversation goes on, and /retry asks the last question again. If the agent cannot be "
    "loaded, the one there was stays.",
    with_agent=True,
)
async def reload(chat: Chat, _: str) -> None:
    loader = _get_loader(chat, "/reload")
    with show_progress("reloading", brief=True):
        source = await loader.reload()
    report_reload(chat, source)


@command(
    "/traceback",
    "show where the code of --agent's agent failed last",
    group="Model",
    more="Only the lines of your own files are shown, unless none of them is involved.",
    with_agent=True,
)
async def traceback(chat: Chat, _: str) -> None:
    _get_loader(chat, "/traceback")
    if not chat.traceback:
        raise CommandError("There is no traceback: the agent's code has not failed")
    print_traceback(chat)


def _get_loader(chat: Chat, command: str) -> TargetLoader:
    if isinstance(chat.loader, TargetLoader):
        return chat.loader
    raise CommandError(f"{command} is for an agent of your own: streamchat --agent FILE.py:NAME")
