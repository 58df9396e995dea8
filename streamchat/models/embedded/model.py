"""The chat model on the embedded server, which is reached like any other: over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext, suppress
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import openai
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr

from streamchat.config import ModelError, Settings
from streamchat.config.reading import open_regular_file
from streamchat.models.embedded import states
from streamchat.models.embedded.server import EmbeddedServer
from streamchat.models.embedded.weights import EMBEDDED, LARGE, SMALL, Weights
from streamchat.models.openai_compatible import CompatibleChatOpenAI, connect
from streamchat.models.progress import Guard, Progress, ignore_progress

_MAX_REPLY_TOKENS = 2048
_MAX_CALL_TOKENS = 1024
_GGUF_MAGIC = b"GGUF"
# Not used with tools: a result that has to be repeated would come out with wrong digits.
_REPETITION_PENALTY = {"repeat_penalty": 1.1, "repeat_last_n": 128}


class EmbeddedChatOpenAI(CompatibleChatOpenAI):
    """ChatOpenAI on the embedded server, which it keeps running.

    Processing the instructions, tools and worked examples takes seconds on a small machine. The
    resulting state is cached on disk for the next process.
    """

    _server: EmbeddedServer | None = PrivateAttr(None)
    _primed_for: str | None = PrivateAttr(None)

    async def prime(
        self,
        system: BaseMessage,
        tools: Sequence[dict[str, Any]],
        progress: Progress = ignore_progress,
    ) -> None:
        """Process what every question with these tools starts with, or restore its state."""
        state = self._find_state(system, tools)
        if not tools or self._server is None or self._primed_for == state.name:
            return
        self._primed_for = state.name
        # This only saves time: if it fails, the question is still answered.
        with suppress(openai.APIError, OSError):
            if states.is_intact(state):
                await self._call_slot("restore", state)
                state.touch()
                return
            payload = self._get_request_payload([system, HumanMessage("")], tools=list(tools))
            payload |= {"max_tokens": 1, "max_completion_tokens": 1}
            with progress("processing the instructions (first run only)", None):
                await self.async_client.create(**payload)
            scratch = states.scratch_file(state)
            try:
                await self._call_slot("save", scratch)
                states.keep(scratch, state)
            finally:
                scratch.unlink(missing_ok=True)

    async def aclose(self) -> None:
        """Close the connections and stop the server."""
        await super().aclose()
        if self._server:
            self._server.stop()

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        if kwargs.get("tools"):
            await self.prime(messages[0], kwargs["tools"])
            kwargs["max_tokens"] = _MAX_CALL_TOKENS
        # Processing a long prompt is progress, too.
        body: dict[str, Any] = {"return_progress": True}
        if not kwargs.get("tools") or (self._server and self._server.template is None):
            body |= _REPETITION_PENALTY
        kwargs["extra_body"] = body
        async for chunk in super()._astream(messages, *args, **kwargs):
            yield chunk

    def _find_state(self, system: BaseMessage, tools: Sequence[dict[str, Any]]) -> Path:
        """Find the state for this exact model, template, runtime, system message and tools."""
        identity = self._server.identity if self._server else ""
        key = json.dumps([identity, version("xllamacpp"), system.text, list(tools)])
        return states.find_state(key)

    async def _call_slot(self, action: str, state: Path) -> None:
        assert self._server
        await self.root_async_client.post(
            f"{self._server.address}/slots/0?action={action}",
            body={"filename": state.name},
            cast_to=object,
        )


def open_embedded(
    settings: Settings, progress: Progress, guard: Guard = nullcontext
) -> EmbeddedChatOpenAI:
    """Load the local model that the settings name.

    Raises:
        ModelError: it is not installed, its hash is wrong, or the file is not a model.
    """
    server = _choose_server(settings, progress)
    with progress(f"loading the model {settings.model_name}", None):
        server.start(guard)
    llm = connect(
        settings.model_name,
        EmbeddedChatOpenAI,
        base_url=f"{server.address}/v1",
        api_key=server.key,
        temperature=settings.temperature,
        timeout=settings.timeout,
        trust_environment=False,
        max_tokens=_MAX_REPLY_TOKENS,
    )
    llm._server = server
    return llm


def _choose_server(settings: Settings, progress: Progress) -> EmbeddedServer:
    if settings.gguf:
        file = _check_gguf(settings.gguf)
        facts = file.stat()
        return EmbeddedServer(file, None, f"{file.resolve()} {facts.st_size} {facts.st_mtime_ns}")
    weights = EMBEDDED[settings.model] if settings.model else _choose_weights()
    template = (
        files("streamchat.models.embedded").joinpath("qwen.jinja").read_text(encoding="utf-8")
    )
    return EmbeddedServer(weights.file(progress), template, weights.sha256 + template)


def _choose_weights() -> Weights:
    """Prefer the small model: the large one is better, but takes twice the time."""
    return LARGE if LARGE.installed and not SMALL.installed else SMALL


def _check_gguf(path: Path) -> Path:
    try:
        with open_regular_file(path) as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    if magic != _GGUF_MAGIC:
        raise ModelError(f"{path} is not a GGUF file")
    return path
