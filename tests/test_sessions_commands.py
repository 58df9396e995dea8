"""`streamchat sessions`, as users run it."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest

from streamchat.events import AnswerDelta, Event, TimedEvent, TurnCancelled, TurnFailed, TurnStarted
from streamchat.sessions import StoreError
from streamchat.sessions.replay import replay
from streamchat.sessions.store import Store
from streamchat.view.formatting import format_age
from streamchat.view.plain import PlainView
from streamchat.view.table import Layout, cell, show_table
from tests.program import HANGS, ROOT, Terminal, environment, run, start
from tests.stores import answer_events, store_turn
from tests.turns import EVIL, EVIL_SHOWN, NOTEBOOK

T = TypeVar("T")


def store_path(home: Path) -> Path:
    return home / ".local/share/streamchat/sessions.sqlite3"


def store_sessions(home: Path, *turns: tuple[str, Sequence[Event]]) -> str:
    """Store a session with these turns; return its ID."""
    with Store.open(store_path(home)) as store:
        session = store.create("small")
        for question, events in turns:
            store_turn(store, session, question, events)
    return session


@contextmanager
def copy_for_others(path: Path) -> Iterator[Path]:
    """Copy a store to a directory in which nobody else can write."""
    with TemporaryDirectory() as directory:
        copied = Path(shutil.copy(path, directory))
        copied.chmod(0o444)
        copied.parent.chmod(0o555)
        yield copied


def read_sessions(path: Path) -> list[str]:
    """Return the last session and answer in a store, and why it cannot be written."""
    with Store.open(path, only_read=True) as store:
        (session,) = store.sessions()
        with pytest.raises(StoreError) as raised:
            store.delete(session.id)
        return [session.id, store.turns(session.id)[-1].answer, str(raised.value)]


def run_as_nobody(work: Callable[[], T]) -> T:
    """Return the result of work in a process that may not write everywhere, as root may."""
    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()

    def run_work() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)
        results.put(work())

    process = fork.Process(target=run_work)
    process.start()
    process.join()
    assert process.exitcode == 0
    return results.get()  # type: ignore[no-any-return]


SUM = ("What is 10 + 10", NOTEBOOK)
ROME = ("Where is Rome?", answer_events("Where is Rome?", "In Italy."))


def run_lines(home: Path, *arguments: str) -> list[str]:
    done = run(home, "sessions", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def run_error(home: Path, *arguments: str) -> str:
    """Run a command that fails; return its error, which must be one line."""
    done = run(home, "sessions", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


class TestOnAPipe:
    def test_a_list(self, tmp_path: Path) -> None:
        first = store_sessions(tmp_path, SUM, ROME)
        second = store_sessions(tmp_path, ROME)
        rows = [line.split("\t") for line in run_lines(tmp_path, "list")]
        assert [row[:4] for row in rows] == [
            [second, "Where is Rome?", "m", "1"],
            [first, "What is 10 + 10", "m", "2"],
        ]
        assert all(row[4].endswith(" s") for row in rows)
        assert [line.split("\t")[0] for line in run_lines(tmp_path)] == [second, first]
        assert len(run_lines(tmp_path, "list", "--limit", "1")) == 1

    def test_every_turn_is_shown_as_it_was(self, tmp_path: Path) -> None:
        failed = [TurnStarted("q", "m"), TurnFailed("no answer")]
        stopped = [TurnStarted("q", "m"), AnswerDelta("It is"), TurnCancelled()]
        session = store_sessions(tmp_path, SUM, ("one\ntwo", failed), ("three", stopped))
        shown = run_lines(tmp_path, "show", session[:6])
        assert shown == [
            *("› What is 10 + 10", "10 + 10 equals 20."),
            *("› one", "  two", "error: no answer"),
            *("› three", "It is", "interrupted"),
        ]
        assert run_lines(tmp_path, "show", session, "--last", "1") == shown[-3:]

    def test_a_search(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, SUM, ROME)
        assert run_lines(tmp_path, "search", "ital") == [f"{session}\tWhere is Rome?\t2\tIn Italy."]
        assert run_lines(tmp_path, "search", "10", "equ")[0].split("\t")[:3] == [
            session,
            SUM[0],
            "1",
        ]

    def test_json(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, ("Où? \u202e", NOTEBOOK), ROME)
        found = json.loads(run_lines(tmp_path, "list", "--json")[0])
        assert (found["version"], found["id"], found["turns"]) == (1, session, 2)
        assert {"title", "model", "system", "parent", "created", "updated"} <= found.keys()
        first, second = run_lines(tmp_path, "show", session, "--json")
        assert first.isascii()
        assert json.loads(first)["question"] == "Où? \u202e"
        assert json.loads(first)["events"][1] == {"type": "step_started", "step": 1}
        assert json.loads(second)["answer"] == "In Italy."
        (hit,) = map(json.loads, run_lines(tmp_path, "search", "--json", "rome"))
        assert (hit["session"]["id"], hit["number"]) == (session, 2)

    def test_options_of_the_list_need_no_command(self, tmp_path: Path) -> None:
        store_sessions(tmp_path, SUM, ROME)
        store_sessions(tmp_path, ROME)
        assert run_lines(tmp_path, "--json") == run_lines(tmp_path, "list", "--json")
        (line,) = run_lines(tmp_path, "-n", "1")
        assert "Where is Rome?" in line
        assert len(run_lines(tmp_path, "-n", "1", "--json")) == 1
        done = run(tmp_path, "sessions", "--json", "list")
        assert done.returncode == 2
        assert "put --json after list" in done.stderr

    def test_a_full_disk(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, SUM, ROME)
        for lock in store_path(tmp_path).parent.glob("*.lock"):
            lock.unlink()

        def read(*arguments: str) -> str:
            """Run a command that can let no file grow."""
            limited = 'ulimit -f 0; exec "$0" -m streamchat sessions "$@"'
            done = subprocess.run(
                ["bash", "-c", limited, sys.executable, *arguments],
                env=environment(tmp_path),
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=HANGS,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, ""), done.stderr
            return done.stdout

        assert session in read("list")
        assert "In Italy." in read("show", session)
        assert session in read("search", "ital")
        assert "In Italy." in read("export", session)

    def test_a_disk_that_cannot_be_written(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, SUM, ROME)
        with copy_for_others(store_path(tmp_path)) as path:
            found = run_as_nobody(lambda: read_sessions(path))
        why = f"cannot use {path}: attempt to write a readonly database"
        assert found == [session, "In Italy.", why]

    def test_an_export(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, SUM)
        text = "\n".join(run_lines(tmp_path, "export", session))
        assert text.startswith(f"# What is 10 + 10\n\nSession {session}, m, ")
        assert text.endswith("\n\n10 + 10 equals 20.")
        plain = json.loads("\n".join(run_lines(tmp_path, "export", session, "--format", "json")))
        assert plain["session"]["turns"][0]["calls"][0]["output"] == "20"

    def test_an_export_to_a_file_overwrites_nothing(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, SUM)
        file = tmp_path / "out.md"
        assert run_lines(tmp_path, "export", session, "--output", str(file)) == []
        written = file.read_text()
        assert written.splitlines() == run_lines(tmp_path, "export", session)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        for output in ("out.md", ".", "none/out.md"):
            place = str(tmp_path / output)
            assert place in run_error(tmp_path, "export", session, "--output", place)
        assert file.read_text() == written

    def test_a_deletion(self, tmp_path: Path) -> None:
        first, second = store_sessions(tmp_path, SUM), store_sessions(tmp_path, ROME)
        assert run_lines(tmp_path, "delete", first) == [f"deleted {first}: What is 10 + 10"]
        assert [line.split("\t")[0] for line in run_lines(tmp_path, "list")] == [second]
        assert run_error(tmp_path, "show", first) == f"error: no session ID starts with {first}"

    @pytest.mark.parametrize("command", ["list", "show", "search", "export", "delete"])
    def test_stored_text_is_escaped(self, tmp_path: Path, command: str) -> None:
        session = store_sessions(
            tmp_path, (f"needle {EVIL}", answer_events("q", f"answer {EVIL}\ud800"))
        )
        arguments = {"list": [], "search": ["needle"]}.get(command, [session])
        shown = "\n".join(run_lines(tmp_path, command, *arguments))
        assert EVIL_SHOWN in shown
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*shown}


class TestNothing:
    @pytest.mark.parametrize(
        ("arguments", "line"),
        [(["list"], "no sessions yet\n"), (["search", "x"], "nothing found\n")],
    )
    def test_empty_results(self, tmp_path: Path, arguments: list[str], line: str) -> None:
        done = run(tmp_path, "sessions", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", line)
        done = run(tmp_path, "sessions", *arguments, "--json")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_a_session_without_turns(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path)
        done = run(tmp_path, "sessions", "show", session)
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == f"session {session} has no turns\n"

    def test_errors_are_one_line(self, tmp_path: Path) -> None:
        for command in ("show", "export", "delete"):
            assert run_error(tmp_path, command, "%") == "error: no session ID starts with %"
        assert run_error(tmp_path, "search", "*") == "error: no words to search for"
        store_path(tmp_path).unlink()
        store_path(tmp_path).mkdir()
        assert run_error(tmp_path, "list").startswith(f"error: cannot use {store_path(tmp_path)}: ")
        done = run(tmp_path, "sessions", "list", "--json")
        assert json.loads(done.stdout)["type"] == "turn_failed"

    def test_a_damaged_store_is_reported(self, tmp_path: Path) -> None:
        store_sessions(tmp_path, SUM)
        store_path(tmp_path).write_bytes(b"noise" * 5000)
        done = run(tmp_path, "sessions", "list")
        told, nothing = done.stderr.splitlines()
        assert told.startswith(
            f"the sessions in {store_path(tmp_path)} are damaged and were moved to "
        )
        assert (done.returncode, nothing) == (0, "no sessions yet")


class TestOnATerminal:
    @pytest.mark.parametrize("columns", [40, 80])
    def test_tables_hold_everything_in_full(self, tmp_path: Path, columns: int) -> None:
        session = store_sessions(tmp_path, (f"[b]is :smile: ten and ten and ten {EVIL}", NOTEBOOK))
        for arguments in (["list"], ["search", "equals"]):
            cells = run_lines(tmp_path, *arguments)[0].split("\t")
            with Terminal(tmp_path, "sessions", *arguments, columns=columns) as terminal:
                assert terminal.exit_code() == 0
                shown = terminal.screen.everything()
            rule = next(at for at, line in enumerate(shown) if line.startswith("─"))
            edges = [match.start() for match in re.finditer(r"\S+", shown[0])] + [columns]
            assert len(edges) == (3 if columns == 40 else len(cells) + 1)
            columns_shown = [
                "".join(line[left:right] for line in shown[rule + 1 :])
                for left, right in pairwise(edges)
            ]
            assert columns_shown[0].strip() == session
            # The age grows between the two.
            text, expected = (
                re.sub(r"\d+ s\b|[ ,]", "", ",".join(each))
                for each in (columns_shown[1:], cells[1:])
            )
            assert text == expected

    def test_turns_are_shown_as_they_were(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, SUM, ROME)
        with Terminal(tmp_path, "sessions", "show", session) as terminal:
            assert terminal.exit_code() == 0
            shown = terminal.screen.everything()
            assert terminal.screen.cursor_is_visible
        at = shown.index("› Where is Rome?")
        assert shown[0] == "› What is 10 + 10"
        assert any("add" in line for line in shown[:at])
        assert any("10 + 10 equals 20." in line for line in shown[:at])
        assert any("In Italy." in line for line in shown[at:])

    def test_a_dumb_terminal_gets_lines(self, tmp_path: Path) -> None:
        session = store_sessions(tmp_path, SUM)
        for arguments in (["list"], ["show", session], ["search", "sum"]):
            with Terminal(tmp_path, "sessions", *arguments, TERM="dumb") as terminal:
                assert terminal.exit_code() == 0
                assert "\x1b" not in terminal.written

    def test_a_reader_may_close_the_pipe(self, tmp_path: Path) -> None:
        session = store_sessions(
            tmp_path, *[(f"q{at}", answer_events("q", "x" * 50_000)) for at in range(9)]
        )
        with start(tmp_path, "sessions", "show", session) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode == 1


def test_help_does_not_import_the_database(tmp_path: Path) -> None:
    done = run(tmp_path, "sessions", "list", "--help", fresh=True, PYTHONPROFILEIMPORTTIME="1")
    brought = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "streamchat.cli.sessions" in brought
    assert not {"sqlite3", "rich", "prompt_toolkit", "langchain_core"} & brought


def test_events_that_do_not_fit_are_skipped() -> None:
    out = io.StringIO()
    events: list[Event] = [TurnStarted("q", "m"), *NOTEBOOK[3:6], *ROME[1]]
    turn = replay("q", map(TimedEvent, events), PlainView(out), out)
    assert turn.status == "done"
    assert out.getvalue().startswith("› q\n")
    assert "In Italy." in out.getvalue()


def test_a_plain_replay_has_the_plain_prompt() -> None:
    out = io.StringIO()
    replay("one\ntwo", map(TimedEvent, ROME[1]), PlainView(out), out, plain=True)
    assert out.getvalue().startswith("> one\n  two\n")


def test_each_cell_is_one_line() -> None:
    out = io.StringIO()
    rows = [[cell("1\t2"), cell("x\ny\x1b")], [cell(""), cell("z")]]
    show_table(Layout(columns=("a", "b"), narrow=("a", "b")), rows, out)
    assert out.getvalue() == "1 2\tx y\\x1b\n\tz\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7300, "2 h")),
        *((86_400, "1 day"), (300_000, "3 days")),
    ],
)
def test_ages_are_formatted(seconds: float, words: str) -> None:
    assert format_age(seconds) == words
