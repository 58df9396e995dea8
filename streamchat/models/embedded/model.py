"""A real language model inside this process, reached as any server is: over HTTP.

llama.cpp's own OpenAI-compatible server, from xllamacpp, listens on a random port of 127.0.0.1 with
a random key, so that the one path through ChatOpenAI serves it too.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import secrets
import signal
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from time import time
from types import FrameType
from typing import Any

import openai
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr

from streamchat.config import ModelError, Settings
from streamchat.models.embedded.weights import EMBEDDED, LARGE, SMALL, Weights, cache_directory
from streamchat.models.openai_compatible import CompatibleChatOpenAI, connect
from streamchat.models.progress import Progress, silent

_CONTEXT_TOKENS = 8192
_LONGEST_REPLY = 2048
_LONGEST_CALL = 1024
# How far a prompt is read is told after each batch.
_BATCH_TOKENS = 512
_STATES_KEPT = 4
_SCRATCH_SECONDS = 3600
_START_SECONDS = 10
_MOST_THREADS = 8
_MAGIC = b"GGUF"
# Where a result has to be repeated, its numbers would come out wrong with this.
_AGAINST_REPETITION = {"repeat_penalty": 1.1, "repeat_last_n": 128}


class EmbeddedChatOpenAI(CompatibleChatOpenAI):
    """ChatOpenAI on the embedded server, which it keeps running.

    Reading the instructions, tools and worked examples takes a small machine seconds. What the
    model made of them is kept in the cache directory, and a new process goes on from there.
    """

    _server: EmbeddedServer | None = PrivateAttr(None)
    _primed_for: str | None = PrivateAttr(None)

    async def prime(
        self, system: BaseMessage, tools: Sequence[dict[str, Any]], progress: Progress = silent
    ) -> None:
        """Has the model read what every question with these tools begins with."""
        state = self._state_file(system, tools)
        if not tools or self._server is None or self._primed_for == state.name:
            return
        self._primed_for = state.name
        # All of this only saves time: whatever fails, the question will be answered without it.
        with suppress(openai.APIError, OSError):
            if _is_whole(state):
                await self._slot("restore", state)
                state.touch()
                return
            payload = self._get_request_payload([system, HumanMessage("")], tools=list(tools))
            payload |= {"max_tokens": 1, "max_completion_tokens": 1}
            with progress("reading the instructions, once", None):
                await self.async_client.create(**payload)
            scratch = state.with_suffix(f".{os.getpid()}")
            try:
                await self._slot("save", scratch)
                _digest_file(state).write_text(_digest(scratch), encoding="ascii")
                scratch.replace(state)
            finally:
                scratch.unlink(missing_ok=True)
            _forget_old_states(state.parent)

    async def aclose(self) -> None:
        """Closes the connections and stops the server."""
        await super().aclose()
        if self._server:
            self._server.stop()

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        if kwargs.get("tools"):
            await self.prime(messages[0], kwargs["tools"])
            kwargs["max_tokens"] = _LONGEST_CALL
        # To read a long prompt is progress, too.
        body: dict[str, Any] = {"return_progress": True}
        if not kwargs.get("tools") or (self._server and self._server.template is None):
            body |= _AGAINST_REPETITION
        kwargs["extra_body"] = body
        async for chunk in super()._astream(messages, *args, **kwargs):
            yield chunk

    def _state_file(self, system: BaseMessage, tools: Sequence[dict[str, Any]]) -> Path:
        """A state fits only the very model, template, runtime and words it was made with."""
        identity = self._server.identity if self._server else ""
        key = json.dumps([identity, version("xllamacpp"), system.text, list(tools)])
        return _states() / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.state"

    async def _slot(self, action: str, state: Path) -> None:
        assert self._server
        await self.root_async_client.post(
            f"{self._server.address}/slots/0?action={action}",
            body={"filename": state.name},
            cast_to=object,
        )


@dataclass
class EmbeddedServer:
    """llama.cpp's server on a random port of 127.0.0.1, for as long as this object lives."""

    file: Path
    template: str | None
    identity: str
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    address: str = ""
    _native: Any = None

    def start(self) -> None:
        """Loads the model.

        Raises:
            ModelError: the file holds no model that can be loaded.
        """
        # The threads of a spinning OpenMP fight over a busy machine's processors. It reads these
        # when the library is loaded.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        os.environ.setdefault("GOMP_SPINCOUNT", "0")
        import xllamacpp

        with _interrupts_held():
            try:
                self._native = xllamacpp.Server(self._parameters(xllamacpp.CommonParams()))
            except Exception:
                raise ModelError(
                    f"{self.file} cannot be loaded: it is damaged, or the runtime does not know it"
                ) from None
            # Its threads must not run on while the interpreter is taken down: that is a crash.
            atexit.register(self.stop)
            self.address = self._native.listening_address
            self._wait_until_it_works()

    def _wait_until_it_works(self) -> None:
        """A server that is stopped before its loop has begun never ends."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(  # noqa: S310  # its own address
            f"{self.address}/slots", headers={"Authorization": f"Bearer {self.key}"}
        )
        with suppress(OSError):
            direct.open(request, timeout=_START_SECONDS).close()

    def stop(self) -> None:
        """Ends the server's threads and frees the model, also in the middle of an answer."""
        self._native = None
        atexit.unregister(self.stop)

    def _parameters(self, parameters: Any) -> Any:
        parameters.model.path = str(self.file)
        parameters.hostnames = ["127.0.0.1"]
        parameters.port = 0
        parameters.api_keys = [self.key]
        parameters.ui = False
        parameters.verbosity = -1
        parameters.use_jinja = True
        if self.template is not None:
            parameters.chat_template = self.template
        parameters.n_ctx = _CONTEXT_TOKENS
        parameters.n_parallel = 1
        parameters.n_batch = _BATCH_TOKENS
        parameters.n_gpu_layers = 0
        parameters.warmup = False
        parameters.fit_params = False
        parameters.cache_ram_mib = 0
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = _threads()
        # A weak stop for a model that runs in circles. What counts is longer than any number.
        parameters.sampling.dry_multiplier = 0.8
        parameters.sampling.dry_base = 1.75
        parameters.sampling.dry_allowed_length = 16
        parameters.sampling.dry_penalty_last_n = 256
        # Repacked weights would be faster by a little and larger by a half.
        parameters.no_extra_bufts = True
        with suppress(OSError):  # then nothing is saved
            _states().mkdir(mode=0o700, parents=True, exist_ok=True)
            parameters.slot_save_path = f"{_states()}/"
        return parameters


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C within counts at the end: what is destroyed while it starts may never end."""
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


def open_embedded(settings: Settings, progress: Progress) -> EmbeddedChatOpenAI:
    """Returns the local model that the settings name, loaded.

    Raises:
        ModelError: it is not installed, not the trusted one, or no model file.
    """
    server = _server(settings, progress)
    with progress(f"loading the model {settings.model_name}", None):
        server.start()
    llm = connect(
        settings.model_name,
        EmbeddedChatOpenAI,
        base_url=f"{server.address}/v1",
        api_key=server.key,
        temperature=settings.temperature,
        timeout=settings.timeout,
        trust_environment=False,
        max_tokens=_LONGEST_REPLY,
    )
    llm._server = server
    return llm


def _server(settings: Settings, progress: Progress) -> EmbeddedServer:
    if settings.gguf:
        file = _model_file(settings.gguf)
        facts = file.stat()
        return EmbeddedServer(file, None, f"{file.resolve()} {facts.st_size} {facts.st_mtime_ns}")
    weights = EMBEDDED[settings.model] if settings.model else _default_weights()
    template = (
        files("streamchat.models.embedded").joinpath("qwen.jinja").read_text(encoding="utf-8")
    )
    return EmbeddedServer(weights.file(progress), template, weights.sha256 + template)


def _default_weights() -> Weights:
    """The larger model is the better one, but takes twice the time: it is there to be asked for."""
    return LARGE if LARGE.installed and not SMALL.installed else SMALL


def _model_file(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    if magic != _MAGIC:
        raise ModelError(f"{path} is no GGUF file")
    return path


def _threads() -> int:
    return max(1, min(os.cpu_count() or 1, _MOST_THREADS))


def _states() -> Path:
    return cache_directory() / "states"


def _is_whole(state: Path) -> bool:
    """Whether the state is as it was saved: llama.cpp ends the process over one that is cut off."""
    try:
        return _digest(state) == _digest_file(state).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False


def _digest(state: Path) -> str:
    with state.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_file(state: Path) -> Path:
    return state.with_suffix(".sha256")


def _forget_old_states(directory: Path) -> None:
    """Each takes some 13 MB, and every change of tools or prompt makes a new one."""
    for left in directory.glob("*.[0-9]*"):  # by a process that was killed
        if left.stat().st_mtime < time() - _SCRATCH_SECONDS:
            left.unlink(missing_ok=True)
    by_age = sorted(directory.glob("*.state"), key=lambda state: state.stat().st_mtime)
    for state in by_age[:-_STATES_KEPT]:
        state.unlink(missing_ok=True)
        _digest_file(state).unlink(missing_ok=True)
