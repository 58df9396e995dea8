"""The views, each fed the events of a turn."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable

import pytest

from streamchat.events import (
    AnswerDelta,
    ApprovalGiven,
    ApprovalRequested,
    ArgumentsDelta,
    ChunkReceived,
    Event,
    InputReceived,
    InputRequested,
    Notice,
    OutputReceived,
    PromptProgress,
    ReasoningDelta,
    SpeakerChanged,
    StepFinished,
    StepStarted,
    TextDelta,
    ToolCallStarted,
    ToolFinished,
    TurnCancelled,
    TurnDone,
    TurnFailed,
    TurnStarted,
    from_dict,
)
from streamchat.turn import Turn, reduce
from streamchat.view import View
from streamchat.view.answer import AnswerView
from streamchat.view.choose import ViewOptions, choose_view
from streamchat.view.debug import DebugView
from streamchat.view.jsonl import JsonView
from streamchat.view.plain import PlainView
from streamchat.view.raw import RawView
from tests.turns import (
    APPROVING,
    ASKING,
    EVIL,
    EVIL_SHOWN,
    GRAPH,
    NOTEBOOK,
    PRINTING,
    answer,
    call,
    play_line,
    show_turn,
    write_code,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestRaw:
    """Pieces and tokens."""

    def lines(self, events: Iterable[Event], **options: bool) -> list[str]:
        out = io.StringIO()
        show_turn(RawView(out, **options), events)
        return out.getvalue().split("\n")

    def test_huge_values_are_shortened(self) -> None:
        lines = self.lines([*call("add", ["{", " " * 20_000, "}"], "x" * 5_000)])
        assert lines[1].endswith("(10,000 more characters)|}|")
        assert lines[2].endswith("xxx (3,000 more characters)")

    def test_reasoning_has_a_line_of_its_own(self) -> None:
        events = [ReasoningDelta("h"), ReasoningDelta("m"), TextDelta("3"), TurnDone("3")]
        assert self.lines(events) == ["thinking: h|m|", "3|", ""]

    def test_a_line_of_code_comes_before_its_calls(self) -> None:
        assert self.lines(play_line())[:7] == [
            *("calling: (2| +| 3)| *| 4|", "Calling add...", '{"x": 2, "y": 3}|', "add → 5"),
            *("Calling multiply...", '{"x": 5, "y": 4}|', "multiply → 20"),
        ]

    def test_code_that_was_cut_off(self) -> None:
        assert self.lines([*write_code("2", " +"), TurnFailed("why")]) == ["calling: 2| +|", ""]

    def test_the_notebook_s_format(self) -> None:
        assert self.lines(NOTEBOOK) == [
            "Calling add...",
            '{"|x|":|10|,"|y|":|10|}|',
            "add → 20",
            "Calling final_answer...",
            '{"|answer|":"|10| +| |10| equals| |20|.|","|tools|_used|":["|functions|.add|"]|}|',
            "",
        ]

    def test_tokens_of_text(self) -> None:
        hello = [AnswerDelta("N"), AnswerDelta("LP"), StepFinished(1), TurnDone("NLP")]
        assert self.lines(hello) == ["N|LP|", ""]

    @pytest.mark.parametrize("whole_lines", [False, True])
    def test_on_a_terminal_separators_have_a_color_and_bars_in_the_text_have_none(
        self, monkeypatch: pytest.MonkeyPatch, whole_lines: bool
    ) -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.delenv("NO_COLOR", raising=False)
        bar = "\x1b[36m|\x1b[0m"
        events = [*call("add", ['{"x"', ":1}"], "20"), ReasoningDelta("hm"), TextDelta("| a |\x1b")]
        events.append(TurnDone("| a |"))
        monkeypatch.setattr("sys.stdout", out := Terminal())
        view = choose_view(ViewOptions(raw=True, verbose=whole_lines))
        show_turn(view, events)
        assert out.getvalue().splitlines() == [
            *("Calling add...", f'{{"x"{bar}:1}}{bar}', "add → 20"),
            *(f"thinking: hm{bar}", f"| a |\\x1b{bar}"),
        ]

    @pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
    def test_separators_have_no_color_if_the_user_or_the_terminal_wants_none(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str
    ) -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdout", out := Terminal())
        show_turn(choose_view(ViewOptions(raw=True)), NOTEBOOK)
        assert out.getvalue().split("\n") == self.lines(NOTEBOOK)

    def test_fragments_come_as_they_arrive(self) -> None:
        out = io.StringIO()
        view = RawView(out)
        view.show(turn := reduce(Turn(), event := ToolCallStarted("a", "add")), event)
        view.show(reduce(turn, fragment := ArgumentsDelta("a", "{")), fragment)
        assert out.getvalue() == "Calling add...\n{|"

    def test_whole_lines_only_when_other_lines_come_between(self) -> None:
        out = io.StringIO()
        view = RawView(out, whole_lines=True)
        view.show(turn := reduce(Turn(), event := TextDelta("a")), event)
        assert out.getvalue() == ""
        view.show(turn, StepFinished(1))
        assert out.getvalue() == "a|\n"

    def test_failures_notices_and_prose(self) -> None:
        events = [
            TextDelta("Let me "),
            TextDelta("see."),
            *call("add", ["{"], "no good", failed=True),
            Notice("retrying"),
            TextDelta("Hm"),
            TurnFailed("no answer"),
        ]
        assert self.lines(events) == [
            *("Let me |see.|", "Calling add...", "{|", "add failed: no good", "(retrying)"),
            *("Hm|", ""),
        ]

    def test_interleaved_calls_say_whose_turn_it_is(self) -> None:
        events = [
            ToolCallStarted("a", "add"),
            ToolCallStarted("b", "multiply"),
            ArgumentsDelta("a", "1"),
            ArgumentsDelta("b", "2"),
            ArgumentsDelta("a", "3"),
            StepFinished(1),
        ]
        lines = self.lines(events)
        assert lines[2:] == ["add: 1|", "multiply: 2|", "add: 3|", ""]

    def test_nodes_have_lines_of_their_own(self) -> None:
        assert self.lines(GRAPH) == [
            *("planner ›", "First a search, |then a summary.|"),
            *("researcher ›", "Let me look that up.|", "Calling search..."),
            *('{"query"|: "first programmer"}|', "search → Ada Lovelace, 1843"),
            "It was Ada Lovelace, who wrote a program for the |Analytical Engine in 1843.|",
            *("writer ›", "**Ada Lovelace** |wrote the first.|", ""),
        ]

    @pytest.mark.parametrize("whole_lines", [False, True])
    def test_printed_lines_wait_for_the_end_of_a_line(self, whole_lines: bool) -> None:
        assert self.lines(PRINTING, whole_lines=whole_lines) == [
            *("(stdout: loaded 3 documents)", "Calling add...", '{"|x|":|10|,"|y|":|10|}|'),
            *("(stdout: adding 10 and 10)", "(stderr: WARNING:root:slow)", "add → 20"),
            *("It is tw|enty.|", "(custom: so far: tw)", "(stdout: saved to notes.txt)", ""),
        ]

    def test_a_question_and_its_answer(self) -> None:
        assert self.lines(ASKING)[3:7] == [
            '? delete_file(path="/home/me/notes.txt")',
            "  Tool execution requires approval",
            *("→ approved", "delete_file → deleted"),
        ]

    def test_calls_that_the_user_decides_about(self) -> None:
        lines = [each for each in self.lines(APPROVING) if "|" not in each]
        assert lines[2:8] == [
            '? run delete(path="a")?',
            *('delete: allowed with path="c" by the user', "delete → c is gone"),
            '? run delete(path="b")?',
            "delete: refused by the user: keep it",
            "delete failed: not run: the user refused it: keep it",
        ]

    def test_nothing_the_model_says_reaches_the_terminal_as_a_command(self) -> None:
        events = [
            TextDelta(EVIL),
            *call(EVIL, [EVIL], EVIL, failed=True),
            Notice(EVIL),
            *approve(EVIL),
            *(SpeakerChanged(EVIL), OutputReceived(EVIL), InputRequested("1", EVIL)),
            *(InputReceived("1", EVIL), AnswerDelta(EVIL)),
        ]
        text = "\n".join(self.lines(events))
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert text.count(EVIL_SHOWN) == 16


def approve(text: str) -> list[Event]:
    """A call whose name, arguments and reason are this text."""
    return [
        ToolCallStarted("c", text),
        ApprovalRequested("c", text, {text: text}),
        ApprovalGiven("c", False, "user", text, {text: text}),
    ]


class TestPlain:
    """Sentences and whole lines."""

    def lines(self, events: Iterable[Event]) -> list[str]:
        out = io.StringIO()
        show_turn(PlainView(out), events)
        return out.getvalue().split("\n")

    def test_the_notebook_s_turn(self) -> None:
        assert self.lines(NOTEBOOK) == [
            "Step 1: asking m.",
            "Calling add...",
            "add is called with x = 10, y = 10.",
            "add returned 20.",
            "Step 2: asking m.",
            "The answer:",
            "10 + 10 equals 20.",
            "Done: m, 2 steps, 0.0 s.",
            "",
        ]

    def test_a_line_is_written_when_it_is_complete(self) -> None:
        out = io.StringIO()
        view = PlainView(out)
        for text, expected in [("a", ""), ("b\r", ""), ("\nc", "ab\n"), ("\n\n", "ab\nc\n\n")]:
            view.show(Turn(), TextDelta(text))
            assert out.getvalue() == expected

    def test_failures_notices_and_prose(self) -> None:
        events = [
            TextDelta("Let me see."),
            *call("add", ["{"], "no good", failed=True),
            Notice("retrying"),
            TextDelta("Hm"),
            TurnFailed("no answer"),
        ]
        assert self.lines(events) == [
            *(
                "Let me see.",
                "Calling add...",
                "add is called with no arguments.",
                "add failed: no good",
            ),
            *("Note: retrying", "Hm", ""),
        ]

    def test_prose_that_was_the_answer_is_not_written_twice(self) -> None:
        lines = self.lines(
            [StepStarted(1), TextDelta("It is "), TextDelta("3."), TurnDone("It is 3.")]
        )
        assert lines[1] == "It is 3."
        assert lines[2].startswith("Done: ")

    def test_a_refused_answer_and_the_next(self) -> None:
        events = [
            ToolCallStarted("a", "final_answer"),
            AnswerDelta("wro", "a"),
            ToolFinished("a", "no tools_used", failed=True),
            *answer("right"),
        ]
        assert self.lines(events)[:-2] == [
            *("The answer:", "wro", "final_answer failed: no tools_used", "The answer:", "right"),
        ]

    def test_text_after_the_answer_is_no_part_of_it(self) -> None:
        events = [AnswerDelta("Forty", "f"), TextDelta("Some "), AnswerDelta("two", "f")]
        assert self.lines([*events, TextDelta("prose."), TurnDone("Fortytwo")])[:-2] == [
            *("The answer:", "Forty", "Some ", "two", "prose.")
        ]

    def test_hidden_reasoning_is_announced_only(self) -> None:
        out = io.StringIO()
        events = [ReasoningDelta("h\n"), ReasoningDelta("m"), TextDelta("3"), TurnCancelled()]
        show_turn(PlainView(out, hide_reasoning=True), events)
        assert out.getvalue().splitlines() == ["Reasoning.", "Reply:", "3"]

    def test_calls_are_described_and_not_their_code(self) -> None:
        assert self.lines(play_line())[:7] == [
            *("Step 1: asking m.", "Calling add...", "add is called with x = 2, y = 3."),
            *("add returned 5.", "Step 2: asking m.", "Calling multiply..."),
            "multiply is called with x = 5, y = 4.",
        ]

    def test_reasoning_is_told_apart_from_text(self) -> None:
        events = [ReasoningDelta("h\nm"), TextDelta("3"), StepFinished(1), ReasoningDelta("x")]
        assert self.lines([*events, *answer("4")])[:7] == [
            *("Reasoning:", "  h", "  m", "Reply:", "3"),
            *("Reasoning:", "  x"),
        ]

    def test_it_says_which_node_says_something(self) -> None:
        lines = self.lines(GRAPH)
        assert lines[1:3] == ["planner says:", "First a search, then a summary."]
        assert lines[4:7] == ["researcher says:", "Let me look that up.", "Calling search..."]
        assert lines[12:] == [
            *("writer says:", "**Ada Lovelace** wrote the first."),
            *("Done: graph.py:app, 4 steps, 4.2 s.", ""),
        ]

    def test_an_answer_that_other_nodes_have_not_written_is_announced(self) -> None:
        events = [SpeakerChanged("a"), TextDelta("x"), SpeakerChanged("b"), TextDelta("y")]
        assert self.lines([*events, TurnDone("x")])[:-2] == [
            *("a says:", "x", "b says:", "y", "The answer:", "x"),
        ]

    def test_printed_lines_come_between_whole_lines_of_text(self) -> None:
        events = [TextDelta("It\nis tw"), OutputReceived("  one"), OutputReceived(" ")]
        assert self.lines([*events, TextDelta("enty."), TurnCancelled()]) == [
            *("It", "Printed:   one", "is twenty.", ""),
        ]

    def test_a_question_and_its_answer(self) -> None:
        assert self.lines(ASKING)[3:7] == [
            'Question: delete_file(path="/home/me/notes.txt")',
            "  Tool execution requires approval",
            *("Answered: approved", 'delete_file is called with path = "/home/me/notes.txt".'),
        ]
        asked = [InputRequested("q", "Which city?\nAnd when?"), InputReceived("q", "Paris\nnow")]
        assert self.lines([*asked, TurnCancelled()]) == [
            *("Question: Which city?", "  And when?", "Answered: Paris now", ""),
        ]

    def test_calls_that_the_user_decides_about(self) -> None:
        assert self.lines(APPROVING)[3:10] == [
            'Question: run delete(path="a")?',
            'delete is allowed with path="c" by the user.',
            'delete is called with path = "c".',
            "delete returned c is gone.",
            'Question: run delete(path="b")?',
            "delete is refused by the user: keep it.",
            "delete failed: not run: the user refused it: keep it",
        ]

    def test_an_unstreamed_answer(self) -> None:
        assert self.lines([TurnDone("a\nb")])[:3] == ["The answer:", "a", "b"]

    def test_a_huge_result_is_shortened(self) -> None:
        lines = self.lines(call("add", ["{}"], "x" * 5_000))
        assert lines[2].endswith("xxx (3,000 more characters).")

    def test_nothing_the_model_says_reaches_the_terminal_as_a_command(self) -> None:
        events = [
            TextDelta(EVIL),
            *call(EVIL, [EVIL], EVIL, failed=True),
            Notice(EVIL),
            *approve(EVIL),
            *(SpeakerChanged(EVIL), OutputReceived(EVIL), InputRequested("1", EVIL)),
            *(InputReceived("1", EVIL), *answer(EVIL)),
        ]
        text = "\n".join(self.lines(events))
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert text.count("[/x]:smile:[bold]") == 17


class TestAnswer:
    """The answer and nothing else."""

    def setup_method(self) -> None:
        self.warned: list[str] = []

    def text(self, events: Iterable[Event]) -> str:
        out = io.StringIO()
        show_turn(AnswerView(out, self.warned.append), events)
        return out.getvalue()

    def test_the_answer_and_one_newline(self) -> None:
        assert self.text(NOTEBOOK) == "10 + 10 equals 20.\n"
        assert self.text(answer(EVIL, "\n")) == EVIL_SHOWN + "\n\n"
        assert self.text(answer("a\r", "\nb\r")) == "a\nb\\x0d\n"

    def test_a_blank_answer_writes_nothing(self) -> None:
        events = [AnswerDelta(" \n", "a"), AnswerDelta(" \n yes \n", "b"), TurnDone(" \n yes \n")]
        assert self.text(events) == " \n yes \n\n"

    def test_code_is_no_answer(self) -> None:
        assert self.text(play_line()) == "It is 20.\n"

    def test_reasoning_is_no_answer(self) -> None:
        assert self.text([ReasoningDelta("hm"), *answer("20")]) == "20\n"

    def test_a_long_wait_is_shown_and_a_short_one_is_not(self) -> None:
        self.text([Notice("busy; again in 0.5 s"), Notice("busy; again\x1b in 2 s", 2.0)])
        assert self.warned == [r"busy; again\x1b in 2 s"]

    @pytest.mark.parametrize(
        ("events", "answer", "warned"),
        [
            (GRAPH, "**Ada Lovelace** wrote the first.\n", []),
            (
                PRINTING,
                "It is twenty.\n",
                [
                    *("loaded 3 documents", "adding 10 and 10", "WARNING:root:slow"),
                    *("so far: tw", "saved to notes.txt"),
                ],
            ),
            (
                ASKING,
                "They are gone.\n",
                [
                    'Question: delete_file(path="/home/me/notes.txt")',
                    "  Tool execution requires approval",
                    "Answered: approved",
                ],
            ),
        ],
    )
    def test_what_else_an_agent_says_is_no_answer(
        self, events: list[Event], answer: str, warned: list[str]
    ) -> None:
        assert (self.text(events), self.warned) == (answer, warned)

    def test_what_several_nodes_said_is_not_one_answer(self) -> None:
        events = [SpeakerChanged("a"), TextDelta("x"), SpeakerChanged("b"), TextDelta("y")]
        assert self.text([*events, TurnFailed("why")]) == "y\n"

    def test_an_answer_is_written_as_it_arrives(self) -> None:
        out = io.StringIO()
        AnswerView(out, print).show(Turn(), AnswerDelta("10"))
        assert out.getvalue() == "10"

    def test_prose_is_written_only_if_it_was_the_answer(self) -> None:
        assert self.text([TextDelta("Let me see."), *call("add", ["{}"])]) == ""
        assert (
            self.text([TextDelta("It is "), TextDelta("3."), TurnDone("It is 3.")]) == "It is 3.\n"
        )

    def test_another_answer_begins_on_a_line_of_its_own(self) -> None:
        events = [AnswerDelta("wro", "a"), AnswerDelta("right", "b"), TurnDone("right")]
        assert self.text(events) == "wro\nright\n"
        assert self.text([AnswerDelta("wro", "a"), TurnDone("right")]) == "wro\nright\n"

    @pytest.mark.parametrize("end", [TurnFailed("why"), TurnCancelled()])
    def test_an_interrupted_answer_ends_with_a_newline(self, end: Event) -> None:
        assert self.text([AnswerDelta("It is"), end]) == "It is\n"
        assert self.text([TextDelta("It"), TextDelta(" is"), end]) == "It is\n"
        assert self.text([TextDelta("Let me see."), *call("add", ["{}"]), end]) == ""
        assert self.text([end]) == ""


def test_json_is_one_ascii_object_per_event() -> None:
    out = io.StringIO()
    show_turn(JsonView(out), [*NOTEBOOK[:3], ChunkReceived("x"), TextDelta("é\n"), TurnDone("é")])
    assert out.getvalue().isascii()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines[0]["version"] == 1
    assert [from_dict(line) for line in lines] == [*NOTEBOOK[:3], TextDelta("é\n"), TurnDone("é")]


def test_debug_lines_beside_another_view() -> None:
    out = io.StringIO()
    lines: list[str] = []
    chunk = ChunkReceived("", ({"name": "add", "args": '{"', "id": "a", "index": 0},))
    events = [
        *NOTEBOOK[:2],
        PromptProgress(512, 1100),
        chunk,
        Notice("retrying"),
        *call("add", ["{}"], "20"),
        StepFinished(2, None, 1.25, 0.5, 100, 20),
        TextDelta(EVIL),
        TurnFailed("why", 2.0),
    ]
    show_turn(DebugView(PlainView(out), lines.append), events)
    assert lines == [
        "turn: model m",
        "step 1: request sent",
        "prompt: 512 of 1,100 tokens read",
        f"tool_calls: [{chunk.tool_calls[0]}]",
        "tool_name: add",
        'arg: {"',
        "notice: retrying",
        "step 1: no token, message complete after 0.000 s, finish_reason tool_calls",
        "tool add: returned after 0.000 s",
        "step 2: first token after 0.500 s, message complete after 1.250 s, tokens 100 in, 20 out",
        "turn: failed after 2.000 s, 1 step",
    ]
    assert "Calling add..." in out.getvalue()


def test_json_has_what_an_agent_says_prints_and_asks() -> None:
    for events in (GRAPH, PRINTING, ASKING, APPROVING):
        out = io.StringIO()
        show_turn(JsonView(out), events)
        assert list(map(from_dict, map(json.loads, out.getvalue().splitlines()))) == events


def test_debug_lines_name_nodes_and_requests() -> None:
    lines: list[str] = []
    events = [SpeakerChanged("a", 1), InputRequested("q", "Sure?"), InputReceived("q", "yes")]
    show_turn(DebugView(PlainView(io.StringIO()), lines.append), events)
    assert lines == ["speaker: a, depth 1", "input q: requested", "input q: received"]


def test_debug_lines_name_approvals() -> None:
    lines: list[str] = []
    show_turn(DebugView(PlainView(io.StringIO()), lines.append), APPROVING)
    assert [line for line in lines if line.startswith("approval second")] == [
        "approval second: requested for delete",
        "approval second: refused by the user: keep it",
    ]


def test_json_has_the_code() -> None:
    out = io.StringIO()
    show_turn(JsonView(out), play_line())
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    code = [line["text"] for line in lines if line["type"] == "code_delta"]
    assert "".join(code) == "(2 + 3) * 4"


def test_debug_lines_show_the_code() -> None:
    lines: list[str] = []
    chunks = [ChunkReceived("2 +"), ChunkReceived(f"3{EVIL}")]
    show_turn(DebugView(PlainView(io.StringIO()), lines.append), [*chunks, TurnFailed("why")])
    assert lines[0] == "content: 2 +"
    assert lines[1].startswith("content: 3")


def test_debug_lines_leave_out_what_is_unknown() -> None:
    lines: list[str] = []
    events = [TurnStarted("?", ""), StepStarted(1), TurnFailed("why", 2.0)]
    show_turn(DebugView(PlainView(io.StringIO()), lines.append), events)
    assert lines == ["turn: started", "step 1: request sent", "turn: failed after 2.000 s, 1 step"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (RawView, "(queued: one)\n(queued: two 2)\n(queued: three)\n"),
        (PlainView, "Queued: one\nQueued: two 2\nQueued: three\n"),
        (JsonView, ""),
    ],
)
def test_each_queued_message_is_announced_once(
    kind: type[RawView | PlainView | JsonView], expected: str
) -> None:
    out = io.StringIO()
    with kind(out) as view:
        view.show_typed(["one", "two\n2"], "")
        view.show_typed(["one", "two\n2"], "th")
        view.show_typed([], "")  # both were sent
        view.show_typed(["three"], "")
    assert out.getvalue() == expected


def test_a_tool_without_a_name_is_called_the_same_everywhere() -> None:
    debug: list[str] = []
    raw, plain = io.StringIO(), io.StringIO()
    events = [*call(" ", ["{}"], "20"), TurnCancelled()]
    show_turn(RawView(raw), events)
    show_turn(DebugView(PlainView(plain), debug.append), events)
    assert raw.getvalue() == "Calling unnamed tool...\n{}|\nunnamed tool → 20\n"
    assert plain.getvalue().splitlines() == [
        *("Calling unnamed tool...", "unnamed tool is called with no arguments."),
        "unnamed tool returned 20.",
    ]
    assert "tool unnamed tool: returned after 0.000 s" in debug


class TestChoice:
    """Which view goes where."""

    @pytest.mark.parametrize(
        ("options", "kind"),
        [
            (ViewOptions(), AnswerView),
            (ViewOptions(plain=True), PlainView),
            (ViewOptions(raw=True), RawView),
            (ViewOptions(json=True), JsonView),
            (ViewOptions(verbose=True), DebugView),
            (ViewOptions(json=True, verbose=True), DebugView),
        ],
    )
    def test_on_a_pipe(
        self, options: ViewOptions, kind: type[View], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert isinstance(choose_view(options), kind)
