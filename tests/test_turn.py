"""The state of a turn, folded from events."""

from __future__ import annotations

from functools import reduce as fold

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamchat import events
from streamchat.events import (
    AnswerDelta,
    ArgumentsDelta,
    ChunkReceived,
    CodeDelta,
    Event,
    Notice,
    PromptProgress,
    ReasoningDelta,
    StepFinished,
    StepStarted,
    TextDelta,
    TimedEvent,
    ToolCallStarted,
    ToolFinished,
    ToolStarted,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
)
from streamchat.text.pieces import Pieces
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
    Turn,
    accumulate,
    find_answer,
    find_unasked,
    reduce,
)
from streamchat.turn import fold as fold_events
from tests.turns import APPROVING


def after(*events: Event) -> Turn:
    return fold(reduce, events, Turn())


def test_a_whole_turn() -> None:
    turn = after(
        TurnStarted("What is 10 + 10", "m"),
        StepStarted(1),
        TextDelta("Let me "),
        TextDelta("see."),
        ToolCallStarted("a", "add"),
        ArgumentsDelta("a", '{"x":10,'),
        ArgumentsDelta("a", '"y":10}'),
        StepFinished(1, "tool_calls", 1.0, 0.5, 100, 10),
        ToolStarted("a", {"x": 10, "y": 10}),
        ToolFinished("a", "20", seconds=0.1),
        StepStarted(2),
        ToolCallStarted("b", "final_answer"),
        AnswerDelta("10 + 10 ", "b"),
        AnswerDelta("equals 20.", "b"),
        StepFinished(2, "tool_calls", 1.0, 0.4, 120, 20),
        TurnDone("10 + 10 equals 20.", ("add",), 2.5),
    )
    assert turn.question == "What is 10 + 10"
    assert turn.status == "done"
    assert turn.step == 2
    assert turn.blocks[0] == Prose(Pieces(["Let me ", "see."]))
    assert turn.call("a") == ToolCall(
        "a", "add", Pieces(['{"x":10,', '"y":10}']), {"x": 10, "y": 10}, "done", "20", 0.1
    )
    assert list(turn.answer) == ["10 + 10 ", "equals 20."]
    assert turn.tools_used == ("add",)
    assert (turn.first_token_seconds, turn.seconds) == (0.5, 2.5)
    assert (turn.input_tokens, turn.output_tokens) == (220, 30)


def test_reasoning_is_no_part_of_the_answer() -> None:
    turn = after(ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("3"), TurnDone("3"))
    assert turn.blocks == (Reasoning(Pieces(["h", "m"])), Answer("", Pieces(["3"])))
    assert turn.answer.text == "3"


def test_code_becomes_its_first_call() -> None:
    turn = after(CodeDelta("2 * 3 "), CodeDelta("+ 4"))
    assert turn.blocks == (Code(Pieces(["2 * 3 ", "+ 4"])),)
    turn = after(CodeDelta("2"), ToolCallStarted("a", "f"), ToolCallStarted("b", "g"))
    assert turn.blocks == (ToolCall("a", "f", code=Pieces(["2"])), ToolCall("b", "g"))


def test_code_that_a_notice_separates_from_the_call_stays() -> None:
    turn = after(CodeDelta("2 +"), Notice("retrying"), ToolCallStarted("a", "f"))
    assert turn.blocks == (Code(Pieces(["2 +"])), Note("retrying"), ToolCall("a", "f"))


def test_reasoning_in_the_middle_of_a_text_does_not_end_it() -> None:
    turn = after(TextDelta("Hello "), ReasoningDelta("hm"), TextDelta("world"))
    assert turn.blocks == (Prose(Pieces(["Hello ", "world"])), Reasoning(Pieces(["hm"])))
    turn = reduce(turn, TurnDone("Hello world"))
    assert turn.blocks[0] == Answer("", Pieces(["Hello ", "world"]))
    assert len(turn.blocks) == 2


def test_token_counts_are_unknown_until_a_server_reports_them() -> None:
    turn = after(StepFinished(1), StepFinished(2, output_tokens=7), StepFinished(3))
    assert turn.input_tokens is None
    assert turn.output_tokens == 7


def test_the_context_is_what_the_last_step_used() -> None:
    assert after(StepFinished(1, output_tokens=3)).context_tokens is None
    turn = after(StepFinished(1, input_tokens=100, output_tokens=20), StepFinished(2))
    assert turn.context_tokens == 120
    assert reduce(turn, StepFinished(3, input_tokens=150)).context_tokens == 150


def test_how_much_of_the_prompt_is_read_belongs_to_its_step() -> None:
    turn = after(StepStarted(1), PromptProgress(1, 2), PromptProgress(2, 2))
    assert turn.prompt_progress == PromptProgress(2, 2)
    assert reduce(turn, StepStarted(2)).prompt_progress is None


def test_interleaved_calls_grow_side_by_side() -> None:
    turn = after(
        ToolCallStarted("a", "add"),
        ToolCallStarted("b", "multiply"),
        ArgumentsDelta("a", "1"),
        ArgumentsDelta("b", "2"),
        ArgumentsDelta("a", "3"),
    )
    assert turn.call("a").fragments.text == "13"
    assert turn.call("b").fragments.text == "2"


def test_a_failed_call_is_marked() -> None:
    turn = after(ToolCallStarted("a", "add"), ToolFinished("a", "no", failed=True))
    assert turn.call("a").failed
    assert turn.call("a").ended


def test_prose_after_a_call_is_a_block_of_its_own() -> None:
    turn = after(TextDelta("a"), ToolCallStarted("a", "add"), TextDelta("b"))
    assert [type(block) for block in turn.blocks] == [Prose, ToolCall, Prose]


def test_an_answer_in_another_call_starts_over() -> None:
    turn = after(AnswerDelta("wro", "a"), AnswerDelta("rig", "b"), AnswerDelta("ht", "b"))
    assert turn.answer.text == "right"
    assert [each.call_id for each in turn.blocks if isinstance(each, Answer)] == ["a", "b"]


def test_an_answer_starts_over_once_the_user_was_asked() -> None:
    asked = events.InputRequested("i1", "Really?")
    turn = after(AnswerDelta("Hel"), asked, AnswerDelta("Hel"), AnswerDelta("lo"))
    assert turn.answer.text == "Hello"
    assert [type(each) for each in turn.blocks] == [Answer, Question, Answer]


def test_the_answer_of_a_failed_call_does_not_count() -> None:
    begun = (ToolCallStarted("a", "final_answer"), AnswerDelta("wro", "a"))
    turn = after(TextDelta("Hm"), *begun, ToolFinished("a", "no", failed=True))
    assert turn.answer.text == ""
    assert [type(block) for block in turn.blocks] == [Prose, Answer, ToolCall]
    other = after(*begun, ToolCallStarted("b", "add"), ToolFinished("b", "no", failed=True))
    assert other.answer.text == "wro"


def test_prose_can_turn_out_to_be_the_answer() -> None:
    turn = after(TextDelta("Hel"), TextDelta("lo"), TurnDone("Hello"))
    assert turn.answer.text == "Hello"
    assert turn.blocks == (Answer("", Pieces(["Hel", "lo"])),)


def test_an_unstreamed_answer_is_a_block_too() -> None:
    turn = after(TextDelta("Hel"), TurnDone("Hello"))
    assert turn.blocks == (Prose(Pieces(["Hel"])), Answer("", Pieces(["Hello"])))


def test_an_answer_goes_on_beside_other_calls() -> None:
    turn = after(AnswerDelta("Hel", "a"), ToolCallStarted("b", "add"), AnswerDelta("lo", "a"))
    assert turn.answer.text == "Hello"
    assert [type(block) for block in turn.blocks] == [Answer, ToolCall]


def test_generation_time_covers_the_counted_tokens() -> None:
    first = StepFinished(1, seconds=3.0, first_token_seconds=1.0, output_tokens=10)
    turn = after(first, StepFinished(2, seconds=5.0, output_tokens=1), StepFinished(3, seconds=7.0))
    assert turn.generation_seconds == 2.0


def test_a_turn_can_fail_or_be_cancelled() -> None:
    failed = after(TurnFailed("no answer", 1.0))
    assert (failed.status, failed.error, failed.seconds) == ("failed", "no answer", 1.0)
    assert after(TurnCancelled(1.0)).status == "cancelled"


def test_a_chunk_changes_nothing() -> None:
    assert after(ChunkReceived("x")) == Turn()


def test_a_notice_is_a_block_of_its_own() -> None:
    turn = after(TextDelta("a"), Notice("retrying"), TextDelta("b"))
    prose = (Prose(Pieces([text])) for text in "ab")
    assert turn.blocks == (next(prose), Note("retrying"), next(prose))


def test_an_event_of_an_unknown_call_is_an_error() -> None:
    with pytest.raises(ValueError, match="no call 'a' has started"):
        after(TextDelta("x"), ArgumentsDelta("a", "{"))


@given(st.lists(st.text(max_size=3)), st.integers(0, 10))
def test_fragments_are_a_sequence(pieces: list[str], at: int) -> None:
    fragments = Pieces()
    for piece in pieces:
        fragments = fragments.append(piece)
    assert list(fragments) == pieces
    assert fragments[:at] == pieces[:at]
    assert len(fragments) == len(pieces)
    assert fragments.text == "".join(pieces)
    if pieces:
        assert fragments[-1] == pieces[-1]


def test_an_older_turn_does_not_see_later_events() -> None:
    old = Pieces(["a"])
    one, other = old.append("b"), old.append("c")
    assert (list(old), list(one), list(other)) == (["a"], ["a", "b"], ["a", "c"])
    assert repr(other) == "Pieces(['a', 'c'])"
    assert old != ["a"]
    with pytest.raises(IndexError):
        old[1]


def test_events_that_do_not_fit_are_skipped() -> None:
    fitting = [TurnStarted("hi", "m"), StepStarted(1), TextDelta("Hello.")]
    events = [*fitting[:2], ArgumentsDelta("nosuch", "{"), fitting[2]]
    assert [event for _, event in accumulate(map(TimedEvent, events))] == fitting
    assert fold_events(events) == after(*fitting)


@pytest.mark.parametrize(
    ("events", "answer"),
    [
        ([], ""),
        ([TextDelta("Let me "), TextDelta("see.")], "Let me see."),
        ([TextDelta("Let me see."), ToolCallStarted("a", "add")], ""),
        ([ToolCallStarted("a", "add"), ReasoningDelta("Hm."), TextDelta("It is 3.")], "It is 3."),
        ([TextDelta("So:"), ToolCallStarted("a", "final_answer"), AnswerDelta("3", "a")], "3"),
        ([TextDelta("Hm."), TurnDone("", (), 1.0)], ""),
    ],
)
def test_the_answer_so_far(events: list[Event], answer: str) -> None:
    assert find_answer(after(TurnStarted("hi", "m"), StepStarted(1), *events)) == answer


def test_what_an_agent_says_prints_and_asks_stands_in_the_turn() -> None:
    asked = events.InputRequested("i1", "Really?")
    turn = Turn()
    for event in (
        events.SpeakerChanged("writer", 1),
        events.OutputReceived("a line", "stderr"),
        asked,
        events.InputReceived("i1", "yes"),
    ):
        turn = reduce(turn, event)
    assert [type(each).__name__ for each in turn.blocks] == ["Speaker", "Output", "Question"]
    assert turn.blocks[-1].answer == "yes"
    with pytest.raises(ValueError, match="nothing was asked"):
        reduce(turn, events.InputReceived("i2", "no"))


def test_what_is_printed_in_the_middle_of_a_text_does_not_end_it() -> None:
    printed = events.OutputReceived("a line")
    lines = Output(Pieces(["a line", "a line"]))
    for kind, block in ((TextDelta, Prose), (ReasoningDelta, Reasoning)):
        turn = after(StepStarted(1), kind("Hel"), printed, printed, kind("lo"))
        assert turn.blocks == (block(Pieces(["Hel", "lo"])), lines)


def test_what_is_printed_while_code_arrives_stands_above_the_call_that_it_becomes() -> None:
    printed = events.OutputReceived("a line")
    turn = after(printed, CodeDelta("1 "), printed, CodeDelta("+ 2"), ToolCallStarted("a", "add"))
    call = ToolCall("a", "add", code=Pieces(["1 ", "+ 2"]))
    assert turn.blocks == (Output(Pieces(["a line", "a line"])), call)


def test_code_that_has_become_no_call_stays_where_it_is() -> None:
    turn = after(StepStarted(1), CodeDelta("1"), StepStarted(2), events.OutputReceived("a line"))
    assert turn.blocks == (Code(Pieces(["1"])), Output(Pieces(["a line"])))


def test_the_lines_that_are_printed_one_after_another_are_one_block() -> None:
    turn = after(events.OutputReceived("1"), ToolCallStarted("a", "add"))
    assert turn.open_output is turn.blocks[0]
    turn = reduce(turn, events.OutputReceived("2"))
    assert turn.blocks == (Output(Pieces(["1", "2"])), ToolCall("a", "add"))
    turn = reduce(turn, ToolFinished("a", "20"))
    assert turn.open_output is None


def test_each_message_is_a_text_of_its_own() -> None:
    first = (StepStarted(1), TextDelta("One."), events.OutputReceived("a line"))
    turn = after(*first, StepStarted(2), TextDelta("T"), TextDelta("wo."))
    assert turn.blocks == (
        *(Prose(Pieces(["One."])), Output(Pieces(["a line"])), Prose(Pieces(["T", "wo."]))),
    )
    assert find_answer(turn) == "Two."


def test_what_is_printed_stands_above_the_calls_that_have_not_ended() -> None:
    turn = after(
        *(ToolCallStarted("a", "add"), ToolCallStarted("b", "add")),
        *(StepStarted(2), TextDelta("One."), StepStarted(3)),
        *(events.OutputReceived("1"), ToolFinished("a", "20")),
        *(events.OutputReceived("2"), TextDelta("Two.")),
        *(ToolFinished("b", "20"), events.OutputReceived("3")),
    )
    assert [each.lines.text for each in turn.blocks if isinstance(each, Output)] == ["1", "2", "3"]
    assert [type(each) for each in turn.blocks] == [
        *(Output, ToolCall, Output, ToolCall, Prose, Prose, Output)
    ]


def test_what_is_printed_stands_below_an_answer_that_is_being_written() -> None:
    turn = after(
        *(ToolCallStarted("a", "final_answer"), AnswerDelta("Hel", "a")),
        *(events.OutputReceived("a line"), AnswerDelta("lo", "a")),
    )
    assert turn.blocks[1:] == (Answer("a", Pieces(["Hel", "lo"])), Output(Pieces(["a line"])))


def test_an_answer_that_no_node_has_written_is_the_graphs() -> None:
    turn = after(events.SpeakerChanged("writer", 1), TextDelta("Hel"), TurnDone("Hello"))
    assert turn.blocks[2:] == (Speaker(""), Answer("", Pieces(["Hello"])))


def test_a_call_that_runs_a_graph_is_opened_and_ends_below_its_blocks() -> None:
    turn = after(
        *(ToolCallStarted("a", "task"), ToolStarted("a", {})),
        *(events.SpeakerChanged("inner", 1), TextDelta("Hel")),
        *(ToolCallStarted("b", "add"), ToolStarted("b", {}), events.SpeakerChanged("other", 1)),
        *(events.OutputReceived("a line"), TextDelta("Hel"), ToolFinished("a", "20")),
        *(TextDelta("lo"), ToolFinished("b", "20")),
    )
    assert [type(each) for each in turn.blocks] == [
        *(ToolCall, Speaker, Prose, Output, ToolCall, Speaker, Prose, Result)
    ]
    assert turn.blocks[6] == Prose(Pieces(["Hel", "lo"]))
    assert turn.blocks[-1] == Result("a")
    assert (turn.call("a").opened, turn.call("b").opened) == (True, False)


def test_a_call_that_still_arrives_is_not_opened() -> None:
    turn = after(ToolCallStarted("a", "task"), events.SpeakerChanged("inner", 1))
    assert not turn.call("a").opened


def test_a_turn_knows_when_its_latest_event_came() -> None:
    timed = [TimedEvent(TurnStarted("hi", "m"), 0), TimedEvent(TextDelta("Hello."), 40)]
    assert [turn.at for turn, _ in accumulate(timed)] == [0, 40]
    assert [turn.at for turn, _ in accumulate([*timed[1:], TimedEvent(TextDelta("!"))])] == [40, 40]


def test_a_call_knows_who_decided_about_it() -> None:
    turn = fold_events(APPROVING[:9])
    assert turn.call("delete").approval == APPROVING[8]
    edited, refused = (fold_events(APPROVING).call(each) for each in ("delete", "second"))
    assert (edited.arguments, edited.state) == ({"path": "c"}, "done")
    assert refused.approval
    assert refused.approval.reason == "keep it"
    asked = fold_events(APPROVING[:8]).call("delete")
    assert (asked.state, asked.is_asked, asked.arguments) == ("waiting", True, {"path": "a"})
    assert not fold_events(APPROVING[:9]).call("delete").is_asked


def test_calls_that_nobody_could_be_asked_about() -> None:
    given = events.ApprovalGiven("second", False, "rule", events.NOBODY)
    assert find_unasked(fold_events([*APPROVING[:8], given])) == ["delete"]
    assert find_unasked(fold_events(APPROVING)) == []


def test_a_refused_call_has_not_run() -> None:
    edited, refused = (fold_events(APPROVING).call(each) for each in ("delete", "second"))
    assert (edited.is_refused, refused.is_refused) == (False, True)
