"""The embedded server, in a process of its own: it loads the model while this one imports."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streamchat.config import ModelError
from streamchat.models.embedded.states import states_directory
from streamchat.models.embedded.summary import CONTEXT_TOKENS

_PROGRAM = Path(__file__).with_name("server_process.py")
_VARIABLES = {
    # Spinning OpenMP threads fight over the processors of a busy machine.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
    # glibc would ask for the memory of 150,000 words and as many merges in tiny pieces.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TOP_PAD_": str(64 << 20),
}


@dataclass
class EmbeddedServer:
    """The server, on a random port of 127.0.0.1 with a random key, while this object lives."""

    file: Path
    template: str | None
    identity: str
    adapter: Path | None = None
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    address: str = ""
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to load the model, unless that has begun.

        Raises:
            ModelError: there can be no more processes.
        """
        if self._process:
            return
        try:
            # -P: neither the current directory nor the program's own has modules for it. A process
            # group of its own keeps Ctrl-C away.
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-P", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_VARIABLES | os.environ,
                process_group=0,
            )
            assert self._process.stdin
            with suppress(BrokenPipeError):  # it has ended, which `wait` reports
                self._process.stdin.write(f"{json.dumps(self._build_options())}\n".encode())
                self._process.stdin.flush()
        except OSError as error:
            raise ModelError(f"cannot start the local model: {error.strerror}") from None

    def wait(self) -> None:
        """Wait until the model is loaded.

        Raises:
            ModelError: the file cannot be loaded.
        """
        assert self._process
        assert self._process.stdout
        self.address = self._process.stdout.readline().decode().strip()
        if not self.address:
            self.stop()
            raise ModelError(f"{self.file} cannot be loaded: it is damaged or not supported")

    def stop(self) -> None:
        """End the server, even in the middle of an answer."""
        process, self._process = self._process, None
        if not process:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            assert pipe
            with suppress(OSError):
                pipe.close()
        process.wait()

    def _build_options(self) -> dict[str, str | int | None]:
        states = ""
        with suppress(OSError):  # then nothing is saved
            states_directory().mkdir(mode=0o700, parents=True, exist_ok=True)
            states = f"{states_directory()}/"
        return {
            "file": str(self.file),
            "key": self.key,
            "template": self.template,
            "adapter": str(self.adapter) if self.adapter else None,
            "context_tokens": CONTEXT_TOKENS,
            "states": states,
        }
