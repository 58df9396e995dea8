"""A download in a process of its own: see `download`.

There, huggingface_hub and pip cannot get in the way of signals, and can be given up while they look
up a host name, which may take a minute. It ends when its parent does, however that ends.
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
import sysconfig
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

CONNECTING, CONNECTED = "connecting", "connected"
"""The lines that say how far the download from Hugging Face is. An error is the last line."""
CHUNK = 1 << 16
"""How many bytes are written at a time."""
_LIFELINE = 0
"""Ends when the parent does."""


def main() -> None:
    """Download as the arguments say, and report on standard output."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    downloads: dict[str, Callable[..., None]] = {"official": _download_official, "pip": _run_pip}
    kind, *arguments = sys.argv[1:]
    downloads[kind](*arguments)


def _end_with_parent() -> NoReturn:
    os.read(_LIFELINE, 1)
    os._exit(1)


def _download_official(
    repository: str, revision: str, filename: str, size: str, sha256: str, target: str
) -> None:
    try:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(repository, filename, revision=revision)
        if isinstance(cached, str) and Path(cached).stat().st_size == int(size):
            _link_or_copy(Path(cached).resolve(), Path(target))
        else:
            _resume(repository, revision, filename, int(size), sha256, Path(target))
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed")
    except Exception as error:  # a library of libraries
        sys.exit(_explain(error))


def _resume(
    repository: str, revision: str, filename: str, size: int, sha256: str, target: Path
) -> None:
    """Download what is missing of the file.

    `hf_hub_download` would begin again: it does not use what an earlier process has left.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    _report(CONNECTING)
    url = hf_hub_url(repository, filename, revision=revision)
    facts = get_hf_file_metadata(url)
    # The hash of a large file is its ETag, but a mirror may have ETags of its own.
    if facts.size not in (None, size) or (
        len(facts.etag or "") == len(sha256) and facts.etag != sha256
    ):
        sys.exit("it has another file by that name")
    _report(CONNECTED)
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK  # theirs would be 10 MB, lost when interrupted
    with target.open("ab") as file:
        headers = build_hf_headers()
        http_get(url, file, resume_size=file.tell(), headers=headers, expected_size=size)


def _link_or_copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:  # it is on another disk
        shutil.copyfile(source, target)


def _report(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # for the parent


def _explain(error: Exception) -> str:
    """Return the reason for an error in a few words."""
    if status := getattr(getattr(error, "response", None), "status_code", None):
        return f"HTTP status {status}"
    if type(error).__name__ == "OfflineModeIsEnabled":
        return "HF_HUB_OFFLINE is set"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _run_pip(*arguments: str) -> None:
    """Run pip, which may be missing: uv and `venv --without-pip` leave it out.

    Then there is one within Python, for `ensurepip` to install; it runs from its wheel, too.
    """
    if find_spec("pip") is None:
        sys.path.insert(0, _find_bundled_pip())
    sys.argv = ["pip", *arguments]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


def _find_bundled_pip() -> str:
    # Linux distributions have a directory of their own for it.
    places = [Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or "/nowhere")]
    with suppress(ImportError):
        import ensurepip

        places.append(Path(ensurepip.__file__).with_name("_bundled"))
    for place in places:
        for wheel in place.glob("pip-*.whl"):
            return str(wheel)
    sys.exit("there is no pip")


if __name__ == "__main__":
    main()
