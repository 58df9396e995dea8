"""Asks a question: waits for the agent, shows the turn, and takes the keys typed meanwhile."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamchat.process.styles import dim
from streamchat.repl.answering import Answering, ReadAnswers, TypedAnswers
from streamchat.repl.approving import KeyApprovals
from streamchat.repl.attachments import attach_files
from streamchat.repl.background import reload_if_saved, show_news
from streamchat.repl.chat import Chat, Retry
from streamchat.repl.deciding import KeyAnswers
from streamchat.repl.keyboard import Keyboard
from streamchat.repl.past import report_left_out
from streamchat.repl.prompt import Prompt
from streamchat.repl.typeahead import TypeAhead
from streamchat.sessions.turns import ask
from streamchat.text.sanitize import one_line
from streamchat.turn import Turn, find_answer
from streamchat.view import View
from streamchat.view.choose import choose_view
from streamchat.view.outcome import report_failure, report_interrupt, report_unasked

if TYPE_CHECKING:
    from streamchat.agent.source import Run, Source

_LONGEST_ERROR = 300
"""Characters of the line that says why a turn failed."""


@dataclass
class _User:
    """Who follows a turn, and may reach into it.

    Attributes:
        answering: answers what the agent asks.
        approvals: decides about calls; None if no user does.
        run: the turn, once it is under way.
    """

    answering: Answering
    approvals: KeyApprovals | None = None
    run: Run | None = None

    def follow(self, run: Run) -> None:
        self.run = run


async def ask_question(
    chat: Chat, prompt: Prompt | None, question: str, retry: Retry | None = None
) -> None:
    """Ask a question and show the turn.

    Args:
        chat: supplies the history and keeps the turn.
        prompt: the one that keys typed meanwhile are for; None if no user types.
        question: as typed.
        retry: the turn that this one replaces.

    Raises:
        AttachmentError: a file that the question names cannot be attached.
        ModelError: the model is not available.
        OSError: the output is gone.
    """
    chat.interrupts.arm()  # first: a view takes a moment to make
    message, files = attach_files(question)
    for file in files:
        chat.say(f"({one_line(file.summary)})")
    chat.separate()
    view = choose_view(chat.options)
    turn: Turn | None = None
    async with _take_keys(chat, prompt, view) as user:
        if source := await _wait_for_agent(chat, view):
            try:
                turn = await ask(
                    chat.conversation,
                    source,
                    question,
                    view,
                    chat.interrupts,
                    message=message,
                    replacing=retry.replacing if retry else None,
                    ask_user=user.answering.ask,
                    ask_approval=user.approvals,
                    on_start=user.follow,
                    verbose=chat.options.verbose,
                )
            finally:
                chat.print_warnings()
    if turn:
        if source and report_unasked(turn, source.name_in_rules, plain=chat.options.plain):
            chat.failed = True
        _end_turn(chat, turn, user.answering.problem)
    else:
        report_interrupt(plain=chat.options.plain)
        _restore_queue(chat, question, retry)


async def _wait_for_agent(chat: Chat, view: View) -> Source | None:
    """Return the agent once it is loaded, or None if the user interrupts the wait."""
    reload_if_saved(chat)
    if not chat.loader.is_ready:
        with view.wait(lambda: chat.loader.activity or "loading"):
            waiting = await chat.interrupts.run(chat.loader.wait_until_ready())
        if waiting.cancelled():
            return None
        waiting.result()
    show_news(chat)
    return chat.loader.source


def _end_turn(chat: Chat, turn: Turn, problem: str) -> None:
    chat.keep_turn(turn)
    chat.traceback = chat.loader.take_traceback() or chat.traceback
    if problem or turn.status == "failed":
        cause = problem or _describe_failure(chat, turn)
        report_failure(cause, advise(turn), plain=chat.options.plain)
    elif turn.status == "cancelled":
        report_interrupt(plain=chat.options.plain)
    if chat.interactive:
        report_left_out(chat)
    chat.failed = chat.failed or turn.status == "failed" or bool(problem)
    if turn.status != "done" and chat.queue:
        _restore_queue(chat)


def _restore_queue(chat: Chat, question: str = "", retry: Retry | None = None) -> None:
    """Put a question that was not asked, and the queue, back at the prompt."""
    # Queued messages may depend on the answer that is missing.
    is_queued = bool(chat.queue)
    chat.restore(question, retry)
    if is_queued:
        chat.say("Queued messages restored to the prompt, one after another", dim)


def _describe_failure(chat: Chat, turn: Turn) -> str:
    """Return why a turn failed, and how to see where."""
    traceback = chat.loader.traceback
    chat.traceback = traceback or chat.traceback
    hint = " (/traceback shows where)" if traceback and chat.interactive else ""
    return one_line(turn.error, _LONGEST_ERROR - len(hint)) + hint


def advise(turn: Turn) -> str:
    """Return what is left of a failed turn, and what to do."""
    kept = "The partial answer is kept. " if find_answer(turn) else ""
    return f"{kept}/retry asks again."


@asynccontextmanager
async def _take_keys(chat: Chat, prompt: Prompt | None, view: View) -> AsyncIterator[_User]:
    """Collect the keys typed in this context for the next prompt; yield who answers questions."""
    if not prompt:
        yield _User(ReadAnswers(chat))
        return

    def stop() -> None:
        chat.interrupts.interrupt(signal.SIGINT)

    def escape() -> None:
        if not (user.run and (user.run.refuse_arriving() or user.run.cancel_tools())):
            stop()

    typeahead = TypeAhead(stop, escape, view.suspend, view.show_typed, prompt)
    keyboard = Keyboard(chat, prompt, typeahead, view)
    parts = (chat, prompt, typeahead, view)
    answering = TypedAnswers(*parts) if chat.is_plain else KeyAnswers(*parts, keyboard)
    user = _User(answering, KeyApprovals(chat, keyboard))
    try:
        async with typeahead.listen():
            yield user
    finally:
        chat.queue += typeahead.queued
        if typeahead.draft.text:
            chat.draft = typeahead.draft
