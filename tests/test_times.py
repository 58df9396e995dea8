"""When each event of a turn came: in the store, and in the JSON of a turn."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat.events import (
    ChunkReceived,
    Event,
    TimedEvent,
    TurnCancelled,
    from_dict,
)
from streamchat.sessions import schema
from streamchat.sessions.store import Store
from streamchat.sessions.times import decode_times, encode_times
from streamchat.turn import fold
from streamchat.view.jsonl import JsonView
from streamchat.view.play import play, show_all
from tests.event_schema import check_lines
from tests.program import run
from tests.server import NOTEBOOK_ANSWER, NOTEBOOK_ARGUMENTS, Server, calls
from tests.turns import NOTEBOOK

TIMED = [TimedEvent(event, 40 * at) for at, event in enumerate(NOTEBOOK)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "sessions.sqlite3") as opened:
        yield opened


class TestTheFormat:
    @given(st.lists(st.integers(0, 2**53)))
    def test_times_come_back_as_they_were(self, times: list[int]) -> None:
        assert decode_times(encode_times(times), len(times)) == times

    def test_a_time_takes_few_bytes(self) -> None:
        times = [1200 + 25 * at for at in range(1000)]
        assert len(encode_times(times) or "") < 3.1 * len(times)

    def test_times_that_are_unknown(self) -> None:
        assert encode_times([0, None, 3]) is None
        assert decode_times(None, 2) == [None, None]

    @pytest.mark.parametrize("text", ["", "{", "7", "[1]", "[1,2,3]", '[1,"2"]', "[1,true]"])
    def test_damaged_times_are_unknown(self, text: str) -> None:
        assert decode_times(text, 2) == [None, None]


class TestTheStore:
    def test_each_event_keeps_its_time(self, store: Store) -> None:
        turn = store.begin(store.create("m"), "q", "q", "m")
        store.add(turn, [*TIMED[:3], TimedEvent(ChunkReceived("raw"), 90), *TIMED[3:9]])
        store.add(turn, TIMED[9:])
        assert store.timed_events(turn) == TIMED

    def test_a_turn_that_was_killed_ends_with_its_last_event(self, store: Store) -> None:
        turn = store.begin(store.create("m"), "q", "q", "m")
        assert store.timed_events(turn) == [TimedEvent(TurnCancelled())]
        store.add(turn, TIMED[:3])
        assert store.timed_events(turn) == [*TIMED[:3], TimedEvent(TurnCancelled(), 80)]

    def test_a_branch_keeps_the_times(self, store: Store) -> None:
        session = store.create("m")
        turn = store.begin(session, "q", "q", "m")
        store.add(turn, TIMED)
        store.finish(turn, fold(NOTEBOOK))
        (copy,) = store.turns(store.branch(session, 1))
        assert store.timed_events(copy.id) == TIMED

    def test_a_store_of_the_version_before_is_upgraded(self, tmp_path: Path) -> None:
        path = tmp_path / "old.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            schema.migrate(old, schema.MIGRATIONS[:1])
            old.executescript(OLD)
        with Store.open(path) as store:
            assert store.timed_events(7) == [
                TimedEvent(from_dict({"type": "turn_started", "question": "q", "model": "m"})),
                TimedEvent(from_dict({"type": "turn_done", "answer": "a"})),
            ]
            turn = store.begin("1a2b3c4d", "q", "q", "m")
            store.add(turn, TIMED)
            assert store.timed_events(turn) == TIMED
            assert [each.question for each in store.turns("1a2b3c4d")] == ["old", "q"]


OLD = """
    INSERT INTO sessions VALUES ('1a2b3c4d', NULL, 'm', NULL, NULL, 1.0, 1.0);
    INSERT INTO turns (id, session, number, question, message, status, model, started)
        VALUES (7, '1a2b3c4d', 1, 'old', 'old', 'done', 'm', 1.0);
    INSERT INTO events VALUES (7, 1, '[{"type": "turn_started", "question": "q", "model": "m"}]');
    INSERT INTO events VALUES (7, 2, '[{"type": "turn_done", "answer": "a"}]');
"""
"""A session as version 1 stored it."""


class TestJson:
    async def test_each_event_has_the_time_since_the_first(self) -> None:
        out, now = StringIO(), iter([7.0, 7.0404, 9.5])

        async def happen() -> AsyncIterator[Event]:
            for event in (*NOTEBOOK[:2], NOTEBOOK[-1]):
                yield event

        await play(happen(), JsonView(out), clock=lambda: next(now))
        written = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [each["at"] for each in written] == [0, 40, 2500]
        assert all(list(each)[-1] == "at" for each in written)

    def test_a_stored_turn_has_the_times_of_then(self) -> None:
        out = StringIO()
        show_all(TIMED, JsonView(out))
        times = [json.loads(line)["at"] for line in out.getvalue().splitlines()]
        assert times == [each.at for each in TIMED]

    def test_a_turn_without_times_is_shown_without(self) -> None:
        out = StringIO()
        show_all(map(TimedEvent, NOTEBOOK), JsonView(out))
        assert '"at"' not in out.getvalue()

    def test_the_store_has_the_times_that_the_output_had(self, tmp_path: Path) -> None:
        with Server() as server:
            server.script(calls("add", NOTEBOOK_ARGUMENTS), calls("final_answer", NOTEBOOK_ANSWER))
            url = ("--base-url", server.url)
            done = run(tmp_path, "ask", "What is 10 + 10", "--json", *url)
        written = check_lines(done.stdout)
        with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
            (session,) = store.sessions()
            (turn,) = store.turns(session.id)
            assert store.timed_events(turn.id) == [
                TimedEvent(from_dict(each), each["at"]) for each in written
            ]
        assert sorted(each["at"] for each in written) == [each["at"] for each in written]
        assert written[0]["at"] == 0
