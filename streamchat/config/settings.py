"""The settings. Each is declared here, once.

Flags, environment variables, the configuration file, the example file, `config show` and the table
in the manual are derived from these declarations.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from streamchat.config.kinds import (
    API_KEY,
    KEY_VARIABLE,
    AgentPlace,
    ApprovalTable,
    Choice,
    CodeStyle,
    FilePath,
    Name,
    Number,
    Places,
    Servers,
    ServerUrl,
    Switch,
    Text,
    ToolNames,
    WholeNumber,
)
from streamchat.config.mcp import McpServer
from streamchat.config.providers import Provider, split_model
from streamchat.config.setting import Setting, declare
from streamchat.config.urls import find_url_credentials

APP = "streamchat"
LOCAL_MODELS = ("local", "local-large")
DEFAULT_OPENAI_MODEL = "gpt-4o-mini"
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
"""The variable that holds the key, unless the file names another."""
_LOCAL_BUDGET, _SERVER_BUDGET = 16_000, 400_000
_PATHS = ("/", "./", "../", "~")


@dataclass(frozen=True, slots=True)
class Settings:
    """The values that apply, loaded once and passed down."""

    model: str | None = declare(
        None,
        Setting(
            Name(),
            "Model to use: a name on the server, local or local-large, the path of a GGUF file, or "
            "PROVIDER:NAME, such as anthropic:claude-sonnet-5-5.",
            flags=("--model", "-m"),
            variable="STREAMCHAT_MODEL",
            default_text=f"{DEFAULT_OPENAI_MODEL} with a key or a server, else local",
            example=DEFAULT_OPENAI_MODEL,
        ),
    )
    base_url: str | None = declare(
        None,
        Setting(
            ServerUrl(),
            "URL of an OpenAI-compatible server.",
            flags=("--base-url",),
            variable="OPENAI_BASE_URL",
            default_text="OpenAI",
            example="https://api.openai.com/v1",
        ),
    )
    api_key: str | None = declare(
        None,
        Setting(
            API_KEY,
            "API key of the server.",
            variable=OPENAI_KEY,
            in_file=False,
        ),
    )
    api_key_env: str = declare(
        OPENAI_KEY,
        Setting(
            KEY_VARIABLE,
            "Environment variable that holds the server's API key; empty sends no key.",
            note="The key itself never goes into this file.",
        ),
    )
    agent: str | None = declare(
        None,
        Setting(
            AgentPlace(),
            "Your own agent, used instead of a model: FILE.py:NAME or package.module:NAME. Flags "
            "for the model, its tools and its instructions cannot be combined with it.",
            flags=("--agent",),
            variable="STREAMCHAT_AGENT",
            example="",
            note="A relative path begins in this file's folder.",
        ),
    )
    tools: tuple[str, ...] = declare(
        (),
        Setting(
            Places(),
            "Python functions of your own as tools: FILE.py, FILE.py:NAME,NAME or package.module. "
            "The flag may be repeated.",
            flags=("--tools",),
            note="Relative paths begin in this file's folder.",
        ),
    )
    mcp: tuple[McpServer, ...] = declare(
        (),
        Setting(
            Servers(),
            "MCP server whose tools the model may call: a command, in quotes, or a URL. The flag "
            "may be repeated; a table [mcp.NAME] in the file.",
            flags=("--mcp",),
            in_tables=True,
        ),
    )
    mcp_config: str | None = declare(
        None,
        Setting(
            FilePath(),
            "JSON file of MCP servers, as Claude Desktop, VS Code and Cursor have it.",
            flags=("--mcp-config",),
            example="",
            note="A relative path begins in this file's folder.",
        ),
    )
    builtin_tools: bool = declare(
        True,
        Setting(
            Switch(),
            "Offer the model the built-in arithmetic.",
            flags=("--builtin-tools", "--no-builtin-tools"),
        ),
    )
    allow: tuple[str, ...] = declare(
        (),
        Setting(
            ToolNames(),
            "Tools whose calls run without asking; * in a name is any text. The flag may be "
            "repeated.",
            flags=("--allow",),
            variable="STREAMCHAT_ALLOW",
            in_file=False,
        ),
    )
    deny: tuple[str, ...] = declare(
        (),
        Setting(
            ToolNames(),
            "Tools whose calls never run; names as for --allow.",
            flags=("--deny",),
            variable="STREAMCHAT_DENY",
            in_file=False,
        ),
    )
    approval: tuple[tuple[str, str], ...] = declare(
        (),
        Setting(
            ApprovalTable(),
            "Whether the calls of a tool run without asking, never, or after asking: allow, deny "
            "or ask.",
            default_text="allow for the built-in arithmetic, else ask",
            in_tables=True,
        ),
    )
    project_approval: tuple[tuple[str, str], ...] = ()
    """The rules of `.streamchat.toml` in the working directory."""
    temperature: float = declare(
        0.0,
        Setting(
            Number(0, 2),
            "Sampling temperature; 0 picks the likeliest token each time.",
            flags=("--temperature",),
            variable="STREAMCHAT_TEMPERATURE",
        ),
    )
    max_steps: int = declare(
        10,
        Setting(
            WholeNumber(1, 1000),
            "Maximum number of messages the model may write in a turn.",
            flags=("--max-steps",),
            variable="STREAMCHAT_MAX_STEPS",
        ),
    )
    timeout: float = declare(
        60.0,
        Setting(
            Number(0.1, 86_400, "seconds"),
            "Seconds without progress before a turn fails; pings do not count as progress.",
            flags=("--timeout",),
            variable="STREAMCHAT_TIMEOUT",
        ),
    )
    tool_timeout: float | None = declare(
        None,
        Setting(
            Number(0.1, 86_400, "seconds"),
            "Seconds that a tool may take.",
            flags=("--tool-timeout",),
            variable="STREAMCHAT_TOOL_TIMEOUT",
            default_text="that of timeout",
            example=60,
        ),
    )
    system: str | None = declare(
        None,
        Setting(
            Text(),
            "Extra instructions for the model, after the built-in ones.",
            flags=("--system",),
            variable="STREAMCHAT_SYSTEM",
            example="",
        ),
    )
    max_history: int | None = declare(
        None,
        Setting(
            WholeNumber(1000, 10_000_000),
            "Maximum number of characters of earlier turns to send to the model.",
            flags=("--max-history",),
            variable="STREAMCHAT_MAX_HISTORY",
            default_text=f"{_LOCAL_BUDGET:,} for a local model, else {_SERVER_BUDGET:,}",
            example=_SERVER_BUDGET,
        ),
    )
    save: bool = declare(
        True,
        Setting(
            Switch(),
            "Save the session.",
            flags=("--save", "--no-save"),
        ),
    )
    editing: Literal["emacs", "vi"] = declare(
        "emacs",
        Setting(
            Choice("emacs", "vi"),
            "Key bindings at the prompt: emacs or vi.",
            variable="STREAMCHAT_EDITING",
        ),
    )
    clipboard: Literal["tool", "osc52"] = declare(
        "tool",
        Setting(
            Choice("tool", "osc52"),
            "How /copy copies: tool runs a clipboard program if any, osc52 asks the terminal.",
        ),
    )
    wrap: Literal["words", "terminal"] = declare(
        "words",
        Setting(
            Choice("words", "terminal"),
            "Where lines of text break: between words, or where the terminal breaks them, which "
            "copies without line breaks.",
        ),
    )
    reasoning: Literal["fold", "show", "hide"] = declare(
        "fold",
        Setting(
            Choice("fold", "show", "hide"),
            "Reasoning on a terminal: folded to one line once the answer begins, shown, or hidden.",
            flags=("--reasoning",),
            variable="STREAMCHAT_REASONING",
        ),
    )
    code_style: str = declare(
        "auto",
        Setting(
            CodeStyle(),
            "Pygments style for code, such as monokai; auto fits the terminal's colors.",
        ),
    )
    trace: bool = declare(
        False,
        Setting(
            Switch(),
            "Trace runs in LangSmith.",
            flags=("--trace", "--no-trace"),
        ),
    )

    @property
    def provider(self) -> Provider | None:
        """The provider that `model` names, if any.

        A base URL means an OpenAI-compatible server, whatever its models are called.
        """
        if self.agent or self.base_url:
            return None
        found = split_model(self.model or "")
        return found[0] if found else None

    @property
    def gguf(self) -> Path | None:
        """The model file that `model` names, if any.

        Servers may name their models by paths, too: with a server, the file must exist here.
        """
        name = self.model or ""
        if self.provider or not (name.lower().endswith(".gguf") or name.startswith(_PATHS)):
            return None
        path = Path(name)
        with suppress(RuntimeError, ValueError):  # no such user, or a NUL in the name
            path = path.expanduser()
        return path if path.is_file() or not self.base_url else None

    @property
    def is_local(self) -> bool:
        """Whether the model runs inside this process."""
        if self.agent:
            return False
        if self.gguf or self.model in LOCAL_MODELS:
            return True
        return not (self.model or self.base_url or self.api_key)

    @property
    def server_url(self) -> str | None:
        """The base URL of the server; None for an agent, and for a model of another kind."""
        if self.agent or self.is_local or self.provider:
            return None
        return self.base_url or OPENAI_URL

    @property
    def model_name(self) -> str:
        """The model's name as shown to the user."""
        if self.gguf:
            return self.gguf.name
        if self.is_local:
            return self.model or "local"
        return self.model or DEFAULT_OPENAI_MODEL

    @property
    def history_budget(self) -> int:
        """Maximum number of characters of earlier turns to send to the model.

        The embedded models have 8,192 tokens for instructions, history, question and answer; a
        token is about four characters in English, and fewer in other languages. Most models on
        servers have 128,000 tokens or more.
        """
        return self.max_history or (_LOCAL_BUDGET if self.is_local else _SERVER_BUDGET)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no output may contain: keys, and credentials in the server's URL."""
        return (
            *([self.api_key] if self.api_key else []),
            *find_url_credentials(self.base_url),
            *(self.provider.find_secrets() if self.provider else ()),
            *(secret for server in self.mcp for secret in server.secrets),
        )

    @property
    def needs_key(self) -> bool:
        """Whether the server is OpenAI's own and there is no key."""
        if self.agent or self.provider:
            return False
        host = urlsplit(self.base_url).hostname if self.base_url else "api.openai.com"
        return not self.is_local and not self.api_key and host == "api.openai.com"


SETTINGS: Mapping[str, Setting] = {
    each.name: each.metadata["setting"] for each in fields(Settings) if each.metadata
}
PROFILE = Setting(
    Text(),
    "Profile of the configuration file to use; empty for none.",
    flags=("--profile",),
    variable="STREAMCHAT_PROFILE",
)
CONFIG_FILE = Setting(
    Text(),
    "Path of the configuration file.",
    variable="STREAMCHAT_CONFIG",
    in_file=False,
    default_text="config.toml in the user's configuration directory",
)
