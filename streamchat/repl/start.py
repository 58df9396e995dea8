"""Puts the parts of a chat together."""

from __future__ import annotations

import signal
import sys

from streamchat.agent.loader import AgentLoader
from streamchat.config import Settings
from streamchat.models import check
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.runtime import prepare_output, run
from streamchat.process.streams import print_error
from streamchat.process.tty import echo_off
from streamchat.repl.chat import Chat
from streamchat.repl.loop import Repl
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.opening import open_conversation
from streamchat.text.redact import Redactor
from streamchat.view.choose import ViewOptions
from streamchat.view.progress import progress_on_stderr


def chat(
    settings: Settings,
    redactor: Redactor,
    look: ViewOptions,
    *,
    tools: bool,
    session: str | None = None,
) -> int:
    """Runs the chat and returns the exit code.

    Args:
        session: the one to go on with, as `open_conversation` takes it.

    Raises:
        ModelError: the model cannot be had.
        StoreError: the session cannot be had.
        OSError: the output is gone.
    """
    prepare_output(redactor)
    check(settings)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    conversation = open_conversation(settings, redactor, session)
    for line in conversation.take_warnings():
        print_error(line)
    with echo_off():
        code = run(
            _chat(settings, redactor, look, conversation, tools=tools, interactive=interactive)
        )
    conversation.close()
    if settings.trace:
        # It brings LangChain.
        from streamchat.agent.tracing import flush

        flush()
    return code


async def _chat(
    settings: Settings,
    redactor: Redactor,
    look: ViewOptions,
    conversation: Conversation,
    *,
    tools: bool,
    interactive: bool,
) -> int:
    progress = None if interactive else progress_on_stderr
    engine = AgentLoader(settings, redactor, tools=tools, progress=progress)
    chat = Chat(
        engine=engine,
        conversation=conversation,
        settings=settings,
        redactor=redactor,
        look=look,
        stops=InterruptHandler(signal.SIGINT, linger=interactive),
        interactive=interactive,
    )
    return await Repl(chat).run()
