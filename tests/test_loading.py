"""The process that loads the embedded model, beside the one that imports and shows its progress."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.program import Terminal, run, start, wait_until
from tests.screen import at_prompt
from tests.test_signals import assert_ends, get_settings

CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}

# In place of the library that loads a model. It keeps the interpreter's lock, as the real one does:
# a call through PyDLL does not release it.
LIBRARY = """
import ctypes, os
from pathlib import Path
from types import SimpleNamespace

def CommonParams():
    return SimpleNamespace(
        model=SimpleNamespace(),
        cpuparams=SimpleNamespace(),
        cpuparams_batch=SimpleNamespace(),
        sampling=SimpleNamespace(),
    )

def Server(parameters):
    Path(os.environ["LOADING"]).write_text(f"{os.getpid()}\\n")
    ctypes.PyDLL(None).sleep(1000)
"""


@pytest.fixture
def loading(tmp_path: Path) -> dict[str, str]:
    """The environment of a program whose model never ends to load."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "xllamacpp.py").write_text(LIBRARY)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    return {
        "LOADING": str(tmp_path / "loading"),
        "PYTHONPATH": str(tmp_path / "library"),
        "STREAMCHAT_MODEL": str(tmp_path / "model.gguf"),
    }


def find_loader(loading: dict[str, str]) -> int:
    """Return the process that loads the model, or 0."""
    file = Path(loading["LOADING"])
    text = file.read_text() if file.exists() else ""
    return int(text) if text.endswith("\n") else 0


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("command", "number"),
    [
        *[("ask", number) for number in CODES],
        ("doctor", signal.SIGTERM),
        ("repl", signal.SIGTERM),
        ("repl", signal.SIGHUP),
    ],
)
def test_a_signal_while_the_model_loads_ends_both_processes(
    loading: dict[str, str], tmp_path: Path, command: str, number: signal.Signals
) -> None:
    question = ("hi",) if command == "ask" else ()
    with Terminal(tmp_path, command, *question, fresh=True, **loading) as terminal:
        before = get_settings(terminal)
        if command == "repl":
            terminal.wait_for(at_prompt)
        else:
            terminal.wait_until_written("loading the model")
        terminal.wait_for(lambda _: find_loader(loading))
        os.kill(terminal.process.pid, number)
        assert_ends(terminal, before, CODES[number])
    wait_until(lambda: not is_running(find_loader(loading)))


def test_the_model_loads_while_the_program_imports(loading: dict[str, str], tmp_path: Path) -> None:
    # The import of this module ends only once the model is being loaded.
    (tmp_path / "library" / "langsmith").mkdir()
    (tmp_path / "library" / "langsmith" / "__init__.py").write_text(
        "import os, time\nwhile not os.path.exists(os.environ['LOADING']): time.sleep(0.01)\n"
        "os._exit(7)"
    )
    assert run(tmp_path, "ask", "hi", fresh=True, **loading).returncode == 7


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, a model is loaded to the end")
def test_the_loading_ends_with_a_program_that_is_killed(
    loading: dict[str, str], tmp_path: Path
) -> None:
    with start(tmp_path, "ask", "hi", fresh=True, **loading) as process:
        wait_until(lambda: find_loader(loading))
        process.kill()
    wait_until(lambda: not is_running(find_loader(loading)))


def test_a_ctrl_c_reaches_only_the_program(loading: dict[str, str], tmp_path: Path) -> None:
    with Terminal(tmp_path, "repl", fresh=True, **loading) as terminal:
        terminal.wait_for(at_prompt)
        terminal.wait_for(lambda _: find_loader(loading))
        terminal.type("\x03")
        terminal.type("still here")
        terminal.wait_for("still here")
        assert is_running(find_loader(loading))
        os.kill(terminal.process.pid, signal.SIGTERM)


def test_a_library_that_fails_is_a_one_line_error(loading: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "library" / "xllamacpp.py").write_text("raise SystemExit(1)")
    done = run(tmp_path, "ask", "hi", fresh=True, **loading)
    assert done.returncode == 1
    assert done.stderr.endswith("cannot be loaded: it is damaged or not supported\n")
