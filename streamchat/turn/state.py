"""The state of a turn: pure, without a clock, a width or a screen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from streamchat.events import ANSWER_TOOL, PromptProgress, ToolFinished
from streamchat.text.pieces import Pieces
from streamchat.turn.blocks import (
    Answer,
    Block,
    Code,
    Output,
    Prose,
    Question,
    Reasoning,
    Result,
    Speaker,
    ToolCall,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """The state of a turn. `answer` grows as it arrives, and is complete when `status` is done.

    Token counts are sums over the steps, None until a server reports one. `generation_seconds` is
    the time taken to write `output_tokens`, from the first token of each message to its end.
    `prompt_progress` is how much of the latest request has been read, where the server tells.
    `context_tokens` is what the latest request and its reply took of the model's context.
    `message_at` is the position of the latest message: texts before it do not grow any more.
    `at` is when the latest event came, in milliseconds since the turn's start; None if unknown.
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
    context_tokens: int | None = None
    prompt_progress: PromptProgress | None = None
    generation_seconds: float = 0.0
    message_at: int = 0
    at: int | None = field(default=None, compare=False)

    @property
    def answer(self) -> Pieces:
        """The answer so far; empty if it was refused."""
        found = self._answer()
        return found.text if found else Pieces()

    def call(self, call_id: str) -> ToolCall:
        """Return the call with this ID.

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

    def with_call(self, call_id: str, **changes: Any) -> Turn:
        position = self._position(call_id)
        return self._with_block(position, replace(self._at(position), **changes))

    def _with_block(self, position: int, block: Block) -> Turn:
        return replace(self, blocks=(*self.blocks[:position], block, *self.blocks[position + 1 :]))

    def with_new_call(self, call_id: str, name: str) -> Turn:
        """Add a call; it takes the place of the line of code that it is the first call of."""
        match self.blocks:
            case [*before, Code(code)]:
                return replace(self, blocks=(*before, ToolCall(call_id, name, code=code)))
            case _:
                return replace(self, blocks=(*self.blocks, ToolCall(call_id, name)))

    def with_text(self, kind: type[Prose] | type[Reasoning] | type[Code], text: str) -> Turn:
        at = len(self.blocks) - 1
        # These may arrive in the middle of a text, and do not end it.
        passing = (Output, Result, Reasoning) if kind is Prose else (Output, Result)
        while at >= self.message_at and isinstance(self.blocks[at], passing):
            at -= 1
        if at >= self.message_at and isinstance(current := self.blocks[at], kind):
            return self._with_block(at, kind(current.text.append(text)))
        return replace(self, blocks=(*self.blocks, kind(Pieces([text]))))

    @property
    def open_output(self) -> Output | None:
        """The lines to which one that is printed now is added; None if it begins a new block."""
        place = self._find_place_above_calls()
        block = self.blocks[place - 1] if place else None
        return block if isinstance(block, Output) else None

    def _find_place_above_calls(self) -> int:
        """Return the position of the calls that have not ended: these still change.

        So does the code that the first of them will take the place of.
        """
        place = len(self.blocks)
        for at in range(place - 1, -1, -1):
            match self.blocks[at]:
                case ToolCall(name=name, ended=False, opened=False) if name != ANSWER_TOOL:
                    place = at
                case Code() if at >= self.message_at:
                    place = at
                case Output():
                    break  # any calls above it have ended
        return place

    def with_output(self, line: str) -> Turn:
        if output := self.open_output:
            longer = Output(output.lines.append(line))
            return self._with_block(self._find_place_above_calls() - 1, longer)
        return self.with_block_above_calls(Output(Pieces([line])))

    def with_block_above_calls(self, block: Output | Question) -> Turn:
        """Add a block that does not change above the calls that do."""
        place = self._find_place_above_calls()
        return replace(
            self,
            blocks=(*self.blocks[:place], block, *self.blocks[place:]),
            message_at=self.message_at + (place < self.message_at),
        )

    def with_speaker(self, speaker: Speaker) -> Turn:
        """Add a speaker, and open the calls that may run its graph."""
        depth = 0
        blocks: list[Block] = []
        for block in self.blocks:
            if isinstance(block, Speaker):
                depth = block.depth
            elif isinstance(block, ToolCall) and block.state == "running":
                block = replace(block, opened=block.opened or depth < speaker.depth)
            blocks.append(block)
        return replace(self, blocks=(*blocks, speaker))

    def with_end(self, event: ToolFinished) -> Turn:
        """End a call; if it was opened, below the blocks that are inside it."""
        state = "failed" if event.failed else "done"
        after = self.with_call(
            event.call_id, state=state, output=event.output, seconds=event.seconds
        )
        if self.call(event.call_id).opened:
            return replace(after, blocks=(*after.blocks, Result(event.call_id)))
        return after._with_refused_answer(event.call_id) if event.failed else after

    def with_input(self, request_id: str, answer: str) -> Turn:
        for position, block in enumerate(self.blocks):
            if isinstance(block, Question) and block.request.request_id == request_id:
                return self._with_block(position, replace(block, answer=answer))
        raise ValueError(f"nothing was asked as {request_id!r}")

    def _last(self, kind: type[Prose] | type[Answer]) -> int | None:
        """Return the position of the last block of this kind."""
        positions = range(len(self.blocks) - 1, -1, -1)
        return next((at for at in positions if isinstance(self.blocks[at], kind)), None)

    def _answer(self) -> Answer | None:
        at = self._last(Answer)
        answer = None if at is None else self.blocks[at]
        return answer if isinstance(answer, Answer) and not answer.refused else None

    def with_answer(self, text: str, call_id: str) -> Turn:
        answer, at = self._answer(), self._last(Answer)
        # A node that asked the user starts over, and so does its answer.
        asked = at is not None and any(isinstance(each, Question) for each in self.blocks[at:])
        if answer and at is not None and answer.call_id == call_id and not asked:
            return self._with_block(at, replace(answer, text=answer.text.append(text)))
        return replace(self, blocks=(*self.blocks, Answer(call_id, Pieces([text]))))

    def with_whole_answer(self, answer: str) -> Turn:
        """Set the final answer, which may be the last prose or differ from the pieces so far."""
        if self.answer.text == answer:
            return self
        at = self._last(Prose)
        prose = None if at is None else self.blocks[at]
        if at is not None and isinstance(prose, Prose) and prose.text.text == answer:
            return self._with_block(at, Answer("", prose.text))
        # It is the graph's and no node's.
        speaker = [Speaker("")] if any(isinstance(each, Speaker) for each in self.blocks) else []
        return replace(self, blocks=(*self.blocks, *speaker, Answer("", Pieces([answer]))))

    def _with_refused_answer(self, call_id: str) -> Turn:
        """Mark the answer of a failed call as refused, and move the call after it."""
        if not any(isinstance(block, Answer) and block.call_id == call_id for block in self.blocks):
            return self
        call = self.call(call_id)
        others = (block for block in self.blocks if block is not call)
        return replace(self, blocks=(*map(partial(_refuse, call_id), others), call))


def _refuse(call_id: str, block: Block) -> Block:
    if isinstance(block, Answer) and block.call_id == call_id:
        return replace(block, refused=True)
    return block
