"""What the embedded model gets right: python -m tests.arithmetic [MODEL]

Asks the agent, as users run it, questions of four kinds, each in its own conversation; a follow-up
comes after another question. None of them is in the model's prompt, and none was looked at while
the prompt was written. An answer to a sum is right if it contains the number; one that needs no
tool, if it contains a word and no tool was called.
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
    ("Compute 58 + 67.", 125),
    ("Can you tell me what 913 plus 88 makes?", 1001),
    ("246+135", 381),
    ("Increase 75 by 30.", 105),
    ("I had 14 euros and found 9 more euros. How much money do I have?", 23),
    ("There are 31 boys and 28 girls in a school. How many children are there?", 59),
    ("What's the total of 12.5 and 7.25?", 19.75),
    ("Forty plus thirteen?", 53),
    ("Work out 83 - 57", 26),
    ("Decrease 60 by 22.", 38),
    ("Subtract 19 from 45", 26),
    ("What is 1,000 minus 1?", 999),
    ("A shelf has 52 jars. 17 of them break. How many jars are whole?", 35),
    ("Nina is 34 years old and her son is 9. How many years older is Nina?", 25),
    ("3.5 - 1.2", 2.3),
    ("What do I get if I take 8 from 90?", 82),
    ("What is 20 less than 65?", 45),
    ("Calculate 17 * 6", 102),
    ("How much is 45 times 11?", 495),
    ("Find the product of 21 and 4.", 84),
    ("A box has 24 crayons. How many crayons are in 7 boxes?", 168),
    ("A worker earns 18 dollars per hour. What does she earn in 8 hours?", 144),
    ("What is seven times eight?", 56),
    ("Triple 29.", 87),
    ("15 squared", 225),
    ("What is 4 cubed?", 64),
    ("Compute 3 ** 7", 2187),
    ("What is 10 to the 6th power?", 1000000),
    ("Divide 96 by 8.", 12),
    ("What is 75 / 3?", 25),
    ("A rope of 60 meters is cut into 5 equal pieces. How long is each piece?", 12),
    ("What is half of 46?", 23),
]
MORE_STEPS: list[Question] = [
    ("(8 + 7) * 3", 45),
    ("6 + 5 * 4", 26),
    ("What is (50 - 14) / 6?", 6),
    ("2 * (9 - 3) + 8", 20),
    ("100 - 3 * 15 - 5", 50),
    ("What is 4 times 7 plus 9?", 37),
    ("Multiply 12 by 5 and subtract 8.", 52),
    ("Add 15 and 25, then divide by 4.", 10),
    ("Square 6 and add 10.", 46),
    ("What is 5 squared minus 3 squared?", 16),
    ("Take 9 from 30, then triple the result.", 63),
    ("A pizza costs 11 and a drink costs 3. How much are 2 pizzas and 4 drinks?", 34),
    ("I buy 6 apples at 2 each and pay with a 20. What change do I get?", 8),
    ("Sara has 4 bags with 9 marbles each and gives away 6. How many marbles remain?", 30),
    (
        "A plane flies 500 miles per hour for 3 hours, then 250 miles more. How far does it fly?",
        1750,
    ),
    ("A tank holds 90 litres. 12 litres leak out per hour for 4 hours. How much is left?", 42),
    ("Ben saves 15 a week for 6 weeks and then spends 40. How much does he have?", 50),
    ("There are 5 rows of 8 chairs, and 7 extra chairs. How many chairs are there?", 47),
    ("Three friends share 48 sweets equally, and each eats 5. How many does each have left?", 11),
    ("What is 10% of 250?", 25),
    ("Half of 60 minus 4", 26),
    ("What is twice the sum of 13 and 8?", 42),
]
NO_TOOL: list[Question] = [
    ("Good evening!", ""),
    ("What is your name?", "streamchat"),
    ("What is the capital of Japan?", "tokyo"),
    ("Which planet is known as the red planet?", "mars"),
    ("What is an adjective?", "noun"),
    ("Write a short poem about autumn.", ""),
    ("How do you say 'thank you' in French?", "merci"),
    ("What color do you get when you mix blue and yellow?", "green"),
    ("Explain in one sentence what a computer virus is.", "computer"),
    ("Is it going to rain tomorrow?", "cannot"),
    ("Name an animal that can fly.", "bird"),
    ("Hola, como estas?", ""),
]
"""Each with a word that the answer should contain; an empty one stands for any answer."""
FOLLOW_UPS: list[tuple[str, Question]] = [
    ("What is 14 + 9?", ("and plus 7?", 30)),
    ("What is 6 * 8?", ("minus 10?", 38)),
    ("Subtract 12 from 40.", ("Multiply that by 2.", 56)),
    ("What is 9 times 9?", ("now add 19", 100)),
    ("How much is 64 / 8?", ("Square it.", 64)),
    ("What is 70 - 25?", ("Take away 5 from that.", 40)),
    ("A pack has 12 cards. How many are in 5 packs?", ("And in 10 packs?", 120)),
    ("Add 33 and 27.", ("Divide the result by 6.", 10)),
    ("What is 5 cubed?", ("triple that", 375)),
    ("What is the capital of Germany?", ("And of Portugal?", "lisbon")),
    ("I am called Marco.", ("What am I called?", "marco")),
    ("My favorite animal is the otter.", ("Which animal do I like best?", "otter")),
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
