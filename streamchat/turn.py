"""The state of a turn, folded from its events: pure, without a clock, a width or a screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeAlias, assert_never, overload

from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    Event,
    Notice,
    ReasoningDelta,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)


class Fragments(Sequence[str]):
    """The pieces that have arrived so far. `append` gives a new value and leaves this one as it is.

    All values that grew from one another share one list and differ in how much of it they see, so
    that appending n pieces costs n and not n squared, as copying a tuple each time would.
    """

    __slots__ = ("_length", "_pieces", "characters")

    def __init__(self, pieces: Sequence[str] = ()) -> None:
        self._pieces = list(pieces)
        self._length = len(self._pieces)
        self.characters = sum(map(len, self._pieces))
        """How many there are in all pieces."""

    def append(self, piece: str) -> Fragments:
        """Returns these pieces and one more."""
        longer = Fragments.__new__(Fragments)
        at_the_end = self._length == len(self._pieces)
        longer._pieces = self._pieces if at_the_end else self._pieces[: self._length]
        longer._pieces.append(piece)
        longer._length = self._length + 1
        longer.characters = self.characters + len(piece)
        return longer

    @property
    def text(self) -> str:
        """The pieces joined."""
        return "".join(self)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._pieces[at] for at in range(*index.indices(self._length))]
        return self._pieces[range(self._length)[index]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pieces[: self._length])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fragments) and list(self) == list(other)

    def __repr__(self) -> str:
        return f"Fragments({list(self)!r})"


@dataclass(frozen=True, slots=True)
class Prose:
    """Text the model wrote beside its calls."""

    text: Fragments = field(default_factory=Fragments)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought before it spoke."""

    text: Fragments = field(default_factory=Fragments)


@dataclass(frozen=True, slots=True)
class Answer:
    """The text of an answer, written in the call `call_id`, or plain text if that is empty.

    It was `refused` if its call failed; the model is asked again then.
    """

    call_id: str = ""
    text: Fragments = field(default_factory=Fragments)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something the user was told meanwhile, such as a second try."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: what arrived of its arguments, and what became of it."""

    call_id: str
    name: str
    fragments: Fragments = field(default_factory=Fragments)
    arguments: Mapping[str, Any] | None = None
    state: Literal["arriving", "running", "done", "failed"] = "arriving"
    output: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the call ended without a result."""
        return self.state == "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing about it changes any more."""
        return self.state in ("done", "failed")


Block: TypeAlias = Prose | Reasoning | ToolCall | Answer | Note


@dataclass(frozen=True, slots=True)
class Turn:
    """All that is known of a turn. `answer` grows as it arrives and is whole when `status` is done.

    Token counts are sums over the steps, None until a server tells one. `generation_seconds` is the
    time it took to write `output_tokens`, from the first token of each message to its end.
    """

    question: str = ""
    model: str = ""
    status: Literal["running", "done", "failed", "cancelled"] = "running"
    blocks: tuple[Block, ...] = ()
    tools_used: tuple[str, ...] = ()
    step: int = 0
    error: str = ""
    seconds: float = 0.0
    first_token_seconds: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    generation_seconds: float = 0.0

    @property
    def answer(self) -> Fragments:
        """The answer as far as it has come; nothing if it was refused."""
        found = self._answer()
        return found.text if found else Fragments()

    @property
    def answer_call(self) -> str:
        """The call that the answer is written in, if it is written in one."""
        found = self._answer()
        return found.call_id if found else ""

    def call(self, call_id: str) -> ToolCall:
        """Returns the call with this id.

        Raises:
            ValueError: no such call has started.
        """
        return self._at(self._position(call_id))

    def _at(self, position: int) -> ToolCall:
        block = self.blocks[position]
        assert isinstance(block, ToolCall)
        return block

    def _position(self, call_id: str) -> int:
        for position in range(len(self.blocks) - 1, -1, -1):
            block = self.blocks[position]
            if isinstance(block, ToolCall) and block.call_id == call_id:
                return position
        raise ValueError(f"no call {call_id!r} has started")

    def _with_call(self, call_id: str, **changes: Any) -> Turn:
        position = self._position(call_id)
        return self._with_block(position, replace(self._at(position), **changes))

    def _with_block(self, position: int, block: Block) -> Turn:
        return replace(self, blocks=(*self.blocks[:position], block, *self.blocks[position + 1 :]))

    def _with_text(self, kind: type[Prose] | type[Reasoning], text: str) -> Turn:
        at = len(self.blocks) - 1
        # Thoughts may come in the middle of a text, and do not end it.
        while kind is Prose and at >= 0 and isinstance(self.blocks[at], Reasoning):
            at -= 1
        if at >= 0 and isinstance(begun := self.blocks[at], kind):
            return self._with_block(at, kind(begun.text.append(text)))
        return replace(self, blocks=(*self.blocks, kind(Fragments([text]))))

    def _last(self, kind: type[Prose] | type[Answer]) -> int | None:
        """Returns where the last block of this kind stands."""
        positions = range(len(self.blocks) - 1, -1, -1)
        return next((at for at in positions if isinstance(self.blocks[at], kind)), None)

    def _answer(self) -> Answer | None:
        at = self._last(Answer)
        answer = None if at is None else self.blocks[at]
        return answer if isinstance(answer, Answer) and not answer.refused else None

    def _with_answer(self, text: str, call_id: str) -> Turn:
        answer, at = self._answer(), self._last(Answer)
        if answer and at is not None and answer.call_id == call_id:
            return self._with_block(at, replace(answer, text=answer.text.append(text)))
        return replace(self, blocks=(*self.blocks, Answer(call_id, Fragments([text]))))

    def _with_whole_answer(self, answer: str) -> Turn:
        """Prose can turn out to be the answer; and it may be other than what came in pieces."""
        if self.answer.text == answer:
            return self
        at = self._last(Prose)
        prose = None if at is None else self.blocks[at]
        if at is not None and isinstance(prose, Prose) and prose.text.text == answer:
            return self._with_block(at, Answer("", prose.text))
        return replace(self, blocks=(*self.blocks, Answer("", Fragments([answer]))))

    def _with_failed(self, call_id: str) -> Turn:
        """An answer's own failure comes after what had been written of it."""
        if not any(isinstance(block, Answer) and block.call_id == call_id for block in self.blocks):
            return self
        call = self.call(call_id)
        others = (block for block in self.blocks if block is not call)
        return replace(self, blocks=(*map(partial(_refused, call_id), others), call))


def _refused(call_id: str, block: Block) -> Block:
    if isinstance(block, Answer) and block.call_id == call_id:
        return replace(block, refused=True)
    return block


def reduce(turn: Turn, event: Event) -> Turn:
    """Returns the turn as it is after the event.

    Raises:
        ValueError: the event speaks of a call that has not started.
    """
    match event:
        case TurnStarted(question, model):
            return Turn(question=question, model=model)
        case StepStarted(step):
            return replace(turn, step=step)
        case TextDelta(text):
            return turn._with_text(Prose, text)
        case ReasoningDelta(text):
            return turn._with_text(Reasoning, text)
        case AnswerDelta(text, call_id):
            return turn._with_answer(text, call_id)
        case ToolCallStarted(call_id, name):
            return replace(turn, blocks=(*turn.blocks, ToolCall(call_id, name)))
        case ArgumentsDelta(call_id, fragment):
            fragments = turn.call(call_id).fragments.append(fragment)
            return turn._with_call(call_id, fragments=fragments)
        case ToolStarted(call_id, arguments):
            return turn._with_call(call_id, arguments=arguments, state="running")
        case ToolFinished(call_id, output, failed, seconds):
            state = "failed" if failed else "done"
            after = turn._with_call(call_id, state=state, output=output, seconds=seconds)
            return after._with_failed(call_id) if failed else after
        case StepFinished():
            return _with_step(turn, event)
        case TurnDone(answer, tools_used, seconds):
            whole = turn._with_whole_answer(answer)
            return replace(whole, status="done", tools_used=tools_used, seconds=seconds)
        case TurnFailed(error, seconds):
            return replace(turn, status="failed", error=error, seconds=seconds)
        case TurnCancelled(seconds):
            return replace(turn, status="cancelled", seconds=seconds)
        case Notice(text):
            return replace(turn, blocks=(*turn.blocks, Note(text)))
        case ChunkReceived():
            return turn
        case _:
            assert_never(event)


def accumulate(events: Iterable[Event]) -> Iterator[tuple[Turn, Event]]:
    """Yield each event with the turn after it.

    Events that do not fit the ones before them, as in a store edited by hand, are skipped.
    """
    turn = Turn()
    for event in events:
        try:
            turn = reduce(turn, event)
        except ValueError:
            continue
        yield turn, event


def fold(events: Iterable[Event]) -> Turn:
    """Return the turn that the events make; those that do not fit are skipped."""
    turn = Turn()
    for after, _ in accumulate(events):
        turn = after
    return turn


def find_answer(turn: Turn) -> str:
    """Return the answer so far: text that no call has followed yet counts as one."""
    if answer := turn.answer.text:
        return answer
    texts: list[str] = []
    for block in turn.blocks:
        match block:
            case ToolCall():
                texts = []
            case Prose(text):
                texts.append(text.text)
    return texts[-1] if texts and turn.status != "done" else ""


def _with_step(turn: Turn, event: StepFinished) -> Turn:
    first = turn.first_token_seconds
    return replace(
        turn,
        first_token_seconds=event.first_token_seconds if first is None else first,
        input_tokens=_sum(turn.input_tokens, event.input_tokens),
        output_tokens=_sum(turn.output_tokens, event.output_tokens),
        generation_seconds=turn.generation_seconds + _generation_seconds(event),
    )


def _generation_seconds(event: StepFinished) -> float:
    if event.output_tokens is None or event.first_token_seconds is None:
        return 0.0
    return event.seconds - event.first_token_seconds


def _sum(so_far: int | None, more: int | None) -> int | None:
    return so_far if more is None else (so_far or 0) + more
