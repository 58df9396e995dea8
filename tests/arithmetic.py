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
    ("Work out 8,406 - 2,797.", 5609),
    ("367+588=?", 955),
    ("whats 46 times 73", 3358),
    ("Please can you tell me what 1,904 divided by 28 is?", 68),
    ("12.75 + 8.6", 21.35),
    ("Take 419 away from 1000.", 581),
    ("Find the product of 125 and 64.", 8000),
    ("How much is 9 multiplied by 0.35?", 3.15),
    ("I need the difference between 5210 and 1864, please.", 3346),
    ("Evaluate 2**13", 8192),
    ("7 to the power of 4?", 2401),
    ("calc 90.4 / 8", 11.3),
    ("sum of 2488 and 3715 pls", 6203),
    ("What do you get if you add -38 to 15?", -23),
    ("Compute 6.4 \u00d7 2.5 for me.", 16),
    ("Hello! Could you do 52 minus 91 for my homework?", -39),
    ("The choir has 38 sopranos and 27 altos. How many singers is that altogether?", 65),
    ("i had 205 quid in the jar and took out 68 for the plumber, whats left", 137),
    (("A lorry carries 36 pallets and every pallet weighs 415 kg. What is the load in kg?"), 14940),
    (
        (
            "Our caretaker has 196 chairs to set out in 14 equal rows. How many chairs "
            "go in each row?"
        ),
        14,
    ),
    ("My grandmother was born in 1938. What age did she turn in 2021?", 83),
    (
        (
            "Four flatmates split an electricity bill of £187.40 equally. How much does "
            "each one pay?"
        ),
        46.85,
    ),
    ("one roll of wallpaper is 23.95 how much for 6 rolls", 143.7),
    (
        (
            "The thermometer showed 4 degrees at noon and fell by 11 degrees during the "
            "night. What does it show now?"
        ),
        -7,
    ),
    (
        (
            "Pavel is reading a book with 512 pages. He is now on the end of page 347. "
            "How many pages stay for him?"
        ),
        165,
    ),
    ("A resistor carries 0.4 A and has 55 ohms. Voltage across it in volts?", 22),
    (
        (
            "I drove 84 miles to my sister's and then 57 miles on to the coast. How many "
            "miles did I drive?"
        ),
        141,
    ),
    ("A ferry keeps a steady 22 km/h for 6 hours. How far does it get, in km?", 132),
    ("Egg trays hold 30 eggs each. How many trays will 870 eggs fill?", 29),
    (
        (
            "Rosa's dog weighs 31.2 kg and her cat weighs 4.7 kg. By how many kilos is "
            "the dog heavier?"
        ),
        26.5,
    ),
    (
        (
            "Each bee hive gave 13 jars of honey this summer and I keep 9 hives. How "
            "many jars did I get?"
        ),
        117,
    ),
    ("Dad is 29 years older than me and I'm 15. How old is dad?", 44),
    ("a plank 3.6 m long is sawn into 8 equal bits. length of one bit in metres?", 0.45),
    ("How many metres are there in 4.35 km?", 4350),
    ("Convert 2750 grams to kilograms.", 2.75),
    ("3.5 hours is how many minutes", 210),
    ("change 68 mm into cm", 6.8),
    ("What is 35% of 480?", 168),
    ("12.5 percent of 640 equals what?", 80),
    ("Of the 250 visitors 18 per cent came by bicycle. How many visitors was that?", 45),
    ("tip of 15% on a 62 dollar meal, how much is the tip", 9.3),
    ("Square 27, please.", 729),
    ("What is eleven cubed?", 1331),
    (("A cube-shaped box has an edge of 15 cm. Give its volume in cubic centimetres."), 3375),
    ("How many years are 156 months?", 13),
    ("Our village hall is 19 m long and 12 m wide. Floor area in square metres?", 228),
    ("A bottle holds 0.75 litres. How many millilitres would that be, dear?", 750),
    ("Three quarters of 1,236 is?", 927),
]
MORE_STEPS: list[Question] = [
    ("What is 18 + 7 * 12?", 102),
    ("(45 - 17) * 6 = ?", 168),
    ("Work out 240 / (8 + 4) - 5.", 15),
    ("3^4 + 5^2", 106),
    ("whats 100 minus 6 times 9 plus 2", 48),
    ("Simplify: 5 \u00d7 (13 \u2212 4) ÷ 3", 15),
    ("Add 36 and 48, then divide the result by 7.", 12),
    ("Multiply 14 by 15 and take 60 from the answer.", 150),
    ("compute (2.5 + 1.7) * (9 - 4)", 21),
    (
        (
            "I bought 3 loaves at £1.85 each and paid with a ten pound note. What change "
            "should I have been given?"
        ),
        4.45,
    ),
    ("2 coffes at 3.40 and a muffin for 2.75 how much all together", 9.55),
    ("need 5 pens 1.20 each n 4 folders 2.25 each, total?", 15),
    (("A pair of boots costs $120. They are reduced by 30%. What do I pay for them now?"), 84),
    (
        (
            "The coat was £85, there's 20% off, and I've a £5 voucher to use after that. "
            "What will the till say?"
        ),
        63,
    ),
    (
        (
            "A laptop is listed at 640 euros without tax. With 21% tax added, what is "
            "the final price in euros?"
        ),
        774.4,
    ),
    (
        (
            "Jacket 90 euro, discount 15 percent. I buy two of such jackets. How many "
            "euro I must pay?"
        ),
        153,
    ),
    (
        (
            "Six identical yoghurts cost £4.50. How much would 10 of them cost at the "
            "same price each?"
        ),
        7.5,
    ),
    (
        (
            "A printer does 54 pages in 3 minutes. At this rate how many pages will it "
            "print in 20 minutes?"
        ),
        360,
    ),
    ("A tap drips 15 ml every minute. How many litres are lost in 8 hours?", 7.2),
    (
        ("A pump shifts 240 litres in 5 minutes. How many minutes does it need for 1,680 litres?"),
        35,
    ),
    (("Pancakes for 4 people take 180 g of flour. How many grams do I need for 14 people?"), 630),
    ("recipe says 350 ml stock for 2 ppl. im cooking for 7. how many ml", 1225),
    (
        (
            "A jam recipe uses 800 g sugar for 1 kg of berries. I picked 3.5 kg of "
            "berries and own 2,000 g of sugar. How many more grams of sugar do I need?"
        ),
        800,
    ),
    ("I scored 67, 81 and 74 in my three tests. What's my mean mark?", 74),
    ("The three parcels weigh 2.4 kg, 3.1 kg and 5.3 kg. Mean weight in kg?", 3.6),
    (
        ("A rectangular paddock is 48 m by 35 m. How many metres of fence go all the way round?"),
        166,
    ),
    ("Area of a triangle with base 18 cm and height 11 cm, in square cm?", 99),
    ("Two angles of a triangle are 47 and 68 degrees. What is the third angle?", 65),
    ("A right triangle has legs 9 cm and 12 cm. How long is the hypotenuse in cm?", 15),
    (
        (
            "A trapezium has parallel sides of 7 m and 13 m and a height of 4 m. "
            "Calculate the area in m²."
        ),
        40,
    ),
    (
        (
            "My lawn is 14 m by 9 m but a 3 m by 4 m pond sits in it. How many square "
            "metres of grass have I got to mow?"
        ),
        114,
    ),
    (
        ("The perimeter of a rectangle is 62 cm and one side is 19 cm. Find the other side in cm."),
        12,
    ),
    (("A tank is 2 m long, 1.5 m wide and 0.8 m deep. How many cubic metres does it hold?"), 2.4),
    ("A coach covers 195 km in 2 hours 30 minutes. Average speed in km/h?", 78),
    ("How many minutes does a tram need for 14 km when it moves at 35 km/h?", 24),
    ("cycling 18 km/h for 40 min, how many km do i do", 12),
    (
        (
            "We walked 2 hours at 5 km/h and then 3 hours at 4 km/h. How far did we walk "
            "altogether, in km?"
        ),
        22,
    ),
    ("Convert 90 km/h to metres per second.", 25),
    (
        (
            "Ines earns 13.50 an hour. She worked 7 hours on Friday and 5 hours on "
            "Saturday. What did she earn in the two days?"
        ),
        162,
    ),
    (
        (
            "i get 11.20 per hr for 38 hrs and they take 60 off for the uniform. whats "
            "left this week"
        ),
        365.6,
    ),
    (
        (
            "A welder is paid £16 an hour for 40 hours and £24 an hour for 6 hours of "
            "overtime. What is the week's wage?"
        ),
        784,
    ),
    (
        (
            "From 95 marbles I gave 23 to my cousin, and the rest was shared equally "
            "between 6 friends. How many did every friend get?"
        ),
        12,
    ),
    (
        (
            "The club raised £1,150. After £310 for kit, the remainder is split evenly "
            "among 4 teams. How much per team?"
        ),
        210,
    ),
    (("There were 64 biscuits in the tin. The twins ate 9 each. How many biscuits are left?"), 46),
    (("Share 72 sweets between Ama and Kofi in the ratio 5:3. How many does Ama get?"), 45),
    (
        (
            "On a map 4 cm stand for 10 km. Two towns are 14 cm apart on it. What is the "
            "true distance in km?"
        ),
        35,
    ),
    ("What is 25 degrees Celsius in Fahrenheit?", 77),
    ("my american oven book says 392 F, what's that in celsius", 200),
    (
        (
            "It was -6 °C at dawn, warmed up by 13 degrees till noon, and cooled by 9 in "
            "the evening. What was the evening temperature?"
        ),
        -2,
    ),
    (
        (
            "I put £2,400 in a bond at 3.5% simple interest a year. How much interest "
            "will I have after 4 years?"
        ),
        336,
    ),
    (
        (
            "A loan of 900 dollars carries simple interest of 8% per year. What total "
            "must be paid back after 2 years?"
        ),
        1044,
    ),
    ("Kinetic energy in joules of a 6 kg trolley moving at 4 m/s?", 48),
    (
        (
            "A 12 V battery feeds two resistors in series, 18 ohm and 22 ohm. What "
            "current flows, in amps?"
        ),
        0.3,
    ),
    (("A car speeds up from 8 m/s to 26 m/s in 5 s. What's its acceleration in m/s²?"), 3.6),
    (("A 1500 W heater runs 4 hours. Electricity is 0.30 per kWh. What does it cost?"), 1.8),
    (
        (
            "Bus A has 3 decks of 24 seats, bus B has 55 seats. How many more seats does "
            "bus A have than bus B?"
        ),
        17,
    ),
    (
        (
            "A film lasts 2 hours and 17 minutes. How many minutes longer is it than a "
            "95 minute one?"
        ),
        42,
    ),
    ("From a 5 m ribbon I cut 7 pieces of 45 cm. How many cm are left over?", 185),
    (("Jo is 8. Her uncle is four times as old as her. How old will the uncle be in 6 years?"), 38),
]
NO_TOOL: list[Question] = [
    ("how do you say thank you in spanish", ("gracias",)),
    (
        "Hiya, you alright?",
        ("hello", "hi", "hey", "fine", "good", "great", "well", "thank", "help"),
    ),
    ("Who are you, then?", ("assistant", "calculator", "model", " ai", "bot", "program", "help")),
    (
        "What's the weather like outside my window right now?",
        ("can't", "cannot", "can not", "don't", "do not", "not able", "no access", "unable"),
    ),
    (
        "Give me a word that means the opposite of 'ancient'.",
        ("modern", "new", "recent", "contemporary", "young", "current"),
    ),
    ("Which animal is it that barks?", ("dog",)),
    ("Who wrote the novel 1984?", ("orwell",)),
    ("what is the capital city of japan??", ("tokyo",)),
    (
        "In the film title '101 Dalmatians', what kind of animal are the Dalmatians?",
        ("dog", "pupp"),
    ),
    ("How is the French word 'pomme' called in English?", ("apple",)),
    (
        "What did I have for breakfast this morning?",
        (
            "can't",
            "cannot",
            "can not",
            "don't",
            "do not",
            "not able",
            "no access",
            "unable",
            "no way",
        ),
    ),
    ("What colour do you get by mixing blue and yellow paint?", ("green",)),
    (
        "My bus is the number 47 and it's late again. What's the plural of 'bus'?",
        ("buses", "busses"),
    ),
]
FOLLOW_UPS: list[tuple[list[str], Question]] = [
    (["What is 26 + 19?"], ("and times 3?", 135)),
    (["Divide 144 by 9."], ("Subtract 5 from that.", 11)),
    (
        ["A cinema ticket is 8 pounds. What do 7 tickets cost?"],
        ("and if it were 12 tickets instead?", 96),
    ),
    (["What is 58 * 4?", "thanks"], ("now halve it", 116)),
    (
        ["How many minutes are in 5 hours?", "And what is 30 minus 12?"],
        ("What did I ask first?", ("minutes", "5 hours", "five hours")),
    ),
    (["whats 20% of 350"], ("ok take that off the 350", 280)),
    (["What's the capital of Italy?", "Lovely, thank you."], ("And of Spain?", ("madrid",))),
    (
        ["My garden is 11 m by 8 m. What is its area?", "Thanks!"],
        ("Turf costs £6 per square metre. What will the whole garden cost?", 528),
    ),
    (["Compute 15^2.", "Add 75 to it."], ("Divide the result by 10.", 30)),
    (
        ["Hello, my name is Winifred.", "What is 17 + 8?"],
        ("Do you remember my name?", ("winifred",)),
    ),
    (
        ["A van goes 60 km/h. How far in 3 hours?", "and in 5 hours?"],
        ("how many km more is the second than the first?", 120),
    ),
    (
        ["I save 45 euro each month. How much I have after one year?"],
        ("Good. I spend 140 of it for a bicycle. How much stays?", 400),
    ),
    (
        ["3 kg of pears cost 7.50, price per kg?", "cheers", "so how much for 8 kg"],
        ("and what change from a 50?", 30),
    ),
    (["What is 'dog' in German?"], ("And 'cat'?", ("katze",))),
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
