"""Finds the answer in what a graph has done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage, convert_to_messages

from streamchat.agent.errors import AgentError
from streamchat.agent.reply import Call
from streamchat.agent.target.graph_calls import read_arguments, read_command, read_result
from streamchat.agent.target.interrupts import to_json
from streamchat.events import ANSWER_TOOL
from streamchat.text.think import ThinkSplitter

_ANSWER_KEYS = ("answer", "output", "result", "response", "final_answer", "report", "summary")


class GraphAnswer:
    """Keeps the candidates for the answer, and chooses one at the end.

    Args:
        takes_messages: whether the graph's state has messages.
    """

    def __init__(self, *, takes_messages: bool = True) -> None:
        self._takes_messages = takes_messages
        self._final: Call | None = None
        self._structured: Any = None
        self._in_state = ""
        self._returned: dict[str, None] = {}
        self._said = ""
        self._shown: dict[str, float] = {}
        self._update: Any = None

    def add_calls(self, calls: Sequence[Call]) -> None:
        """Take the calls of a complete message."""
        for call in calls:
            answer = read_arguments(call).get("answer")
            if call.name == ANSWER_TOOL and call.complete and isinstance(answer, str):
                self._final = call

    def refuse(self, call_id: str) -> None:
        """Forget the answer in a call that has failed."""
        if self._final and self._final.call_id == call_id:
            self._final = None

    def add_text(self, text: str, began: float) -> None:
        """Take the text of a complete message, of any node, and when it began to arrive."""
        if text.strip():
            self._said, self._shown[text] = text, began

    def add_update(self, update: object) -> None:
        """Take what a node of the root graph returned."""
        for each in update if isinstance(update, list | tuple) else [update]:
            self._add_one(read_command(each))

    def choose(self, used: Sequence[str]) -> tuple[str, tuple[str, ...]]:
        """Return the answer, and the tools it is based on.

        Args:
            used: the tools that ran.

        Raises:
            AgentError: there is none.
        """
        if self._final:
            arguments = read_arguments(self._final)
            named = arguments.get("tools_used")
            tools = [str(each) for each in named] if isinstance(named, list) else []
            return str(arguments["answer"]), tuple(tools or used)
        return self._choose_text(), tuple(used)

    def _choose_text(self) -> str:
        if self._structured is not None:
            return self._write_structured()
        in_state = self._choose_latest() or (self._said if self._takes_messages else "")
        text = in_state or _read_update(self._update) or self._said
        if not text.strip():
            raise AgentError("the graph ended without an answer: it returned no text")
        return text

    def _choose_latest(self) -> str:
        """Return the last text in the state. Of parallel ones it is the one that is shown last."""
        text = self._in_state
        if text not in self._shown:
            return text
        shown = [each for each in self._returned if each in self._shown]
        return max(shown, key=lambda each: self._shown[each], default=text)

    def _write_structured(self) -> str:
        """Return the structured response as JSON, as the model wrote it if it did."""
        written = to_json(self._structured)
        try:
            as_said = json.loads(self._said) == json.loads(written)
        except (ValueError, RecursionError):
            as_said = False
        return self._said if as_said else written

    def _add_one(self, update: object) -> None:
        if update is None:
            return
        self._update = update
        if not isinstance(update, Mapping):
            return
        if (structured := update.get("structured_response")) is not None:
            self._structured = structured
        for message in find_messages(update.get("messages")):
            if isinstance(message, AIMessage):
                self._in_state = _read_text(message) or self._in_state
                self._returned[self._in_state] = None
            elif isinstance(message, ToolMessage):
                # The graph's last word, if its tool returns directly.
                text, failed = read_result(message)
                self._in_state = self._in_state if failed or not text else text


def find_messages(value: object) -> list[BaseMessage]:
    """Return messages that may also be written as pairs or dicts."""
    value = getattr(value, "value", value)  # LangGraph's Overwrite
    try:
        return convert_to_messages(value if isinstance(value, list | tuple) else [value])  # type: ignore[list-item]
    except (ValueError, TypeError, NotImplementedError):
        return []


def _read_text(message: AIMessage) -> str:
    splitter = ThinkSplitter()
    text = splitter.feed(str(message.text)).text + splitter.finish().text
    return text if text.strip() else ""


def _read_update(update: object) -> str:
    if isinstance(update, Mapping):
        texts = {key: each for key, each in update.items() if isinstance(each, str) and each}
        for key in (*_ANSWER_KEYS, *(texts if len(texts) == 1 else ())):
            if key in texts:
                return texts[key]
        return to_json(update) if update else ""
    return update if isinstance(update, str) else to_json(update) if update is not None else ""
