"""Damaged stores: moved aside with one warning, and replaced."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streamchat.events import TimedEvent, TurnCancelled
from streamchat.sessions import StoreError
from streamchat.sessions.store import Store
from streamchat.turn import fold
from tests.program import HANGS, environment
from tests.stores import empty_log, store_sessions, store_turn
from tests.turns import NOTEBOOK

ROOT = Path(__file__).parent.parent
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "sessions.sqlite3"


def fill_with_noise(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(3 * PAGE))


def fill_with_a_little_noise(path: Path) -> None:
    path.write_bytes(b"\x00not a store")


def truncate(path: Path) -> None:
    os.truncate(path, 2 * PAGE + 100)


def truncate_in_the_header(path: Path) -> None:
    os.truncate(path, 50)


def zero_a_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // PAGE):
        data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(data)


def damage_the_schema(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"CREATE TABLE turns", b"CREATE TABLE t\xff\x00ns"))


KINDS = [
    fill_with_noise,
    fill_with_a_little_noise,
    truncate,
    truncate_in_the_header,
    zero_a_page,
    damage_the_schema,
]


def find_moved(path: Path) -> list[Path]:
    return sorted(each for each in path.parent.glob("*.damaged-*") if each.suffix == ".sqlite3")


@pytest.mark.parametrize("damage", KINDS)
def test_damage_shows_on_opening_or_on_first_use(
    path: Path, damage: Callable[[Path], None]
) -> None:
    store_sessions(path, ["one", "two"])
    empty_log(path)
    damage(path)
    damaged = path.read_bytes()
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store:
        assert store.sessions() == []
        session = store.create("m")
        store_turn(store, session)
        assert [each.id for each in store.sessions()] == [session]
    (aside,) = find_moved(path)
    assert warnings == [
        f"the sessions in {path} are damaged and were moved to {aside}",
    ]
    assert re.fullmatch(r"sessions\.damaged-\d{8}-\d{6}\.sqlite3", aside.name)
    assert aside.read_bytes() == damaged
    with Store.open(path, warnings.append) as store:
        assert len(store.sessions()) == len(warnings) == 1


@pytest.mark.parametrize("page", range(1, 20))
def test_any_lost_page(path: Path, page: int) -> None:
    """Whatever the page held, every call works, on the old store or on a new one."""
    first, second = store_sessions(path, ["one", "two"])
    empty_log(path)
    data = bytearray(path.read_bytes())
    data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(data)
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store:
        for session in (first, second):
            for exchange in store.turns(session):
                assert store.events(exchange.id)[-1]
        assert len(store.search("equals")) in (0, 2)
        turn = store_turn(store, first, "three")
        assert store.turns(first)[-1].id == turn
        assert store.events(turn) == NOTEBOOK
        assert first in [each.id for each in store.sessions()]
        store.delete(second)
    assert len(warnings) == len(find_moved(path)) <= 1


def test_damage_during_a_turn(path: Path) -> None:
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store:
        session = store.create("m")
        store_turn(store, session)
        turn = store.begin(session, "Half", "Half", "m")
        store.add(turn, map(TimedEvent, NOTEBOOK[:5]))
        empty_log(path)
        fill_with_noise(path)
        store.add(turn, map(TimedEvent, NOTEBOOK[5:]))
        store.finish(turn, fold(NOTEBOOK))
        assert store.events(turn) == [TurnCancelled()]
        assert store.turns(session) == []
        store_turn(store, session, "Anew")
        assert [each.title for each in store.sessions()] == ["Anew"]
        assert store.find(session).turns == 1
    assert len(warnings) == len(find_moved(path)) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.create("m"),
        lambda store: store.begin("0", "q", "q", "m"),
        lambda store: store.sessions(),
        lambda store: store.turns("0"),
        lambda store: store.events(1),
        lambda store: store.search("q"),
        lambda store: store.delete("0"),
        lambda store: store.delete_turn(1),
        lambda store: store.set_title("0", "t"),
        lambda store: store.last(),
    ],
)
def test_every_call_works_on_a_new_store(path: Path, use: Callable[[Store], object]) -> None:
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store:
        store_turn(store, store.create("m"))
        empty_log(path)
        fill_with_noise(path)
        use(store)
        use(store)
    assert len(warnings) == len(find_moved(path)) == 1


@pytest.mark.parametrize("use", [lambda store: store.find("0"), lambda store: store.branch("0", 1)])
def test_a_lost_session_is_not_found(path: Path, use: Callable[[Store], object]) -> None:
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store:
        store_turn(store, store.create("m"))
        empty_log(path)
        fill_with_noise(path)
        with pytest.raises(StoreError, match="no session"):
            use(store)
    assert len(warnings) == 1


def test_a_damaged_log_loses_only_its_own_content(path: Path) -> None:
    (session,) = store_sessions(path, ["one"])
    empty_log(path)
    path.with_name(path.name + "-wal").write_bytes(random.Random(1).randbytes(9 * PAGE))
    path.with_name(path.name + "-shm").write_bytes(random.Random(2).randbytes(8 * PAGE))
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store:
        assert [each.id for each in store.sessions()] == [session]
        store_turn(store, session, "two")
        assert len(store.turns(session)) == 2
    assert warnings == []


@pytest.mark.parametrize("size", [0, 40, 5000])
def test_a_log_truncated_while_in_use(path: Path, size: int) -> None:
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store, Store.open(path, warnings.append) as other:
        session = store.create("m")
        store_turn(store, session)
        os.truncate(path.with_name(path.name + "-wal"), size)
        for each in (other, store, other):
            turn = store_turn(each, session, "Anew")
            assert each.events(turn) == NOTEBOOK
        assert [each.question for each in store.turns(session)][-3:] == ["Anew"] * 3
    assert len(warnings) == len(find_moved(path)) <= 1


def test_the_log_is_moved_too_and_nothing_is_overwritten(path: Path) -> None:
    for _ in range(3):
        store_sessions(path, ["one"])
        fill_with_noise(path)
        path.with_name(path.name + "-wal").write_bytes(b"log")
        Store.open(path, print).close()
    assert len(find_moved(path)) == 3
    assert all(
        each.with_name(each.name + "-wal").read_bytes() == b"log" for each in find_moved(path)
    )


def test_a_removed_store_is_made_again(path: Path) -> None:
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store:
        session = store.create("m")
        store_turn(store, session)
        for each in path.parent.iterdir():
            each.unlink()
        store_turn(store, session, "two")
        assert [each.question for each in store.turns(session)] == ["two"]
        with Store.open(path) as other:
            assert len(other.sessions()) == 1
    assert warnings == []


def test_one_damaged_store_is_moved_once(path: Path) -> None:
    warnings: list[str] = []
    with Store.open(path, warnings.append) as store, Store.open(path, warnings.append) as other:
        store_turn(store, store.create("m"))
        empty_log(path)
        fill_with_noise(path)
        session = store.create("m")
        store_turn(store, session)
        assert [each.id for each in other.sessions()] == [session]
        store_turn(other, session)
        assert len(store.turns(session)) == 2
    with Store.open(path, warnings.append) as store:
        assert len(store.turns(session)) == 2
    assert len(warnings) == len(find_moved(path)) == 1


FINDER = """
import sys
from pathlib import Path
from streamchat.sessions.store import Store
from tests.stores import store_turn
sys.stdin.readline()
with Store.open(Path(sys.argv[1]), print) as store:
    session = store.create("m")
    store_turn(store, session)
    assert len(store.turns(session)) == 1
"""


@pytest.mark.parametrize("damage", [fill_with_noise, zero_a_page])
def test_several_processes_find_the_damage_at_once(
    tmp_path: Path, path: Path, damage: Callable[[Path], None]
) -> None:
    store_sessions(path, ["one"])
    empty_log(path)
    damage(path)
    finders = [
        subprocess.Popen(
            [sys.executable, "-c", FINDER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(tmp_path),
        )
        for _ in range(4)
    ]
    for each in finders:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    warnings = [each.communicate(timeout=HANGS)[0] for each in finders]
    assert [each.returncode for each in finders] == [0] * 4
    assert "".join(warnings).count("\n") == len(find_moved(path)) == 1
    with Store.open(path) as store:
        assert len(store.sessions()) == 4
