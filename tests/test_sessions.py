"""The store: storing, finding, copying and deleting sessions, from one process or several."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamchat.events import (
    AnswerDelta,
    ChunkReceived,
    Event,
    PromptProgress,
    StepFinished,
    StepStarted,
    TextDelta,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnFailed,
    TurnStarted,
)
from streamchat.sessions import StoreError, schema
from streamchat.sessions.files import lock
from streamchat.sessions.store import Store
from streamchat.turn import fold
from tests.program import HANGS, environment
from tests.stores import answer_events, store_sessions, store_turn
from tests.turns import NOTEBOOK

ROOT = Path(__file__).parent.parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


def read_modes(directory: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in directory.iterdir()}


class TestTurns:
    def test_a_turn_comes_back_as_it_was(self, store: Store) -> None:
        session = store.create("m", "Be brief.")
        turn = store.begin(session, "Sum? @f", "Sum? 10 + 10", "m2")
        transient = [ChunkReceived("raw"), PromptProgress(1, 2)]
        store.add(turn, map(TimedEvent, [*NOTEBOOK[:5], *transient, *NOTEBOOK[5:]]))
        store.finish(
            turn, fold([*NOTEBOOK[:-1], StepFinished(3, "stop", 1, 1, 9, 3), NOTEBOOK[-1]])
        )
        (exchange,) = store.turns(session)
        assert (exchange.id, exchange.number, exchange.status) == (turn, 1, "done")
        assert (exchange.question, exchange.message) == ("Sum? @f", "Sum? 10 + 10")
        assert (exchange.answer, exchange.model) == ("10 + 10 equals 20.", "m2")
        assert (exchange.input_tokens, exchange.output_tokens) == (9, 3)
        assert store.events(turn) == NOTEBOOK
        found = store.find(session)
        assert (found.title, found.model, found.system) == ("Sum? @f", "m2", "Be brief.")
        assert (found.turns, found.parent) == (1, None)
        assert found.created <= exchange.started <= found.updated

    def test_a_turn_outlives_the_connection(self, path: Path) -> None:
        first, second = store_sessions(path, ["one", "two"])
        with Store.open(path) as store:
            assert [each.id for each in store.sessions()] == [second, first]
            assert [each.question for each in store.turns(first)] == ["one"]

    @pytest.mark.parametrize("text", ["a\ud800b", "a\0b", "😀\udc00", "\ufeff\x1b[2J", "'\";--"])
    def test_any_text(self, store: Store, text: str) -> None:
        session = store.create(text, text)
        events: list[Event] = [
            TurnStarted(text, "m"),
            ToolCallStarted(text, text),
            ToolStarted(text, {text: text}),
            ToolFinished(text, text),
            *answer_events(text, text)[1:],
        ]
        turn = store_turn(store, session, text, events)
        assert store.events(turn) == events
        store.set_title(session, text)
        store.set_system(session, text)
        whole = text.replace("\ud800", "\ufffd").replace("\udc00", "\ufffd")
        (exchange,) = store.turns(session)
        assert exchange.question == exchange.message == exchange.answer == whole
        assert store.find(session).system == whole
        with pytest.raises(StoreError):
            store.find(text)

    def test_counts_of_any_size(self, store: Store) -> None:
        session = store.create("m")
        step = StepFinished(1, input_tokens=10**30)
        store_turn(store, session, "q", [TurnStarted("q", "m"), step, TurnCancelled()])
        assert store.turns(session)[0].input_tokens == 2**63 - 1

    @pytest.mark.parametrize(
        ("end", "status"), [(TurnCancelled(), "cancelled"), (TurnFailed("why"), "failed")]
    )
    @pytest.mark.parametrize(
        ("events", "answer"),
        [
            ([], ""),
            ([AnswerDelta("Tw", "a"), AnswerDelta("enty", "a")], "Twenty"),
            ([TextDelta("Twen"), TextDelta("ty")], "Twenty"),
            ([TextDelta("Let me add."), ToolCallStarted("c", "add")], ""),
            ([TextDelta("First."), *NOTEBOOK[2:8], StepStarted(2), TextDelta("Twen")], "Twen"),
        ],
    )
    def test_an_unfinished_answer(
        self, store: Store, events: list[Event], answer: str, end: Event, status: str
    ) -> None:
        session = store.create("m")
        store_turn(store, session, "q", [TurnStarted("q", "m"), StepStarted(1), *events, end])
        unfinished = store.begin(session, "q", "q", "m")
        store.add(unfinished, map(TimedEvent, [TurnStarted("q", "m"), *events]))
        finished, killed = store.turns(session)
        assert (finished.status, finished.answer) == (status, answer)
        assert (killed.status, killed.answer) == ("cancelled", answer)
        assert store.events(finished.id)[-1] == end
        assert store.events(unfinished)[-1] == TurnCancelled()

    def test_reading_stops_at_an_event_of_a_later_version(self, store: Store, path: Path) -> None:
        turn = store_turn(store, store.create("m"))
        with closing(sqlite3.connect(path)) as other, other:
            other.execute('UPDATE events SET events = \'[{"type": "dream"}]\' WHERE number = 2')
        assert store.events(turn) == [*NOTEBOOK[:2], TurnCancelled()]

    def test_events_after_the_end_are_ignored(self, store: Store) -> None:
        turn = store_turn(store, store.create("m"))
        store.add(turn, map(TimedEvent, NOTEBOOK))
        assert store.events(turn) == NOTEBOOK

    def test_events_of_a_turn_that_is_gone_are_dropped(self, store: Store) -> None:
        session = store.create("m")
        turn = store.begin(session, "q", "q", "m")
        store.delete(session)
        store.add(turn, map(TimedEvent, NOTEBOOK))
        store.finish(turn, fold(NOTEBOOK))
        assert store.sessions() == store.turns(session) == []
        assert store.events(turn) == [TurnCancelled()]


class TestSessions:
    def test_the_last_used_come_first_and_empty_ones_are_hidden(self, store: Store) -> None:
        ids = [store.create("m") for _ in range(3)]
        assert store.sessions() == []
        assert store.last() is None
        for each in (ids[2], ids[0], ids[2]):
            store_turn(store, each)
        assert [each.id for each in store.sessions()] == [ids[2], ids[0]]
        assert [each.turns for each in store.sessions()] == [2, 1]
        assert store.sessions(1) == [store.last()]

    def test_ids_have_eight_digits_and_can_be_shortened(self, store: Store) -> None:
        ids = [store.create("m") for _ in range(40)]
        assert all(len(each) == 8 and set(each) <= set("0123456789abcdef") for each in ids)
        assert {store.find(each).id for each in ids} == {*ids}
        assert store.find(f" {ids[0].upper()} ").id == ids[0]
        begin = next(each[0] for each in ids if sum(one[0] == each[0] for one in ids) > 1)
        many = sum(each[0] == begin for each in ids)
        with pytest.raises(StoreError, match=f"^{many} session IDs start with {begin}: {begin}"):
            store.find(begin)

    @pytest.mark.parametrize("prefix", ["", " ", "%", "_", "_" * 8, "*", "'", "\0", "zz", "\ud800"])
    def test_other_ids_find_no_session(self, store: Store, prefix: str) -> None:
        store.create("m")
        with pytest.raises(StoreError, match=r"^no session ID starts with "):
            store.find(prefix)

    def test_a_title_is_the_given_one_or_the_first_question(self, store: Store) -> None:
        session = store.create("m")
        store_turn(store, session, "What\nis\t\x1b[2J " + "x" * 100)
        store_turn(store, session, "And then?")
        assert store.find(session).title == r"What is \x1b[2J " + "x" * 63 + "…"
        store.set_title(session, "Sums\n\u202e")
        assert store.find(session).title == "Sums \\u202e"
        store.set_title(session, " ")
        assert store.find(session).title.startswith("What is")

    def test_instructions_can_be_changed_and_removed(self, store: Store) -> None:
        session = store.create("m")
        for system in ("Be brief.", None):
            store.set_system(session, system)
            assert store.find(session).system == system

    def test_a_deleted_turn_leaves_a_gap_in_the_numbers(self, store: Store) -> None:
        session = store.create("m")
        turns = [store_turn(store, session, question) for question in ("one", "two", "three")]
        store.delete_turn(turns[1])
        store_turn(store, session, "four")
        numbered = [(each.number, each.question) for each in store.turns(session)]
        assert numbered == [(1, "one"), (3, "three"), (4, "four")]
        assert store.search("two") == []

    def test_a_deleted_session_leaves_nothing(self, store: Store, path: Path) -> None:
        first, second = store.create("m"), store.create("m")
        store_turn(store, first)
        store_turn(store, second, "Other")
        store.delete(first)
        assert [each.id for each in store.sessions()] == [second]
        with closing(sqlite3.connect(path)) as other:
            for table in ("sessions", "turns", "words"):
                assert other.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
            assert other.execute("SELECT count(DISTINCT turn) FROM events").fetchone() == (1,)

    def test_a_branch_holds_the_turns_up_to_one(self, store: Store) -> None:
        session = store.create("m", "Be brief.")
        for question in ("one", "two", "three"):
            store_turn(store, session, question)
        branch = store.find(store.branch(session, 2))
        assert (branch.turns, branch.parent, branch.system) == (2, session, "Be brief.")
        copies, turns = store.turns(branch.id), store.turns(session)
        assert [each.question for each in copies] == ["one", "two"]
        assert not {each.id for each in copies} & {each.id for each in turns}
        assert store.events(copies[1].id) == NOTEBOOK
        store.delete(session)
        assert [hit.session.id for hit in store.search("two")] == [branch.id]
        assert store.last() == branch

    def test_a_branch_of_no_session(self, store: Store) -> None:
        with pytest.raises(StoreError, match=r"^no session deadbeef$"):
            store.branch("deadbeef", 1)


class TestSearch:
    def test_search_covers_questions_answers_calls_and_results(self, store: Store) -> None:
        session = store.create("m")
        store_turn(store, session, "Wie hoch ist die Brücke?", answer_events("", "Zwanzig Meter"))
        store_turn(store, session, "Sum?")
        for words, number in [
            *(("brucke", 1), ("zwan met", 1), ("equals", 2), ("add", 2), ("sum 20", 2), ("ADD", 2))
        ]:
            (hit,) = store.search(words)
            assert (hit.session.id, hit.number) == (session, number), words
        assert store.search("brücke add") == []

    def test_a_hit_shows_the_context(self, store: Store) -> None:
        session = store.create("m")
        answer = " ".join(f"word{at}" for at in range(500)) + "\n\x1b[2J needle " + "x " * 50
        store_turn(store, session, "A\nquestion", answer_events("", answer))
        (hit,) = store.search("needle")
        assert hit.question == "A question"
        assert "needle" in hit.snippet
        assert len(hit.snippet) < 200
        assert hit.snippet.isprintable()

    def test_the_newest_come_first(self, store: Store) -> None:
        session = store.create("m")
        for _ in range(5):
            store_turn(store, session)
        assert [hit.number for hit in store.search("equals", limit=3)] == [5, 4, 3]

    def test_a_killed_turn_is_found_by_its_question(self, store: Store) -> None:
        store.begin(store.create("m"), "Where is Rome?", "", "m")
        assert [hit.question for hit in store.search("rome")] == ["Where is Rome?"]

    @pytest.mark.parametrize("words", ["", " ", '"', "*", "- -", "''", "\0", "(", "^:", "\ud800"])
    def test_a_search_without_words(self, store: Store, words: str) -> None:
        with pytest.raises(StoreError, match=r"^no words to search for$"):
            store.search(words)

    @pytest.mark.parametrize(
        "words",
        [
            *("equals AND", "NOT equals", "NEAR(10 equals)", "answer:equals", "equals*", '"equals'),
            *("-equals", "^equals", "equals) OR (", "{answer}: equals", "eq\0als", "10+10"),
        ],
    )
    def test_words_of_the_query_language_are_words(self, store: Store, words: str) -> None:
        text = "10 + 10, near 10 equals, and not answer equals eq als or"
        store_turn(store, store.create("m"), "q", answer_events("q", text))
        assert len(store.search(words)) == 1

    def test_a_search_for_very_many_words(self, store: Store) -> None:
        store_turn(store, store.create("m"), "q", answer_events("q", "alpha"))
        assert len(store.search("alpha " * 10_000)) == 1
        assert store.search("alpha" * 10_000) == []

    @given(words=st.text(st.one_of(st.characters(), st.sampled_from('"*-()^:+ \0NEARORNOT'))))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_any_words_are_safe(self, store: Store, words: str) -> None:
        try:
            assert store.search(words) == []
        except StoreError as error:
            assert str(error) == "no words to search for"  # noqa: PT017  # or there are some


class TestPrivacy:
    @pytest.mark.parametrize("mask", [0o022, 0o000])
    def test_only_the_owner_can_read_it(self, path: Path, mask: int) -> None:
        before = os.umask(mask)
        try:
            with Store.open(path) as store:
                store_turn(store, store.create("m"))
                assert set(read_modes(path.parent).values()) == {0o600}
                assert {*read_modes(path.parent)} >= {
                    path.name,
                    f"{path.name}-wal",
                    f"{path.name}-shm",
                }
                assert read_modes(path.parent.parent) == {"data": 0o700}
        finally:
            os.umask(before)

    def test_permissions_are_tightened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        path = tmp_path / "streamchat" / "sessions.sqlite3"
        store_sessions(path, ["one"])
        path.chmod(0o644)
        path.parent.chmod(0o755)
        with Store.open() as store:
            assert len(store.sessions()) == 1
            assert set(read_modes(path.parent).values()) == {0o600}
            assert read_modes(tmp_path) == {"streamchat": 0o700}

    def test_a_shared_directory_stays_open(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        store_sessions(tmp_path / "mine.sqlite3", ["one"])
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


class TestUnusableStores:
    """One line says why, with the path."""

    @pytest.mark.parametrize("place", ["/dev/null/x/s.sqlite3", "{tmp}/file/s.sqlite3", "{tmp}"])
    def test_an_impossible_path(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").write_text("mine")
        path = Path(place.format(tmp=tmp_path))
        with pytest.raises(StoreError) as caught:
            Store.open(path)
        assert str(caught.value).startswith(f"cannot use {path}: ")
        assert "\n" not in str(caught.value)
        assert (tmp_path / "file").read_text() == "mine"

    def test_a_store_of_a_newer_version_is_left_alone(self, path: Path) -> None:
        store_sessions(path, ["one"])
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA user_version = 99")
        before = path.read_bytes()
        warnings: list[str] = []
        with pytest.raises(StoreError, match=f"^cannot use {path}: it was written by a newer "):
            Store.open(path, warnings.append)
        assert (path.read_bytes(), warnings) == (before, [])

    def test_a_locked_store(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("streamchat.sessions.database.LOCK_TIMEOUT", 0.1)
        monkeypatch.setattr("streamchat.sessions.files.LOCK_TIMEOUT", 0.1)
        with Store.open(path) as store:
            store_turn(store, store.create("m"))
            with closing(sqlite3.connect(path)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreError, match=f"^cannot use {path}: another program has "):
                    store.create("m")
                assert len(store.sessions()) == 1
            store.create("m")

    def test_a_store_that_stays_locked(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("streamchat.sessions.files.LOCK_TIMEOUT", 0.1)
        store_sessions(path, ["one"])
        with (
            lock(path),
            pytest.raises(StoreError, match=f"^another program has locked {path}$"),
        ):
            Store.open(path)
        Store.open(path).close()

    def test_a_full_disk(self, store: Store, path: Path) -> None:
        session = store.create("m")
        store._database._connection.execute("PRAGMA max_page_count = 40")  # type: ignore[union-attr]
        with pytest.raises(StoreError, match=f"^cannot use {path}: database or disk is full"):
            store.begin(session, "q" * 1_000_000, "m", "m")
        store.begin(session, "q", "m", "m")
        assert [each.question for each in store.turns(session)] == ["q"]

    def test_a_closed_store(self, path: Path) -> None:
        store = Store.open(path)
        store.close()
        with pytest.raises(StoreError, match="is closed"):
            store.sessions()


class TestMigrations:
    def test_a_store_of_an_earlier_version_is_upgraded(self, path: Path) -> None:
        (session,) = store_sessions(path, ["one"])
        later = (*schema.MIGRATIONS, ["ALTER TABLE sessions ADD COLUMN mood TEXT DEFAULT 'good'"])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            schema.migrate(other, later)
            schema.migrate(other, later)
            assert other.execute("SELECT id, mood FROM sessions").fetchone() == (session, "good")
            assert other.execute("PRAGMA user_version").fetchone() == (len(later),)

    def test_a_failed_migration_changes_nothing(self, path: Path) -> None:
        store_sessions(path, ["one"])
        broken = (*schema.MIGRATIONS, ["DROP TABLE events", "frob"])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            try:
                schema.migrate(other, broken)
            except sqlite3.OperationalError as error:
                assert "frob" in str(error)  # noqa: PT017  # what follows tells whether it came
            assert other.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)
        with Store.open(path) as store:
            assert store.events(store.turns(store.sessions()[0].id)[0].id) == NOTEBOOK


WRITER = """
import sys
from pathlib import Path
from streamchat.sessions.store import Store
from tests.stores import store_turn
with Store.open(Path(sys.argv[1])) as store:
    own = store.create("m")
    for at in range(40):
        store_turn(store, sys.argv[2], f"{sys.argv[3]} {at}")
        store_turn(store, own, f"{sys.argv[3]} {at}")
"""
KILLED = """
import sys, time
from pathlib import Path
from streamchat.events import TimedEvent
from streamchat.sessions.store import Store
from tests.stores import store_turn
from tests.turns import NOTEBOOK
store = Store.open(Path(sys.argv[1]))
session = store.create("m")
for at in range(20):
    store_turn(store, session, f"question {at}")
turn = store.begin(session, "the last", "the last", "m")
store.add(turn, map(TimedEvent, NOTEBOOK[:-3]))
print(session, flush=True)
while True:
    store.add(turn, [])
"""


def start_python(code: str, home: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(home),
    )


class TestSeveralProcesses:
    def test_two_writers_lose_nothing(self, tmp_path: Path, path: Path) -> None:
        with Store.open(path) as store:
            shared = store.create("m")
        writers = [start_python(WRITER, tmp_path, path, shared, name) for name in "ab"]
        for each in writers:
            each.communicate(timeout=HANGS)
            assert each.returncode == 0
        with Store.open(path) as store:
            turns = store.turns(shared)
            assert [each.number for each in turns] == [*range(1, 81)]
            for name in "ab":
                own = [each.question for each in turns if each.question.startswith(name)]
                assert own == [f"{name} {at}" for at in range(40)]
            assert all(store.events(each.id) == NOTEBOOK for each in turns)
            assert sorted(each.turns for each in store.sessions()) == [40, 40, 80]

    def test_a_kill_loses_nothing_that_was_stored(self, tmp_path: Path, path: Path) -> None:
        with start_python(KILLED, tmp_path, path) as process:
            assert process.stdout
            session = process.stdout.readline().strip()
            process.send_signal(signal.SIGKILL)
        warnings: list[str] = []
        with Store.open(path, warnings.append) as store:
            *finished, last = store.turns(session)
            assert [each.question for each in finished] == [f"question {at}" for at in range(20)]
            assert {(each.status, each.answer) for each in finished} == {
                ("done", "10 + 10 equals 20.")
            }
            assert (last.question, last.status) == ("the last", "cancelled")
            assert last.answer == "10 + 10 equals 20."
            assert store.events(last.id) == [*NOTEBOOK[:-3], TurnCancelled()]
        assert warnings == []
