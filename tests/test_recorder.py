"""Turns recorded while they happen."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from streamchat.events import AnswerDelta, ChunkReceived, Event, TurnCancelled, TurnDone
from streamchat.sessions.recorder import Recorder
from streamchat.sessions.store import Store
from streamchat.text.redact import Redactor
from streamchat.turn import fold
from tests.program import environment
from tests.turns import NOTEBOOK

ROOT = Path(__file__).parent.parent


class Kept:
    """A store, what was told, and a recorder on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self.store = Store.open(path, self.told.append)
        self.session = self.store.create("m")
        self.recorder = Recorder(self.store, self.told.append, Redactor(["sk-secret"]))

    async def begin(self, question: str = "q") -> int:
        turn = await self.recorder.begin(self.session, question, f"{question}!", "m")
        assert turn is not None
        return turn

    async def play(self, *events: Event) -> int:
        turn = await self.begin()
        for event in events:
            self.recorder.record(event)
        await self.recorder.finish(fold(events))
        return turn

    def forbid_writing(self) -> None:
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("ALTER TABLE events RENAME TO gone")
            other.commit()


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  # a thread writes, and tells nobody
        await asyncio.sleep(0.02)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "sessions.sqlite3")
    yield made
    made.store.close()


async def test_a_turn_is_there_before_it_is_asked_and_whole_when_it_is_over(kept: Kept) -> None:
    turn = await kept.begin("my key is sk-secret")
    (exchange,) = kept.store.turns(kept.session)
    assert (exchange.id, exchange.status) == (turn, "cancelled")
    assert (exchange.question, exchange.message) == ("my key is sk-***", "my key is sk-***!")
    for event in NOTEBOOK:
        kept.recorder.record(event)
    await kept.recorder.finish(fold(NOTEBOOK))
    assert kept.store.turns(kept.session)[0].status == "done"
    assert kept.store.events(turn) == NOTEBOOK
    assert kept.told == []


async def test_what_came_is_written_while_the_turn_goes_on(kept: Kept) -> None:
    turn = await kept.begin()
    for event in NOTEBOOK[:4]:
        kept.recorder.record(event)
    await until(lambda: len(kept.store.events(turn)) > 4)
    for event in NOTEBOOK[4:]:
        kept.recorder.record(event)
    await until(lambda: kept.store.events(turn) == NOTEBOOK)
    assert kept.store.events(turn) == NOTEBOOK
    await kept.recorder.finish(fold(NOTEBOOK))


async def test_writes_keep_their_order(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamchat.sessions.recorder._PAUSE", 0.0)
    events: list[Event] = [AnswerDelta(str(at)) for at in range(500)]
    turn = await kept.begin()
    for event in events:
        kept.recorder.record(event)
        await asyncio.sleep(0)
    await kept.recorder.finish(fold(events))
    assert kept.store.events(turn) == [*events, TurnCancelled()]


async def test_turns_one_after_another(kept: Kept) -> None:
    turns = [await kept.play(AnswerDelta(text), TurnDone(text)) for text in ("one", "two")]
    assert [each.answer for each in kept.store.turns(kept.session)] == ["one", "two"]
    assert [kept.store.events(turn)[0] for turn in turns] == [
        AnswerDelta("one"),
        AnswerDelta("two"),
    ]


async def test_many_events_and_no_chunks(kept: Kept) -> None:
    events: list[Event] = [AnswerDelta("token ") for _ in range(90_000)]
    turn = await kept.play(ChunkReceived("raw"), *events, TurnDone("token " * 90_000))
    assert len(kept.store.events(turn)) == 90_001
    assert kept.store.turns(kept.session)[0].answer == "token " * 90_000


async def test_a_cancel_waits_for_the_end_of_the_turn(kept: Kept) -> None:
    turn = await kept.begin()
    for event in NOTEBOOK:
        kept.recorder.record(event)
    finishing = asyncio.create_task(kept.recorder.finish(fold(NOTEBOOK)))
    await asyncio.sleep(0)
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    assert kept.store.events(turn) == NOTEBOOK
    assert kept.store.turns(kept.session)[0].status == "done"


def test_the_end_of_the_loop_waits_for_it_too(kept: Kept) -> None:
    async def main() -> None:
        await kept.begin()
        for event in NOTEBOOK:
            kept.recorder.record(event)
        kept.finishing = asyncio.create_task(kept.recorder.finish(fold(NOTEBOOK)))  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    asyncio.run(main())
    assert kept.store.turns(kept.session)[0].status == "done"


async def test_a_cancelled_begin_leaves_a_turn_that_was_interrupted(kept: Kept) -> None:
    beginning = asyncio.create_task(kept.begin())
    await asyncio.sleep(0)
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    assert [each.status for each in kept.store.turns(kept.session)] == ["cancelled"]


async def test_what_cannot_be_kept_is_told_once(kept: Kept) -> None:
    await kept.play(*NOTEBOOK)
    kept.forbid_writing()
    await kept.begin()
    for event in NOTEBOOK:
        kept.recorder.record(event)
    await until(lambda: bool(kept.told))
    for event in NOTEBOOK:
        kept.recorder.record(event)
    await kept.recorder.finish(fold(NOTEBOOK))
    assert await kept.recorder.begin(kept.session, "q", "q", "m") is None
    kept.recorder.record(NOTEBOOK[0])
    await kept.recorder.finish(fold(NOTEBOOK))
    assert kept.told == [
        f"the session is no longer saved: cannot use {kept.path}: no such table: events"
    ]


@pytest.mark.parametrize("at", ["begin", "finish"])
async def test_a_store_that_is_closed_in_between(kept: Kept, at: str) -> None:
    if at == "finish":
        await kept.begin()
    kept.store.close()
    await kept.recorder.begin(kept.session, "q", "q", "m")
    await kept.recorder.finish(fold(NOTEBOOK))
    assert kept.told == [f"the session is no longer saved: {kept.path} is closed"]


async def test_events_that_no_json_can_hold(kept: Kept) -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    await kept.begin()
    kept.recorder.record(AnswerDelta(nested))  # type: ignore[arg-type]
    await kept.recorder.finish(fold(NOTEBOOK))
    (told,) = kept.told
    assert told.startswith("the session is no longer saved: ")
    while nested:
        nested = nested.pop()  # type: ignore[assignment]


async def test_without_a_store_nothing_is_kept() -> None:
    recorder = Recorder(None, pytest.fail)
    assert await recorder.begin("0", "q", "q", "m") is None
    recorder.record(NOTEBOOK[0])
    await recorder.finish(fold(NOTEBOOK))


async def test_a_store_that_is_damaged_meanwhile(kept: Kept) -> None:
    await kept.play(*NOTEBOOK)
    turn = await kept.begin()
    with closing(sqlite3.connect(kept.path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept.path.write_bytes(b"noise" * 10_000)
    kept.recorder.record(NOTEBOOK[0])
    await kept.recorder.finish(fold(NOTEBOOK))
    assert kept.store.events(turn) == [TurnCancelled()]
    assert await kept.play(*NOTEBOOK)
    assert [each.answer for each in kept.store.turns(kept.session)] == ["10 + 10 equals 20."]
    assert len(kept.told) == 1


RECORDING = """
import asyncio, sys
from pathlib import Path
from streamchat.sessions.recorder import Recorder
from streamchat.turn import fold
from streamchat.sessions.store import Store
from streamchat.events import AnswerDelta
from tests.turns import NOTEBOOK

async def main():
    store = Store.open(Path(sys.argv[1]))
    session = store.create("m")
    recorder = Recorder(store, print)
    for question in ("one", "two"):
        await recorder.begin(session, question, question, "m")
        for event in NOTEBOOK:
            recorder.record(event)
        await recorder.finish(fold(NOTEBOOK))
    turn = await recorder.begin(session, "three", "three", "m")
    for at in range(10**9):
        recorder.record(AnswerDelta(f"{at} "))
        await asyncio.sleep(0.001)
        if at % 100 == 0 and len(store.events(turn)) > 300:
            print(session, flush=True)

asyncio.run(main())
"""


def test_a_kill_costs_the_last_moment_only(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", RECORDING, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(tmp_path),
    ) as process:
        assert process.stdout
        session = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    with Store.open(path) as store:
        one, two, three = store.turns(session)
        assert (one.status, two.status, three.status) == ("done", "done", "cancelled")
        numbers = three.answer.split()
        assert len(numbers) > 300
        assert numbers == [str(at) for at in range(len(numbers))]
