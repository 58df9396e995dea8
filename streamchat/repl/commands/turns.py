"""Commands that work on the turns of the conversation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from prompt_toolkit.document import Document

from streamchat.process.styles import bold, dim
from streamchat.repl.chat import Chat, Retry
from streamchat.repl.clipboard import copy
from streamchat.repl.errors import CommandError
from streamchat.repl.past import load_last_turn, show_turns
from streamchat.repl.registry import command
from streamchat.sessions.records import StoredTurn
from streamchat.text.sanitize import one_line
from streamchat.turn import (
    Answer,
    Code,
    Note,
    Output,
    Prose,
    Question,
    Reasoning,
    Result,
    Speaker,
    ToolCall,
)
from streamchat.view.formatting import (
    format_duration,
    format_speaker,
    format_tokens,
    format_tool_name,
)
from streamchat.view.markdown.code import find_code_blocks
from streamchat.view.outcome import format_outcome
from streamchat.view.requests import format_request


@command(
    "/retry",
    "ask the last question again",
    group="Conversation",
    more="The new turn replaces the old one, unless only the new one fails.",
)
async def retry(chat: Chat, _: str) -> None:
    chat.retry = Retry(chat.last.question, chat.last)


@command("/undo", "remove the last question and its answer", group="Conversation")
async def undo(chat: Chat, _: str) -> None:
    last = chat.last
    await chat.conversation.remove(last)
    chat.forget_turn()
    chat.say(f"Removed: {one_line(last.question, 60)}")


@command(
    "/edit",
    "edit the last question and ask it again",
    group="Conversation",
    more="Opens $VISUAL or $EDITOR. Enter sends the edited question, Ctrl-C discards it.",
)
async def edit(chat: Chat, _: str) -> None:
    if not chat.interactive:
        raise CommandError("/edit needs a terminal")
    chat.retry = Retry(chat.last.question, chat.last, edit=True)
    chat.draft = Document(chat.pastes.refold(chat.last.question))


@command("/history", "show the whole conversation", group="Conversation")
async def history(chat: Chat, _: str) -> None:
    if not chat.conversation.turns:
        chat.say("No turns yet")
    await show_turns(chat, chat.conversation.turns)


@command("/last", "show the last turn in full: reasoning, calls, results", group="Conversation")
async def last(chat: Chat, _: str) -> None:
    turn = await load_last_turn(chat)
    chat.say_question(chat.last.question)
    for block in turn.blocks:
        if isinstance(block, Result) or block == Speaker(""):
            continue
        chat.separate()
        match block:
            case ToolCall():
                _show_call(chat, block)
            case Prose(text) | Answer(_, text):
                chat.say(text.text)
            case Reasoning(text):
                chat.say(f"Reasoning: {text.text.strip()}", dim)
            case Code(text):
                chat.say(text.text)
            case Note(words):
                chat.say(f"({words})", dim)
            case Speaker(name):
                chat.say(f"{format_speaker(name)} says:", bold)
            case Output(lines):
                for line in lines:
                    chat.say(f"Printed: {line}", dim)
            case Question(requested, answer):
                chat.say("\n".join(format_request(requested, "Question: ", "  ")))
                chat.say("Not answered" if answer is None else f"Answered: {answer}")
    if outcome := format_outcome(turn, sys.stdout, plain=chat.is_plain):
        chat.separate()
        chat.write(outcome)


def _show_call(chat: Chat, call: ToolCall) -> None:
    if call.code:
        chat.say(call.code.text)
    arrived = call.fragments.text if call.arguments is None else _format_json(call.arguments)
    chat.say(f"{format_tool_name(call.name)} {arrived}", bold)
    took = f" ({format_duration(call.seconds)})" if call.ended else ""
    chat.say(f"{call.state}{took}{': ' if call.output else ''}{call.output}")


def _format_json(arguments: object) -> str:
    return json.dumps(arguments, indent=2, ensure_ascii=False, default=str)


def _offer_blocks(chat: Chat, typed: str) -> Iterable[tuple[str, str]]:
    if not chat.conversation.turns:
        return []
    blocks = find_code_blocks(chat.last.answer)
    return [(str(number), one_line(block, 50)) for number, block in enumerate(blocks, 1)]


@command(
    "/copy [N]",
    "copy the last answer, or its Nth code block, to the clipboard",
    group="Conversation",
    more="Uses the platform's clipboard tool, or the terminal (OSC 52) without a tool, or with "
    'clipboard = "osc52" in the configuration file.',
    completer=_offer_blocks,
)
async def copy_(chat: Chat, number: str) -> None:
    text = chat.last.answer
    if not text:
        raise CommandError("The last turn has no answer")
    if number:
        blocks = find_code_blocks(text)
        if not 1 <= int(number) <= len(blocks):
            count = f"{len(blocks) or 'no'} code block{'s' * (len(blocks) != 1)}"
            raise CommandError(f"The last answer has {count}")
        text = blocks[int(number) - 1]
    how = await copy(text, chat.settings.clipboard)
    chat.say(f"Copied {len(text):,} characters {how}")


@command("/usage", "show tokens and time for each turn", group="Conversation")
async def usage(chat: Chat, _: str) -> None:
    turns = chat.conversation.turns
    for each in turns:
        figures = [str(each.number), _format_tokens([each]), _format_seconds([each])]
        chat.say("  ".join([*filter(None, figures), one_line(each.question, 40)]))
    count = f"{len(turns)} turn{'s' * (len(turns) != 1)}"
    chat.say(", ".join(filter(None, [count, _format_tokens(turns), _format_seconds(turns)])))


def _format_tokens(turns: Sequence[StoredTurn]) -> str:
    return format_tokens(
        _sum([each.input_tokens for each in turns]), _sum([each.output_tokens for each in turns])
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    """Return the sum of the counts that are known; None if no count of any turn is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None


def _format_seconds(turns: Sequence[StoredTurn]) -> str:
    return f"{sum(each.seconds for each in turns):.1f} s"
