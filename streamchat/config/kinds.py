"""The kinds of values that settings take: how each is parsed, and what it must be."""

from __future__ import annotations

import re
from typing import Any, Protocol
from urllib.parse import urlsplit

from streamchat.config.mcp import McpServer
from streamchat.config.mcp.naming import parse_servers
from streamchat.config.urls import REQUIREMENT, check_url
from streamchat.text.suggest import find_closest

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_KEY = re.compile("[!-~]*")
# API keys contain lowercase letters: one written where the name of its variable belongs is
# rejected, so it is never shown as a name.
_VARIABLE = re.compile("([A-Z_][A-Z0-9_]*)?")


class Kind(Protocol):
    """A kind of value.

    Attributes:
        metavar: stands for a value in `--help`.
        requirement: completes the sentence "NAME must be ...".
        bounds: the bounds of a number; empty for other kinds.
    """

    metavar: str
    requirement: str
    bounds: str

    def parse(self, value: object) -> Any:
        """Return the value checked and converted.

        Raises:
            ValueError: the message completes the sentence "NAME must be ...".
        """
        ...


class Number:
    """A finite number within bounds. It may be given as text, as in an environment variable."""

    metavar = "NUMBER"

    def __init__(self, minimum: float, maximum: float, unit: str = "") -> None:
        self._minimum = minimum
        self._maximum = maximum
        self.requirement = self.bounds = f"between {minimum:,} and {maximum:,} {unit}".rstrip()

    def parse(self, value: object) -> float:
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(self.requirement)
        if not self._minimum <= value <= self._maximum:  # also rejects NaN
            raise ValueError(self.requirement)
        return float(value)


class WholeNumber(Number):
    """A whole number within bounds; 3.0 counts as one."""

    def __init__(self, minimum: int, maximum: int, unit: str = "") -> None:
        super().__init__(minimum, maximum, unit)
        self.requirement = self.bounds = f"a whole number {self.bounds}"

    def parse(self, value: object) -> int:
        number = super().parse(value)
        if not number.is_integer():
            raise ValueError(self.requirement)
        return int(number)


class Choice:
    """One of a few words."""

    metavar = "WORD"
    bounds = ""

    def __init__(self, *words: str) -> None:
        self._words = words
        self.requirement = f"{', '.join(words[:-1])} or {words[-1]}"

    def parse(self, value: object) -> str:
        if value not in self._words:
            raise ValueError(self.requirement)
        return str(value)


class Switch:
    """A boolean. Text and numbers are rejected."""

    metavar = ""
    requirement = "true or false"
    bounds = ""

    def parse(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(self.requirement)
        return value


class Text:
    """Text, stripped. Empty text removes what a weaker source sets."""

    metavar = "TEXT"
    requirement = "text"
    bounds = ""

    def parse(self, value: object) -> str | None:
        if not isinstance(value, str):
            raise ValueError(self.requirement)
        return value.strip() or None


class AgentPlace(Text):
    """Where an agent is. Its form is checked by who loads it."""

    metavar = "FILE.py:NAME"


class Places:
    """A list of files or modules. Their form is checked by who loads them."""

    metavar = "FILE.py"
    requirement = "a list of files or modules"
    bounds = ""

    def parse(self, value: object) -> tuple[str, ...]:
        places = [value] if isinstance(value, str) else value
        if not (isinstance(places, list | tuple) and all(isinstance(e, str) for e in places)):
            raise ValueError(self.requirement)
        return tuple(filter(None, map(str.strip, places)))


class ToolNames(Places):
    """A list of names of tools, with `*` for any text; one text may have several, with commas."""

    metavar = "NAME"
    requirement = "names of tools, such as search or files.*"

    def parse(self, value: object) -> tuple[str, ...]:
        texts = super().parse(value)
        names = tuple(filter(None, (name.strip() for text in texts for name in text.split(","))))
        if any(len(name.split()) > 1 or not name.isprintable() for name in names):
            raise ValueError(self.requirement)
        return names


class ApprovalTable:
    """A table of rules. It is read with its lines, elsewhere."""

    metavar = ""
    requirement = "a table of rules"
    bounds = ""

    def parse(self, value: object) -> tuple[tuple[str, str], ...]:
        raise ValueError(self.requirement)


class Servers:
    """MCP servers, each named by a command or a URL."""

    metavar = "COMMAND"
    requirement = "a command or a URL"
    bounds = ""

    def parse(self, value: object) -> tuple[McpServer, ...]:
        texts = [value] if isinstance(value, str) else value
        if not (isinstance(texts, list | tuple) and all(isinstance(e, str) for e in texts)):
            raise ValueError(self.requirement)
        return parse_servers(filter(str.strip, texts))


class FilePath(Text):
    """The path of a file."""

    metavar = "FILE"
    requirement = "the path of a file"


class Name(Text):
    """A name; it must not be empty."""

    metavar = "NAME"
    requirement = "a name"

    def parse(self, value: object) -> str:
        name = super().parse(value)
        if not name:
            raise ValueError(self.requirement)
        return name


class CodeStyle(Name):
    """`auto`, or the name of a Pygments style."""

    requirement = "auto or a Pygments style"

    def parse(self, value: object) -> str:
        name = super().parse(value)
        if name != "auto":
            self._check(name)
        return name

    def _check(self, name: str) -> None:
        from pygments.styles import STYLE_MAP, get_all_styles  # rarely needed, as is the former

        if name in STYLE_MAP or name in (styles := list(get_all_styles())):
            return
        closest = find_closest(name, styles)
        hint = f"; did you mean {closest}?" if closest else ", such as monokai"
        raise ValueError(self.requirement + hint)


class ServerUrl:
    """The base URL of an API. The URL of its chat completions is accepted, and shortened."""

    metavar = "URL"
    requirement = REQUIREMENT
    bounds = ""

    def parse(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(self.requirement)
        value = value.strip()
        check_url(value)
        url = urlsplit(value)
        if url.query or url.fragment:
            raise ValueError("a URL without a query or a fragment")
        return value.removesuffix("/").removesuffix("/chat/completions")


class _Pattern:
    metavar = "TEXT"
    bounds = ""

    def __init__(self, pattern: re.Pattern[str], requirement: str) -> None:
        self._pattern = pattern
        self.requirement = requirement

    def parse(self, value: object) -> str:
        if not (isinstance(value, str) and self._pattern.fullmatch(value.strip())):
            raise ValueError(self.requirement)
        return value.strip()


API_KEY = _Pattern(_KEY, "an API key: printable ASCII characters without spaces")
"""An API key; empty when the user just presses Enter at the prompt for it."""
KEY_VARIABLE = _Pattern(_VARIABLE, "the name of an environment variable, in capitals")
"""The name of a variable that holds a key; empty for no key."""
