"""Opens the conversation that the settings and the command line ask for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING

from streamchat.agent.target.name import Target, is_agent, parse_target
from streamchat.config import LOCAL_MODELS, Settings
from streamchat.sessions import StoreError
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.recorder import Recorder
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    # Without a store there is no need for SQLite.
    from streamchat.sessions.store import Store

LAST = ""
"""Names the last session. No ID starts with an empty string, so it is free."""


def open_conversation(
    settings: Settings, redactor: Redactor, session: str | None = None
) -> Conversation:
    """Return a new conversation, or resume a session.

    A conversation that cannot be saved works all the same: `take_warnings` says why.

    Args:
        settings: say whether to save it, and give the instructions and the history budget.
        redactor: keeps secrets out of what is stored.
        session: the session to resume: an ID, an ID prefix or `LAST`.

    Raises:
        StoreError: the session to resume does not exist or cannot be read.
    """
    warnings: list[str] = []
    recorder = _open_recorder(settings, redactor, warnings.append, required=session is not None)
    system = settings.system or ""
    conversation = Conversation(recorder, settings.history_budget, system, warnings)
    if session is not None and recorder.store:
        found = recorder.store.last() if session == LAST else recorder.store.find(session)
        if found:
            conversation.resume(found, recorder.store.turns(found.id))
        else:
            warnings.append("there are no sessions yet; starting a new one")
    return conversation


def restore_model(settings: Settings, conversation: Conversation) -> Settings:
    """Return the settings with the model that a resumed session was asked with last.

    If that is not the model of the settings, or cannot be asked with them, or if an agent answers
    or has answered, `take_warnings` says so.
    """
    model = conversation.model
    if settings.agent:
        _compare_agents(parse_target(settings.agent), conversation)
        return settings
    if not model or model == settings.model_name:
        return settings
    if is_agent(model):
        hint = f"--agent {quote(model)} goes on with that"
        conversation.warn(
            f"continuing with {settings.model_name}; the session used {model} ({hint})"
        )
        return settings
    restored = replace(settings, model=model)
    on_server = bool(settings.base_url or settings.api_key) and not model.endswith(".gguf")
    if model in LOCAL_MODELS or restored.provider or on_server:
        conversation.warn(f"continuing with {model}, as before; --model chooses another")
        return restored
    conversation.warn(f"continuing with {settings.model_name}; the session used {model}")
    return settings


def _compare_agents(target: Target, conversation: Conversation) -> None:
    before = conversation.model
    same = before in (target.display, "") or (
        not target.attribute and before.startswith(f"{target.file}:")
    )
    if not same:
        conversation.warn(f"continuing with {target.display}; the session used {before}")


def _open_recorder(
    settings: Settings, redactor: Redactor, warn: Callable[[str], None], *, required: bool
) -> Recorder:
    if not settings.save:
        return Recorder(None, warn)
    from streamchat.sessions.store import Store

    try:
        return Recorder(Store.open(warn=warn), warn, redactor)
    except StoreError as error:
        readable = _open_to_read(warn)
        if required and not readable:
            raise
        warn(f"the session is not saved: {error}")
        return Recorder(readable, warn, redactor, reopen=partial(Store.open, warn=warn))


def _open_to_read(warn: Callable[[str], None]) -> Store | None:
    """Return the store although nothing can be written, or None."""
    from streamchat.sessions.store import Store

    with suppress(StoreError):
        return Store.open(warn=warn, only_read=True)
    return None
