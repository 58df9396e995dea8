"""What the embedded model gets right: python -m tests.arithmetic [MODEL]

Asks the agent, as users run it, thirty questions, each in its own conversation. An answer is right
if it contains the number; whether a tool was called is printed beside it. None of the questions is
in the model's template.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time

from streamchat.agent.errors import AgentError
from streamchat.agent.executor import AgentExecutor
from streamchat.config import Settings
from streamchat.models import open_model

QUESTIONS = [
    ("What is 10 + 10", 20),
    ("How much is 84 plus 29?", 113),
    ("Please add 1,205 and 95.", 1300),
    ("0.4 + 1.35", 1.75),
    ("Sum up 333 and 777.", 1110),
    ("Lea owns 18 books and buys 6 more. How many books does she own now?", 24),
    ("A train has 120 passengers and 45 more get on. How many passengers are on it?", 165),
    ("What do you get when you add -15 and 40?", 25),
    ("What is 91 - 46?", 45),
    ("Subtract 27 from 100.", 73),
    ("What is 500 minus 125?", 375),
    ("Take 16 away from 50.", 34),
    ("How much is 75 less 20?", 55),
    ("Paul had 40 sweets and ate 13. How many sweets are left?", 27),
    ("A barrel holds 200 litres and 65 litres are used. How many litres remain?", 135),
    ("What is the difference between 144 and 89?", 55),
    ("7.5 - 2.25", 5.25),
    ("What is 12 minus 30?", -18),
    ("What is 9 times 14?", 126),
    ("25 * 16", 400),
    ("Multiply 37 by 3.", 111),
    ("A carton holds 12 bottles. How many bottles are in 15 cartons?", 180),
    ("What is the product of 0.5 and 64?", 32),
    ("Every day Kim runs 4 km. How far does Kim run in 30 days?", 120),
    ("What is -8 times 7?", -56),
    ("What is 2 to the power of 10?", 1024),
    ("5^4", 625),
    ("What is 12 squared?", 144),
    ("How much is 6 cubed?", 216),
    ("Raise 3 to the 5th power.", 243),
]


def holds(answer: str, number: float) -> bool:
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", answer.replace("\u2212", "-"))
    return any(float(each.replace(",", "")) == number for each in found)


async def main(model: str) -> None:
    llm = open_model(Settings(model, timeout=300))
    right = with_tool = 0
    started = time.monotonic()
    for question, number in QUESTIONS:
        try:
            result = await AgentExecutor(llm, timeout=300).invoke(question)
        except AgentError as error:
            result = {"answer": f"({error})", "tools_used": []}
        good = holds(result["answer"], number)
        right += good
        with_tool += bool(result["tools_used"])
        print(f"{'right' if good else 'WRONG'}  {question}  ->  {result['answer']}", flush=True)
    seconds = time.monotonic() - started
    total = len(QUESTIONS)
    print(f"{right} of {total} right, {with_tool} with a tool, {seconds / total:.1f} s a question")
    await llm.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "local"))
