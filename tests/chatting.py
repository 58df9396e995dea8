"""A chat on a terminal, and what users do in it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from streamchat.repl.commands import COMMANDS
from streamchat.repl.typeahead import PAUSE
from tests.program import HANGS, Terminal
from tests.server import Reply, Server, Until

KEY = "sk-secret"
MARK = "›"
"""What stands before the user's text."""
BACKSPACE = "\x7f"
ENTER, ESCAPE, UP, DOWN, RIGHT = "\r", "\x1b", "\x1b[A", "\x1b[B", "\x1b[C"
CTRL_C, CTRL_D, CTRL_R, CTRL_Z = "\x03", "\x04", "\x12", "\x1a"
PASTED = "\x1b[200~{}\x1b[201~"
EMPTIED = "\x05\x15"
"""Empties the line at the prompt."""


class Chat(Terminal):
    """`streamchat repl` on the scripted server."""

    def __init__(
        self, server: Server, home: Path, *arguments: str, lines: int = 40, **options: Any
    ) -> None:
        variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY} | options
        super().__init__(home, "repl", *arguments, lines=lines, **variables)
        self._mistyped = ""
        """Keys of `press` that are text for the next prompt."""

    @property
    def prompted(self) -> str | None:
        """The text at the prompt, above the bar; None without a bar."""
        lines = self.screen.visible()
        if not lines or not _is_bar(lines[-1]):
            return None
        begins = [at for at, line in enumerate(lines) if line.startswith(MARK)]
        # There may be room for a menu below the prompt.
        return "\n".join(lines[begins[-1] : -1]).rstrip() if begins else None

    @property
    def bar(self) -> str:
        """The line at the bottom of the screen."""
        return self.screen.visible()[-1]

    @property
    def shown(self) -> str:
        """All lines, also those that have scrolled off the screen."""
        return "\n".join(self.screen.everything())

    def press(self, keys: str) -> None:
        """Answer the open question with the last of these keys; the others do nothing.

        Keys that come while a question is painted are text for the next prompt, and nobody but a
        program is so fast. They stay there until that prompt is up: a question that has opened
        meanwhile would ignore a Backspace.
        """
        before = self._find_end()
        # Of keys that are text, the first may be shown before the others.
        unfinished = [before, *(_add_to_draft(before, keys[:at]) for at in range(1, len(keys)))]
        self.type(keys)
        self.wait_for(lambda _: self._find_end() not in unfinished)
        if self._find_end() == _add_to_draft(before, keys):
            self._mistyped += keys
            opens = time.monotonic() + 2 * PAUSE  # it does not open in the middle of a word
            self.wait_for(lambda _: time.monotonic() > opens)
            self.press(keys)

    def press_until(self, key: str, what: str) -> None:
        """Press a key until this is shown: how to answer a question that is printed as a line.

        Nothing shows when it opens, see `press`, so a key that came too soon is pressed again.
        """
        pause = 2 * PAUSE
        while what not in self.shown:
            self.type(key)
            pause, again = 2 * pause, time.monotonic() + pause
            self.wait_for(lambda _, at=again: what in self.shown or time.monotonic() > at)

    def find_question(self) -> list[str]:
        """Return the lines of the open question."""
        lines = self._find_end()
        mistyped = self._mistyped and lines[-1:] == [f"{MARK} {self._mistyped}"]
        return lines[:-1] if mistyped else lines

    def _find_end(self) -> list[str]:
        """Return the lines of the open question, and those below it."""
        lines = self.screen.visible()
        begins = [at for at, line in enumerate(lines) if line.startswith("? ")]
        return lines[begins[-1] :] if begins else []

    def _erase_mistyped(self, holding: str = "") -> None:
        if self._mistyped:
            self.wait_for(lambda _: self.prompted == f"{MARK} {holding}{self._mistyped}")
            self.type(BACKSPACE * len(self._mistyped))
            self._mistyped = ""

    def wait_for_prompt(self, holding: str = "") -> None:
        """Wait until the prompt holds exactly this text."""
        self._erase_mistyped(holding)
        wanted = f"{MARK} {holding}".rstrip()
        self.wait_for(lambda _: self.prompted == wanted)

    def wait_for_prompt_beginning(self, begin: str, seconds: float = HANGS) -> None:
        """Wait until this is the first line of the prompt, above any menu."""
        self.wait_for(lambda _: (self.prompted or "").split("\n")[0] == f"{MARK} {begin}", seconds)

    def wait_for_completion(self, typed: str, *offers: str) -> None:
        """Wait until the menu below what was typed has just these offers."""

        def is_offered(_: list[str]) -> bool:
            first, *menu = (self.prompted or "").split("\n")
            if first != f"{MARK} {typed}" or len(menu) != len(offers):
                return False
            return all(offer in line for offer, line in zip(offers, menu, strict=True))

        self.wait_for(is_offered)

    def wait_until_ready(self) -> None:
        """Wait for an empty prompt, and for the agent to be loaded."""
        self._erase_mistyped()
        self.wait_for(lambda _: self.prompted == MARK and "loading" not in self.bar)

    def send(self, line: str) -> str:
        """Send a line; return what appears until the prompt is back and empty."""
        self.wait_for_prompt()
        echoed = f"{MARK} {line}"[: self.screen.size[0]]
        count = sum(each.startswith(echoed) for each in self.screen.everything())
        self.type(line + ENTER)
        self.wait_for(
            lambda lines: (
                self.prompted == MARK and sum(each.startswith(echoed) for each in lines) > count
            )
        )
        lines = self.screen.everything()
        begin = max(at for at, each in enumerate(lines) if each.startswith(echoed))
        return "\n".join(lines[begin:])

    def expect_refusal(self, line: str, why: str) -> None:
        """Send a line, wait for its refusal, and empty the prompt.

        The line returns to the prompt for correction, unless it is a known command without
        arguments.
        """
        self.wait_for_prompt()
        count = self.shown.count(why)
        self.type(line + ENTER)
        self.wait_for(lambda _: self.shown.count(why) > count)
        wanted = MARK if line in COMMANDS else _remove_blanks(f"{MARK} {line}")
        self.wait_for(lambda _: _remove_blanks(self.prompted or "") == wanted)
        self.type(EMPTIED)
        self.wait_for_prompt()

    def leave(self) -> None:
        """Quit with Ctrl-D."""
        self.wait_for_prompt()
        self.type(CTRL_D)
        assert self.exit_code() == 0


def messages(server: Server) -> list[str]:
    """Return the messages of the last request, without the instructions."""
    return [each["content"] for each in server.requests[-1]["messages"][1:]]


def hold(reply: Reply, event: Any, *more: Any) -> Reply:
    """Hold a reply back after its text until the event is set; then send more."""
    return reply.but(parts=(*reply.parts, Until(event), *more))


def find_files_with(home: Path, text: str) -> list[Path]:
    """Return the files below a directory that contain the text."""
    files = (each for each in home.rglob("*") if each.is_file())
    return [each for each in files if text.encode() in each.read_bytes()]


def _add_to_draft(lines: list[str], typed: str) -> list[str]:
    if lines and lines[-1].startswith(MARK):
        return [*lines[:-1], lines[-1] + typed]
    return [*lines, f"{MARK} {typed}"]


def _remove_blanks(text: str) -> str:
    """Remove spaces and line ends: long lines are wrapped."""
    return "".join(text.split())


def _is_bar(line: str) -> bool:
    return bool(re.search(r" · (session \w+|new|[0-9a-f]{8}|not saved)(?: · |$)", line))
