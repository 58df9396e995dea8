"""Puts the parts of a chat together."""

from __future__ import annotations

import signal
import sys

from streamchat.config import Settings
from streamchat.conversation import Stops, open_conversation
from streamchat.echo import unechoed
from streamchat.loading import Engine
from streamchat.models import check
from streamchat.repl.chat import Chat
from streamchat.repl.loop import Repl
from streamchat.runtime import prepare_output, run
from streamchat.view.choose import Look
from streamchat.view.progress import progress_on_stderr


def chat(settings: Settings, look: Look, *, tools: bool, session: str | None = None) -> int:
    """Runs the chat and returns the exit code.

    Args:
        session: the one to go on with, as `open_conversation` takes it.

    Raises:
        ModelError: the model cannot be had.
        StoreError: the session cannot be had.
        OSError: the output is gone.
    """
    prepare_output(settings)
    check(settings)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    with unechoed():
        return run(_chat(settings, look, tools=tools, session=session, interactive=interactive))


async def _chat(
    settings: Settings, look: Look, *, tools: bool, session: str | None, interactive: bool
) -> int:
    engine = Engine(settings, tools=tools, progress=None if interactive else progress_on_stderr)
    chat = Chat(
        engine=engine,
        conversation=open_conversation(settings, session),
        settings=settings,
        look=look,
        stops=Stops(signal.SIGINT, linger=interactive),
        interactive=interactive,
    )
    return await Repl(chat).run()
