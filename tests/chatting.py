"""A chat on a terminal, and what a user does there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamchat.repl.commands import COMMANDS
from tests.program import Terminal
from tests.server import Reply, Server, Until

KEY = "sk-secret"
HERE = str(Path(__file__).parents[1])
"""Whence the program is started, wherever that is done."""
ENTER, ESCAPE, UP, RIGHT = "\r", "\x1b", "\x1b[A", "\x1b[C"
CTRL_C, CTRL_D, CTRL_R, CTRL_Z = "\x03", "\x04", "\x12", "\x1a"
EMPTIED = "\x05\x15"
"""What empties a line of the prompt."""


class Chat(Terminal):
    """`streamchat repl` with the scripted server."""

    def __init__(
        self, server: Server, home: Path, *arguments: str, lines: int = 40, **options: Any
    ) -> None:
        variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY, "PYTHONPATH": HERE}
        variables |= options
        super().__init__(home, "repl", *arguments, lines=lines, **variables)

    @property
    def prompted(self) -> str | None:
        """What stands at the prompt above the bar; None if there is no bar."""
        lines = self.screen.visible()
        if not lines or not _is_bar(lines[-1]):
            return None
        begins = [at for at, line in enumerate(lines) if line.startswith(">")]
        # Below the prompt there may be room for a menu.
        return "\n".join(lines[begins[-1] : -1]).rstrip() if begins else None

    @property
    def bar(self) -> str:
        """The line at the bottom."""
        return self.screen.visible()[-1]

    @property
    def shown(self) -> str:
        """All that is on the screen or has scrolled off it."""
        return "\n".join(self.screen.everything())

    def wait_for_prompt(self, holding: str = "") -> None:
        """Waits until this, and no more, stands at the prompt."""
        wanted = f"> {holding}".rstrip()
        self.wait_for(lambda _: self.prompted == wanted)

    def wait_for_prompt_beginning(self, begin: str, seconds: float = 60) -> None:
        """Waits until this stands in the first line of the prompt, above what is offered."""
        self.wait_for(lambda _: (self.prompted or "").split("\n")[0] == f"> {begin}", seconds)

    def ready(self) -> None:
        """Waits until the prompt is there and the agent is loaded."""
        self.wait_for(lambda _: self.prompted == ">" and "loading" not in self.bar)

    def send(self, line: str) -> str:
        """Sends a line, and returns what came up until the next prompt, which is empty."""
        self.wait_for_prompt()
        echoed = f"> {line}"[: self.screen.size[0]]
        count = sum(each.startswith(echoed) for each in self.screen.everything())
        self.type(line + ENTER)
        self.wait_for(
            lambda lines: (
                self.prompted == ">" and sum(each.startswith(echoed) for each in lines) > count
            )
        )
        lines = self.screen.everything()
        begin = max(at for at, each in enumerate(lines) if each.startswith(echoed))
        return "\n".join(lines[begin:])

    def refused(self, line: str, why: str) -> None:
        """Sends a line that cannot be used, and empties the prompt of it.

        A command alone, if there is one of that name, is not given back to be mended.
        """
        self.wait_for_prompt()
        self.type(line + ENTER)
        self.wait_for(lambda lines: why in "\n".join(lines))
        wanted = ">" if line in COMMANDS else _solid(f"> {line}")
        self.wait_for(lambda _: _solid(self.prompted or "") == wanted)
        self.type(EMPTIED)
        self.wait_for_prompt()

    def leave(self) -> None:
        """Leaves in order."""
        self.wait_for_prompt()
        self.type(CTRL_D)
        assert self.exit_code() == 0


def messages(server: Server) -> list[str]:
    """What the model was sent last, without its instructions."""
    return [each["content"] for each in server.requests[-1]["messages"][1:]]


def held(reply: Reply, event: Any, *more: Any) -> Reply:
    """A reply that stops after what it says until the event is set."""
    return reply.but(parts=(*reply.parts, Until(event), *more))


def holders(home: Path, text: str) -> list[Path]:
    """The files below a directory that hold a text."""
    files = (each for each in home.rglob("*") if each.is_file())
    return [each for each in files if text.encode() in each.read_bytes()]


def _solid(text: str) -> str:
    """The text without spaces and line ends: long lines are wrapped."""
    return "".join(text.split())


def _is_bar(line: str) -> bool:
    return line.count(" · ") >= 2 and (" tokens" in line or "not saved" in line)
