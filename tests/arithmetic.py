"""What the embedded model gets right: python -m tests.arithmetic [MODEL]

Asks the agent, as users run it, questions of four kinds, each in its own conversation; a follow-up
comes after another question. They were written without knowledge of the model's prompt, and kept
apart until it was finished. An answer to a sum is right if it contains the number; one that
needs no tool, if it contains a word and no tool was called.
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
    ("A school has 26 classes with 24 pupils in each. How many pupils is that?", 624),
    ("I had £50 and spent £17.35. how much have i got left?", 32.65),
    ("0.75 + 0.5", 1.25),
    ("1,250 + 3,475", 4725),
    ("I need the sum of 2.75 and 6.4, thanks", 9.15),
    ("one ticket costs 8.50 euros, what do 6 tickets cost", 51),
    ("we have 84 chairs to put in 7 equal rows, how many in each row", 12),
    ("10,000 minus 2,345", 7655),
    ("2^10 =", 1024),
    ("48 pencils shared fairly among 16 kids, how many does each kid get", 3),
    ("5 cubed?", 125),
    ("14² ?", 196),
    ("triple 45", 135),
    ("how much is 1001 take away 16", 985),
    ("17 x 6?", 102),
    ("rent is 900 euros a month, how much is that for a whole year?", 10800),
    ("7 / 2", 3.5),
    ("A train travels 240 km at a steady 80 km/h. How many hours does it take?", 3),
    ("20 - 45", -25),
    (
        "Emma has 23 stickers and her friend gives her 19 more. How many stickers does she "
        "have now?",
        42,
    ),
    ("a quarter of 340", 85),
    ("A box holds 12 eggs. How many eggs are in 15 boxes?", 180),
    ("what's 93 - 58", 35),
    ("please work out 625 ÷ 25 for me", 25),
    ("my book has 352 pages and ive read 168, how many pages to go", 184),
    ("half of 518 pls", 259),
    ("subtract 29 from 100", 71),
    ("A square garden has sides of 13 metres. What is its area in square metres?", 169),
    ("seven times eight", 56),
    ("how many times does 8 go into 96", 12),
    ("fifteen plus twenty-six", 41),
    ("-15 + 40", 25),
    ("If 5 kg of apples cost $11.25, what does 1 kg cost?", 2.25),
    ("A cube has an edge of 4 cm. What's the volume in cubic centimetres?", 64),
]
MORE_STEPS: list[Question] = [
    (
        "We collected 250 euros, spent 34 on drinks and split the rest equally between 4 "
        "people. How much does each person get?",
        54,
    ),
    ("4 books for $6.99 each, i pay with $30, how much do i get back?", 2.04),
    ("please multiply 16 by 5 and then subtract 33 from the result", 47),
    ("I buy 3 coffees at £2.80 each and pay with a £10 note. How much change do I get?", 1.6),
    ("If 4 pens cost $6, how much do 10 pens cost?", 15),
    ("(12 + 8) x (9 - 4)", 100),
    ("2 * 3 * 7", 42),
    (
        "Anna reads 18 pages a day. Her book has 300 pages. How many pages are left after 14 days?",
        48,
    ),
    (
        "A phone plan costs $20 a month plus a one-off fee of $35. What do I pay in total for "
        "the first 12 months?",
        275,
    ),
    ("(45 - 9) / 4 + 11", 20),
    ("(8 + 7) * 6", 90),
    ("1.5 + 2.5 * 3 = ?", 9),
    (
        "A farmer has 5 orchards with 36 trees each and plants 20 more trees. How many trees "
        "are there in all?",
        200,
    ),
    ("First add 15 and 27, then divide by 6.", 7),
    ("5^2 + 12^2", 169),
    ("my test scores were 72, 85 and 92, whats my average", 83),
    ("2 + 3 * 4", 14),
    ("1,200 / 4 + 1,350", 1650),
    ("10 - 3 - 4", 3),
    ("whats 100 - 6 \u00d7 12", 28),
    ("Subtract 17 from 53 and split the result into nine equal parts. How big is one part?", 4),
    ("I already had £140 and then saved £25 a week for 12 weeks. How much do I have now?", 440),
    ("What's the perimeter of a rectangle that is 14 m long and 9 m wide, in metres?", 46),
    ("can you add up 18, 27 and 55", 100),
]
NO_TOOL: list[Question] = [
    ("which planet do we live on", "earth"),
    ("What's the opposite of empty?", "full"),
    ("capital of japan", "tokyo"),
    ("whats the plural of mouse, the animal", "mice"),
    ("past tense of the verb to go", "went"),
    ("what day comes after tuesday?", "wednesday"),
    ("opposite of hot?", "cold"),
    ("how do you say thank you in Spanish?", "gracias"),
    ("What is the capital of Portugal?", "lisbon"),
    ("what's the biggest ocean on earth?", "pacific"),
]
"""Each with a word that the answer should contain."""
FOLLOW_UPS: list[tuple[str, Question]] = [
    ("What colour is grass?", ("what did I ask first?", "grass")),
    ("half of 90", ("now square that", 2025)),
    ("2.5 * 6", ("then take the answer times 4", 60)),
    ("Please add 3.5 and 4.25", ("double that", 15.5)),
    ("7 squared", ("and minus 9?", 40)),
    ("25 * 8", ("now halve it", 100)),
    ("A car goes 70 km/h for 3 hours, how far does it get?", ("and in 5 hours?", 350)),
    ("capital of italy?", ("and of spain?", "madrid")),
    ("whats 350 - 125", ("add 75 to that please", 300)),
    (
        "I have 3 bags with 15 marbles in each. How many marbles do I have?",
        ("I lost 8 of them. How many are left?", 37),
    ),
    ("60 / 4", ("subtract 5 from that", 10)),
    ("My favourite number is 27.", ("Can you add 5 to my favourite number?", 32)),
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
