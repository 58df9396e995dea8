"""The grammars of the lines: right ones can be written, wrong ones cannot."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from streamchat.models.embedded.pythonic.grammar import (
    build_closing_grammar,
    build_question_grammar,
)
from streamchat.models.embedded.pythonic.layout import Layout
from streamchat.models.embedded.pythonic.plan import read_plan
from streamchat.models.embedded.pythonic.schema import SchemaRules, UnsupportedSchemaError
from streamchat.models.embedded.pythonic.toolbox import ARITHMETIC, Toolbox, read_toolbox
from streamchat.tools import TOOLS
from tests.gbnf import Grammar


def test_the_matcher() -> None:
    grammar = Grammar('root ::= ("a" | "\\"" number)* "." | [^0-9]{2,3}\nnumber ::= [0-9]+')
    for right in (".", "aa.", '"12a"3.', "xy", "xyz"):
        assert grammar.matches(right)
    for wrong in ("", "a", "x", "wxyz", "x1", "aa.."):
        assert not grammar.matches(wrong)


def find_dead_ends(grammar: Grammar) -> set[str]:
    """Return the rules that the root can reach, but that never end."""
    ending: set[str] = set()
    while more := {
        name
        for name, ways in grammar.uses.items()
        if name not in ending and any(way <= ending for way in ways)
    }:
        ending |= more
    reached, waiting = {"root"}, ["root"]
    while waiting:
        for name in set().union(*grammar.uses[waiting.pop()]) - reached:
            reached.add(name)
            waiting.append(name)
    # A way that leads nowhere is as bad as a rule: the model may take it.
    return {
        name for name in reached if not all(way <= ending for way in grammar.uses[name])
    } | reached - ending


def of_numbers(*numbers: str, expression: str | None = None) -> Grammar:
    return Grammar(build_question_grammar(numbers, expression, {}))


def of_layout(layout: Layout) -> Grammar:
    return Grammar(build_question_grammar([], None, {}, layout))


class TestSums:
    @pytest.mark.parametrize(
        ("numbers", "right", "wrong"),
        [
            (
                ("2", "3", "4"),
                ["2 + 3", "4 - 2", "(2 + 3) * 4", "4 * (3 - 2)", "2 ** 3 / 4", "(2 + 3)"],
                ["2 + 2", "2 + 3 + 4 + 2", "5 + 2", "2", "(2) + 3", "2 + (3)", "2+3", "2 +"],
            ),
            (
                ("3", "2", "4", "2"),
                ["3 ** 2 + 4 ** 2", "(3 + 4) * 2", "(3 + 2) * (4 + 2)", "((3 + 2) * 4) - 2"],
                ["3 ** 3", "2 ** 2 + 2", "(3 + 2", "3 + 2)", "(3 + 4) * (2)", "1 + 3"],
            ),
            (("10", "10"), ["10 + 10"], ["10 + 10 + 10", "10", "(10 + 10)", "20", "10 + 1"]),
            (("-15", "40"), ["-15 + 40", "40 - -15"], ["15 + 40", "--15 + 40"]),
            (("0.4", "1.35"), ["0.4 + 1.35"], ["0 + 1.35", "0.4 + 1"]),
        ],
    )
    def test_each_number_is_used_once_at_most(
        self, numbers: Sequence[str], right: list[str], wrong: list[str]
    ) -> None:
        grammar = of_numbers(*numbers)
        for line in right:
            assert grammar.matches(line), line
        for line in wrong:
            assert not grammar.matches(line), line

    @pytest.mark.parametrize("numbers", [(), ("5",)])
    def test_without_two_numbers_there_is_nothing_to_calculate(
        self, numbers: Sequence[str]
    ) -> None:
        grammar = of_numbers(*numbers)
        assert grammar.matches('say("Five.")')
        assert not grammar.matches("5")
        assert not grammar.matches("5 + 5")

    def test_an_expression_of_the_user_is_the_only_one(self) -> None:
        grammar = of_numbers("100", "37", expression="100 - 37")
        assert grammar.matches("100 - 37")
        assert not grammar.matches("37 - 100")

    @pytest.mark.parametrize("others", [["80"], ["80", "3"], ["1", "2", "3", "4", "5", "6"]])
    def test_a_percentage_is_only_multiplied_by(self, others: list[str]) -> None:
        grammar = of_numbers(*others, "25%")
        first = others[0]
        for right in ("25 / 100", "(100 - 25) / 100", "(100 + 25) / 100"):
            assert grammar.matches(f"{first} * {right}"), right
        for wrong in (
            f"{first} - 25",
            f"{first} - 25 / 100",
            f"25 * {first}",
            f"{first} * 100 / 25",
            "25 / 100",
            "100 - 25",
        ):
            assert not grammar.matches(wrong), wrong
        assert find_dead_ends(grammar) == set()

    def test_a_percentage_of_something_unknown_is_divided_by(self) -> None:
        grammar = of_numbers("12", "/30%")
        assert grammar.matches("12 * 100 / 30")
        assert not grammar.matches("12 * 30 / 100")

    def test_a_percentage_that_compounds_is_raised_to_a_number(self) -> None:
        grammar = of_numbers("2000", "^3%", "2")
        assert grammar.matches("2000 * ((100 + 3) / 100) ** 2")
        assert grammar.matches("2000 * ((100 - 3) / 100) ** 2")
        assert not grammar.matches("2000 * (100 + 3) / 100 * 2")
        assert find_dead_ends(grammar) == set()

    @pytest.mark.parametrize("others", [[], ["3"], ["3", "4", "5", "6", "7"]])
    def test_a_power_is_only_raised_to(self, others: list[str]) -> None:
        grammar = of_numbers("13", "**2", *others)
        assert grammar.matches(" + ".join(["13 ** 2", *others]))
        for wrong in ("13 * 2", "2 ** 13", "13", "** 2"):
            assert not grammar.matches(wrong), wrong
        assert find_dead_ends(grammar) == set()
        assert not of_numbers("**2", "**3").matches("2 ** 3")

    def test_a_number_that_comes_first(self) -> None:
        grammar = Grammar(build_question_grammar(["72", "10"], None, {}, first="72"))
        assert grammar.matches("72 - 10")
        assert not grammar.matches("10 - 72")
        assert not grammar.matches("72")
        assert find_dead_ends(grammar) == set()

    @pytest.mark.parametrize(
        "numbers", [["250", "34", "4"], ["250", "20%", "4"], ["9", "5%", "3%"]]
    )
    def test_a_parenthesis_that_comes_first(self, numbers: list[str]) -> None:
        grammar = Grammar(build_question_grammar(numbers, None, {}, first="("))
        assert grammar.matches("(250 - 34) / 4") == ("34" in numbers)
        assert not grammar.matches("250 / 4 - 34")
        assert find_dead_ends(grammar) == set()

    def test_percentages_alone_are_numbers_of_a_hundred(self) -> None:
        assert of_numbers("40%").matches("100 - 40")
        assert of_numbers("40%", "15%").matches("40 - 15")

    @pytest.mark.parametrize("count", range(2, 9))
    def test_every_way_leads_to_an_end(self, count: int) -> None:
        assert find_dead_ends(of_numbers(*map(str, range(1, count + 1)))) == set()

    @pytest.mark.parametrize("count", [6, 8, 12])
    def test_all_of_many_numbers_can_be_used(self, count: int) -> None:
        numbers = [str(10 + each) for each in range(count)]
        grammar = of_numbers(*numbers)
        assert grammar.matches(" + ".join(numbers))
        assert grammar.matches(f"{numbers[0]} * ({numbers[-1]} - {numbers[-2]})")
        assert grammar.matches(f"({' + '.join(numbers[:5])}) / {numbers[5]}")
        assert not grammar.matches("1 + 2")
        assert not grammar.matches(" + ".join([*numbers, numbers[0]]))

    @given(st.data())
    def test_every_line_can_be_read(self, data: st.DataObject) -> None:
        numbers = data.draw(
            st.lists(st.sampled_from(["1", "2", "-3", "0.5"]), min_size=2, max_size=5)
        )
        line, used = write_line(build_question_grammar(numbers, None, {}), data)
        tools = dict.fromkeys(ARITHMETIC, ("x", "y"))
        operators = [each for each in used if each.strip() in ("+", "-", "*", "/", "**")]
        assert len(read_plan(line, tools).steps) == len(operators) + operators.count(" / ")
        assert Counter(each for each in used if each in numbers) <= Counter(numbers)


def write_line(grammar: str, data: st.DataObject) -> tuple[str, list[str]]:
    """Write a line of numbers, drawing each piece; return it and its pieces."""
    rules = dict(rule.split(" ::= ") for rule in grammar.splitlines())
    operators = re.findall('"([^"]*)"', rules["operator"])
    pieces: list[str] = []
    rule = rules["root"].split(" | ")[-1]
    while rule:
        piece, _, rule = data.draw(st.sampled_from(rules[rule].split(" | "))).partition(" ")
        pieces.append(data.draw(st.sampled_from(operators)) if piece == "operator" else piece[1:-1])
    return "".join(pieces), pieces


class TestAnswers:
    @pytest.mark.parametrize(
        "text",
        [
            *(
                "A noun is a word.",
                r"Soft rain,\nthe garden.",
                r"\"Yes\", she said.",
                "你好",
                "no end",
            ),
            *("x" * 600, "x" * 600 + " and the rest of it."),
        ],
    )
    def test_text_of_any_kind(self, text: str) -> None:
        for grammar in (of_numbers("2", "3"), Grammar(build_closing_grammar([], []))):
            assert grammar.matches(f'say("{text}")')

    @pytest.mark.parametrize(
        "line",
        [
            *(
                'say("")',
                'say("a"b")',
                'say("a',
                "say('a')",
                'say("a\nb")',
                r'say("\x1b")',
                "Hello",
            ),
            f'say("{"x" * 601}")',
            f'say("{"x" * 600}{"y" * 201}.")',
        ],
    )
    def test_in_quotes_and_not_endless(self, line: str) -> None:
        for grammar in (of_numbers(), Grammar(build_closing_grammar([], []))):
            assert not grammar.matches(line)

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "Waves whisper,",
                "Three tips:",
                "I think ",
                "Well -",
                "Sleep \u2014",
                "One;",
                "(",
                "",
            ),
            *(r"1. Sleep.\n2.", r"1) Sleep\n12) ", r"Sleep.\n2", r"Tips\n*", r"Soft rain.\n"),
        ],
    )
    def test_no_end_where_more_has_to_follow(self, text: str) -> None:
        for grammar in (of_numbers(), Grammar(build_closing_grammar([], []))):
            assert not grammar.matches(f'say("{text}")')

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "It is 12.",
                "In 1945",
                "1945",
                "3.5",
                "(See 2.)",
                r"Wait...",
                r"Say \"hi\"",
                "Hi :)",
            ),
            *(
                "Ja!",
                r"1. Sleep.\n2. Eat.",
                r"Tips:\n- Sleep",
                "C\\\\",
                "3. Oktober",
                "Rome (Italy)",
            ),
        ],
    )
    def test_any_other_end(self, text: str) -> None:
        assert of_numbers().matches(f'say("{text}")')

    def test_a_poem_has_its_lines(self) -> None:
        grammar = of_layout(Layout(3, numbered=False))
        assert grammar.matches(r'say("Silent waves,\nwhite foam on sand,\nthe tide goes.")')
        for text in (
            *(
                "Silent waves,",
                r"Silent waves,\nwhite foam.",
                r"One,\n\nthree.",
                r"One\ntwo\nthree,",
            ),
            *(r"One\ntwo\nthree\nfour", r"One\n two\nthree", r"One\ntwo\n"),
        ):
            assert not grammar.matches(f'say("{text}")'), text

    def test_a_list_has_its_items(self) -> None:
        grammar = of_layout(Layout(2, numbered=True))
        assert grammar.matches(r'say("1. Sleep well.\n2. Eat at 7.")')
        for text in (
            *("Sleep well.", "1. Sleep well.", r"1. Sleep,\n2. Eat.", r"1. Sleep.\n2. Eat,"),
            *(r"1. Sleep.\n1. Eat.", r"1. Sleep.\n2. Eat.\n3. Run.", r"1. \n2. Eat.", r"2. Eat."),
        ):
            assert not grammar.matches(f'say("{text}")'), text

    @pytest.mark.parametrize("numbered", [True, False])
    def test_a_long_line_ends_with_its_sentence(self, numbered: bool) -> None:
        grammar = of_layout(Layout(2, numbered=numbered))
        first, second = ("1. One.", "2. ") if numbered else ("One.", "")
        assert find_dead_ends(grammar) == set()
        assert grammar.matches(f'say("{first}\\n{second}{"x" * 150} and the rest.")')
        assert not grammar.matches(f'say("{first}\\n{second}{"x" * 151}")')
        assert not grammar.matches(f'say("{first}\\n{second}{"x" * 352}.")')

    def test_a_question_for_lines_can_still_be_calculated_or_passed_to_a_tool(self) -> None:
        schema = {"search": {"properties": {"text": {"type": "string"}}, "required": ["text"]}}
        layout = Layout(2, numbered=True)
        grammar = Grammar(build_question_grammar(["2", "3"], None, schema, layout))
        assert grammar.matches("2 * 3")
        assert grammar.matches('search(text="two tips")')
        assert not grammar.matches('say("2 tips.")')

    def test_the_closing_sentence_says_the_result_and_no_unknown_number(self) -> None:
        grammar = Grammar(build_closing_grammar(["12", "30"], ["-1500", "-1,500"]))
        for right in (
            *(
                "12 minus 30 is -1500.",
                "It is -1,500",
                "The result (-1500) is right.",
                "$12 =-1500",
            ),
            *("30 and 12 make -1500, not 30.", "It's $-1500!", "It is €-1,500."),
        ):
            assert grammar.matches(f'say("{right}")'), right
        for wrong in (
            *(
                "It is 1500.",
                "It is -1501.",
                "It is -1500, or -1500.",
                "12 minus 30.",
                "Yes.",
                "",
                "-1500",
                "-1500 is it.",
                "It is-1500.",
            ),
            *(
                "It is -150",
                "It is -1500.5",
                "12-30 is -1500.",
                "It is -1500,",
                "It is -1500 and ",
                "It is 1,500.",
                "It is -1500. You have 12.",
                "You have 12. It is -1500.",
                "Is" * 200 + " -1500",
            ),
        ):
            assert not grammar.matches(f'say("{wrong}")'), wrong

    def test_a_question_without_numbers_has_a_closing_sentence_too(self) -> None:
        grammar = Grammar(build_closing_grammar([], ["7"]))
        assert grammar.matches('say("It is 7.")')
        assert not grammar.matches('say("It is 8.")')
        assert find_dead_ends(grammar) == set()


def of_schema(schema: dict[str, Any], *, required: bool = True, **definitions: Any) -> Grammar:
    """Return the grammar of the calls of `f`, whose argument `a` has this schema."""
    parameters: dict[str, Any] = {"type": "object", "properties": {"a": schema}}
    parameters |= {"required": ["a"]} if required else {}
    parameters |= {"$defs": definitions} if definitions else {}
    return of_tools(f=parameters)


def of_tools(**schemas: dict[str, Any]) -> Grammar:
    rules = SchemaRules(schemas)
    return Grammar("\n".join([f"root ::= {rules.root}", *rules.rules]))


POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer"}, "label": {"type": "string"}},
    "required": ["x"],
}


class TestSchemas:
    @pytest.mark.parametrize(
        ("schema", "right", "wrong"),
        [
            (
                {"type": "string"},
                ['""', '"Paris"', r'"a \"b\" \\ \n c"', '"你好"', '"it\'s"'],
                ["Paris", "'a'", '"a"b"', r'"\x1b"', '"a\nb"', "1"],
            ),
            (
                {"type": "integer"},
                ["0", "-7", "123456789012345"],
                ["007", "1.5", "+1", '"1"', "-", ""],
            ),
            ({"type": "number"}, ["0", "-7.25", "0.5"], ["00.5", ".5", "1.", "1e3", "--1", "nan"]),
            ({"type": "boolean"}, ["True", "False"], ["true", "1", '"True"']),
            ({"type": "null"}, ["None"], ["null", '""']),
            ({"type": ["integer", "null"]}, ["1", "None"], ["1.5", "True"]),
            (
                {"enum": ["a b", 'q"', 3, None, True]},
                ['"a b"', r'"q\""', "3", "None", "True"],
                ["a b", "4"],
            ),
            ({"enum": ["😀", "ü"]}, ['"😀"', '"ü"'], ['"u"']),
            ({"const": "on"}, ['"on"'], ['"off"', "on"]),
            (
                {"type": "array", "items": {"type": "integer"}},
                ["[]", "[1]", "[1, 2, 3]"],
                ["1", "[1,2]", "[1, ]", '["1"]', "[, 1]"],
            ),
            (
                {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}}},
                ["[[True], []]"],
                ["[True]"],
            ),
            (
                POINT,
                ['{"x": 1}', '{"x": 1, "label": "a"}'],
                [
                    "{}",
                    '{"label": "a"}',
                    '{"x": 1, }',
                    '{"label": "a", "x": 1}',
                    '{"x": 1, "y": 2}',
                ],
            ),
            ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, ["1", '"a"'], ["None", "a"]),
            ({"oneOf": [{"type": "integer"}, {"type": "null"}]}, ["1", "None"], ['"a"']),
        ],
    )
    def test_values(self, schema: dict[str, Any], right: list[str], wrong: list[str]) -> None:
        grammar = of_schema(schema)
        for value in right:
            assert grammar.matches(f"f(a={value})"), value
            ast.literal_eval(value)
        for value in wrong:
            assert not grammar.matches(f"f(a={value})"), value

    def test_a_reference(self) -> None:
        grammar = of_schema({"$ref": "#/$defs/Point"}, Point=POINT)
        assert grammar.matches('f(a={"x": 1})')
        assert not grammar.matches("f(a={})")

    def test_an_argument_may_be_the_result_of_another_call(self) -> None:
        grammar = of_tools(
            now={},
            f={"properties": {"a": {"type": "string"}}, "required": ["a"]},
        )
        for line in ("now()", "f(a=now())", 'f(a=f(a="x"))'):
            assert grammar.matches(line), line
        for line in ("f()", "now(a=1)", "f(now())", "f(a=g())", "f(a=now()", "f(a=)"):
            assert not grammar.matches(line), line

    def test_optional_arguments_keep_their_order(self) -> None:
        one = {"type": "integer"}
        grammar = of_tools(f={"properties": {"a": one, "b": one, "c": one}, "required": ["b"]})
        for line in ("f(b=1)", "f(a=1, b=2)", "f(b=1, c=2)", "f(a=1, b=2, c=3)"):
            assert grammar.matches(line), line
        for line in ("f()", "f(a=1)", "f(a=1, c=2)", "f(c=1, b=2)", "f(b=1,c=2)", "f(b=1, b=2)"):
            assert not grammar.matches(line), line

    def test_all_arguments_are_optional(self) -> None:
        one = {"type": "integer"}
        grammar = of_tools(f={"properties": {"a": one, "b": one}})
        for line in ("f()", "f(a=1)", "f(b=1)", "f(a=1, b=2)"):
            assert grammar.matches(line), line
        for line in ("f(, b=1)", "f(a=1, )", "f(a=1b=2)"):
            assert not grammar.matches(line), line

    @pytest.mark.parametrize(
        "schema",
        [
            *(
                {},
                {"type": "object"},
                {"type": "array"},
                {"type": "file"},
                {"$ref": "#/$defs/None"},
            ),
            *({"anyOf": [{"type": "integer"}, {}]}, {"type": "array", "items": True}),
            {"type": "object", "additionalProperties": {"type": "integer"}},
        ],
    )
    def test_a_schema_without_a_rule(self, schema: dict[str, Any]) -> None:
        with pytest.raises(UnsupportedSchemaError):
            of_schema(schema)

    def test_a_schema_that_refers_to_itself(self) -> None:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
        with pytest.raises(UnsupportedSchemaError):
            of_schema({"$ref": "#/$defs/Node"}, Node=node)

    @pytest.mark.parametrize("name", ["get-weather", "class", "None", "1st", "a.b", ""])
    def test_names_that_python_does_not_allow(self, name: str) -> None:
        with pytest.raises(UnsupportedSchemaError):
            of_tools(**{name: {}})
        with pytest.raises(UnsupportedSchemaError):
            of_tools(f={"properties": {name: {"type": "integer"}}})


class Place(BaseModel):
    city: str
    country: Literal["fr", "de"] = "fr"


@tool
def get_weather(place: Place, days: int = 1, unit: str | None = None) -> str:
    """Get the weather

    of a place.
    """
    raise AssertionError(place, days, unit)


OFFERED = [*map(convert_to_openai_tool, TOOLS)]


def box(*tools: Any) -> Toolbox | None:
    return read_toolbox([*OFFERED, *tools])


def make(name: str, **properties: Any) -> dict[str, Any]:
    function = {"name": name, "parameters": {"type": "object", "properties": properties}}
    return {"type": "function", "function": function}


class TestToolbox:
    def test_the_arithmetic_tools_are_operators(self) -> None:
        toolbox = box()
        assert toolbox
        assert (toolbox.calculates, toolbox.called, toolbox.signatures) == (True, {}, "")
        assert toolbox.parameters["subtract"] == ["x", "y"]
        assert "final_answer" not in toolbox.parameters

    def test_some_of_them_are_tools_like_any_other(self) -> None:
        toolbox = read_toolbox(OFFERED[:2])
        assert toolbox
        assert not toolbox.calculates
        assert toolbox.signatures.splitlines() == [
            "add(x: float, y: float)  # Add x and y.",
            "subtract(x: float, y: float)  # Take x away from y: the result is y - x.",
        ]

    def test_a_tool_of_the_user(self) -> None:
        toolbox = box(convert_to_openai_tool(get_weather))
        assert toolbox
        assert toolbox.calculates
        assert toolbox.signatures == (
            "get_weather(place: object, days: int = None, unit: object = None)"
            "  # Get the weather of a place."
        )
        grammar = Grammar(build_question_grammar(["2", "3"], None, toolbox.called))
        for line in (
            *('get_weather(place={"city": "Paris"})', "2 + 3", 'say("Hi.")'),
            'get_weather(place={"city": "Paris", "country": "de"}, days=3, unit=None)',
        ):
            assert grammar.matches(line), line
        assert not grammar.matches('get_weather(place={"city": "Paris", "country": "it"})')

    def test_signatures(self) -> None:
        toolbox = box(make("f", a={"enum": ["x", "y"]}, b=True, c={"type": "array"}))
        assert toolbox is None
        toolbox = box(make("f", a={"enum": ["x", "y"]}, b={"type": "boolean"}))
        assert toolbox
        assert toolbox.signatures == "f(a: 'x' | 'y' = None, b: bool = None)"

    @pytest.mark.parametrize(
        ("schema", "example"),
        [
            ({"type": "string"}, ("Find it: Alpha", 'f(a="Alpha")')),
            ({"type": "integer"}, ("Find it: 3", "f(a=3)")),
            ({"type": "number"}, ("Find it: 2.5", "f(a=2.5)")),
            *(({"enum": ["x"]}, None), ({"type": "boolean"}, None)),
        ],
    )
    def test_an_example(self, schema: dict[str, Any], example: tuple[str, str] | None) -> None:
        tool = make("f", a=schema, b={"type": "integer"})
        tool["function"]["description"] = "Find\n it. Then return it."
        tool["function"]["parameters"]["required"] = ["a"]
        toolbox = box(tool)
        assert toolbox
        assert toolbox.examples == ([example] if example else [])

    def test_examples_of_five_tools_that_have_a_description(self) -> None:
        tools = [make(f"tool_{at}") for at in range(8)]
        toolbox = box(*tools)
        assert toolbox
        assert toolbox.examples == []
        for each in tools[1:]:
            each["function"]["description"] = "Do it"
        toolbox = box(*tools)
        assert toolbox
        assert toolbox.examples == [("Do it", f"tool_{at}()") for at in range(1, 6)]

    def test_thirty_tools_are_enough(self) -> None:
        tools = [make(f"tool_{at}") for at in range(31)]
        assert box(*tools[:30])
        assert box(*tools) is None

    @pytest.mark.parametrize(
        "tool", [make("get-weather"), make("f", a={}), make("f", a={"type": "file"})]
    )
    def test_a_tool_that_the_grammar_cannot_hold(self, tool: dict[str, Any]) -> None:
        assert box(tool) is None

    def test_a_tool_without_parameters(self) -> None:
        toolbox = box({"type": "function", "function": {"name": "now"}})
        assert toolbox
        assert toolbox.signatures == "now()"
        assert Grammar(build_question_grammar([], None, toolbox.called)).matches("now()")


@given(st.text())
def test_any_text_can_be_a_literal_of_the_grammar(text: str) -> None:
    grammar = of_schema({"enum": [text, "other"]})
    assert grammar.matches(f"f(a={json.dumps(text, ensure_ascii=False)})")
