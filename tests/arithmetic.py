"""What the embedded model gets right: python -m tests.arithmetic [MODEL]

Asks the agent, as users run it, questions of four kinds, each in its own conversation; a follow-up
comes after one or two others. They were written without knowledge of the model's prompt, and kept
apart until it was finished. An answer to a sum is right if it contains the number; one that needs
no tool, if it contains a word and no tool was called.
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
    ("4096 / 32", 128),
    ("hey quick one, 77 plus 68?", 145),
    ("Zero point seven five times eighty", 60),
    ("Chidi has run 31.4 km of a 42.2 km race. How many km does he still have to run?", 10.8),
    ("There are 16 classrooms with 28 desks in each. How many desks is that altogether?", 448),
    ("how much is 7 to the fifth power", 16807),
    (
        "A lorry weighs 7.35 tonnes empty and is carrying 4.8 tonnes of gravel. What does it "
        "weigh in total, in tonnes?",
        12.15,
    ),
    (
        "A diver is 63 m below sea level and a gull is 41 m above sea level directly over "
        "her. How many metres apart are they?",
        104,
    ),
    ("3/8 as a decimal", 0.375),
    ("The chapel was finished in 1846. How many years old was it in 2023?", 177),
    ("In a poll of 1,500 voters, 62% said yes. How many voters said yes?", 930),
    ("cube root of 3375 ?", 15),
    ("-6 times -19", 114),
    (
        "its minus 3 degrees outside right now and they say it'll drop another 9 degrees "
        "tonight. what temperature will that be",
        -12,
    ),
    ("pls calc 1000000 - 123456", 876544),
    ("I walk 6,250 steps every day. How many steps do I do in 14 days?", 87500),
    (
        "Grandad divided £420 evenly between his 8 grandchildren. How many pounds did each of "
        "them get?",
        52.5,
    ),
    ("Rent is ₹18,500 a month. What do I pay in a year?", 222000),
    (
        "Got myself a flat white for $4.75 and a blueberry muffin for $3.60. what did i spend "
        "altogehter",
        8.35,
    ),
    ("Work out the difference between 6.02 and 2.875.", 3.145),
    ("How many seconds in 45 minutes?", 2700),
    (
        "A parallelogram has a base of 16 inches and a height of 9.5 inches. Area in square "
        "inches?",
        152,
    ),
    ("Say there are 2.2 pounds in a kilo. Then how many pounds is 65 kilos?", 143),
    ("What is 12.5 percent of 64?", 8),
    ("how many is a dozen dozens", 144),
    ("Twenty-five squared.", 625),
    ("I shot 86 in the first round of golf and 79 in the second. What's my combined score?", 165),
    ("16 ** 0.75", 8),
    ("Cheddar is $9.60 a pound and I'm getting 0.75 of a pound. What will it cost me?", 7.2),
    ("a tenth of 58.3", 5.83),
    (
        "Saving up for a £3,000 motorbike at £125 a month, starting from nothing. How many "
        "months will it take me?",
        24,
    ),
    ("987654 + 123456", 1111110),
    (
        "Ravi's temperature was 101.3°F before the medicine and 98.9°F after. By how many "
        "degrees did it fall?",
        2.4,
    ),
    ("1.08 raised to the power 3", 1.259712),
]
MORE_STEPS: list[Question] = [
    ("7 * (13 - 5) + 2^4", 72),
    (
        "Kofi gets $15.50 an hour. He worked 8 hours on Monday and 6 on Tuesday. What did he "
        "make over the two days?",
        217,
    ),
    (
        "Zoo tickets: two adults at €14 each and three kids at €8.50 each. What do we pay "
        "altogether?",
        53.5,
    ),
    (
        "my car gets 32 miles to the gallon and gas is $3.50 a gallon. how much will gas cost "
        "me for a 480 mile trip",
        52.5,
    ),
    (
        "A van bought for $24,000 loses 10% of its value every year. What is it worth after 3 "
        "years?",
        17496,
    ),
    ("20 - 12 / 4", 17),
    (
        "There were 45 passengers on the bus. At the first stop 13 got off and 8 got on, and "
        "at the second stop 11 got off. How many passengers are on it now?",
        29,
    ),
    (
        "Sana scored 70, 82 and 76 on her first three tests. What must she score on the "
        "fourth for the average of all four to be exactly 80?",
        92,
    ),
    (
        "The laptop is £640 before VAT. Add 20% VAT, then knock £50 off for my voucher. What "
        "do I end up paying?",
        718,
    ),
    ("Magazine £5.25, choccy bar £1.60, handed over a ten pound note. change?", 3.15),
    ("A right-angled triangle has short sides of 9 and 40. How long is the hypotenuse?", 41),
    (
        "I sawed 3 pieces of 45 cm each off a plank 200 cm long. Ignoring the sawdust, how "
        "many cm of plank remain?",
        65,
    ),
    (
        "Cycled 36 km in 45 minutes today, well chuffed! What was my average speed in km per hour?",
        48,
    ),
    (
        "Noah picked up 350 shells at the beach. He keeps 20% of them and shares all the "
        "others equally among his 4 cousins. How many shells does each cousin get?",
        70,
    ),
    (
        "A garden is a 15 m by 10 m rectangle with a rectangular 4 m by 3 m pond inside it. "
        "How many square metres are not pond?",
        138,
    ),
    (
        "Printer does 24 pages a minute. How many minutes to print 18 copies of a 60-page "
        "report, one page at a time?",
        45,
    ),
    ("increase 240 by 15% and then subtract 26", 250),
    ("A square has an area of 196 cm². What's its perimeter in cm?", 56),
    ("(-7)^2 - 4*3*2", 25),
    (
        "a bamboo shoot is 120 cm tall and grows 9 cm every day. how tall in cm will it be 10 "
        "days from now",
        210,
    ),
    (
        "I'm borrowing $1,200 at 5% simple interest per year for 4 years and paying it all "
        "off at the end. How much do I pay back in total?",
        1440,
    ),
    (
        "My phone plan is 22 dollars a month plus 10 cents a text. I sent 135 texts this "
        "month, so what's the bill in dollars?",
        35.5,
    ),
    (
        "A bakery baked 18 trays of 24 rolls, burnt 30 of the rolls, and sold every one of "
        "the others at €0.50 apiece. How many euros did it take in?",
        201,
    ),
    (
        "Our electricity meter read 45,210 kWh at the start of the month and 45,830 kWh at "
        "the end. We pay $0.15 per kWh. What do we owe for the month, in dollars?",
        93,
    ),
]
NO_TOOL: list[Question] = [
    ("What language do most people speak in Brazil?", "portuguese"),
    (
        "Good morning! How are you today?",
        ("good", "well", "great", "fine", "hello", "hi", "morning", "thanks", "thank"),
    ),
    ("Whats the Spanish word for water", "agua"),
    (
        "Am I talking to a human being or a machine?",
        ("machine", "ai", "computer", "assistant", "model", "program", "bot", "chatbot"),
    ),
    (
        "Give me a word that means the opposite of 'ancient'.",
        ("modern", "new", "recent", "young", "contemporary", "current"),
    ),
    ("Which ocean is the largest on Earth?", "pacific"),
    ("what sweet food do bees make", "honey"),
    ("The Mona Lisa - who painted it?", ("leonardo", "vinci")),
    ("What part of speech is the word 'quickly'?", "adverb"),
    ("Please correct my grammar: She don't like tea.", ("doesn't", "doesn\u2019t", "does not")),
]
"""Each with words of which the answer should contain one."""
FOLLOW_UPS: list[tuple[list[str], Question]] = [
    (["How many days are there in 6 weeks?"], ("and in 15 weeks?", 105)),
    (
        ["what is 36 divided by 9", "How do you say dog in German?"],
        ("what was the answer to my first question?", 4),
    ),
    (
        ["A T-shirt is £14 and I want 5 of them. What's the total?"],
        ("Ah, I've got a voucher for £12 off the total. What do I pay then?", 58),
    ),
    (["I live in Lisbon with my dog Biscuit."], ("What is my dog called?", "biscuit")),
    (["19 squared"], ("halve that", 180.5)),
    (
        ["I drive at 45 mph for 2 hours. How many miles do I cover?"],
        ("And if I went at 60 mph instead?", 120),
    ),
    (["500 + 750", "take away 300"], ("now whats 10% of that", 95)),
    (["what's 63 + 29"], ("oops sorry, I meant 63 - 29", 34)),
    (
        ["There are 18 girls and 14 boys in the class. How many kids altogether?"],
        ("Each one of them needs 3 notebooks. How many notebooks is that?", 96),
    ),
    (
        ["Which city is the capital of Kenya?", "Lovely. And 8 to the power of 3?"],
        ("what's that minus 12?", 500),
    ),
    (["Tell me 5% of 800."], ("Thanks! What percentage did I just ask you for?", 5)),
    (
        ["Baking today: 250 g of sugar and 400 g of flour. What do they weigh together, in grams?"],
        ("And if I use 3 times as much of each, what's the total then?", 1950),
    ),
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
