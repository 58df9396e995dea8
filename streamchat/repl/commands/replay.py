"""Plays a turn again."""

from __future__ import annotations

import signal
from contextlib import nullcontext
from dataclasses import replace

from streamchat.process.styles import dim
from streamchat.repl.chat import Chat
from streamchat.repl.past import find_turn, offer_turns
from streamchat.repl.registry import command
from streamchat.repl.remote import format_help, take_keys
from streamchat.sessions.player import Player
from streamchat.sessions.replay import replay_live
from streamchat.sessions.rhythm import lacks_times


@command(
    "/replay [N]",
    "play the last turn, or turn N, again as it happened",
    group="Conversation",
    more="Space pauses, the right arrow shows the next event, up and down change the speed, "
    "q leaves. /usage shows the turn numbers.",
    completer=offer_turns,
)
async def replay_(chat: Chat, number: str) -> None:
    turn = find_turn(chat, number)
    events = await chat.conversation.load_events(turn)
    # A script has no use for the pauses.
    player = Player(max_pause=None if chat.interactive else 0.0)
    keys = take_keys(player, lambda: chat.interrupts.interrupt(signal.SIGINT))
    if chat.interactive and not chat.is_plain:
        chat.say(format_help(chat.columns), dim)
        chat.separate()
    if lacks_times(events):
        chat.say("The times of the turn are not known; it is played evenly", dim)
    with keys if chat.interactive else nullcontext():
        question = chat.redactor.redact(turn.question)
        await replay_live(question, events, player, replace(chat.options, verbose=False))
