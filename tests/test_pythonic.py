"""Lines of Python in place of calls: the numbers, expressions, plans and pieces they consist of."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from langchain_core.tools import ToolException

from streamchat.models.embedded.pythonic.conversion import find_conversion
from streamchat.models.embedded.pythonic.expression import (
    asks_only_for_result,
    find_continuation,
    find_expression,
    find_variations,
)
from streamchat.models.embedded.pythonic.line import LineReader, Piece
from streamchat.models.embedded.pythonic.numbers import (
    find_measured,
    find_numbers,
    spell_number,
)
from streamchat.models.embedded.pythonic.plan import LineError, Plan, Ref, Step, read_plan
from streamchat.tools.arithmetic import ARITHMETIC

TOOLS = {
    **{tool.name: ["x", "y"] for tool in ARITHMETIC},
    "get_weather": ["city", "days"],
    "now": [],
    "store": ["values", "options"],
}
RUN = {tool.name: tool.func for tool in ARITHMETIC}  # type: ignore[attr-defined]


def run(plan: Plan) -> tuple[Any, list[list[str]]]:
    """Return the last result, and the names of the calls, wave by wave."""
    results: list[Any] = []
    waves: list[list[str]] = []
    while steps := plan.find_ready(results):
        waves.append([step.name for step in steps])
        results += [RUN[step.name](**step.arguments) for step in steps]
    return results[-1], waves


class TestPlan:
    def test_an_operation_is_a_call(self) -> None:
        assert read_plan("10 + 10", TOOLS).steps == (Step("add", {"x": 10, "y": 10}),)
        assert read_plan("3 * 4", TOOLS).steps == (Step("multiply", {"x": 3, "y": 4}),)
        assert read_plan("2 ** 8", TOOLS).steps == (Step("exponentiate", {"x": 2, "y": 8}),)

    def test_subtract_takes_x_from_y(self) -> None:
        assert read_plan("17 - 4", TOOLS).steps == (Step("subtract", {"x": 4, "y": 17}),)

    def test_a_quotient_is_a_product_with_the_reciprocal(self) -> None:
        assert read_plan("48 / 6", TOOLS).steps == (
            Step("exponentiate", {"x": 6, "y": -1}),
            Step("multiply", {"x": 48, "y": Ref(0)}),
        )

    def test_nested_calls_are_made_innermost_first(self) -> None:
        plan = read_plan("(2 + 3) * 4", TOOLS)
        assert plan.find_ready([]) == [Step("add", {"x": 2, "y": 3})]
        assert plan.find_ready([5]) == [Step("multiply", {"x": 5, "y": 4})]
        assert plan.find_ready([5, 20]) == []

    def test_independent_calls_are_made_together(self) -> None:
        plan = read_plan("7 * 8 - 6 * 3", TOOLS)
        together = [Step("multiply", {"x": 7, "y": 8}), Step("multiply", {"x": 6, "y": 3})]
        assert plan.find_ready([]) == together
        assert plan.find_ready([56, 18]) == [Step("subtract", {"x": 18, "y": 56})]

    def test_no_call_is_made_before_all_of_a_wave_have_returned(self) -> None:
        plan = read_plan("7 * 8 - 6 * 3", TOOLS)
        assert plan.find_ready([56]) == plan.find_ready([])

    def test_a_call_by_name(self) -> None:
        line = 'get_weather(city="Paris", days=now())'
        assert read_plan(line, TOOLS).steps == (
            Step("now", {}),
            Step("get_weather", {"city": "Paris", "days": Ref(0)}),
        )

    def test_values_of_every_kind(self) -> None:
        line = 'store(values=[1, -2.5, "a", True, None, [now()]], options={"k": {"n": now()}})'
        plan = read_plan(line, TOOLS)
        assert [step.name for step in plan.find_ready([])] == ["now", "now"]
        assert plan.find_ready(["mon", "tue"]) == [
            Step(
                "store",
                {
                    "values": [1, -2.5, "a", True, None, ["mon"]],
                    "options": {"k": {"n": "tue"}},
                },
            )
        ]

    @pytest.mark.parametrize(
        "line",
        [
            *(
                "",
                "   ",
                "42",
                "-4",
                '"text"',
                "x",
                "say('hi')",
                "1 +",
                "(1 + 2",
                "1 // 2",
                "7 % 2",
            ),
            *(
                "~1 + 2",
                "+1 + 2",
                "-(1 + 2)",
                "a + 1",
                "1 < 2",
                "f'{1}' + 2",
                "[1, 2]",
                "lambda: 1",
            ),
            *("nosuch(x=1)", "get_weather('Paris')", 'get_weather(town="Paris")', "now(**{})"),
            *('get_weather(city="a", city="b")', "now.x()", "store(values=[*now()])", "1j + 2"),
            *("store(options={**now()})", "store(options={1: 2})", "b'1' + 2", "1 + 2; 3", "..."),
            *("a = 1 + 2", "now() if 1 else 2", "add(1, 2)", "1 + 2\n3", "\0 + 1"),
        ],
    )
    def test_a_line_that_is_no_call_is_an_error(self, line: str) -> None:
        with pytest.raises(LineError):
            read_plan(line, TOOLS)

    def test_an_operator_whose_tool_is_missing_is_an_error(self) -> None:
        with pytest.raises(LineError, match="add"):
            read_plan("1 + 2", {"now": []})

    @pytest.mark.parametrize("line", ["(" * 400 + "1 + 1" + ")" * 400, " + ".join("1" * 90)])
    def test_nesting_has_a_limit(self, line: str) -> None:
        with pytest.raises(LineError):
            read_plan(line, TOOLS)

    def test_spaces_around_the_line_do_not_matter(self) -> None:
        assert read_plan("  1 + 2\n", TOOLS) == read_plan("1 + 2", TOOLS)


NUMBERS = st.integers(0, 12).map(str) | st.sampled_from(["0.5", "2.25", "-3", "-1.5"])
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.builds(
        "{} {} {}".format,
        inner.map(lambda each: f"({each})" if " " in each else each),
        st.sampled_from(["+", "-", "*", "/", "**"]),
        inner,
    ),
    max_leaves=6,
)


@given(SUMS)
@example("2 + 3 * 4")
@example("(2 + 3) * 4")
@example("2 ** 3 ** 2")
@example("12 ** 12 ** 12 + 1")
@example("-2 ** 2 + 1")
@example("3 - -2 ** 2")
@example("10 - (4 - 1)")
@example("8 / 2 / 2")
def test_the_calls_of_a_line_come_to_what_python_calculates(line: str) -> None:
    assume(" " in line)
    try:
        # To the model, a sign before a power is the number's.
        signed = re.sub(r"-[\d.]+(?= \*\*)", r"(\g<0>)", line)
        # A power of floats that is too large is an error; one of integers would take forever.
        expected = eval(re.sub(r"(?<![\d.])\d+(?![\d.])", r"\g<0>.0", signed))
        assume(not isinstance(expected, complex) and math.isfinite(expected))
    except (ZeroDivisionError, OverflowError):
        assume(False)
    plan = read_plan(line, TOOLS)
    try:
        value, waves = run(plan)
    except ToolException:
        assume(False)
    assert math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-6)
    operators = [type(node.op) for node in ast.walk(ast.parse(line)) if isinstance(node, ast.BinOp)]
    assert sum(map(len, waves)) == len(plan.steps) == len(operators) + operators.count(ast.Div)


def read(line: str, *sizes: int) -> tuple[str, str, LineReader]:
    """Return the code and the answer that the reader finds in pieces of these sizes."""
    reader, at = LineReader(), 0
    pieces: list[Piece] = []
    for size in (*sizes, len(line)):
        pieces += reader.feed(line[at : at + size])
        at += size
    pieces += reader.finish()
    assert all(text for _, text in pieces)
    code, answer = (
        "".join(text for kind, text in pieces if kind == wanted) for wanted in ("code", "answer")
    )
    return code, answer, reader


class TestLineReader:
    @pytest.mark.parametrize(
        ("line", "code", "answer"),
        [
            ("(2 + 3) * 4", "(2 + 3) * 4", ""),
            ('say("Hello.")', "", "Hello."),
            (r'say("\"Hi\", she said.\nBye\\!")', "", '"Hi", she said.\nBye\\!'),
            (r'say("a\tb\'c")', "", "a\tb'c"),
            ('say("Grüß dich, 你好 😀")', "", "Grüß dich, 你好 😀"),
            ('say("cut off', "", "cut off"),
            ('say("cut off\\', "", "cut off"),
            ('say("one") + say("two")', "", "one"),
            ('say_hello(name="Ann")', 'say_hello(name="Ann")', ""),
            ("say(", "say(", ""),
            ("sa", "sa", ""),
            ("say('x')", "say('x')", ""),
            ("", "", ""),
        ],
    )
    def test_code_or_an_answer(self, line: str, code: str, answer: str) -> None:
        for at in range(len(line) + 1):
            for more in range(4):
                found = read(line, at, more)
                assert found[:2] == (code, answer)
                assert found[2].line == line

    def test_closed_by_the_quote(self) -> None:
        reader = LineReader()
        assert reader.feed('say("Hi.\\"') == [("answer", 'Hi."')]
        assert not reader.closed
        assert reader.feed('"') == []
        assert reader.closed
        assert reader.feed(") and more") == []
        assert reader.finish() == []

    def test_code_is_passed_on_at_once(self) -> None:
        reader = LineReader()
        assert reader.feed("s") == []
        assert reader.feed("um(") == [("code", "sum(")]
        assert reader.feed("1)") == [("code", "1)")]


class TestFindNumbers:
    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("What is 10 + 10", ["10", "10"]),
            ("add 1,205 and 95.", ["1205", "95"]),
            ("0.4 + 1.35", ["0.4", "1.35"]),
            (".5 and 2.50 and 007", ["0.5", "2.5", "7"]),
            ("when you add -15 and 40", ["-15", "40"]),
            ("\u22128 times 7", ["-8", "7"]),
            ("7-2, 7 - 2 and (1)-2", ["7", "2", "7", "2", "1", "2"]),
            ("5 minus -2", ["5", "-2"]),
            ("20% of 150 and 5 percent", ["20%", "150", "5%"]),
            ("half of ninety", ["2", "90"]),
            ("twenty-five and forty two", ["25", "42"]),
            ("twenty and ten, twenty ten", ["20", "10", "20", "10"]),
            ("twelve, nineteen, zero", ["12", "19", "0"]),
            ("Double it, then TRIPLE it.", ["2", "3"]),
            ("3 squared plus two cubed", ["3", "**2", "2", "**3"]),
            ("Raise 3 to the 5th power, the 1st, 2nd, 3rd", ["3", "5", "1", "2", "3"]),
            ("a dozen eggs, two hundred", ["12", "200"]),
            ("3 hours and 20 minutes", ["3", "20", "60"]),
            ("minutes in 2 hours", ["2", "60"]),
            ("7 days a week", ["7", "7"]),
            ("MP3 and B52, v1.2.3", []),
            ("1234567890123456789", []),
            ("123456789012345", ["123456789012345"]),
            ("someone, often, tent", []),
            ("The average of 5, 8 and 11 is?", ["5", "8", "11", "3"]),
            ("On average, what is 5?", ["5"]),
            ("The area of a triangle with 3 m and 4 m", ["3", "4", "2"]),
            ("6 square metres, 2 square feet, 4 square", ["6", "2", "4", "**2"]),
            ("15 is 20% of what? Of a number?", ["15", "/20%"]),
            ("2% a year, compounded", ["^2%"]),
            ("It falls by 5% each year", ["^5%"]),
            ("minutes in 2 days", ["2", "60", "24"]),
            ("feet are 36 inches; kg and 5 g", ["36", "5", "12"]),
            ("I'm 5 km away", ["5"]),
            ("The perimeter of 3 by 4", ["3", "4", "2"]),
            ("a fence around a square of 5 m", ["5", "4"]),
            ("a fence of 5 m", ["5"]),
            ("25 degrees Celsius in Fahrenheit", ["25", "1.8", "32"]),
            ("the square root of 9, a root of 4", ["0.5", "9", "0.5", "4"]),
            ("2 and a half hours, or two and a half", ["2.5", "2.5"]),
            ("one and three quarters; an hour and a quarter", ["1.75", "1.25"]),
            ("a cake and half a litre; 12, and a half of it", ["2", "12", "2"]),
            ("What is a verb?", []),
            ("٣ and ²", []),
        ],
    )
    def test_in_digits_and_in_words(self, text: str, numbers: list[str]) -> None:
        assert find_numbers(text) == numbers

    @given(st.text())
    def test_any_number_found_is_one_of_python_s(self, text: str) -> None:
        for number in find_numbers(text):
            assert math.isfinite(ast.literal_eval(number.strip("*/^%")))


class TestFindMeasured:
    @pytest.mark.parametrize(
        ("text", "numbers"),
        [
            ("4 pens cost $6.50; 1,000 pens?", ["4", "6.5", "1000"]),
            ("1 kg for 3 of us at 20%", ["3", "20%"]),
            ("the 4th of two 12-inch pizzas in 2019", []),
            ("What is the perimeter of 14 m by 9 m?", ["14", "9"]),
            ("12 litres an hour, for 2 days", ["12", "2"]),
            ("2 and a half hours", ["2.5"]),
            ("I'm 73. The number 7 bus has 31 people, no. 8 has 9", ["31", "9"]),
            ("My gran, who is 85, and Tom, aged 9, bake 39 scones", ["39"]),
            ("im 9 yrs old. At 7 am or 10 o'clock the 6 tram has 95 seats", ["95"]),
            ("An iPhone 13 for 900 at stop 88, shoes of size 9 for 97", ["900", "97"]),
        ],
    )
    def test_in_digits(self, text: str, numbers: list[str]) -> None:
        assert find_measured(text) == numbers


class TestFindConversion:
    @pytest.mark.parametrize(
        ("question", "line"),
        [
            ("How many days are in 14 weeks?", "14 * 7"),
            ("how many days do two weeks have", "2 * 7"),
            ("change 68 mm into cm pls", "68 / 10"),
            ("Could you convert 1,500 m to km?", "1500 / 1000"),
            ("7 weeks in minutes", "7 * 7 * 24 * 60"),
            ("What is 7200 sec in hours?", "7200 / 60 / 60"),
            ("how many days are in 2 years", "2 * 365"),
            ("how many weeks are in 2 years", "2 * 52"),
            ("3 pounds in pence", "3 * 100"),
            ("48 oz to pounds", "48 / 16"),
            ("-5\u00b0C in \u00b0F", "-5 * 1.8 + 32"),
            ("how many degrees celsius are 77.9 degrees F", "(77.9 - 32) / 1.8"),
        ],
    )
    def test_of_two_units(self, question: str, line: str) -> None:
        assert find_conversion(question) == line

    @pytest.mark.parametrize(
        "question",
        [
            *("how many hours are in 3 years", "Convert 90 km/h to metres per second"),
            *("How many eggs are in 7 dozen?", "3 kg in minutes", "10 m in m", "5 C in kg"),
            *("A film of 2 hours in minutes", "How many minutes are left of 3 hours?", "hours"),
        ],
    )
    def test_of_nothing_else(self, question: str) -> None:
        assert find_conversion(question) is None

    def test_its_sums_can_be_read(self) -> None:
        line = find_conversion("77.9 F in C")
        assert line
        assert run(read_plan(line, TOOLS))[0] == pytest.approx(25.5)


class TestSpellNumber:
    @pytest.mark.parametrize(
        ("text", "spelled"),
        [
            ("20", ["20"]),
            ("20.0", ["20"]),
            ("-18", ["-18"]),
            ("1234567", ["1234567", "1,234,567"]),
            ("-1500", ["-1500", "-1,500"]),
            ("0.30000000000000004", ["0.3"]),
            ("48.99999999999999", ["49"]),
            ("2.5", ["2.5"]),
            ("1e+300", ["1e+300"]),
            ("1e-12", ["1e-12"]),
            ("sunny", []),
            ("nan", []),
            ("inf", []),
            ("", []),
        ],
    )
    def test_ways_to_write_it(self, text: str, spelled: list[str]) -> None:
        assert spell_number(text) == spelled


class TestFindExpression:
    @pytest.mark.parametrize(
        ("question", "line"),
        [
            ("(2+3)*4", "(2 + 3) * 4"),
            ("What is 10 + 10", "10 + 10"),
            ("10 - (4 - 1)", "10 - (4 - 1)"),
            ("5^4", "5 ** 4"),
            ("2**3", "2 ** 3"),
            ("7 x 8", "7 * 8"),
            ("7 \u00d7 8 \u00f7 2 \u2212 1", "7 * 8 / 2 - 1"),
            ("-8 * -7", "-8 * -7"),
            ("1,205 + 95", "1205 + 95"),
            (".5 + .25?", ".5 + .25"),
            ("What is 5 - 3, please?", "5 - 3"),
            ("What is 6 times 7?", "6 * 7"),
            ("What is 6 multiplied by 7 minus 2 squared?", "6 * 7 - 2 ** 2"),
            ("3 plus 4, times 5", "(3 + 4) * 5"),
            ("-10 minus 4, divided by 7, plus 3 cubed", "(-10 - 4) / 7 + 3 ** 3"),
            ("3 plus 4 times 5", "3 + 4 * 5"),
            ("Take 1,500 from 2,000.", "2000 - 1500"),
            ("Add 4 and 6, then divide by 5.", "(4 + 6) / 5"),
            ("Multiply 8 by 7 and add 6, then square the result", "(8 * 7 + 6) ** 2"),
            ("Square 9 and subtract 11 from it.", "9 ** 2 - 11"),
            ("Divide 40 by 8 and triple that.", "40 / 8 * 3"),
            ("Take 3 from 10 times 4.", None),
            ("I take 3 apples and 4 pears.", None),
            ("Add 1, 2 and 3.", "1 + 2 + 3"),
            ("Take 5 from 20 and add half of it.", None),
            ("3 times the sum of 4 plus 5", None),
            ("half of 60 minus 4", None),
            ("forty plus 13", "40 + 13"),
            ("(100 - 64) * 2 + 1", "(100 - 64) * 2 + 1"),
            ("2 + 3, and double that", "(2 + 3) * 2"),
            ("I am 10 and she is 12", None),
            ("(2 + 3", None),
            ("What is 5?", None),
            ("What is -5?", None),
            ("2(3+4)", "2 * (3 + 4)"),
            ("(1+2)(3+4)", "(1 + 2) * (3 + 4)"),
            ("-2^2", "0 - 2 ** 2"),
            ("-(4 - 1)", "0 - (4 - 1)"),
            ("3 * -(4 - 1)", None),
            ("10 12 + 3", None),
            ("f(1,2) + 3", None),
            ("3 * + 2", None),
            ("007 + 1", None),
            ("Hello!", None),
            ("", None),
        ],
    )
    def test_as_python_writes_it(self, question: str, line: str | None) -> None:
        assert find_expression(question) == line

    @pytest.mark.parametrize(
        ("question", "line"),
        [
            ("minus 10?", "48 - 10"),
            ("And plus 7, times 2?", "(48 + 7) * 2"),
            ("now divided by 3", "48 / 3"),
            ("What is that squared?", "48 ** 2"),
            ("+ 5", "48 + 5"),
            ("Square it.", "48 ** 2"),
            ("and now halve the result!", "48 / 2"),
            ("Double the sum.", "48 * 2"),
            ("+1 to that", None),
            ("minus 5 plus 3", "48 - 5 + 3"),
            ("-5 + 3", None),
            ("Take away 5", "48 - 5"),
            ("2 plus 3", None),
            ("plus twenty", "48 + 20"),
            ("", None),
        ],
    )
    def test_a_question_that_goes_on_with_a_result(self, question: str, line: str | None) -> None:
        assert find_continuation(question, "48") == line

    @pytest.mark.parametrize(
        ("question", "only"),
        [
            ("(8 + 7) * 3", True),
            ("What's 2 plus 3, please?", True),
            ("Take 3 from 5.", True),
            ("Is 7-11 open?", False),
            ("What does 1/2 mean?", False),
        ],
    )
    def test_a_question_for_nothing_but_a_result(self, question: str, only: bool) -> None:
        assert find_expression(question)
        assert asks_only_for_result(question) == only

    @pytest.mark.parametrize(
        ("question", "earlier", "line", "varied"),
        [
            (
                "And in 10 packs?",
                "A pack has 12 cards. How many in 5 packs?",
                "12 * 5",
                ["12 * 10"],
            ),
            ("What about 1,500 pens?", "2 pens at 3", "2 * (3 + 1)", ["1500 * (3 + 1)"]),
            ("What if it were 8 pens instead?", "6 pens at 3", "3 * 6", ["3 * 8"]),
            ("And 7 cups?", "5 plates and 2 cups", "(5 + 2) * 3", ["(5 + 7) * 3"]),
            ("what about to the 10th instead?", "2 to the 8th", "2 ** 8", ["10 ** 8", "2 ** 10"]),
            ("So, what about 4 cups?", "5 pens", "5 * -3", ["4 * -3", "5 * 4"]),
            ("And 3 more packs?", "How many are in 5 packs?", "12 * 5", []),
            ("Take 3 packs away.", "How many are in 5 packs?", "12 * 5", []),
            ("And 4 pens at 3 euros?", "5 pens", "5 * 3", []),
            ("And 4 cups?", "5 pens", "5 * 3", []),
            ("And 4 pens?", "5 pens", "5 * 5", []),
            ("And of Portugal?", "5 pens", "5 * 3", []),
        ],
    )
    def test_a_question_asked_again_with_another_number(
        self, question: str, earlier: str, line: str, varied: list[str]
    ) -> None:
        assert find_variations(question, earlier, line) == varied

    def test_a_sign_is_not_lost_in_a_power(self) -> None:
        assert find_continuation("squared?", "-8") is None
        assert find_continuation("plus 7", "-8") == "-8 + 7"

    @given(SUMS)
    def test_an_expression_is_found_as_it_is(self, line: str) -> None:
        assume(" " in line and not re.search(r"-[\d.]+ \*\*", line))
        assert find_expression(f"What is {line}?") == line
