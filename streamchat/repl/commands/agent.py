"""The user's own code: load it anew, and see where it failed."""

from __future__ import annotations

from streamchat.agent.reloading import CodeLoader
from streamchat.agent.source import Source
from streamchat.repl.background import print_traceback, report_reload
from streamchat.repl.chat import Chat
from streamchat.repl.errors import CommandError
from streamchat.repl.registry import command
from streamchat.view.progress import show_progress


@command(
    "/reload",
    "load the code of --agent or --tools anew",
    group="Model",
    more="Its files are imported again, with what they import from their own folders. The "
    "conversation goes on, and /retry asks the last question again. If the code cannot be "
    "loaded, what there was stays.",
    with_agent=True,
)
async def reload(chat: Chat, _: str) -> None:
    loader = _get_loader(chat, "/reload")
    with show_progress("reloading", brief=True):
        await loader.reload()
    report_reload(chat, loader)


@command(
    "/traceback",
    "show where the code of --agent or --tools failed last",
    group="Model",
    more="Only the lines of your own files are shown, unless none of them is involved.",
    with_agent=True,
)
async def traceback(chat: Chat, _: str) -> None:
    _get_loader(chat, "/traceback")
    if not chat.traceback:
        raise CommandError("There is no traceback: your code has not failed")
    print_traceback(chat)


def _get_loader(chat: Chat, command: str) -> CodeLoader[Source]:
    if isinstance(chat.loader, CodeLoader) and chat.loader.relay:
        return chat.loader
    raise CommandError(
        f"{command} is for code of your own: streamchat --agent FILE.py:NAME or --tools FILE.py"
    )
