"""The chat survives whatever is typed into it."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from streamchat.agent.loader import AgentLoader
from streamchat.config import Settings
from streamchat.process.interrupts import InterruptHandler
from streamchat.repl.chat import Chat
from streamchat.repl.commands import COMMANDS
from streamchat.repl.loop import Repl
from streamchat.repl.registry import Command, offer_nothing
from streamchat.sessions.conversation import Conversation
from streamchat.sessions.recorder import Recorder
from streamchat.text.redact import Redactor
from streamchat.view.choose import ViewOptions
from tests.program import run
from tests.server import Server, says

_DIGITS = "1" * 5000
_ODD = ["0", "1", "2", "999", "-1", "²", "٣", _DIGITS, "-", "--help", "-h", "--", "~", "~\0", "."]
_ODD += ["..", "a\0b", "\x1b[31m", "x.gguf", "~nobody/x.gguf", "two words", '"', "'", "%s", "{}"]
_ODD += ["/", "/retry", "help", "sessions", "x" * 5000, "@", "@~\0", "\u202e", "日本", "\x80"]


def _arguments() -> st.SearchStrategy[str]:
    # No slash: an export must not leave the folder of the test.
    text = st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\n\r/"), max_size=20
    )
    return st.just("") | st.sampled_from(_ODD) | text


def _lines() -> st.SearchStrategy[str]:
    names = st.sampled_from(sorted(COMMANDS)) | st.sampled_from(["/", "/nosuch", "/HELP", "/\0"])
    commands = st.tuples(names, _arguments()).map(" ".join)
    typed = st.one_of(commands, commands, commands, st.just("hello"), _arguments())
    return typed.filter(lambda line: line.strip() != "/quit")


@example(["/model ~\0", "/model ~nobody"])
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lines=st.lists(_lines(), max_size=30))
def test_any_commands_in_any_order(server: Server, lines: list[str]) -> None:
    server.script(says("An answer."), forever=True)
    with tempfile.TemporaryDirectory() as home:
        said = run(
            Path(home),
            "repl",
            stdin="\n".join([*lines, "/clear", "/system -", "the end?"]),
            cwd=Path(home),
            OPENAI_BASE_URL=server.url,
            OPENAI_API_KEY="k",
        )
    assert "(/verbose shows where)" not in said.stderr
    assert "Traceback" not in said.stderr
    assert said.stdout.rstrip("|\n").endswith("An answer."), said.stderr
    assert said.stderr.count("error: ") <= len(lines)


@pytest.mark.parametrize(
    "line", ["/branch 0", "/branch 999", f"/branch {_DIGITS}", f"/copy {_DIGITS}"]
)
@pytest.mark.parametrize("before", ["", "hello"])
def test_a_number_that_names_nothing(
    server: Server, tmp_path: Path, before: str, line: str
) -> None:
    server.script(says("An answer."), forever=True)
    lines = "\n".join([before, line, "the end?"])
    said = run(tmp_path, "repl", stdin=lines, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="k")
    assert said.stdout.endswith("An answer.\n")
    assert said.stderr.startswith("error: ")


async def test_a_command_that_raises_anything_is_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fall(chat: Chat, argument: str) -> None:
        raise ZeroDivisionError("sk-secret-key is no number\nat all")

    falling = Command("/fall", "", "fall", "Other", "", fall, offer_nothing)
    monkeypatch.setitem(COMMANDS, "/fall", falling)
    monkeypatch.setattr("sys.stdin", io.StringIO("/fall\nthe end?\n"))
    server.script(says("An answer."))
    code = await Repl(_open_chat(server, "sk-secret-key"), None).run()
    out, err = capsys.readouterr()
    assert out == "An answer.\n"
    assert err == ("error: ZeroDivisionError: sk-*** is no number at all (/verbose shows where)\n")
    assert code == 1


def _open_chat(server: Server, key: str) -> Chat:
    chosen = Settings(base_url=server.url, api_key=key)
    redactor = Redactor(key)
    return Chat(
        loader=AgentLoader(chosen, redactor, tools=False),
        conversation=Conversation(Recorder(None, print), 1000),
        settings=chosen,
        redactor=redactor,
        options=ViewOptions(),
        interrupts=InterruptHandler(),
        interactive=False,
    )
