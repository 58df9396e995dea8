"""What the embedded model gets right: python -m tests.arithmetic [MODEL]

Asks the agent, as users run it, questions of four kinds, each in its own conversation; a follow-up
comes after one or two others. They were written without knowledge of those that the model was
trained with, and kept apart until it was finished. An answer to a sum is right if it contains the
number; one that needs no tool, if it contains a word and no tool was called.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Sequence

from streamchat.agent.errors import AgentError
from streamchat.agent.executor import AgentExecutor
from streamchat.config import Settings
from streamchat.models import open_model

Question = tuple[str, float | str | tuple[str, ...]]
ONE_STEP: list[Question] = [
    ("what's 348 + 597", 945),
    ("1204-876", 328),
    ("37 x 46 = ?", 1702),
    ("Could you work out 1,728 divided by 48 for me, please?", 36),
    ("2^13", 8192),
    ("whats 15% of 260", 39),
    ("take 89 away from 412", 323),
    ("seventeen times twenty three", 391),
    ("how much is 6.75 plus 8.5?", 15.25),
    ("hey, quick one - what do you get if you multiply 125 by 0.4", 50),
    ("11 cubed?", 1331),
    ("Share £94.50 equally between 7 people. How much does each one get?", 13.5),
    ("i had 63 quid and spent 28 on shoes, how much have i got left", 35),
    ("A box holds 24 cans. How many cans are in 18 boxes?", 432),
    ("my son is 9 and his grandad is 58 years older. how old is grandad", 67),
    ("how many minutes in 14 hrs", 840),
    ("convert 3.6 kilometres to metres", 3600),
    ("How many feet is 156 inches?", 13),
    ("40 percent of 85", 34),
    ("-17 + 52", 35),
    ("what is 23 minus 60", -37),
    ("pls calcuate 5040 / 56", 90),
    (
        (
            "The thermometer said 4 degrees at noon and it has dropped 11 degrees since. What"
            " does it say now?"
        ),
        -7,
    ),
    ("Gas is $3.20 a gallon and I put in 12 gallons. What did I pay?", 38.4),
    ("we drove 218 miles before lunch and 167 after, how far altogther?", 385),
    ("difference between 5000 and 3241", 1759),
    ("product of 64 and 25", 1600),
    ("half of 734", 367),
    ("i need 150 chairs in rows of 10.. how many rows is that", 15),
    ("0.9 squared", 0.81),
    ("My book has 412 pages and I'm on page 275. How many pages do I still have to go?", 137),
    ("How many weeks are there in 364 days?", 52),
    ("so a ticket is 8.50 and theres 6 of us, whats the total", 51),
    ("There's a 20% tip on a $65 bill. How big is the tip, just the tip?", 13),
    ("nine hundred and twelve add eighty nine", 1001),
    ("Lena earns 540 euros for 36 hours of work. How much is that per hour?", 15),
    ("a square garden is 17 m on each side. area in square metres?", 289),
    ("10 to the power of 6", 1000000),
    (
        (
            "If the train leaves with 143 people aboard and 39 get on at the first stop, how "
            "many are on it then?"
        ),
        182,
    ),
    ("how many 4kg bags can i fill from 252 kg of potatos", 63),
]
MORE_STEPS: list[Question] = [
    ("7 + 8 * 12", 103),
    ("(45 - 18) * 6", 162),
    ("what is 100 - 36 / 4", 91),
    ("3*14 + 5*9", 87),
    ("i bought 3 coffees at 2.80 each and paid with a tenner, how much change do i get", 1.6),
    ("Two shirts at $18 each and a belt for $23. What's the total?", 59),
    ("A $120 jacket is 25% off. What do I pay?", 90),
    ("4 pens at 1.25 and 3 notebooks at 2.40, what does it all come to?", 12.2),
    ("Average of 14, 23 and 32?", 23),
    ("My dad is 3 times as old as me. I'm 13. How old was he 5 years ago?", 34),
    ("we had 50 sweets, ate 14 and the rest gets split between 4 kids. how many each", 9),
    ("A car does 180 miles in 3 hours. At the same speed, how far does it go in 5 hours?", 300),
    ("perimeter of a rectangle 8.5 by 6", 29),
    ("how many seconds are in 2 and a half hours", 9000),
    ("Area of a triangle with base 14 cm and height 9 cm?", 63),
    ("volume of a fish tank 60 x 30 x 40 cm, in cubic cm", 72000),
    ("subtract 19 from 75 and then divide by 8", 7),
    ("5 squared plus 12 squared", 169),
    (
        (
            "Restaurant bill was £84, we added a 10% tip and split it between three of us. "
            "What's my share?"
        ),
        30.8,
    ),
    (
        (
            "I earn 14 an hour, worked 38 hrs this week and they take off 95 in tax. what do "
            "i take home?"
        ),
        437,
    ),
    ("if 6 eggs cost 2.10 how much would 10 eggs be", 3.5),
    ("A recipe for 4 people needs 300 g of rice. How many grams for 7 people?", 525),
    (
        (
            "theres 28 kids in class, 4 are off sick and the others get into groups of 3. "
            "number of groups?"
        ),
        8,
    ),
    ("I saved $45 a month for a year, then spent $310 on a bike. How much is left?", 230),
    ("Convert 25 degrees Celsius to Fahrenheit (times 9, divide by 5, add 32)", 77),
    ("My flat is 2 rooms of 16 square metres, plus a kitchen 4 m by 3 m. Total square metres?", 44),
    ("twelve plus thirty, all divided by seven", 6),
    ("take 20% of 350, then add 45", 115),
    ("A laptop costs 640 before tax and sales tax is 5%. how much incl. tax?", 672),
    ("Nina has 17 stamps, Omar has twice as many as her. how many do they have together?", 51),
    ("bus had 31 ppl on it, 12 got off and 7 got on. how many now?", 26),
    ("I run 5 km every weekday and 12 km on Saturday. How many km do I run in a week?", 37),
    ("2 ** 5 - 3 ** 2", 23),
    ("A 2 metre plank: I saw off three pieces of 45 cm each. How many cm are left over?", 65),
    ("Paint covers 12 m2 per litre. My wall is 9 m long and 4 m high. Litres needed?", 3),
    (
        (
            "hello! I want to lay carpet in a room thats 5m by 4m, its 18 pounds a square "
            "metre. what will it cost me?"
        ),
        360,
    ),
    ("A phone plan is $25 a month plus a one-off $40 to join. What does the first year cost?", 340),
    (
        (
            "Mia is 4 years younger than Ben, and Ben is twice as old as Tom, who is 11. How "
            "old is Mia?"
        ),
        18,
    ),
    ("scored 62, 71, 80 on my tests.. whats my averge", 71),
    ("Cinema: 2 adults at £11.50 and 1 child at £7. What change from £50?", 20),
]
NO_TOOL: list[Question] = [
    ("hi, who am i talking to?", ("assistant", "calculator", "model", "bot", "ai")),
    ("What's the capital of Italy?", ("rome",)),
    ("how many days are in a week", ("7", "seven")),
    ("what is the opposite of 'heavy'", ("light", "lightweight")),
    ("How many legs does a spider have?", ("8", "eight")),
    (
        "what did i have for breakfast this morning?",
        ("don't", "can't", "cannot", "know", "unable", "access"),
    ),
    ("whats the plural of mouse (the animal)", ("mice",)),
    (
        "is it raining outside my window right now?",
        ("don't", "can't", "cannot", "know", "unable", "access"),
    ),
    ("Which planet do we live on?", ("earth",)),
    ("my house number is 42 and my bus is the 17. Which bus do I take?", ("17", "seventeen")),
    (
        "thanks, that was really helpful!",
        ("welcome", "glad", "pleasure", "happy", "anytime", "problem", "worries"),
    ),
    ("what colour do you get when you mix blue and yellow paint?", ("green",)),
]
FOLLOW_UPS: list[tuple[list[str], Question]] = [
    (["what is 26 + 19"], ("and times 3?", 135)),
    (["14 * 12"], ("subtract 5 from that", 163)),
    (
        ["What's 90 divided by 6?", "how do you say 'good night' in Spanish?"],
        ("what did I ask first?", ("90", "ninety")),
    ),
    (
        ["A cake costs $24. How much are 3 cakes?"],
        ("and if I pay with a $100 bill, how much do I get back?", 28),
    ),
    (["hi, my name is Petra", "whats 8 x 7"], ("and what was my name again?", ("petra",))),
    (["500 - 140", "now divide it by 9"], ("add 12 to that", 52)),
    (
        ["I work 7 hours a day, 5 days a week. How many hours a week is that?"],
        ("And at 16 dollars an hour, what do I earn a week?", 560),
    ),
    (["what is 20% of 450?", "and 30% of it?"], ("i mean 30% of the 450", 135)),
    (["9 squared"], ("same for 16", 256)),
    (["What is the capital of Spain?"], ("and of Germany?", ("berlin",))),
    (
        ["Tom has 35 marbles and gives away 8. How many has he got?"],
        ("then he finds 6 more, how many now", 33),
    ),
    (["how much is 4.50 times 8"], ("Split that between 3 of us please", 12)),
]


def holds(answer: str, wanted: float | str | tuple[str, ...]) -> bool:
    """Whether an answer contains the number, the word, or one of the words."""
    if isinstance(wanted, tuple):
        return any(holds(answer, each) for each in wanted)
    if isinstance(wanted, str):
        return bool(answer) and wanted in answer.lower()
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", answer.replace("\u2212", "-"))
    return any(float(each.replace(",", "")) == wanted for each in found)


class Exam:
    """Asks a model, and prints what it gets wrong."""

    def __init__(self, model: str) -> None:
        self._llm = open_model(Settings(model, timeout=300))

    async def ask_group(
        self, name: str, chats: Sequence[tuple[list[str], Question]], *, tools: bool = True
    ) -> None:
        """Print how many of the last questions of some chats are answered right."""
        started, right, failed = time.monotonic(), 0, []
        for before, (question, wanted) in chats:
            agent = AgentExecutor(self._llm, timeout=300)
            for each in before:
                await self._ask(agent, each)
            answer, used = await self._ask(agent, question)
            good = holds(answer, wanted) and (tools or not used)
            right += good
            failed += [] if good else [f"{question}  ->  {answer}"]
        seconds = (time.monotonic() - started) / sum(1 + len(before) for before, _ in chats)
        print(f"{name}: {right} of {len(chats)}, {seconds:.1f} s a question", flush=True)
        for each in failed:
            print(f"  {each}", flush=True)

    async def _ask(self, agent: AgentExecutor, question: str) -> tuple[str, list[str]]:
        try:
            result = await agent.invoke(question)
        except AgentError as error:
            return f"({error})", []
        return result["answer"], result["tools_used"]

    async def close(self) -> None:
        await self._llm.aclose()


async def main(model: str) -> None:
    exam = Exam(model)
    await exam.ask_group("one step", [([], each) for each in ONE_STEP])
    await exam.ask_group("two and three steps", [([], each) for each in MORE_STEPS])
    await exam.ask_group("no tool", [([], each) for each in NO_TOOL], tools=False)
    await exam.ask_group("follow-ups", FOLLOW_UPS)
    await exam.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "local"))
