"""Who answers, and what it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from streamchat.config import LOCAL_MODELS
from streamchat.config.checks import check_setting
from streamchat.models import check
from streamchat.repl.chat import Chat
from streamchat.repl.prompt import ask_unseen
from streamchat.repl.registry import command
from streamchat.text.sanitize import one_line

_MOST_NAMES = 60
_BUILT_IN = "-"


def _models(chat: Chat, begun: str) -> Iterable[tuple[str, str]]:
    chat.look_up(chat.engine.model_names)
    return [(name, "") for name in dict.fromkeys([*chat.engine.names, *LOCAL_MODELS])]


@command(
    "/model [NAME]",
    "list the server's models, or change to one and keep the conversation",
    more="A name on the server, local, local-large, or the path of a GGUF file.",
    completer=_models,
)
async def model(chat: Chat, name: str) -> None:
    """Lists the models, or takes another."""
    if not name:
        await _list(chat)
        return
    settings = replace(chat.settings, model=check_setting("/model", "model", name))
    if settings.needs_key and chat.interactive:
        typed = await ask_unseen("OpenAI API key: ")
        if typed is None:
            return
        key = check_setting("the key", "api_key", typed.strip())
        chat.redactor.learn(key)
        settings = replace(settings, api_key=key or None)
    check(settings)
    # Loading takes a while, and signals are heard of in the loop.
    executor = await chat.engine.change_to(settings)
    chat.settings = settings
    chat.say(f"from now on {executor.model_name}")


async def _list(chat: Chat) -> None:
    names = await chat.engine.model_names()
    current = chat.engine.name
    for name in names[:_MOST_NAMES]:
        chat.say(f"{'*' if name == current else ' '} {one_line(name)}")
    if len(names) > _MOST_NAMES:
        chat.say(f"  and {len(names) - _MOST_NAMES:,} more")
    if current not in names:
        chat.say(f"* {one_line(current)}")


@command("/tools", "list the tools")
async def tools(chat: Chat, _: str) -> None:
    """Lists the tools."""
    executor = await chat.engine.ready()
    for tool in executor.tools:
        chat.say(f"{tool.name}({', '.join(tool.args)})  {one_line(tool.description)}")
    if not executor.tools:
        chat.say("none")


@command(
    "/system [TEXT]",
    "show or set what the model is told besides the built-in instructions",
    more="/system - takes it back. It is kept with the session.",
)
async def system(chat: Chat, text: str) -> None:
    """Shows or sets the instructions."""
    conversation = chat.conversation
    if not text:
        chat.say(conversation.system or "nothing")
        return
    conversation.system = "" if text == _BUILT_IN else text
    if conversation.session_id and conversation.store:
        kept = chat.redactor.redact(conversation.system)
        await chat.in_store(chat.store.set_system, conversation.session_id, kept)
    chat.say("the model is told so from now on" if conversation.system else "taken back")
