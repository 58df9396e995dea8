"""Any keys, typed or pasted without bracketed paste."""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import DummyCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from streamchat.repl.pastes import Pastes
from streamchat.repl.prompt import Prompt
from streamchat.text.redact import Redactor
from tests.chatting import ENTER, Chat, hold
from tests.program import HANGS
from tests.server import Server, says

_REPORTS = ["\x1b[31m", "\x1b[1;31m", "\x1b[1;2;3M", "\x1b[<0;1;1M", "\x1b[<0;m", "\x1b[24;1R"]


@pytest.mark.parametrize("report", _REPORTS)
def test_an_unknown_sequence_is_not_a_key_at_the_prompt(
    server: Server, tmp_path: Path, report: str
) -> None:
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type(f"abc{report}def")
        chat.wait_for_prompt("abcdef")
        assert len(chat.screen.visible()) == 5, "neither a traceback nor empty lines"


@pytest.mark.parametrize("report", _REPORTS)
def test_an_unknown_sequence_is_not_a_key_during_an_answer(
    server: Server, tmp_path: Path, report: str
) -> None:
    go_on = threading.Event()
    server.script(hold(says("Once"), go_on))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.type("a story" + ENTER)
        chat.wait_for("Once")
        chat.type(f"abc{report}def")
        chat.wait_for("› abcdef")
        go_on.set()
        chat.wait_for_prompt("abcdef")


_CONTROLS = [chr(code) for code in range(32) if chr(code) not in "\x1a\x03\x04"]
_SEQUENCES = [
    "A",
    "B",
    "C",
    "D",
    "H",
    "F",
    "5~",
    "3~",
    "Z",
    "1;5C",
    "1;2A",
    "200~",
    "201~",
    "M !!",
    "I",
]
_PREFIXED = [
    "3",
    "-",
    "<",
    ">",
    "y",
    ".",
    "\x7f",
    "f",
    "u",
    "#",
    "*",
    "?",
    "/",
    "t",
    "c",
    "\\",
    "OP",
    "]0;",
]
_KEYS = [*_CONTROLS, *_REPORTS, "\x7f", "/", "@", *'abc日 xdpg~%qiuvV"rft30$J><=U*#nN?']
_KEYS += [f"\x1b[{each}" for each in _SEQUENCES] + [f"\x1b{each}" for each in _PREFIXED]
_KEYS += [f"\x18{each}" for each in ("(", ")", "e", "\x18", "\x15", "r", " ")]


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    keys=st.lists(st.sampled_from(_KEYS), max_size=20).map("".join),
    editing=st.sampled_from(["emacs", "vi"]),
)
async def test_any_keys_in_any_order(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, keys: str, editing: str
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "true")  # no editor that waits for a user
    draft = Document("a draft\nof two lines")
    with create_pipe_input() as keyboard, create_app_session(keyboard, DummyOutput()):
        prompt = Prompt(
            DummyCompleter(),
            lambda _: "",
            editing,
            save=False,
            redactor=Redactor(),
            pastes=Pastes(),
            warn=pytest.fail,
        )
        prompt.history.append_string("an earlier message")
        started = asyncio.Event()
        reading = asyncio.create_task(prompt.read(lambda: draft, started.set))
        await started.wait()
        keyboard.send_text(keys)
        keyboard.close()
        with suppress(EOFError):
            await asyncio.wait_for(reading, HANGS)
    # Some keys in some order are too much for prompt-toolkit; that is one line, and it goes on.
    said = capfd.readouterr().err.splitlines()
    assert all(re.fullmatch(r"error: \w+(: .*)?", line) for line in said)
