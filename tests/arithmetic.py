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
    ("What is 764 + 289?", 1053),
    ("1205 - 678", 527),
    ("43 times 27", 1161),
    ("how much is 936 divided by 12", 78),
    ("2 to the power of 11", 2048),
    ("what's 15% of 240", 36),
    ("7 squared pls", 49),
    ("Could you subtract 58 from 203 for me?", 145),
    ("multiply 6.5 by 14", 91),
    ("0.75 + 2.6 = ?", 3.35),
    ("How many minutes are there in 9 hours?", 540),
    ("convert 4.2 km to metres", 4200),
    ("how many inches in 6 feet", 72),
    ("I had 85 quid and spent 37 of it on petrol. How much have I got left?", 48),
    ("A crate holds 24 bottles of beer. How many bottles are in 16 crates?", 384),
    ("We need to split 132 leaflets evenly among 6 volunteers, how many does each one get?", 22),
    ("my grandson is 17 and i am 81, how many years older am i", 64),
    (
        (
            "The reservoir held 5300 litres and another 1850 litres were pumped in. How much "
            "water is in it now?"
        ),
        7150,
    ),
    ("What is the area of a rug that's 3 metres by 5 metres?", 15),
    ("cube of 8", 512),
    (
        (
            "A train leaves with 214 passengers and 69 get off at the first stop. How many "
            "are still on board?"
        ),
        145,
    ),
    ("Forty-two plus thirty-nine?", 81),
    ("How much are nine tickets if one ticket costs 12 pounds?", 108),
    (
        "Please, I have 250 gram of flour and I buy 1500 gram more. How many gram I have together?",
        1750,
    ),
    ("whats 30 percent of 90", 27),
    (
        "A 12 volt supply pushes 3.5 amps through a lamp. What power does the lamp draw, in watts?",
        42,
    ),
    ("Voltage is 230 V and resistance is 46 ohms. What current flows, in amps?", 5),
    ("I drove 195 miles in 3 hours. What was my average speed in mph?", 65),
    ("side of a square patio is 14 ft, what is its area in square feet", 196),
    (
        (
            "Nina read 126 pages on Saturday and 88 on Sunday. How many pages did she read "
            "over the weekend?"
        ),
        214,
    ),
    ("The bill is $68 and we want to leave a 20% tip. How much is the tip?", 13.6),
    ("How many seconds in 25 minutes?", 1500),
    ("how many eggs are in 7 dozen?", 84),
    ("A cable 91 metres long is cut into 7 equal pieces. How long is each piece?", 13),
    ("-8 + 23", 15),
    ("10 minus 32", -22),
    ("What do I get if I raise 5 to the 4th power?", 625),
    (
        (
            "The temprature was 11 degrees at noon and dropped by 16 degrees overnight. What "
            "was it then?"
        ),
        -5,
    ),
    ("I weigh 94 kilos now and my doctor wants me to loose 9. What would my weight be?", 85),
    ("a car does 14 km per litre. how far will it go on 35 litres?", 490),
    ("My pension is 820 pounds a month. How much is that over a year, dear?", 9840),
    ("half of 378", 189),
    ("double 467", 934),
    ("what is 5000 divided by 8?", 625),
    ("Volume of a cube-shaped tank with edges of 6 cm, in cubic cm?", 216),
    ("How many grams is 3.8 kilograms?", 3800),
    ("I bought a lamp for $29.95 and handed over $50 - how much change do I get?", 20.05),
    (
        (
            "There are 28 pupils in each class and our school has 19 classes. How many pupils"
            " altogether?"
        ),
        532,
    ),
    ("A binary code has 9 bits. How many different values can it represent?", 512),
]
MORE_STEPS: list[Question] = [
    (
        (
            "At the bakery I got 6 rolls at 45 cents apiece and a loaf for 280 cents. How "
            "many cents is that altogether?"
        ),
        550,
    ),
    ("what is 14 + 6 * 9", 68),
    ("(23 - 8) * 4", 60),
    ("100 - 3 * (12 + 7)", 43),
    ("2^5 - 17", 15),
    ("48 / 6 + 25 =", 33),
    ("Work out (15 + 33) / (9 - 3)", 8),
    ("5 squared plus 12 squared", 169),
    ("what's 7 * 8 - 6 * 5?", 26),
    ("three times the sum of 19 and 12", 93),
    ("Average of 14, 22 and 30?", 22),
    ("My test marks were 71, 84, 65 and 92. What is my average mark?", 78),
    ("A jacket costs £80 and is reduced by 35%. What do I pay?", 52),
    ("I pay for 4 coffees at £3.20 each with a £20 note. What change should I get?", 7.2),
    ("5 pencils cost 1.50 euro. How much cost 12 pencils?", 3.6),
    ("A recipe for 4 people needs 300 g of rice. How many grams do I need for 10 people?", 750),
    (
        (
            "Dad is 44, Mum is 3 years younger than him, and Gran is 27 years older than Mum."
            " How old is Gran?"
        ),
        68,
    ),
    ("Tom is 12. His uncle is three times as old. How old will the uncle be in 5 years?", 41),
    ("perimeter of a rectangle with sides 17 cm and 9 cm", 52),
    (
        (
            "A garden is 20 m by 15 m, and a pond of 4 m by 6 m is dug in it. What area of "
            "garden is left?"
        ),
        276,
    ),
    (
        (
            "The room is 5 m long and 4 m wide. Carpet costs £18 per square metre. What will "
            "it cost to carpet the whole floor?"
        ),
        360,
    ),
    ("How many minutes is 2 hours and 35 minutes?", 155),
    ("Convert 25 degrees Celsius to Fahrenheit", 77),
    (
        (
            "Four friends share a restaurant bill of $96 plus a tip of $16 equally. How much "
            "does each one pay?"
        ),
        28,
    ),
    (
        (
            "we picked 45 apples in the morning and 39 in the afternoon and packed them "
            "equally in 7 bags. how many apples per bag?"
        ),
        12,
    ),
    (
        (
            "The number 7 bus has 31 people on it. 8 get off and 14 get on. How many are on "
            "the bus now?"
        ),
        37,
    ),
    (
        (
            "There were 500 sheets in the pack. I used 40 sheets a day for 9 days. How many "
            "sheets are left?"
        ),
        140,
    ),
    ("I save 35 dollars a week. I already have 120. How much will i have after 8 weeks?", 400),
    ("A plumber charges a £45 call-out fee plus £38 an hour. What does a 3-hour job cost?", 159),
    ("taxi is $4 to start and $2.50 per mile, how much for 12 miles", 34),
    (
        (
            "Hotel is 110 euro per night, breakfast is 14 euro per day. How much I pay for 5 "
            "nights with breakfast every day?"
        ),
        620,
    ),
    ("I make $17 an hour and work 8 hours a day, 5 days a week. What's my weekly pay?", 680),
    ("A pump moves 45 litres a minute. How many litres does it move in 2 hours?", 5400),
    (
        (
            "A tank with 900 litres in it leaks 12 litres per hour. How many litres remain "
            "after one full day?"
        ),
        612,
    ),
    (
        (
            "A lorry travels for 3 hours at 60 km/h and then 2 hours at 75 km/h. What total "
            "distance does it cover?"
        ),
        330,
    ),
    ("kinetic energy of a 6 kg mass moving at 5 m/s, in joules", 75),
    ("Two resistors, 47 ohm and 33 ohm, are in series across 240 V. What current flows?", 3),
    (
        (
            "My 2 kW heater ran for 6 hours. Electricity is 30 pence per kWh. How many pence "
            "did that cost me?"
        ),
        360,
    ),
    (
        "A steel beam weighs 28 kg per metre. How much do 5 beams of 4 metres each weigh in total?",
        560,
    ),
    (
        "I bought a bike for 260, spent 45 repairing it, and sold it for 390. What was my profit?",
        85,
    ),
    ("A $250 TV plus 8% sales tax, what's the total?", 270),
    ("my rent was 700 and goes up by 5 percent. what is the new rent", 735),
    ("Of the 160 pupils in my year 55% are girls and the rest are boys. How many are boys?", 72),
    (
        (
            "There are 240 seats in the theatre and three quarters of them are taken. How "
            "many are empty?"
        ),
        60,
    ),
    ("Sara has 18 stickers, Ben has twice as many. How many do they have together?", 54),
    (
        (
            "Mia has 40 marbles, gives 12 to her brother and shares the rest equaly among her"
            " 4 cousins. How many does each cousin get?"
        ),
        7,
    ),
    (
        (
            "I take 2 tablets in the morning, 1 at lunch and 2 at night. How many tablets do "
            "I need for 14 days?"
        ),
        70,
    ),
    (
        (
            "I'm 73 and my pension is £780 a month. Rent takes £410 and the gas and electric "
            "£95. How much is left each month?"
        ),
        275,
    ),
    (
        (
            "Eggs come in boxes of 6. Our café uses 54 eggs a day. How many boxes do we need "
            "for a week?"
        ),
        63,
    ),
    ("Add 35 and 47, then take away 19", 63),
    ("Start with 9, multiply it by 11 and subtract 40", 59),
    ("divide the difference between 150 and 66 by 12", 7),
    (
        (
            "Our trip on the 14th takes 3 coaches with 49 seats each. 138 seats are booked, "
            "so how many are free?"
        ),
        9,
    ),
    (
        (
            "twelve people each chip in eight dollars for a gift that costs 75 dollars. How "
            "much money is left over?"
        ),
        21,
    ),
    (
        (
            "I want to fence a square field, 25 m each side. Wire costs $3 per metre. What's "
            "the cost to go all the way round once?"
        ),
        300,
    ),
    ("Box is 50 cm by 40 cm by 30 cm. What's its volume in cubic centimeters?", 60000),
    ("triangle with base 18 cm and height 7 cm, what is the area", 63),
    ("My car uses 6 litres per 100 km. How many litres will I burn on a 350 km trip?", 21),
    (
        (
            "Three cinema tickets at £9, two popcorns at £5 each and one cola for £3. How "
            "much do we owe?"
        ),
        40,
    ),
]
NO_TOOL: list[Question] = [
    ("Hello there!", ("hello", "hi", "hey", "help")),
    ("who are you?", ("assistant", "calculator", "model", "program", "helper", "chatbot")),
    ("Which planet do we live on?", ("earth",)),
    ("What's the opposite of hot?", ("cold",)),
    (
        "What is my neighbour having for dinner tonight?",
        ("don't", "not", "can't", "cannot", "unable", "sorry", "no"),
    ),
    ("thanks, that was very helpful!", ("welcome", "glad", "pleasure", "happy", "anytime")),
    ("What color do you get when you mix blue and yellow?", ("green",)),
    ("In which city were the 2012 Summer Olympics held?", ("london",)),
    ("which famous wall came down in 1989?", ("berlin",)),
    ("What happens to water at 100 degrees Celsius?", ("boil", "boils", "boiling", "steam")),
    ("Translate 'dog' into Spanish please", ("perro",)),
    (
        "what will be the winning lottery numbers on saturday",
        ("don't", "not", "can't", "cannot", "unable", "sorry", "no", "nobody"),
    ),
]
FOLLOW_UPS: list[tuple[list[str], Question]] = [
    (["what's 64 + 38"], ("now minus 27", 75)),
    (["Multiply 16 by 9"], ("Now halve it.", 72)),
    (["A dress is £60. What is 25% of that?"], ("So what's the price once that is taken off?", 45)),
    (["12 squared", "plus 56"], ("divided by 4 please", 50)),
    (["How many hours in 6 days?"], ("and in minutes?", 8640)),
    (
        ["I bought 5 kg of potatoes at 2 dollars a kilo. How much is that?"],
        ("And how much change from a 50?", 40),
    ),
    (["93 - 48"], ("double that", 90)),
    (
        ["We drove 280 km in 4 hours, what was our average speed?"],
        ("at this speed, how far do we get in 7 hours?", 490),
    ),
    (
        ["What's the area of a 12 by 8 metre lawn?"],
        ("If grass seed costs 3 pounds per square metre, what will it cost?", 288),
    ),
    (["hi, my name is Olga", "what is 17 + 45?"], ("do you remember my name?", ("olga",))),
    (
        ["what is 33 times 3", "what's the capital of Japan?"],
        ("What did I ask you first?", ("33",)),
    ),
    (["I'm Derek and I live in Leeds."], ("Where do I live?", ("leeds",))),
    (["750 / 25", "raise that to the power of 2"], ("take 150 from it", 750)),
    (
        ["My salary is 2400 a month. How much is it per year?"],
        ("and if i get 1000 bonus on top?", 29800),
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
