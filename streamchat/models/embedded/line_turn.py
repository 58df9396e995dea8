"""A turn in which the model writes lines of Python, as LangChain's messages tell it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from streamchat.models.embedded.line_messages import pair_messages, read_lines
from streamchat.models.embedded.pythonic.constants import find_constants
from streamchat.models.embedded.pythonic.conversion import find_conversion
from streamchat.models.embedded.pythonic.expression import (
    asks_only_for_result,
    find_continuation,
    find_expression,
    find_variations,
    refers_to_results,
    shares_rest,
    takes_of_result,
)
from streamchat.models.embedded.pythonic.grammar import (
    build_closing_grammar,
    build_expression_grammar,
    build_question_grammar,
    build_sum_grammar,
)
from streamchat.models.embedded.pythonic.layout import find_layout
from streamchat.models.embedded.pythonic.numbers import (
    find_measured,
    find_numbers,
    find_plain,
    spell_number,
)
from streamchat.models.embedded.pythonic.operands import Operands, find_operands
from streamchat.models.embedded.pythonic.plan import Plan, Step, read_plan
from streamchat.models.embedded.pythonic.prompt import (
    Exchange,
    Message,
    Round,
    build_chat,
    build_conversation,
    build_prefix,
)
from streamchat.models.embedded.pythonic.retrospect import looks_back
from streamchat.models.embedded.pythonic.toolbox import Toolbox

_MAX_ROUNDS = 4
"""Lines with calls in one turn; then the model has to answer."""
_MAX_RESULTS = 2
"""Earlier results that "add those together" means."""
_REMEMBERED = 3
"""Earlier turns whose numbers a sum may go on with."""
_MAX_RESULT = 2_000
"""Characters of a result that the model reads."""


class LineTurn:
    """The turn so far, and what comes next in it.

    Args:
        messages: the conversation, with the system message first.
        toolbox: the tools that are offered.
        instructions: the user's own part of the system message.
        lines: the lines that the model wrote for earlier questions, as far as they are known.

    Attributes:
        question: the user's last.
    """

    def __init__(
        self,
        messages: Sequence[BaseMessage],
        toolbox: Toolbox,
        instructions: str,
        lines: Mapping[str, Sequence[Round]],
    ) -> None:
        asked = max(at for at, each in enumerate(messages) if isinstance(each, HumanMessage))
        self._toolbox = toolbox
        self.question = messages[asked].text
        self._history = [
            Exchange(question, lines.get(question, ()), answer)
            for question, answer in pair_messages(messages[1:asked])
        ]
        self._instructions = instructions
        self._lines = list(read_lines(messages[asked + 1 :]))
        """Each line of the turn with the results of its calls."""

    @property
    def tools_used(self) -> list[str]:
        """The tools whose results the answer may rest on."""
        used = (
            step.name
            for line, results in self._lines
            if not any(failed for _, failed in results)
            for step in self.read(line).steps
        )
        return list(dict.fromkeys(used))

    def read(self, line: str) -> Plan:
        """Return the calls that a line stands for.

        Raises:
            LineError: it is no expression of calls.
        """
        return read_plan(line, self._toolbox.parameters)

    def find_next_calls(self) -> list[Step]:
        """Return the calls of the last line that can be made with the results so far."""
        if not self._lines:
            return []
        line, results = self._lines[-1]
        if any(failed for _, failed in results):
            return []
        texts = [text for text, _ in results]
        plan = self.read(line)
        pairs = zip(
            plan.find_ready(texts), plan.find_ready([*map(_read_value, texts)]), strict=True
        )
        return [self._choose_arguments(*pair) for pair in pairs]

    def _choose_arguments(self, with_texts: Step, with_values: Step) -> Step:
        """Return the call with results as text where text is wanted, and else as values."""
        schema = self._toolbox.called.get(with_texts.name, {}).get("properties", {})
        arguments = {
            name: with_texts.arguments[name] if _wants_text(schema.get(name)) else value
            for name, value in with_values.arguments.items()
        }
        return Step(with_values.name, arguments)

    def build_request(self) -> tuple[list[Message], str]:
        """Return the messages to send, and the grammar of the reply."""
        exchanges = [*self._history, Exchange(self.question, self.rounds)]
        if self.looks_back:
            return [*build_chat(exchanges, self._instructions)], self._choose_grammar()
        messages = build_prefix(self._toolbox, self._instructions)
        return [*messages, *build_conversation(exchanges)], self._choose_grammar()

    @property
    def uses_training(self) -> bool:
        """Whether the request is one that the model was trained for."""
        return self._toolbox.is_arithmetic and not self.looks_back

    @cached_property
    def looks_back(self) -> bool:
        """Whether the question is about the conversation, and is asked without examples."""
        return bool(
            self._history
            and not self._toolbox.called
            and not find_numbers(self.question)
            and looks_back(self.question)
        )

    @cached_property
    def rounds(self) -> list[Round]:
        """The lines that the model wrote, and what they came to."""
        return [_close(line, results) for line, results in self._lines]

    def _choose_grammar(self) -> str:
        if self.rounds and self._has_to_answer():
            return self._choose_closing()
        numbers = self._list_numbers() if self._toolbox.calculates else []
        layout = find_layout(self.question)
        if self.uses_training and not self.rounds and not numbers:
            return build_sum_grammar(self._find_operands(), layout)
        if not numbers or self.rounds:
            return build_question_grammar(numbers, None, self._toolbox.called, layout)
        if continued := self._find_continuations():
            return build_expression_grammar(continued)
        # Another tool may convert units, too.
        converted = find_conversion(self.question) if self._toolbox.is_arithmetic else None
        if converted:
            return build_expression_grammar([converted])
        expression = find_expression(self.question)
        if expression and asks_only_for_result(self.question):
            return build_expression_grammar([expression])
        if self._toolbox.is_arithmetic:
            return build_sum_grammar(self._find_operands(), layout)
        first = numbers[0] if self._history and takes_of_result(self.question) else None
        first = "(" if shares_rest(self.question) else first
        return build_question_grammar(numbers, expression, self._toolbox.called, layout, first)

    def _find_operands(self) -> Operands:
        if results := self._find_results():
            return Operands(results, find_constants(self.question))
        earlier: list[str] = []
        for each in self._history[-_REMEMBERED:]:
            earlier += [*_find_result(each), *find_plain(each.question)]
        context = self._history[-1].question if self._history else ""
        return find_operands(self.question, earlier, context)

    def _find_results(self) -> list[str]:
        """Return the earlier results, if the question is about several."""
        if not refers_to_results(self.question):
            return []
        results = [result for each in self._history for result in _find_result(each)]
        return results[-_MAX_RESULTS:] if len(results) >= _MAX_RESULTS else []

    def _find_continuations(self) -> list[str]:
        """Return the calculations that go on with the last turn, if the question is just that."""
        if not self._history:
            return []
        last = self._history[-1]
        if last.rounds and (
            varied := find_variations(self.question, last.question, last.rounds[-1].line)
        ):
            return varied
        result = _find_result(last)
        continued = find_continuation(self.question, result[0]) if result else None
        return [continued] if continued else []

    def _has_to_answer(self) -> bool:
        """Whether another line of calls would lead nowhere."""
        *earlier, last = self.rounds
        return (
            last.failed
            or last.line in [each.line for each in earlier]
            or len(self.rounds) >= _MAX_ROUNDS
            or not any(step.name in self._toolbox.called for step in self.read(last.line).steps)
        )

    def _list_numbers(self) -> list[str]:
        """Return the numbers that may be calculated with: the question's, and the last result."""
        numbers = find_numbers(self.question)
        if self.rounds:
            return [*numbers, *spell_number(self.rounds[-1].result)[:1]]
        if results := self._find_results():
            return [*results, *find_measured(self.question)]
        if 0 < len(numbers) < 3 and self._history:
            return [*_find_result(self._history[-1]), *numbers]
        return numbers

    def _choose_closing(self) -> str:
        """Return the grammar of a sentence with the result, or of any if that is no number."""
        spelled = [[] if each.failed else spell_number(each.result) for each in self.rounds]
        if not all(spelled):
            return build_closing_grammar([], [])
        asked = [self.question, *(each.line for each in self.rounds)]
        numbers = [number for text in asked for number in find_plain(text)]
        numbers += [way for each in spelled[:-1] for way in each]
        return build_closing_grammar(numbers, spelled[-1])


def _find_result(exchange: Exchange) -> list[str]:
    """Return the number that the next question may go on with; none if there is none."""
    spelled = spell_number(exchange.rounds[-1].result) if exchange.rounds else []
    return spelled[:1] or find_plain(exchange.answer or "")[-1:]


def _close(line: str, results: Sequence[tuple[str, bool]]) -> Round:
    text, failed = next((each for each in results if each[1]), results[-1])
    spelled = spell_number(text)
    return Round(line, spelled[0] if spelled else text[:_MAX_RESULT], failed)


def _wants_text(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "string"


def _read_value(text: str) -> Any:
    """Return a result as an argument of the next call: a number if it is one."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
