"""A chat on a disk that is full for a while."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamchat.sessions.records import StoredTurn
from streamchat.sessions.store import Store
from streamchat.turn import fold
from tests.chatting import CTRL_D, ENTER, Chat, hold, messages
from tests.program import ROOT, environment, run
from tests.server import Server, delta, notebook, says

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")


def test_saving_resumes_when_the_disk_has_room(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(5)])
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("q0")
        id = chat.bar.split(" · ")[1].removeprefix("session ")
        _limit_files(chat, 0)
        assert "the session is no longer saved" in chat.send("q1")
        assert "not saved" in chat.bar
        assert id not in chat.bar
        assert "saved" not in chat.send("q2").split("q2")[1].split("Answer 2.")[0]
        _limit_files(chat, resource.RLIM_INFINITY)
        assert "the session is saved again" in chat.send("q3")
        assert id in chat.bar
        chat.leave()
    with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
        turns = store.turns(id)
        assert [(each.question, each.answer, each.status) for each in turns] == [
            (f"q{number}", f"Answer {number}.", "done") for number in range(4)
        ]
        assert [each.number for each in turns] == [1, 2, 3, 4]
        assert all(fold(store.events(each.id)).answer.text == each.answer for each in turns)
        assert [hit.number for hit in store.search("Answer")] == [4, 3, 2, 1]


def test_calls_of_a_turn_that_is_saved_late(server: Server, tmp_path: Path) -> None:
    server.script(*notebook(), says("Fine."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        _fill_disk(chat)
        chat.send("What is 10 + 10")
        assert "✓ add" in chat.send("/history")
        _free_disk(chat)
        chat.send("thanks")
        chat.leave()
    (turn, _) = _stored(tmp_path)
    assert "Calling add" in run(tmp_path, "sessions", "export", _last(tmp_path)).stdout
    assert turn.answer == "10 + 10 equals 20."
    assert "What is 10 + 10" in run(tmp_path, "sessions", "search", "add").stdout


def test_missing_turns_are_saved_at_the_end(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        _fill_disk(chat)
        chat.send("two")
        _free_disk(chat)
        chat.type(CTRL_D)
        assert chat.exit_code() == 0
        assert "the session is saved again" in chat.shown
    assert [each.question for each in _stored(tmp_path)] == ["one", "two"]


def test_turns_still_missing_at_the_end_are_reported(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        _fill_disk(chat)
        chat.send("two")
        chat.type(CTRL_D)
        assert chat.exit_code() == 0
        assert "1 turn of this session could not be saved" in chat.shown


def test_missing_turns_are_saved_before_another_session_starts(
    server: Server, tmp_path: Path
) -> None:
    server.script(says("One."), says("Two."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        _fill_disk(chat)
        chat.send("two")
        _free_disk(chat)
        chat.send("/clear")
        chat.leave()
    assert [each.question for each in _stored(tmp_path)] == ["one", "two"]


def test_a_half_stored_turn_is_completed_or_removed(server: Server, tmp_path: Path) -> None:
    """The disk fills up in the middle of a turn."""
    first, second = threading.Event(), threading.Event()
    more = delta(content=" a time")
    replies = [hold(says("Once upon"), go_on, more) for go_on in (first, second)]
    server.script(*replies, says("Fine."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        for question, go_on in (("undone", first), ("mended", second)):
            chat.type(question + ENTER)
            chat.wait_for(lambda lines: lines.count("Once upon") == 1)
            _fill_disk(chat)
            go_on.set()
            chat.wait_for_prompt()
            if question == "undone":
                assert "Removed: undone" in chat.send("/undo")
            _free_disk(chat)
        chat.send("thanks")
        chat.leave()
    turns = [(each.question, each.answer, each.status) for each in _stored(tmp_path)]
    assert turns == [("mended", "Once upon a time", "done"), ("thanks", "Fine.", "done")]


def test_missed_changes_are_made_later(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(5)])
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.send("two")
        chat.send("three")
        _fill_disk(chat)
        assert "Removed: three" in chat.send("/undo")
        assert "not saved" in chat.bar
        chat.send("/retry")
        assert "Instructions updated" in chat.send("/system Be kind.")
        _free_disk(chat)
        chat.send("four")
        assert messages(server) == ["one", "Answer 0.", "two", "Answer 3.", "four"]
        chat.leave()
    turns = [(each.question, each.answer) for each in _stored(tmp_path)]
    assert turns == [("one", "Answer 0."), ("two", "Answer 3."), ("four", "Answer 4.")]
    with _open_store(tmp_path) as store:
        assert store.find(_last(tmp_path)).system == "Be kind."


def test_an_unsaved_prompt_history_is_reported_once(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    with Chat(server, tmp_path, columns=120) as chat:
        chat.wait_until_ready()
        _fill_disk(chat)
        chat.send("one")
        chat.send("/usage")
        chat.send("two")
        assert chat.shown.count("the prompt's history is not saved: File too large") == 1
        assert "error:" not in chat.shown


@pytest.mark.parametrize("how", [["--continue"], ["--resume"]])
def test_a_session_is_resumed_on_a_full_disk(
    server: Server, tmp_path: Path, how: Sequence[str]
) -> None:
    server.script(says("One."), says("Two."), says("Three."), says("Four."))
    run(tmp_path, "repl", stdin="one", OPENAI_BASE_URL=server.url)
    named = [*how, _last(tmp_path)] if how == ["--resume"] else how
    for lock in tmp_path.rglob("*.lock"):
        lock.unlink()
    said = _run_on_full_disk(server, tmp_path, "repl", *named, stdin="two\n/history")
    assert "the session is not saved: cannot use" in said.stderr
    assert "1 turn of this session could not be saved" in said.stderr
    assert said.stdout.startswith("Two.\n› one\nOne.\n")
    assert messages(server) == ["one", "One.", "two"]
    said = _run_on_full_disk(server, tmp_path, "ask", "--continue", "three")
    assert said.stdout == "Three.\n"
    assert messages(server) == ["one", "One.", "three"]


def _run_on_full_disk(
    server: Server, home: Path, *arguments: str, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" -m streamchat "$@"', sys.executable, *arguments],
        env=environment(home, OPENAI_BASE_URL=server.url, OPENAI_API_KEY="k"),
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )


def _fill_disk(chat: Chat) -> None:
    """Let the chat write no file."""
    _limit_files(chat, 0)


def _free_disk(chat: Chat) -> None:
    _limit_files(chat, resource.RLIM_INFINITY)


def _limit_files(chat: Chat, size: int) -> None:
    """Let the chat write no file beyond this size, as if the disk were full."""
    resource.prlimit(chat.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _open_store(home: Path) -> Store:
    return Store.open(home / ".local/share/streamchat/sessions.sqlite3")


def _last(home: Path) -> str:
    with _open_store(home) as store:
        last = store.last()
    assert last
    return last.id


def _stored(home: Path) -> list[StoredTurn]:
    """Return the turns of the last session."""
    with _open_store(home) as store:
        return store.turns(_last(home))
