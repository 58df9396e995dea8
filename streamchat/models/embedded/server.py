"""llama.cpp's own OpenAI-compatible server, from xllamacpp, inside this process."""

from __future__ import annotations

import atexit
import os
import secrets
import signal
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from streamchat.config import ModelError
from streamchat.models.embedded.states import states_directory
from streamchat.models.embedded.summary import CONTEXT_TOKENS
from streamchat.models.progress import Guard

# The server reports prompt processing after each batch.
_BATCH_TOKENS = 512
_START_SECONDS = 10
_MAX_THREADS = 8


@dataclass
class EmbeddedServer:
    """The server, on a random port of 127.0.0.1 with a random key, while this object lives."""

    file: Path
    template: str | None
    identity: str
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    address: str = ""
    _native: Any = None

    def start(self, guard: Guard = nullcontext) -> None:
        """Load the model.

        Args:
            guard: entered while no Python code can run, in whichever thread.

        Raises:
            ModelError: the file cannot be loaded.
        """
        # Spinning OpenMP threads fight over the processors of a busy machine. OpenMP reads these
        # variables when the library is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        os.environ.setdefault("GOMP_SPINCOUNT", "0")
        import xllamacpp

        with _hold_interrupts():
            try:
                parameters = self._configure(xllamacpp.CommonParams())
                with guard():
                    self._native = xllamacpp.Server(parameters)
            except Exception:
                raise ModelError(
                    f"{self.file} cannot be loaded: it is damaged or not supported"
                ) from None
            # The process crashes if the threads still run while the interpreter shuts down.
            atexit.register(self.stop)
            self.address = self._native.listening_address
            self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        """Wait for its loop to run: stopping the server before that hangs forever."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(  # noqa: S310  # its own address
            f"{self.address}/slots", headers={"Authorization": f"Bearer {self.key}"}
        )
        with suppress(OSError):
            direct.open(request, timeout=_START_SECONDS).close()

    def stop(self) -> None:
        """End the server's threads and free the model, even in the middle of an answer."""
        self._native = None
        atexit.unregister(self.stop)

    def _configure(self, parameters: Any) -> Any:
        parameters.model.path = str(self.file)
        parameters.hostnames = ["127.0.0.1"]
        parameters.port = 0
        parameters.api_keys = [self.key]
        parameters.ui = False
        parameters.verbosity = -1
        parameters.use_jinja = True
        if self.template is not None:
            parameters.chat_template = self.template
        parameters.n_ctx = CONTEXT_TOKENS
        parameters.n_parallel = 1
        parameters.n_batch = _BATCH_TOKENS
        parameters.n_gpu_layers = 0
        parameters.warmup = False
        parameters.fit_params = False
        parameters.cache_ram_mib = 0
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = _count_threads()
        # Mildly penalize loops; 16 tokens are longer than any number that is repeated rightly.
        parameters.sampling.dry_multiplier = 0.8
        parameters.sampling.dry_base = 1.75
        parameters.sampling.dry_allowed_length = 16
        parameters.sampling.dry_penalty_last_n = 256
        # Repacked weights would be slightly faster and half as large again.
        parameters.no_extra_bufts = True
        with suppress(OSError):  # then nothing is saved
            states_directory().mkdir(mode=0o700, parents=True, exist_ok=True)
            parameters.slot_save_path = f"{states_directory()}/"
        return parameters


@contextmanager
def _hold_interrupts() -> Iterator[None]:
    """Delay Ctrl-C to the end of the context: a server destroyed while it starts may hang."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda *call: held.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held and callable(before):
        before(*held[0])


def _count_threads() -> int:
    return max(1, min(os.cpu_count() or 1, _MAX_THREADS))
