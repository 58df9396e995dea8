"""What can be set, of which type, within which bounds."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from msgspec import Meta

APP = "streamchat"
LOCAL_MODELS = ("local", "local-large")
DEFAULT_OPENAI_MODEL = "gpt-4o-mini"
OPENAI_KEY = "OPENAI_API_KEY"
"""The variable that holds the key, unless the file names another."""
_LONG_NAME = 8
_PATHS = ("/", "./", "../", "~")


class SettingsError(Exception):
    """A setting that cannot be used; the message names it and where it came from."""


class ModelError(Exception):
    """The model that the settings name cannot be had here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has chosen, loaded once and passed down.

    Attributes:
        model: a model's name, `local`, `local-large` or the path of a GGUF file; None for the
            default of whatever answers.
        base_url: the address of an OpenAI-compatible server; None for OpenAI's own.
        api_key: never shown, not even by repr.
        api_key_env: the variable that the key was read from; empty if no key is to be sent.
        temperature: 0 for the likeliest token each time.
        max_steps: how many messages a model may write in a turn.
        timeout: seconds without progress after which a turn fails.
        system: what the model is told about how to answer, after the built-in instructions.
        max_history: characters of earlier turns that the model is sent; None for what suits it.
        save: whether sessions are kept.
        editing: whose keys edit the line at the prompt.
        clipboard: whether text is copied by a tool of the desktop or by the terminal (OSC 52).
        trace: whether LangSmith is told of every run.
    """

    model: str | None = None
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api_key_env: str = OPENAI_KEY
    temperature: Annotated[float, Meta(ge=0, le=2)] = 0.0
    max_steps: Annotated[int, Meta(ge=1, le=1000)] = 10
    timeout: Annotated[float, Meta(ge=0.1, le=86_400)] = 60.0
    system: str | None = None
    max_history: Annotated[int, Meta(ge=1000, le=10_000_000)] | None = None
    save: bool = True
    editing: Literal["emacs", "vi"] = "emacs"
    clipboard: Literal["tool", "osc52"] = "tool"
    trace: bool = False

    @property
    def gguf(self) -> Path | None:
        """The model file that `model` names, if it names one.

        Servers name models by files of theirs, too: with a server it must be a file that is here.
        """
        name = self.model or ""
        if not (name.lower().endswith(".gguf") or name.startswith(_PATHS)):
            return None
        path = Path(name).expanduser()
        return path if path.is_file() or not self.base_url else None

    @property
    def is_local(self) -> bool:
        """Whether the model runs inside this process."""
        if self.gguf or self.model in LOCAL_MODELS:
            return True
        return not (self.model or self.base_url or self.api_key)

    @property
    def model_name(self) -> str:
        """The name the model is shown by."""
        if self.gguf:
            return self.gguf.name
        if self.is_local:
            return self.model or "local"
        return self.model or DEFAULT_OPENAI_MODEL

    @property
    def history_budget(self) -> int:
        """Characters of earlier turns that the model is sent.

        By default a local one is sent 16,000: it has 8,192 tokens, of some four characters in
        English and fewer elsewhere, for instructions, history, question and answer. Models on
        servers mostly have 128,000 and more, for which 400,000 leave room.
        """
        return self.max_history or (16_000 if self.is_local else 400_000)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must be in no output: the key, and what lets in by the server's address."""
        return (*([self.api_key] if self.api_key else []), *find_url_credentials(self.base_url))

    @property
    def needs_key(self) -> bool:
        """Whether OpenAI itself was asked for and no key is there."""
        host = urlsplit(self.base_url).hostname if self.base_url else "api.openai.com"
        return not self.is_local and not self.api_key and host == "api.openai.com"


def find_url_credentials(address: str | None) -> tuple[str, ...]:
    """Returns what in an address lets in, as it is written there, decoded, and as it is sent."""
    parts = urlsplit(address or "")
    user, password = parts.username or "", parts.password or ""
    found = {user, password} if not password or len(user) >= _LONG_NAME else {password}
    decoded = {unquote(each) for each in found}
    login = f"{unquote(user)}:{unquote(password)}".encode()
    sent = {b64encode(login).decode()} if user or password else set()
    return tuple(sorted(filter(None, found | decoded | sent), key=len, reverse=True))
