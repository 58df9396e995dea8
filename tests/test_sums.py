"""The sums that a trained model may write: the numbers in them, and their grammar."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.utils.function_calling import convert_to_openai_tool

from streamchat.models.embedded.line_turn import LineTurn
from streamchat.models.embedded.pythonic.constants import find_constants
from streamchat.models.embedded.pythonic.grammar import build_sum_grammar
from streamchat.models.embedded.pythonic.layout import Layout
from streamchat.models.embedded.pythonic.operands import Operands, find_operands
from streamchat.models.embedded.pythonic.plan import read_plan
from streamchat.models.embedded.pythonic.prompt import Round
from streamchat.models.embedded.pythonic.toolbox import ARITHMETIC, read_toolbox
from streamchat.tools import TOOLS
from tests import arithmetic
from tests.gbnf import Grammar
from tests.test_line_grammar import find_dead_ends
from tests.training.questions import (
    Exchange,
    list_wordings,
    make_conversations,
    read_entries,
    spell,
)

TOOLBOX = read_toolbox([convert_to_openai_tool(each) for each in TOOLS])


def of_operands(*required: str, others: tuple[str, ...] = ()) -> Grammar:
    return Grammar(build_sum_grammar(Operands(required, others)))


class TestTheGrammar:
    def test_required_numbers_are_used_and_others_may_be(self) -> None:
        grammar = of_operands("18", "3", others=("60",))
        for right in (
            *("18 + 3", "3 ** 18", "18 + 18 * 3", "(18 - 3) / 60", "60 * (18 / (3 - 60))"),
            *("18 * 3 * 60 * 60", "((18 + 3) * 2)".replace("2", "60"), "18 / (3)"),
        ):
            assert grammar.matches(right), right
        for wrong in (
            *("18", "18 + 60", "18 + 4", "18+3", "18 + 3 =", "(18 + 3", "18 + 3)", "(((18 + 3)))"),
            *("18 + -3", "18 + 3 + 60 + 60 + 60 + 60 + 60", "18 +", "+ 18", "()", "180 + 3"),
        ):
            assert not grammar.matches(wrong), wrong

    def test_a_number_that_is_there_twice_is_used_twice(self) -> None:
        grammar = of_operands("7", "7")
        assert grammar.matches("7 / (7 + 7)")
        assert not of_operands("7", "7", others=("2",)).matches("7 * 2")

    def test_one_number_goes_with_itself_or_with_an_implied_one(self) -> None:
        assert of_operands("9", others=("2",)).matches("9 ** 2")
        assert of_operands(others=("9", "2")).matches("9 - 2")
        assert not of_operands(others=("9", "2")).matches("9")

    def test_without_numbers_there_is_only_an_answer(self) -> None:
        grammar = of_operands()
        assert grammar.matches('say("A noun is a word.")')
        assert find_dead_ends(grammar) == set()

    def test_an_answer_has_the_lines_that_were_asked_for(self) -> None:
        grammar = Grammar(build_sum_grammar(Operands(["2", "3"]), Layout(2, numbered=True)))
        assert grammar.matches("2 + 3")
        assert grammar.matches(r'say("1. Sleep.\n2. Eat.")')
        assert not grammar.matches('say("Sleep and eat.")')

    def test_of_many_numbers_some_may_be_left_out(self) -> None:
        numbers = [str(each) for each in range(11, 19)]
        grammar = of_operands(*numbers)
        assert grammar.matches(" + ".join(numbers))
        assert grammar.matches("11 * (12 - 13)")
        assert not grammar.matches("11 + 2")

    def test_a_number_below_zero_may_be_in_parentheses(self) -> None:
        grammar = Grammar(build_sum_grammar(find_operands("What is 9 - (-21)?", [])))
        for right in ("9 - (-21)", "9 - -21", "9 + 21"):
            assert grammar.matches(right), right
        assert not grammar.matches("-9 + 21")

    @pytest.mark.parametrize("count", range(8))
    def test_every_way_leads_to_an_end(self, count: int) -> None:
        numbers = [str(each) for each in range(1, count + 1)]
        assert find_dead_ends(of_operands(*numbers, others=("60", "2"))) == set()
        assert find_dead_ends(of_operands(*numbers)) == set()

    @given(st.data())
    def test_every_line_can_be_read(self, data: st.DataObject) -> None:
        numbers = st.lists(st.sampled_from(["1", "2", "0.5", "60"]), max_size=4)
        required, others = data.draw(numbers), data.draw(numbers)
        grammar = build_sum_grammar(Operands(required, others))
        if "number ::=" not in grammar:
            assert not required
            assert not others
            return
        line = write_line(grammar, data)
        used = Counter(re.findall(r"[\d.]+", line))
        assert used >= Counter(required)
        assert set(used) <= {*required, *others}
        operators = re.findall(r" (\*\*|[-+*/]) ", line)
        steps = read_plan(line, dict.fromkeys(ARITHMETIC, ("x", "y"))).steps
        assert len(steps) == len(operators) + operators.count("/") > 0


def write_line(grammar: str, data: st.DataObject) -> str:
    """Write a sum, drawing each piece."""
    rules = dict(rule.split(" ::= ") for rule in grammar.splitlines())
    line, rule = "", rules["root"].split(" | ")[-1]
    while rule:
        ways = re.findall(r'((?:"[^"]*"|\([^)]*\)|operator|number))(?: ([no]\S+))?', rules[rule])
        piece, rule = data.draw(st.sampled_from(ways))
        literals = rules.get(piece, piece)
        line += data.draw(st.sampled_from(re.findall('"([^"]*)"', literals)))
    return line


class TestOperands:
    @pytest.mark.parametrize(
        ("question", "required", "others"),
        [
            ("I have 12 pens and three pencils", ["12"], ["12", "3"]),
            ("What is 20% of 70?", ["20", "70"], ["100"]),
            ("Class 5A has 32 pupils, 5B has 19.", ["32", "19"], ["5"]),
            ("How many minutes are 3 hours?", ["3"], ["60"]),
            ("and with 12 instead of 9?", [], ["12", "9"]),
            ("The average of 4, 6 and 11?", ["4", "6", "11"], ["3"]),
            ("A square has sides of 7 m", ["7"], ["2", "4", "0.5"]),
            ("Fence a rectangle, 8 m long and 6 m wide", ["8", "6"], ["2"]),
            ("Hedge a triangle 8 m long, with 6 m and 5 m", ["8", "6", "5"], ["2"]),
            ("4 coffees, change from a tenner and a fiver?", ["4"], ["10", "5"]),
            ("whats teh averge of 85, 46 and 37", ["85", "46", "37"], ["3"]),
            ("seven twentieths of 420 pls", ["420"], ["7", "20"]),
            ("18 inches in feet?", ["18"], ["12"]),
            ("7 pennies of the last 2 centuries", ["7", "2"], ["100"]),
            ("a bed of 2x6 m, 60 g per m2", ["2", "6", "60"], ["1000"]),
            ("5h55 by ferry and 37 min by taxi", ["5", "55", "37"], ["60"]),
            ("11 m/s, then 1.5 m/s^2 for 2 s", ["11", "1.5", "2"], []),
            ("36.2\u00b0C in \u00b0F?", ["36.2"], ["1.8", "32"]),
            ("115 F, what's that in C", ["115"], ["1.8", "32"]),
            ("Skirting for a room of 6 m by 3 m", ["6", "3"], ["2"]),
            ("Add 75, 45 and 87 and divide by how many there are", ["75", "45", "87"], ["3"]),
            ("1500 pictures of 7 megabytes", ["1500", "7"], ["1000"]),
            ("KE of 5 kg at 3 m/s", ["5", "3"], ["2"]),
            ("3\u00bd hours", ["3.5"], ["60"]),
            ("Angles of 47 and 68 degrees", ["47", "68"], ["180"]),
        ],
    )
    def test_of_a_question(self, question: str, required: list[str], others: list[str]) -> None:
        operands = find_operands(question, [])
        assert operands.required == required
        assert {*others} <= {*operands.others}

    def test_a_question_without_any_needs_no_sum(self) -> None:
        assert find_operands("What is a noun?", ["4"]) == Operands()
        assert find_operands("How long is an hour?", []) == Operands()
        assert find_operands("How many days are in a week?", []) == Operands()

    def test_a_question_that_goes_on_may_use_earlier_numbers(self) -> None:
        operands = find_operands("and in hours?", ["120"])
        assert (operands.required, operands.others[-1]) == ([], "120")

    @pytest.mark.parametrize(
        "question", ["minus 11, and 15 colder", "owe 11, pay 15", "-£11 and 15"]
    )
    def test_a_number_may_be_below_zero_without_a_sign(self, question: str) -> None:
        spelled = find_operands(question, []).spellings
        assert spelled["11"] == ["11", "-11", "(-11)"]

    @pytest.mark.parametrize(
        "question",
        [
            *("a cubic tank of 9 m", "9 bits, in binary", "3 squared", "a radius of 4 cm"),
            *("E_kin of 5 kg at 3 m/s", "485 cells, doubling each hour"),
        ],
    )
    def test_a_question_may_need_powers(self, question: str) -> None:
        assert find_operands(question, []).has_powers
        assert not find_operands("a cubic metre, 9 square feet", []).has_powers

    def test_a_word_may_imply_several_numbers(self) -> None:
        assert find_constants("a week of days") == ["7", "52", "24", "365"]
        assert find_constants("3 meters, 2 twenties") == ["10", "100", "1000", "20"][1:]


class TestTheTurn:
    def begin(
        self, *messages: BaseMessage, lines: dict[str, list[Round]] | None = None
    ) -> LineTurn:
        assert TOOLBOX
        return LineTurn([SystemMessage(""), *messages], TOOLBOX, "", lines or {})

    def test_there_are_no_examples(self) -> None:
        messages, grammar = self.begin(HumanMessage("I have 2 cats and 3 dogs")).build_request()
        assert [each["role"] for each in messages] == ["system", "user"]
        assert Grammar(grammar).matches("2 + 3")

    def test_an_expression_of_the_user_is_the_only_one(self) -> None:
        _, grammar = self.begin(HumanMessage("What is 100 - 37?")).build_request()
        assert Grammar(grammar).matches("100 - 37")
        assert not Grammar(grammar).matches("37 - 100")

    def test_a_conversion_of_units_is_the_only_one(self) -> None:
        _, grammar = self.begin(HumanMessage("How many days are in 14 weeks?")).build_request()
        assert Grammar(grammar).matches("14 * 7")
        assert not Grammar(grammar).matches("14 * 7 * 24")

    def test_a_follow_up_may_go_on_with_an_earlier_result_or_question(self) -> None:
        asked = HumanMessage("A row has 12 seats. How many have 5 rows?")
        lines = {asked.text: [Round("12 * 5", "60")]}
        for question, right in (
            ("and with 9 rows?", "12 * 9"),
            ("8 are broken. How many are not?", "60 - 8"),
            ("and in pairs?", "60 / 2"),
        ):
            turn = self.begin(asked, AIMessage("60."), HumanMessage(question), lines=lines)
            assert Grammar(turn.build_request()[1]).matches(right)

    def test_a_question_about_the_conversation_is_none_that_was_trained(self) -> None:
        history = (HumanMessage("I have 5 cats."), AIMessage("5 is a lot."))
        assert self.begin(*history, HumanMessage("2 + 3")).uses_training
        turn = self.begin(*history, HumanMessage("What did I say first?"))
        assert not turn.uses_training
        assert not Grammar(turn.build_request()[1]).matches("5 + 1")

    def test_several_earlier_results(self) -> None:
        history = (HumanMessage("45 + 38"), AIMessage("It is 83."), HumanMessage("45 - 38"))
        question = HumanMessage("add those two answers together")
        grammar = Grammar(self.begin(*history, AIMessage("It is 7."), question).build_request()[1])
        assert grammar.matches("83 + 7")
        assert not grammar.matches("7 + 7")


class TestTheTrainingQuestions:
    def test_numbers_in_words(self) -> None:
        assert [spell(each) for each in (7, 40, 85, 300, 1012)] == [
            *("seven", "forty", "eighty-five", "three hundred", "one thousand twelve"),
        ]

    def test_nearly_all_sums_can_be_written(self) -> None:
        """With other numbers each time: the grammar is not made for a few."""
        entries = [each for each in read_entries() if "line" in each]
        made = [*make_conversations(random.Random(1).sample(entries, 300), random.Random(2))]
        barred = [each for (each,) in made if not self.can_write(each)]
        assert len(barred) <= len(made) // 50, barred

    def can_write(self, exchange: Exchange) -> bool:
        assert TOOLBOX
        assert exchange.line
        messages = [SystemMessage(""), HumanMessage(exchange.question)]
        _, grammar = LineTurn(messages, TOOLBOX, "", {}).build_request()
        if "answer" not in grammar:  # it is the only sum that the question can mean
            value = eval(Grammar(grammar).uses and grammar.partition("root ::= ")[2].strip('"'))
            return bool(abs(value - float(exchange.result)) < 1e-6)
        return Grammar(grammar).matches(exchange.line)

    def test_none_is_asked_in_the_exam(self) -> None:
        trained = {mask(each) for entry in read_entries() for each in list_wordings(entry)}
        exam = [*arithmetic.ONE_STEP, *arithmetic.MORE_STEPS, *arithmetic.NO_TOOL]
        asked = {mask(question) for question, _ in exam}
        assert {each for each in asked & trained if len(each.split()) > 5} == set()


def mask(question: str) -> str:
    """Return a question without its numbers, names of places for them, and signs."""
    return " ".join(re.findall(r"[a-z]+", re.sub(r"\{.*?\}", " ", question.lower())))
