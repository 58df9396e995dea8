"""Puts the parts of a chat together and runs it."""

from __future__ import annotations

import signal
import sys
from functools import partial
from shlex import quote

from streamchat.agent.loaders import make_loader
from streamchat.config import APP, Settings
from streamchat.models import check
from streamchat.process.interrupts import InterruptHandler
from streamchat.process.runtime import prepare_output, run
from streamchat.process.stdio import prepare_stdin, print_error
from streamchat.process.styles import dim
from streamchat.process.tty import act_dumb, can_repaint, echo_off
from streamchat.repl.background import watch
from streamchat.repl.chat import Chat
from streamchat.repl.completion import ChatCompleter
from streamchat.repl.loop import Repl
from streamchat.repl.output import limit_session
from streamchat.repl.pastes import Pastes
from streamchat.repl.prompt import Prompt
from streamchat.repl.status import format_status
from streamchat.repl.watching import watch_files
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.opening import open_conversation, restore_model
from streamchat.text.redact import Redactor
from streamchat.view.choose import ViewOptions
from streamchat.view.progress import show_progress


def chat(
    settings: Settings,
    redactor: Redactor,
    options: ViewOptions,
    *,
    tools: bool,
    session: str | None = None,
    model_chosen: bool = False,
    watches: bool = False,
) -> int:
    """Run the chat and return the exit code.

    Args:
        settings: name the model.
        redactor: keeps secrets out of what is shown and stored.
        options: how turns are shown.
        tools: whether the agent has tools.
        session: the session to resume, as `open_conversation` takes it.
        model_chosen: whether the user chose the model, so that a resumed session does not.
        watches: whether to load the agent anew when one of its files is saved.

    Raises:
        ModelError: the model is not available.
        StoreError: the session is not available.
        OSError: the output is gone.
    """
    prepare_output(redactor)
    prepare_stdin()
    conversation = open_conversation(settings, redactor, session)
    if session is not None and not model_chosen:
        settings = restore_model(settings, conversation)
    for line in conversation.take_warnings():
        print_error(line)
    if not settings.agent:
        check(settings)
    if options.plain and sys.stdout.isatty():
        act_dumb()  # so that prompt-toolkit does not move the cursor, either
    with echo_off(), limit_session():
        chat = _build_chat(settings, redactor, options, conversation, tools=tools)
        chat.model_chosen, chat.watches = model_chosen, watches
        code = run(_run(chat))
    conversation.close()
    if settings.trace:
        # Importing it loads LangChain.
        from streamchat.agent.tracing import flush

        flush()
    return code


async def _run(chat: Chat) -> int:
    if chat.interactive:
        prompt = _open_prompt(chat)
        async with watch_files(chat, prompt):
            code = await Repl(chat, prompt).run()
    else:
        code = await Repl(chat, None).run()
    await chat.conversation.leave()
    if chat.settings.agent or chat.settings.mcp:  # they have opened what has to be closed
        await chat.loader.aclose()
    chat.print_warnings()
    if chat.interactive and code == 0:
        _say_how_to_resume(chat)
    return code


def _say_how_to_resume(chat: Chat) -> None:
    conversation = chat.conversation
    if conversation.turns and conversation.is_saved:
        named = [("--agent", each) for each in (chat.settings.agent,) if each]
        if not named:
            named = _list_tools(chat.settings)
        flags = "".join(f"{flag} {quote(each)} " for flag, each in named)
        chat.say(f"{APP} {flags}--resume {conversation.session_id}", dim)


def _list_tools(settings: Settings) -> list[tuple[str, str]]:
    """Return the flags that name the tools of a chat, so that a resumed one has them, too."""
    flags = [("--tools", each) for each in settings.tools]
    flags += [("--mcp", each.flag) for each in settings.mcp if each.flag]
    return flags + [("--mcp-config", each) for each in (settings.mcp_config,) if each]


def _build_chat(
    settings: Settings,
    redactor: Redactor,
    options: ViewOptions,
    conversation: Conversation,
    *,
    tools: bool,
) -> Chat:
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    return Chat(
        loader=make_loader(
            settings,
            redactor,
            tools=tools,
            progress=None if interactive else show_progress,
            verbose=options.verbose,
        ),
        conversation=conversation,
        settings=settings,
        redactor=redactor,
        options=options,
        interrupts=InterruptHandler(signal.SIGINT, linger=interactive),
        interactive=interactive,
        pastes=Pastes(fold=can_repaint(sys.stdout)),
    )


def _open_prompt(chat: Chat) -> Prompt:
    prompt = Prompt(
        ChatCompleter(chat),
        partial(format_status, chat),
        chat.settings.editing,
        save=chat.settings.save,
        redactor=chat.redactor,
        pastes=chat.pastes,
        warn=chat.conversation.warn,
    )
    chat.lookups.finished = prompt.offer
    watch(chat, prompt)
    return prompt
