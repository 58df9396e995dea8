"""What the embedded model gets right: python -m tests.arithmetic [MODEL]

Asks the agent, as users run it, questions of four kinds, each in its own conversation; a follow-up
comes after another question. None of them is in the model's prompt. An answer to a sum is right if
it contains the number; one that needs no tool, if it contains a word and no tool was called.
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

Question = tuple[str, float | str]
ONE_STEP: list[Question] = [
    ("Sum up 64 and 29.", 93),
    ("How many are 118 and 46 together?", 164),
    ("705+96", 801),
    ("Raise 140 by 35.", 175),
    ("Lena ran 13 km on Monday and 18 km on Tuesday. How far did she run in all?", 31),
    ("A library owns 420 novels and 95 comics. How many books are that?", 515),
    ("What does 8.4 plus 3.35 give?", 11.75),
    ("Fifteen and twenty-seven make what?", 42),
    ("Please evaluate 92 - 38", 54),
    ("Lower 74 by 16.", 58),
    ("Deduct 27 from 81", 54),
    ("What remains of 2,500 if 1,100 are gone?", 1400),
    ("A farmer has 63 sheep and sells 24. How many sheep are left?", 39),
    ("A tower is 48 metres high and a house 19. How much taller is the tower?", 29),
    ("6.8 - 2.3", 4.5),
    ("What is left when I remove 12 from 57?", 45),
    ("Which number is 9 below 51?", 42),
    ("Evaluate 23 * 8", 184),
    ("What do 35 times 14 make?", 490),
    ("Give me the product of 16 and 9.", 144),
    ("One carton has 18 cans. How many cans are there in 6 cartons?", 108),
    ("A factory builds 25 cars a day. How many cars are that in 9 days?", 225),
    ("How much is nine times twelve?", 108),
    ("Double 87.", 174),
    ("19 squared", 361),
    ("What is the cube of 5?", 125),
    ("Work out 4 ** 6", 4096),
    ("What is 3 raised to the 8th power?", 6561),
    ("Divide 144 by 9.", 16),
    ("How much is 91 / 7?", 13),
    ("8 friends split a bill of 72 euros evenly. What is the part of each?", 9),
    ("What is a third of 81?", 27),
    ("Multiply 33 by 12.", 396),
]
MORE_STEPS: list[Question] = [
    ("(14 + 6) * 5", 100),
    ("9 + 8 * 3", 33),
    ("Work out (84 - 20) / 8", 8),
    ("3 * (17 - 8) + 4", 31),
    ("200 - 6 * 25 - 10", 40),
    ("How much is 8 times 12 minus 15?", 81),
    ("Multiply 14 by 3 and add 18.", 60),
    ("Subtract 6 from 48, then divide by 7.", 6),
    ("Cube 4 and subtract 14.", 50),
    ("What is 8 squared plus 6 squared?", 100),
    ("Remove 8 from 26, then multiply what is left by 5.", 90),
    ("What do I pay for 3 shirts at 25 euros and 2 belts at 9 euros?", 93),
    ("A customer hands over a 50 for 4 melons that are 6 each. What does she get back?", 26),
    ("Omar fills 7 jars with 12 beans each and eats 10 beans. How many are left?", 74),
    (
        "Karl drives 60 km each hour. He drives for 3 hours, and tomorrow another 45 km. "
        "How far does he drive?",
        225,
    ),
    ("A barrel has 120 litres. 9 litres drip out per day for 8 days. How much remains?", 48),
    (
        "Rosa puts 45 coins in a jar every week. After 4 weeks she takes out 70. "
        "How many coins are in the jar?",
        110,
    ),
    ("A theatre has 12 rows of 15 seats and 20 more seats. How many is that?", 200),
    ("Five sisters share 65 beads equally, and each loses 4. How many has each?", 9),
    ("What is 30% of 90?", 27),
    ("Half of 88 plus 6", 50),
    ("What is the sum of 11 and 9, multiplied by 3?", 60),
    ("18 minus 6, times 3", 36),
]
NO_TOOL: list[Question] = [
    ("Hey, nice to meet you!", ""),
    ("Tell me who you are.", "streamchat"),
    ("What is the capital of Egypt?", "cairo"),
    ("Which planet is closest to the sun?", "mercury"),
    ("What is a preposition?", "word"),
    ("Write a short rhyme about a cat.", "cat"),
    ("What is the Spanish word for a house?", "casa"),
    ("What color is a ripe banana?", "yellow"),
    ("Explain in a sentence what an operating system does.", "computer"),
    ("Will my train be late on Friday?", "cannot"),
    ("Name an animal that lives in water.", ""),
    ("Ciao, come stai?", ""),
]
"""Each with a word that the answer should contain; an empty one stands for any answer."""
FOLLOW_UPS: list[tuple[str, Question]] = [
    ("What is 27 + 16?", ("and plus 12?", 55)),
    ("What is 9 * 7?", ("minus 13?", 50)),
    ("Subtract 14 from 65.", ("Multiply it by 3.", 153)),
    ("What is 12 times 12?", ("now add 56", 200)),
    ("How much is 77 / 11?", ("Cube it.", 343)),
    ("What is 95 - 40?", ("Take 15 off that.", 40)),
    ("A bus has 45 seats. How many seats do 2 buses have?", ("And 8 buses?", 360)),
    ("Add 48 and 24.", ("Divide that by 9.", 8)),
    ("What is 6 squared?", ("Halve the result.", 18)),
    ("What is the capital of Poland?", ("And of Sweden?", "stockholm")),
    ("I live in Bergen.", ("Where do I live?", "bergen")),
    ("My dog is called Bruno.", ("What is the name of my dog?", "bruno")),
]


def holds(answer: str, wanted: float | str) -> bool:
    """Whether an answer contains the number or the word."""
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
    await exam.ask_group("follow-ups", [([first], last) for first, last in FOLLOW_UPS])
    await exam.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "local"))
