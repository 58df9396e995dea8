"""The chat model on the embedded server, which is reached like any other: over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage, HumanMessage, convert_to_messages
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr

from streamchat.config import Settings
from streamchat.models.embedded import states
from streamchat.models.embedded.choose import choose_server
from streamchat.models.embedded.line_stream import LineTranslator, make_calls
from streamchat.models.embedded.line_turn import LineTurn
from streamchat.models.embedded.pythonic.prompt import Round, build_prefix
from streamchat.models.embedded.pythonic.toolbox import Toolbox, read_toolbox
from streamchat.models.embedded.server import EmbeddedServer
from streamchat.models.instructions import WITH_TOOLS
from streamchat.models.openai_compatible import CompatibleChatOpenAI, connect
from streamchat.models.progress import Progress, ignore_progress

_MAX_REPLY_TOKENS = 2048
_MAX_CALL_TOKENS = 1024
_TOOL_OPTIONS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
_MAX_REMEMBERED = 100
"""Questions whose lines are kept; the context holds no more turns."""
_PENALTY = {"dry_sequence_breakers": ["\n"]}
"""For each of them, the server reads its whole vocabulary before it begins."""
# Not used with tools: a result that has to be repeated would come out with wrong digits.
_REPETITION_PENALTY = {"repeat_penalty": 1.1, "repeat_last_n": 128}


class EmbeddedChatOpenAI(CompatibleChatOpenAI):
    """ChatOpenAI on the embedded server, which it keeps running.

    Processing the instructions, tools and worked examples takes seconds on a small machine. The
    resulting state is cached on disk for the next process.
    """

    _server: EmbeddedServer | None = PrivateAttr(None)
    _slots: asyncio.Semaphore = PrivateAttr(default_factory=lambda: asyncio.Semaphore(1))
    _primed_for: str | None = PrivateAttr(None)
    _uses_adapter: bool = PrivateAttr(True)
    _lines: dict[str, Sequence[Round]] = PrivateAttr(default_factory=dict)
    """The latest lines by their questions, to show the model its own lines in a later turn."""

    @property
    def slots(self) -> asyncio.Semaphore:
        """For the messages that it writes at the same time: only one."""
        return self._slots

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
        toolbox = self._read_toolbox(tools)
        # This only saves time: if it fails, the question is still answered.
        with suppress(openai.APIError, OSError):
            await self._use_adapter(bool(toolbox and toolbox.is_arithmetic))
            if states.is_intact(state):
                await self._call_slot("restore", state)
                state.touch()
                return
            payload = self._build_priming_payload(system, tools)
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
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        tools = kwargs.get("tools") or ()
        toolbox = self._read_toolbox(tools)
        if tools:
            await self.prime(messages[0], tools)
        if toolbox is None:
            await self._use_adapter(False)
            chunks = self._stream_as_usual(messages, stop, run_manager, **kwargs)
        else:
            turn = LineTurn(
                messages,
                toolbox,
                _find_instructions(messages[0]),
                self._lines,
            )
            chunks = self._stream_line(turn, run_manager, kwargs)
        async for chunk in chunks:
            yield chunk

    async def _stream_as_usual(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        # Processing a long prompt is progress, too.
        body: dict[str, Any] = {"return_progress": True}
        if kwargs.get("tools"):
            kwargs["max_tokens"] = _MAX_CALL_TOKENS
        if not kwargs.get("tools") or not self._has_own_template:
            body |= _REPETITION_PENALTY
        kwargs["extra_body"] = body
        async for chunk in super()._astream(messages, *args, **kwargs):
            yield chunk

    async def _stream_line(
        self,
        turn: LineTurn,
        run_manager: AsyncCallbackManagerForLLMRun | None,
        kwargs: dict[str, Any],
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Have the model write its next line, or go on with the calls of its last one."""
        async for chunk in self._make_chunks(turn, kwargs):
            if run_manager:
                await run_manager.on_llm_new_token("", chunk=chunk)
            yield chunk

    async def _make_chunks(
        self, turn: LineTurn, kwargs: dict[str, Any]
    ) -> AsyncIterator[ChatGenerationChunk]:
        if steps := turn.find_next_calls():
            yield make_calls(steps)
            return
        self._remember(turn)
        messages, grammar = turn.build_request()
        if turn.looks_back:  # the server forgets the instructions over it
            self._primed_for = None
        options = {key: each for key, each in kwargs.items() if key not in _TOOL_OPTIONS}
        options["extra_body"] = {"grammar": grammar, "return_progress": True} | _PENALTY
        await self._use_adapter(turn.uses_training)
        options["max_tokens"] = _MAX_CALL_TOKENS
        translator = LineTranslator(turn)
        async for chunk in super()._astream(convert_to_messages(messages), **options):
            for each in translator.feed(chunk):
                yield each
        for each in translator.finish():
            yield each

    def _remember(self, turn: LineTurn) -> None:
        if turn.rounds:
            self._lines[turn.question] = turn.rounds
        for oldest in list(self._lines)[:-_MAX_REMEMBERED]:
            del self._lines[oldest]

    @property
    def _has_own_template(self) -> bool:
        return self._server is not None and self._server.template is not None

    @property
    def _has_adapter(self) -> bool:
        return self._server is not None and self._server.adapter is not None

    def _read_toolbox(self, tools: Sequence[dict[str, Any]]) -> Toolbox | None:
        """Return the tools if the model writes lines of Python for them."""
        return read_toolbox(tools) if tools and self._has_own_template else None

    async def _use_adapter(self, wanted: bool) -> None:
        """Turn the adapter on or off, if there is one.

        To say so in each request would have the server forget a state that was restored.
        """
        if self._has_adapter and wanted != self._uses_adapter:
            await self._post("lora-adapters", [{"id": 0, "scale": float(wanted)}])
            self._uses_adapter = wanted

    def _find_state(self, system: BaseMessage, tools: Sequence[dict[str, Any]]) -> Path:
        """Find the state for this exact model, template, runtime, system message and tools."""
        identity = self._server.identity if self._server else ""
        beginning = self._build_priming_payload(system, tools)["messages"]
        key = json.dumps([identity, version("xllamacpp"), beginning, list(tools)])
        return states.find_state(key)

    def _build_priming_payload(
        self, system: BaseMessage, tools: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return a request with only what every question with these tools starts with."""
        toolbox = self._read_toolbox(tools)
        if toolbox is None:
            return self._get_request_payload([system, HumanMessage("")], tools=list(tools))
        messages = build_prefix(toolbox, _find_instructions(system))
        return self._get_request_payload([*convert_to_messages(messages), HumanMessage("")])

    async def _call_slot(self, action: str, state: Path) -> None:
        await self._post(f"slots/0?action={action}", {"filename": state.name})

    async def _post(self, path: str, body: object) -> None:
        assert self._server
        url = f"{self._server.address}/{path}"
        await self.root_async_client.post(url, body=body, cast_to=object)


def _find_instructions(system: BaseMessage) -> str:
    """Return the user's part of the system message: the rest is not written for this model."""
    return system.text.removeprefix(WITH_TOOLS).strip()


def open_embedded(settings: Settings, progress: Progress) -> EmbeddedChatOpenAI:
    """Load the local model that the settings name.

    Raises:
        ModelError: it is not installed, its hash is wrong, or the file is not a model.
    """
    server = choose_server(settings, progress)
    try:
        with progress(f"loading the model {settings.model_name}", None):
            server.start()
            server.wait()
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
    except BaseException:
        server.stop()
        raise
    llm._server = server
    return llm
