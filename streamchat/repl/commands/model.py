"""The model, its tools and its instructions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from streamchat.agent.loader import AgentLoader
from streamchat.agent.target.loader import TargetLoader
from streamchat.config import LOCAL_MODELS, PROVIDERS
from streamchat.config.checks import check_setting
from streamchat.models import check
from streamchat.models.providers import is_installed
from streamchat.repl.chat import Chat
from streamchat.repl.questions import read_secret
from streamchat.repl.registry import command
from streamchat.repl.wrapping import wrap
from streamchat.text.sanitize import one_line

_MAX_NAMES = 60
_BUILT_IN = "-"
_INDENT = "  "


def _offer_models(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    if chat.settings.agent:
        return ()
    chat.lookups.start(chat.models.list_models)
    names = dict.fromkeys([*chat.models.names, *LOCAL_MODELS])
    return [*((name, "") for name in names), *_offer_providers(chat)]


def _offer_providers(chat: Chat) -> Iterator[tuple[str, str]]:
    """Offer the beginnings of names, of providers whose packages are installed."""
    if not chat.settings.base_url:
        for each in filter(is_installed, PROVIDERS.values()):
            yield f"{each.name}:", each.package


@command(
    "/model [NAME]",
    "list the server's models, or switch to one within the conversation",
    group="Model",
    more="NAME is a model on the server, local, local-large, the path of a GGUF file, or "
    "PROVIDER:NAME, such as anthropic:claude-sonnet-5-5.",
    completer=_offer_models,
    with_agent=False,
)
async def model(chat: Chat, name: str) -> None:
    loader = chat.models
    if not name:
        await _list_models(chat, loader)
        return
    settings = replace(chat.settings, model=check_setting("/model", "model", name))
    if settings.needs_key and chat.interactive:
        typed = await read_secret("OpenAI API key: ")
        if typed is None:
            return
        key = check_setting("the key", "api_key", typed.strip())
        chat.redactor.learn(key)
        settings = replace(settings, api_key=key or None)
    check(settings)
    chat.redactor.learn(*settings.secrets)
    source = await loader.change_to(settings)
    chat.settings, chat.model_chosen = settings, True
    chat.say(f"Switched to {source.name}")


async def _list_models(chat: Chat, loader: AgentLoader) -> None:
    names = await loader.list_models()
    current = loader.name
    for name in names[:_MAX_NAMES]:
        chat.say(f"{'*' if name == current else ' '} {one_line(name)}")
    if len(names) > _MAX_NAMES:
        chat.say(f"  and {len(names) - _MAX_NAMES:,} more")
    if current not in names:
        chat.say(f"* {one_line(current)}")


@command("/tools", "list the tools", group="Model")
async def tools(chat: Chat, _: str) -> None:
    source = await chat.loader.wait_until_ready()
    if isinstance(chat.loader, TargetLoader):
        chat.say(wrap(f"{source.name}: {chat.loader.kind}", chat.columns, _INDENT))
    elif isinstance(chat.loader, AgentLoader):
        chat.loader.renew_tools()
    for tool in source.tools:
        call = f"{tool.name}({', '.join(tool.parameters)})"
        parts = (call, one_line(tool.description), f"({tool.place})" if tool.place else "")
        chat.say(wrap(_INDENT.join(filter(None, parts)), chat.columns, _INDENT))
    if not source.tools:
        chat.say("No tools")


@command(
    "/system [TEXT]",
    "show or set extra instructions for the model",
    group="Model",
    more="/system - removes them. They are saved with the session.",
    with_agent=False,
)
async def system(chat: Chat, text: str) -> None:
    _ = chat.models  # only they take instructions
    conversation = chat.conversation
    if not text:
        chat.say(conversation.system or "No extra instructions")
        return
    await conversation.set_system("" if text == _BUILT_IN else text)
    chat.say("Instructions updated" if conversation.system else "Instructions removed")
