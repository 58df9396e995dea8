"""The embedded model, which is a real one: nothing of it is scripted."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from streamchat.models.embedded.weights import SMALL
from tests.program import Terminal, run, start
from tests.screen import at_prompt

QUESTION = "What is 10 + 10"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all of these tests: it holds half a gigabyte."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def first(
    cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """The first question ever on a machine with neither key nor server."""
    home = tmp_path_factory.mktemp("home")
    return run(home, "ask", "--plain", QUESTION, fresh=True, XDG_CACHE_HOME=str(cache))


def states(cache: Path) -> list[Path]:
    return list((cache / "streamchat" / "states").glob("*.state"))


def test_a_fresh_machine_answers_with_a_call_of_add(
    first: subprocess.CompletedProcess[str], cache: Path
) -> None:
    assert first.returncode == 0
    assert first.stderr == "assembling the model local (first run only)...\n"
    lines = first.stdout.splitlines()
    assert lines[1:4] == [
        *("Calling add...", "add is called with x = 10, y = 10.", "add returned 20."),
    ]
    assert "20" in lines[-2]


def test_a_later_process_goes_on_from_the_saved_state(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    (state,) = states(cache)
    before = state.read_bytes()
    done = run(tmp_path, "ask", QUESTION, fresh=True, XDG_CACHE_HOME=str(cache))
    assert (done.returncode, done.stderr) == (0, "")
    assert "20" in done.stdout
    assert state.read_bytes() == before


def test_a_damaged_state_is_made_again(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    (state,) = states(cache)
    before = state.stat().st_size
    os.truncate(state, before // 2)
    done = run(tmp_path, "ask", QUESTION, fresh=True, XDG_CACHE_HOME=str(cache))
    assert (done.returncode, done.stderr) == (0, "")
    assert state.stat().st_size == before


def test_plain_chat_is_sane_and_ends_by_itself(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, "ask", "--no-tools", "What is NLP?", fresh=True, XDG_CACHE_HOME=str(cache))
    assert (done.returncode, done.stderr) == (0, "")
    assert "language" in done.stdout.lower()
    words = done.stdout.split()
    runs = [" ".join(words[at : at + 8]) for at in range(len(words) - 7)]
    assert max(map(runs.count, runs), default=1) < 3


def test_interrupted_in_the_middle_of_an_answer_it_ends_in_order(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    arguments = ("ask", "--no-tools", "Tell me a long story")
    with start(tmp_path, *arguments, fresh=True, XDG_CACHE_HOME=str(cache)) as process:
        assert process.stdout
        assert os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, b"interrupted\n")


def test_interrupted_while_it_loads_it_ends_in_order(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    with Terminal(tmp_path, "ask", QUESTION, fresh=True, XDG_CACHE_HOME=str(cache)) as terminal:
        terminal.wait_until_written("loading the model")
        terminal.type("\x03")
        assert terminal.exit_code() == 130


def test_a_conversation_that_is_too_long_is_one_clear_line(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, "ask", "-", stdin="word " * 9000, fresh=True, XDG_CACHE_HOME=str(cache))
    assert done.returncode == 1
    assert re.fullmatch(r"error: too long for the model: .* \(8192 tokens\)\n", done.stderr)


def test_another_model_file_is_run_with_its_own_template(
    first: subprocess.CompletedProcess[str], cache: Path, tmp_path: Path
) -> None:
    (whole,) = (cache / "streamchat" / "models").glob(f"{SMALL.name}-*.gguf")
    file = tmp_path / "other.gguf"
    file.symlink_to(whole)
    done = run(tmp_path, "ask", "--no-tools", "Say hello", "--model", str(file))
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
def test_a_file_that_is_no_model_is_one_clear_line(
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
        terminal.wait_for("streamchat with local")
        terminal.type("What is 6 times 7?\r")
        lines = terminal.wait_for("→ 42")
        assert any("multiply" in line for line in lines)
        terminal.wait_for(at_prompt)
        terminal.type("\x04")
        assert terminal.exit_code() == 0
