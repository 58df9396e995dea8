"""Turns are recorded as they happen."""

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

from streamchat.events import (
    AnswerDelta,
    ChunkReceived,
    Event,
    PromptProgress,
    TimedEvent,
    TurnCancelled,
    TurnDone,
)
from streamchat.sessions.recorder import Recorder
from streamchat.sessions.store import Store
from streamchat.text.redact import Redactor
from streamchat.turn import fold
from tests.program import environment
from tests.turns import NOTEBOOK

ROOT = Path(__file__).parent.parent


class Recording:
    """A store with a recorder, and the warnings of both."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.store = Store.open(path, self.warnings.append)
        self.session = self.store.create("m")
        self.recorder = Recorder(self.store, self.warnings.append, Redactor(["sk-secret"]))

    async def begin(self, question: str = "q") -> int:
        turn = await self.recorder.begin(self.session, question, f"{question}!", "m")
        assert turn is not None
        return turn

    async def play(self, *events: Event) -> int:
        turn = await self.begin()
        for event in events:
            self.recorder.record(TimedEvent(event))
        await self.recorder.finish(fold(events))
        return turn

    def forbid_writing(self) -> None:
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("ALTER TABLE events RENAME TO gone")
            other.commit()


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110  # a thread writes
        await asyncio.sleep(0.02)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording(tmp_path / "sessions.sqlite3")
    yield made
    made.store.close()


async def test_a_turn_is_stored_before_it_is_asked_and_again_at_its_end(
    recording: Recording,
) -> None:
    turn = await recording.begin("my key is sk-secret")
    (exchange,) = recording.store.turns(recording.session)
    assert (exchange.id, exchange.status) == (turn, "cancelled")
    assert (exchange.question, exchange.message) == ("my key is sk-***", "my key is sk-***!")
    for event in NOTEBOOK:
        recording.recorder.record(TimedEvent(event))
    await recording.recorder.finish(fold(NOTEBOOK))
    assert recording.store.turns(recording.session)[0].status == "done"
    assert recording.store.events(turn) == NOTEBOOK
    assert recording.warnings == []


async def test_events_are_written_during_the_turn(recording: Recording) -> None:
    turn = await recording.begin()
    for event in NOTEBOOK[:4]:
        recording.recorder.record(TimedEvent(event))
    await until(lambda: len(recording.store.events(turn)) > 4)
    for event in NOTEBOOK[4:]:
        recording.recorder.record(TimedEvent(event))
    await until(lambda: recording.store.events(turn) == NOTEBOOK)
    assert recording.store.events(turn) == NOTEBOOK
    await recording.recorder.finish(fold(NOTEBOOK))


async def test_writes_keep_their_order(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamchat.sessions.recorder._PAUSE", 0.0)
    events: list[Event] = [AnswerDelta(str(at)) for at in range(500)]
    turn = await recording.begin()
    for event in events:
        recording.recorder.record(TimedEvent(event))
        await asyncio.sleep(0)
    await recording.recorder.finish(fold(events))
    assert recording.store.events(turn) == [*events, TurnCancelled()]


async def test_turns_one_after_another(recording: Recording) -> None:
    turns = [await recording.play(AnswerDelta(text), TurnDone(text)) for text in ("one", "two")]
    assert [each.answer for each in recording.store.turns(recording.session)] == ["one", "two"]
    assert [recording.store.events(turn)[0] for turn in turns] == [
        AnswerDelta("one"),
        AnswerDelta("two"),
    ]


async def test_many_events_are_stored_without_their_chunks(recording: Recording) -> None:
    events: list[Event] = [AnswerDelta("token ") for _ in range(90_000)]
    transient = [ChunkReceived("raw"), PromptProgress(1, 2)]
    turn = await recording.play(*transient, *events, TurnDone("token " * 90_000))
    assert len(recording.store.events(turn)) == 90_001
    assert recording.store.turns(recording.session)[0].answer == "token " * 90_000


async def test_a_cancel_waits_for_the_end_of_the_turn(recording: Recording) -> None:
    turn = await recording.begin()
    for event in NOTEBOOK:
        recording.recorder.record(TimedEvent(event))
    finishing = asyncio.create_task(recording.recorder.finish(fold(NOTEBOOK)))
    await asyncio.sleep(0)
    finishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await finishing
    assert recording.store.events(turn) == NOTEBOOK
    assert recording.store.turns(recording.session)[0].status == "done"


def test_closing_the_loop_waits_for_the_end_of_the_turn(recording: Recording) -> None:
    async def main() -> None:
        await recording.begin()
        for event in NOTEBOOK:
            recording.recorder.record(TimedEvent(event))
        recording.finishing = asyncio.create_task(recording.recorder.finish(fold(NOTEBOOK)))  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    asyncio.run(main())
    assert recording.store.turns(recording.session)[0].status == "done"


async def test_a_cancelled_begin_leaves_an_interrupted_turn(recording: Recording) -> None:
    beginning = asyncio.create_task(recording.begin())
    await asyncio.sleep(0)
    beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    assert [each.status for each in recording.store.turns(recording.session)] == ["cancelled"]


async def test_a_failing_store_is_reported_once(recording: Recording) -> None:
    await recording.play(*NOTEBOOK)
    recording.forbid_writing()
    await recording.begin()
    for event in NOTEBOOK:
        recording.recorder.record(TimedEvent(event))
    await until(lambda: bool(recording.warnings))
    for event in NOTEBOOK:
        recording.recorder.record(TimedEvent(event))
    await recording.recorder.finish(fold(NOTEBOOK))
    await recording.begin()
    recording.recorder.record(TimedEvent(NOTEBOOK[0]))
    await recording.recorder.finish(fold(NOTEBOOK))
    assert recording.warnings == [
        f"the session is no longer saved: cannot use {recording.path}: no such table: events"
    ]


@pytest.mark.parametrize("at", ["begin", "finish"])
async def test_a_store_closed_during_a_turn(recording: Recording, at: str) -> None:
    if at == "finish":
        await recording.begin()
    recording.store.close()
    await recording.recorder.begin(recording.session, "q", "q", "m")
    await recording.recorder.finish(fold(NOTEBOOK))
    assert recording.warnings == [f"the session is no longer saved: {recording.path} is closed"]


async def test_events_that_json_cannot_encode(recording: Recording) -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    await recording.begin()
    recording.recorder.record(TimedEvent(AnswerDelta(nested)))  # type: ignore[arg-type]
    await recording.recorder.finish(fold(NOTEBOOK))
    (warning,) = recording.warnings
    assert warning.startswith("the session is no longer saved: ")
    while nested:
        nested = nested.pop()  # type: ignore[assignment]


async def test_without_a_store_nothing_is_recorded() -> None:
    recorder = Recorder(None, pytest.fail)
    assert await recorder.begin("0", "q", "q", "m") is None
    recorder.record(TimedEvent(NOTEBOOK[0]))
    await recorder.finish(fold(NOTEBOOK))


async def test_a_store_damaged_during_a_turn(recording: Recording) -> None:
    await recording.play(*NOTEBOOK)
    turn = await recording.begin()
    with closing(sqlite3.connect(recording.path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    recording.path.write_bytes(b"noise" * 10_000)
    recording.recorder.record(TimedEvent(NOTEBOOK[0]))
    await recording.recorder.finish(fold(NOTEBOOK))
    assert recording.store.events(turn) == [TurnCancelled()]
    assert await recording.play(*NOTEBOOK)
    assert [each.answer for each in recording.store.turns(recording.session)] == [
        "10 + 10 equals 20."
    ]
    assert len(recording.warnings) == 1


RECORDING = """
import asyncio, sys
from pathlib import Path
from streamchat.sessions.recorder import Recorder
from streamchat.turn import fold
from streamchat.sessions.store import Store
from streamchat.events import AnswerDelta, TimedEvent
from tests.turns import NOTEBOOK

async def main():
    store = Store.open(Path(sys.argv[1]))
    session = store.create("m")
    recorder = Recorder(store, print)
    for question in ("one", "two"):
        await recorder.begin(session, question, question, "m")
        for event in NOTEBOOK:
            recorder.record(TimedEvent(event))
        await recorder.finish(fold(NOTEBOOK))
    turn = await recorder.begin(session, "three", "three", "m")
    for at in range(10**9):
        recorder.record(TimedEvent(AnswerDelta(f"{at} ")))
        await asyncio.sleep(0.001)
        if at % 100 == 0 and len(store.events(turn)) > 300:
            print(session, flush=True)

asyncio.run(main())
"""


def test_a_kill_loses_only_the_last_moment(tmp_path: Path) -> None:
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
