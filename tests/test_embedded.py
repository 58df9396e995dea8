"""The embedded model, which is real, and chats that switch from it to OpenAI's."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
from langchain_core.tools import tool
from pydantic import BaseModel

from streamchat import AgentExecutor
from streamchat.config import Settings
from streamchat.events import ToolStarted, TurnDone
from streamchat.models import open_model
from streamchat.models.embedded.weights import SMALL
from tests.agents import collect_events
from tests.chatting import ENTER, PASTED, Chat, find_files_with, messages
from tests.event_schema import check_lines
from tests.program import COMMAND, Terminal, run, start
from tests.screen import at_prompt
from tests.server import Server, answers
from tests.test_signals import assert_ends, get_settings

QUESTION = "What is 10 + 10"
PATIENT = ("--timeout", "3600")
"""On a busy machine, reading a prompt takes longer than the default limit."""
TYPED_KEY = "sk-typed-7Hq2ZxW9bN4vR8kT3mY6"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of whoever runs the tests, with the real model in it.

    The program downloads it if it is not there yet.
    """
    pull = [*COMMAND, "models", "pull", SMALL.name]
    done = subprocess.run(pull, stdout=subprocess.PIPE, text=True, check=True)
    file = Path(done.stdout.removesuffix("\n"))
    cache = tmp_path_factory.mktemp("cache")
    models = cache / "streamchat" / "models"
    models.mkdir(parents=True)
    for each in (file, file.with_suffix(".checked")):
        (models / each.name).symlink_to(each)
    return cache


@pytest.fixture(scope="module")
def first(
    cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """The first question on a machine without key or server, once it has the model."""
    home = tmp_path_factory.mktemp("home")
    return run(home, "ask", "--plain", *PATIENT, QUESTION, fresh=True, XDG_CACHE_HOME=str(cache))


def states(cache: Path) -> list[Path]:
    return list((cache / "streamchat" / "states").glob("*.state"))


def test_a_fresh_machine_answers_with_a_call_of_add(
    first: subprocess.CompletedProcess[str], cache: Path
) -> None:
    assert (first.returncode, first.stderr) == (0, "")
    lines = first.stdout.splitlines()
    assert lines[1:4] == [
        *("Calling add...", "add is called with x = 10, y = 10.", "add returned 20."),
    ]
    assert "20" in lines[-2]


def test_a_later_process_starts_from_the_saved_state(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    (state,) = states(cache)
    before = state.read_bytes()
    done = run(tmp_path, "ask", *PATIENT, QUESTION, fresh=True, XDG_CACHE_HOME=str(cache))
    assert (done.returncode, done.stderr) == (0, "")
    assert "20" in done.stdout
    assert state.read_bytes() == before


def test_a_line_of_two_calls(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    question = "What is (2 + 3) * 4?"
    done = run(tmp_path, "ask", "--json", question, fresh=True, XDG_CACHE_HOME=str(cache))
    events = check_lines(done.stdout)
    code = [each["text"] for each in events if each["type"] == "code_delta"]
    assert len(code) > 3
    assert "".join(code) == "(2 + 3) * 4"
    results = [each["output"] for each in events if each["type"] == "tool_finished"]
    assert results[:2] == ["5", "20"]
    assert events[-1]["tools_used"] == ["add", "multiply"]
    assert "20" in events[-1]["answer"]


class Place(BaseModel):
    city: str
    country: Literal["fr", "de"] = "fr"


@tool
def file_note(
    title: str,
    tags: list[str],
    kind: Literal["short", "😀"] = "short",
    place: Place | None = None,
    pages: int = 1,
    weight: float = 1.0,
    done: bool = False,
) -> str:
    """File a note."""
    return f"filed {title}"


async def test_the_server_takes_a_grammar_for_every_type(
    first: subprocess.CompletedProcess[str], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    llm = open_model(Settings("local", timeout=3600))
    try:
        agent = AgentExecutor(llm, tools=[file_note], timeout=3600)
        events = await collect_events(agent, "File a note: title Milk, tags Food")
    finally:
        await llm.aclose()
    started = next(each for each in events if isinstance(each, ToolStarted))
    assert file_note.invoke(dict(started.arguments)).startswith("filed ")
    assert isinstance(events[-1], TurnDone)


def test_a_damaged_state_is_rebuilt(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    # Other tests may have added the states of other instructions.
    before = {state: state.stat().st_size for state in states(cache)}
    for state, size in before.items():
        os.truncate(state, size // 2)
    done = run(tmp_path, "ask", *PATIENT, QUESTION, fresh=True, XDG_CACHE_HOME=str(cache))
    assert (done.returncode, done.stderr) == (0, "")
    assert [state for state, size in before.items() if state.stat().st_size == size]


def test_an_answer_without_tools_is_sane_and_ends(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    arguments = ("ask", *PATIENT, "--no-tools", "What is NLP?")
    done = run(tmp_path, *arguments, fresh=True, XDG_CACHE_HOME=str(cache))
    assert (done.returncode, done.stderr) == (0, "")
    assert "language" in done.stdout.lower()
    words = done.stdout.split()
    runs = [" ".join(words[at : at + 8]) for at in range(len(words) - 7)]
    assert max(map(runs.count, runs), default=1) < 3


def test_an_interrupt_during_an_answer_is_a_clean_exit(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    arguments = ("ask", "--no-tools", "Tell me a long story")
    with start(tmp_path, *arguments, fresh=True, XDG_CACHE_HOME=str(cache)) as process:
        assert process.stdout
        assert os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, b"interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_model_loads_is_a_clean_exit(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path, number: signal.Signals
) -> None:
    with Terminal(tmp_path, "ask", QUESTION, fresh=True, XDG_CACHE_HOME=str(cache)) as terminal:
        before = get_settings(terminal)
        terminal.wait_until_written("loading the model")
        os.kill(terminal.process.pid, number)
        # Where loading takes longer than an exit may, the signal itself ends the program.
        assert_ends(terminal, before, 128 + number, -number)


def test_a_question_that_is_too_long_is_a_one_line_error(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, "ask", "-", stdin="word " * 9000, fresh=True, XDG_CACHE_HOME=str(cache))
    assert done.returncode == 1
    assert re.fullmatch(r"error: too long for the model: .* \(8192 tokens\)\n", done.stderr)


def test_reading_a_long_prompt_is_reported(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    question = "word " * 500 + "Say yes."
    arguments = ("ask", "--json", *PATIENT, "-")
    done = run(tmp_path, *arguments, stdin=question, XDG_CACHE_HOME=str(cache), fresh=True)
    events = check_lines(done.stdout)
    read = [(each["done"], each["total"]) for each in events if each["type"] == "prompt_progress"]
    assert read == sorted(read)
    # So often that a slow machine does not seem to hang.
    assert all(after[0] - before[0] <= 128 for before, after in pairwise(read))
    assert all(done <= total for done, total in read)
    assert read[-1][0] == read[-1][1]
    types = [each["type"] for each in events]
    assert types.index("prompt_progress") > types.index("step_started")


def test_any_model_file_runs_with_its_own_template(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    (whole,) = (cache / "streamchat" / "models").glob(f"{SMALL.name}-*.gguf")
    file = tmp_path / "other.gguf"
    file.symlink_to(whole)
    done = run(tmp_path, "ask", *PATIENT, "--no-tools", "Say hello", "--model", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "hello" in done.stdout.lower()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"GGUF and no more", "cannot be loaded"),
        (b"nothing", "is not a GGUF file"),
        (None, "No such"),
    ],
)
def test_a_file_that_is_not_a_model_is_a_one_line_error(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "bad.gguf"
    if content is not None:
        file.write_bytes(content)
    done = run(tmp_path, "ask", "hi", "--model", str(file))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {file}")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_chat_on_a_terminal(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    with Terminal(tmp_path, "repl", fresh=True, XDG_CACHE_HOME=str(cache)) as terminal:
        terminal.wait_for("local: a 0.5B model")
        terminal.wait_for(at_prompt)
        terminal.type("What is 6 times 7?\r")
        lines = terminal.wait_for("→ 42")
        assert any("multiply" in line for line in lines)
        terminal.wait_for(at_prompt)
        terminal.type("\x04")
        assert terminal.exit_code() == 0


def open_local_chat(server: Server, home: Path, cache: Path, proxy: str, *arguments: str) -> Chat:
    """Open a chat with the local model; OpenAI's models are reached through the proxy.

    Only a chat that starts with a local model ever asks for a key.
    """
    return Chat(
        server,
        home,
        "--model",
        "local",
        *arguments,
        OPENAI_BASE_URL="http://api.openai.com/v1",
        OPENAI_API_KEY="",
        HTTP_PROXY=proxy,
        NO_PROXY="",
        XDG_CACHE_HOME=str(cache),
    )


def type_key(chat: Chat) -> None:
    """Switch to a model that needs a key, and type one."""
    chat.wait_for_prompt()
    chat.type("/model gpt-4o-mini" + ENTER)
    chat.wait_for("OpenAI API key:")
    chat.type(TYPED_KEY + ENTER)


def paste_key(chat: Chat) -> None:
    """Paste the key into a question."""
    chat.wait_for_prompt()
    assert TYPED_KEY not in chat.written
    chat.type(PASTED.format(f"Is {TYPED_KEY} a good key?"))
    chat.wait_for_prompt(f"Is {TYPED_KEY} a good key?")
    chat.type(ENTER)


def test_a_key_typed_in_the_chat_reaches_no_file(
    first: subprocess.CompletedProcess[str], cache: Path, server: Server, tmp_path: Path
) -> None:
    server.script(answers(f"{TYPED_KEY} is yours alone."))
    with open_local_chat(server, tmp_path, cache, server.url) as chat:
        type_key(chat)
        chat.wait_for("Switched to gpt-4o-mini")
        paste_key(chat)
        chat.wait_for("is yours alone.")
        assert server.headers[-1]["authorization"] == f"Bearer {TYPED_KEY}"
        assert messages(server) == [f"Is {TYPED_KEY} a good key?"]
        chat.send(f"/title about {TYPED_KEY}")
        chat.send(f"/system never say {TYPED_KEY}")
        chat.send("/export ~/out.md")
        chat.send("/export ~/out.json")
        chat.leave()
    for name in ("out.md", "out.json", "sessions.sqlite3", "history"):
        (file,) = tmp_path.rglob(name)
        assert b"sk-***" in file.read_bytes()
    assert find_files_with(tmp_path, TYPED_KEY) == []


def test_a_key_typed_for_a_model_that_cannot_be_opened_reaches_no_file(
    first: subprocess.CompletedProcess[str], cache: Path, server: Server, tmp_path: Path
) -> None:
    with open_local_chat(server, tmp_path, cache, "ftp://127.0.0.1", "--no-tools") as chat:
        type_key(chat)
        chat.wait_for("✗ HTTP_PROXY must be a URL")
        paste_key(chat)
        chat.wait_for("local · 1 step")
        chat.leave()
    assert b"sk-***" in next(tmp_path.rglob("sessions.sqlite3")).read_bytes()
    assert find_files_with(tmp_path, TYPED_KEY) == []
