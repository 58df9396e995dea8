"""Questions asked anew, and what came of the last one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from prompt_toolkit.document import Document

from streamchat.events import ANSWER_TOOL
from streamchat.repl.chat import Chat, Retry
from streamchat.repl.clipboard import copy
from streamchat.repl.errors import CommandError
from streamchat.repl.registry import command
from streamchat.sessions.records import StoredTurn
from streamchat.text.sanitize import one_line
from streamchat.turn import Answer, Note, Prose, Reasoning, ToolCall
from streamchat.view.formatting import format_duration, format_tokens
from streamchat.view.markdown.code import find_code_blocks


@command(
    "/retry", "ask the last question again", more="The answer before is forgotten, unless it fails."
)
async def retry(chat: Chat, _: str) -> None:
    """Asks the last question again."""
    chat.again = Retry(chat.last.question, chat.last)


@command("/undo", "take the last question and its answer back")
async def undo(chat: Chat, _: str) -> None:
    """Forgets the last exchange."""
    last = chat.last
    await chat.conversation.remove(last)
    chat.turn = None
    chat.say(f"taken back: {one_line(last.question, 60)}")


@command(
    "/edit",
    "open the last question in the editor, to ask it in place of the last one",
    more="The editor is $VISUAL or $EDITOR. Enter sends what was written, Ctrl-C gives it up.",
)
async def edit(chat: Chat, _: str) -> None:
    """Has the last question edited."""
    if not chat.interactive:
        raise CommandError("/edit needs a terminal")
    chat.again = Retry(chat.last.question, chat.last, edit=True)
    chat.begun = Document(chat.last.question)


@command("/history", "show the conversation as it was")
async def history(chat: Chat, _: str) -> None:
    """Shows all turns."""
    if not chat.conversation.turns:
        chat.say("nothing yet")
    await chat.show(chat.conversation.turns)


@command("/last", "show the last turn in full: all arguments and results, none shortened")
async def last(chat: Chat, _: str) -> None:
    """Shows the last turn in full."""
    turn = await chat.last_turn()
    for block in turn.blocks:
        match block:
            case ToolCall() if block.name != ANSWER_TOOL or block.failed:
                _show_call(chat, block)
            case Prose(text) | Answer(_, text):
                chat.say(text.text)
            case Reasoning(text):
                chat.say(f"(thinking) {text.text}")
            case Note(words):
                chat.say(f"({words})")


def _show_call(chat: Chat, call: ToolCall) -> None:
    arrived = call.fragments.text if call.arguments is None else _indented(call.arguments)
    chat.say(f"{one_line(call.name) or 'unnamed'} {arrived}")
    took = f" ({format_duration(call.seconds)})" if call.ended else ""
    chat.say(f"{call.state}{took}{': ' if call.output else ''}{call.output}")


def _indented(arguments: object) -> str:
    return json.dumps(arguments, indent=2, ensure_ascii=False, default=str)


def _blocks(chat: Chat, begun: str) -> Iterable[tuple[str, str]]:
    if not chat.conversation.turns:
        return []
    blocks = find_code_blocks(chat.last.answer)
    return [(str(number), one_line(block, 50)) for number, block in enumerate(blocks, 1)]


@command(
    "/copy [N]",
    "copy the last answer, or its Nth code block, to the clipboard",
    more="By the platform's clipboard tool, or through the terminal (OSC 52) with "
    'clipboard = "osc52" in the configuration file.',
    completer=_blocks,
)
async def copy_(chat: Chat, number: str) -> None:
    """Copies the last answer, or a part of it."""
    text = chat.last.answer
    if not text:
        raise CommandError("the last turn has no answer")
    if number:
        blocks = find_code_blocks(text)
        if not number.isdecimal() or not 1 <= int(number) <= len(blocks):
            raise CommandError(f"the last answer has {len(blocks)} code blocks: /copy N")
        text = blocks[int(number) - 1]
    await copy(text, chat.settings.clipboard)
    chat.say(f"copied {len(text):,} characters")


@command("/usage", "how many tokens and how much time the turns took")
async def usage(chat: Chat, _: str) -> None:
    """Shows counts for each turn and for all."""
    turns = chat.conversation.turns
    for each in turns:
        figures = [str(each.number), _tokens([each]), _seconds([each])]
        chat.say("  ".join([*filter(None, figures), one_line(each.question, 40)]))
    count = f"{len(turns)} turn{'s' * (len(turns) != 1)}"
    chat.say(", ".join(filter(None, [count, _tokens(turns), _seconds(turns)])))


def _tokens(turns: Sequence[StoredTurn]) -> str:
    return format_tokens(
        _sum([each.input_tokens for each in turns]), _sum([each.output_tokens for each in turns])
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    """Return the sum of the counts that are known; None if no count of any turn is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None


def _seconds(turns: Sequence[StoredTurn]) -> str:
    return f"{sum(each.seconds for each in turns):.1f} s"
