"""`--tools`: the user's own Python functions as tools."""

from __future__ import annotations

import asyncio
import builtins
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool

from streamchat.agent.loader import AgentLoader
from streamchat.agent.own_tools.loading import OwnTool, load_tools
from streamchat.agent.own_tools.place import parse_place
from streamchat.agent.own_tools.running import run_own_tool
from streamchat.agent.own_tools.toolbox import Toolbox
from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.output import get_relay
from streamchat.config import ModelError, Settings
from streamchat.manual import read_topic
from streamchat.models.embedded.pythonic.grammar import build_question_grammar
from streamchat.models.embedded.pythonic.toolbox import read_toolbox
from streamchat.text.redact import Redactor
from tests.chatting import CTRL_C, ENTER, Chat
from tests.event_schema import check_lines
from tests.gbnf import Grammar
from tests.program import Terminal, run
from tests.server import Server, calls, fails, says
from tests.targets import keep_imports, write

WORDS = '''
    def count_words(text: str) -> int:
        """Count the words of a text."""
        print("counting")
        return len(text.split())
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with keep_imports():
        yield tmp_path


def load(*places: str, builtin: tuple[str, ...] = ("add",)) -> list[OwnTool]:
    return load_tools([parse_place(each) for each in places], builtin, Redactor())


def find_error(*places: str) -> str:
    with pytest.raises(TargetError) as caught:
        load(*places)
    return str(caught.value)


def get_schema(own: OwnTool) -> dict[str, Any]:
    schema: dict[str, Any] = own.tool.tool_call_schema.model_json_schema()  # type: ignore[union-attr]
    return schema


MANY = '''
    import json
    from dataclasses import dataclass
    from enum import Enum
    from functools import cache
    from textwrap import dedent

    from langchain_core.tools import BaseTool, tool
    from pydantic import BaseModel

    class Color(Enum):
        RED = "red"

        def mix(self) -> str:
            """Say the color."""

    class Place(BaseModel):
        name: str

    @dataclass
    class Point:
        x: int

        def move(self) -> None:
            """Move it."""

    def find(place: Place) -> str:
        """Find a place."""

    async def fetch(url: str) -> str:
        """Fetch a page."""

    def walk(steps: int):
        """Walk."""
        yield 1

    @cache
    def look_up(word: str) -> str:
        """Look a word up."""

    @tool("spell", description="Spell a word.")
    def spell_it(word: str) -> str:
        return word

    class Search(BaseTool):
        name: str = "search"
        description: str = "Search."

        def _run(self, query: str) -> str:
            return query

    web = Search()
    also = find
    indent = dedent

    class Calculator:
        def __init__(self) -> None:
            self.total = 0.0

        def sum_up(self, x: float) -> float:
            """Add x to the total."""
            self.total += x
            return self.total

        @staticmethod
        def halve(x: float) -> float:
            """Halve x."""
            return x / 2

        @property
        def result(self) -> float:
            raise ValueError

        def _reset(self) -> None: ...

    def _helper(x): ...
'''


def test_what_is_a_tool(folder: Path) -> None:
    write(folder / "mine.py", MANY)
    tools = load("mine.py")
    assert [each.tool.name for each in tools] == [
        *("find", "fetch", "walk", "look_up", "spell", "search", "sum_up", "halve"),
    ]
    lines = (folder / "mine.py").read_text().split("\n")
    defined = [lines[int(each.place.removeprefix("mine.py:")) - 1].strip() for each in tools]
    assert defined[3:7] == [
        "def look_up(word: str) -> str:",
        "def spell_it(word: str) -> str:",
        "web = Search()",
        "def sum_up(self, x: float) -> float:",
    ]


def test_the_methods_of_a_class_share_an_instance(folder: Path) -> None:
    write(folder / "mine.py", MANY)
    (sum_up,) = [each.tool for each in load("mine.py:Calculator") if each.tool.name == "sum_up"]
    assert [sum_up.invoke({"x": 2}), sum_up.invoke({"x": 2})] == [2.0, 4.0]


def test_what_is_asked_for_by_name(folder: Path) -> None:
    source = "from lib import clean as tidy, drop\ndef _own(x: int) -> int:\n    'Own.'\nn = 1\n"
    write(folder / "lib.py", "def clean(x: int) -> int:\n    'Clean.'\ndef drop(x): ...\n")
    write(folder / "mine.py", f"{source}both = [tidy, _own]\n")
    assert [each.tool.name for each in load("mine.py:tidy,_own")] == ["tidy", "_own"]
    assert [each.tool.name for each in load("mine.py:both")] == ["clean", "_own"]
    assert find_error("mine.py") == (
        "mine.py has no tools: no public function, class or tool of its own"
    )
    assert find_error("mine.py:n") == "mine.py:4: n cannot be a tool: it is of type int"
    assert find_error("mine.py:tidi") == "mine.py has no 'tidi'; did you mean 'tidy'?"


def test_the_schema_says_what_the_annotations_say(folder: Path) -> None:
    source = '''
        from typing import Annotated, Literal, Optional
        from pydantic import BaseModel, Field

        class Place(BaseModel):
            city: str = Field(description="in English")

        def forecast(
            place: Place,
            unit: Literal["C", "F"],
            hours: Annotated[int, "how far ahead"] = 24,
            model: Optional[str] = None,
        ) -> str:
            """Forecast the weather.

            Args:
                unit: of the temperature
            """
    '''
    write(folder / "mine.py", source)
    (own,) = load("mine.py")
    schema = get_schema(own)
    assert own.tool.description == "Forecast the weather."
    assert schema["required"] == ["place", "unit"]
    assert schema["$defs"]["Place"]["properties"]["city"]["description"] == "in English"
    properties = schema["properties"]
    assert properties["unit"]["enum"] == ["C", "F"]
    assert properties["unit"]["description"] == "of the temperature"
    assert (properties["hours"]["default"], properties["hours"]["type"]) == (24, "integer")
    assert properties["hours"]["description"] == "how far ahead"
    assert {each["type"] for each in properties["model"]["anyOf"]} == {"string", "null"}


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def f(x: int): ...", "it has no docstring, which tells the model what it does"),
        ("def f(x):\n    'F.'", "the parameter x has no type annotation"),
        ("def f(*x: int):\n    'F.'", "a model cannot fill in *x"),
        ("def f(x: int, /):\n    'F.'", "the parameter x has no name for a caller"),
        ("def f(x: 'Nope'):\n    'F.'", "NameError: name 'Nope' is not defined"),
        ("def größe(x: int):\n    'F.'", "'größe' is no name for a tool: at most 64 of "),
        (
            "from langchain_core.tools import tool\nclass F:\n    @tool\n"
            "    def f(self, x: int):\n        'F.'\n        return x",
            "a method is one without @tool",
        ),
        (
            "import socket\ndef f(x: socket.socket):\n    'F.'",
            "its arguments have no JSON schema: PydanticInvalidForJsonSchema: ",
        ),
        (
            "from typing import Annotated\nfrom langchain_core.tools import InjectedToolArg\n"
            "def f(x: Annotated[str, InjectedToolArg]):\n    'F.'",
            "only an agent of LangGraph has an argument for x",
        ),
    ],
)
def test_what_cannot_be_a_tool(folder: Path, code: str, why: str) -> None:
    write(folder / "mine.py", code)
    line = code[: code.index("def")].count("\n") + 1
    error = find_error("mine.py")
    assert error.startswith(f"mine.py:{line}: ")
    assert f" cannot be a tool: {why}" in error
    assert "\n" not in error


def test_the_grammar_of_the_embedded_model_takes_their_schemas(folder: Path) -> None:
    source = '''
        from datetime import date
        from typing import Literal
        from pydantic import BaseModel

        class Room(BaseModel):
            name: str
            beds: int = 2

        def book(
            room: Room, day: date, guests: list[str], board: Literal["half", "full"] | None = None
        ) -> str:
            """Book a room."""
    '''
    write(folder / "mine.py", source)
    toolbox = read_toolbox([convert_to_openai_tool(each.tool) for each in load("mine.py")])
    assert toolbox
    grammar = Grammar(build_question_grammar([], None, toolbox.called))
    call = 'book(room={"name": "A"}, day="2030-01-31", guests=["Ada", "Bob"]'
    assert grammar.matches(f'{call}, board="half")')
    assert grammar.matches(f"{call})")
    assert not grammar.matches(f'{call}, board="no")')


def test_a_docstring_that_does_not_fit_is_text(folder: Path) -> None:
    text = "F.\n\n    Args:\n        gone: not there"
    write(folder / "mine.py", f'def f(x: int) -> int:\n    """{text}\n    """\n')
    assert "gone: not there" in load("mine.py")[0].tool.description


def test_two_tools_of_one_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "one.py", "\ndef search(x: int):\n    'S.'\n")
    write(folder / "two.py", "def search(x: int):\n    'S.'\ndef add(x: int):\n    'A.'\n")
    assert find_error("one.py", "two.py") == ("two tools are called search: two.py:1, and one.py:2")
    assert find_error("two.py:add").startswith("two tools are called add: two.py:3, and built in")
    write(folder / "count.py", "import builtins\nbuiltins.imports += 1\n")
    write(folder / "three.py", "import count\ndef find(x: int):\n    'F.'\n")
    monkeypatch.setattr(builtins, "imports", 0, raising=False)
    assert len(load("three.py", "three.py:find")) == 1
    assert vars(builtins)["imports"] == 1


def test_another_name_of_a_class_or_an_instance_makes_no_second_tool(folder: Path) -> None:
    source = "class A:\n    def f(self, x: int):\n        'F.'\nB = A\n"
    write(folder / "mine.py", source)
    assert [each.place for each in load("mine.py")] == ["mine.py:2"]
    assert len(load("mine.py:A,B")) == len(load("mine.py", "mine.py:B")) == 1
    write(
        folder / "yours.py", "from mine import A\nclass B:\n    def f(self, x: int):\n        'F.'"
    )
    assert find_error("mine.py", "yours.py").startswith("two tools are called f: yours.py:3, and ")


def test_an_instance_that_can_be_called_is_a_tool(folder: Path) -> None:
    source = '''
        class Search:
            """Find documents."""

            def __init__(self, index: dict[str, str]) -> None:
                self.index = index

            def __call__(self, word: str) -> str:
                return self.index[word]

        class Fetch:
            async def __call__(self, url: str) -> str:
                """Fetch a page.

                Args:
                    url: of the page
                """
                return f"page at {url}"

        search = Search({"lamp": "a light"})
        fetch = Fetch()
        plain = object()
    '''
    write(folder / "mine.py", source)
    search, fetch = load("mine.py")
    assert (search.tool.name, search.tool.description) == ("search", "Find documents.")
    assert search.tool.invoke({"word": "lamp"}) == "a light"
    assert search.place == "mine.py:20"
    assert (fetch.tool.name, fetch.tool.description) == ("fetch", "Fetch a page.")
    assert get_schema(fetch)["properties"]["url"]["description"] == "of the page"
    assert asyncio.run(fetch.tool.ainvoke({"url": "here"})) == "page at here"


def test_an_instance_without_a_docstring_is_no_tool(folder: Path) -> None:
    source = "class Search:\n    def __call__(self, x: int): ...\nsearch = Search()\n"
    write(folder / "mine.py", source)
    assert find_error("mine.py") == (
        "mine.py:3: search cannot be a tool: "
        "it has no docstring, which tells the model what it does"
    )


def test_a_class_that_cannot_be_instantiated(folder: Path) -> None:
    source = (
        "class Api:\n    def __init__(self, key): ...\n    def get(self) -> str:\n        'G.'\n"
    )
    write(folder / "mine.py", source)
    error = find_error("mine.py")
    assert error.startswith("a class in mine.py cannot be instantiated: TypeError: ")


def test_errors_speak_of_tools_and_not_of_an_agent(folder: Path) -> None:
    write(folder / "mine.py", "import asyncio\n\nloop = asyncio.get_running_loop()")
    assert find_error("mine.py").endswith(
        "(mine.py:3); do this in an async tool, once it is called"
    )


@pytest.mark.parametrize("end", ["API_KEY", "ACCESS_KEY", "PASSWORD", "SECRET", "TOKEN"])
def test_variables_whose_names_end_so_hold_secrets(
    end: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"MY_{end}", "my-own-secret")
    write(folder / "mine.py", "raise ValueError('as my-own-secret')")
    assert "ValueError: as my-***" in find_error("mine.py")


def test_files_keep_their_modules_apart(folder: Path) -> None:
    for name in ("one", "two"):
        source = f"import lib\ndef get_{name}() -> str:\n    'G.'\n    return lib.NAME\n"
        write(folder / name / "mine.py", source)
        write(folder / name / "lib.py", f"NAME = '{name}'")
    first, second = load("one/mine.py", "two/mine.py")
    assert (first.tool.name, second.tool.name) == ("get_one", "get_two")
    assert first.tool.invoke({}) == "one"


ALL = ("--allow", "*")
"""Lets all tools run without asking."""


def ask(home: Path, server: Server, *arguments: str, **variables: str) -> Any:
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"} | variables
    return run(home, "ask", *ALL, *arguments, "Hi", cwd=home, **variables)


def list_offered(server: Server) -> list[str]:
    return [each["function"]["name"] for each in server.requests[-1].get("tools", [])]


def list_results(server: Server) -> list[str]:
    messages = server.requests[-1]["messages"]
    return [each["content"] for each in messages if each["role"] == "tool"]


async def test_what_is_missing_is_what_failed_last(folder: Path) -> None:
    settings = Settings(tools=("mine.py",), model=str(folder / "gone.gguf"))
    loader = AgentLoader(settings, Redactor(), tools=True)
    with pytest.raises(TargetError):
        await loader.wait_until_ready()
    assert loader.activity == "no tools"
    write(folder / "mine.py", WORDS)
    with pytest.raises(ModelError):
        await loader.wait_until_ready()
    assert loader.activity == "no model"
    await loader.aclose()


async def test_an_asynchronous_tool_that_exits_only_fails(folder: Path) -> None:
    @tool
    async def rude() -> None:
        """Leave."""
        raise SystemExit(3)

    with pytest.raises(RuntimeError, match=r"SystemExit\(3\)"):
        await run_own_tool(rude, {}, get_relay())


async def test_a_secret_that_a_tool_sets_is_redacted_from_then_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE_API_KEY", "")
    code = "os.environ['MINE_API_KEY'] = 'my-secret-key-123'"
    write(folder / "mine.py", f"import os\n\ndef load() -> None:\n    'Load.'\n    {code}\n")
    redactor = Redactor()
    toolbox = Toolbox.load(Settings(tools=("mine.py",), builtin_tools=False), redactor)
    await toolbox.run(toolbox.tools[0], {})
    assert redactor.redact("my-secret-key-123") == "my-***"


async def test_asynchronous_tools_called_at_once_share_a_loop(folder: Path) -> None:
    @tool
    async def where() -> int:
        """Name the thread."""
        return threading.get_ident()

    threads = await asyncio.gather(*(run_own_tool(where, {}, get_relay()) for _ in range(8)))
    assert len(set(threads)) == 1


async def test_an_asynchronous_tool_is_interrupted_before_it_begins(folder: Path) -> None:
    begun, release = threading.Event(), threading.Event()

    @tool
    async def stuck() -> None:
        """Block the loop."""
        begun.set()
        release.wait(600)

    first = asyncio.create_task(run_own_tool(stuck, {}, get_relay()))
    await asyncio.to_thread(begun.wait, 300)
    second = asyncio.create_task(run_own_tool(stuck, {}, get_relay()))
    await asyncio.sleep(0)  # it looks whether the loop is free
    for task in (first, second):
        task.cancel()
    await asyncio.wait([first, second])
    release.set()
    assert second.cancelled()  # and no coroutine is left that was never awaited


def test_a_question_that_a_function_answers(server: Server, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", WORDS)
    echo = 'print("counting"); __import__("os").system("echo child")'
    path.write_text("print('loading')\n" + path.read_text().replace('print("counting")', echo))
    server.script(calls("count_words", text="a b c"), says("Three."))
    done = ask(tmp_path, server, "--tools", "mine.py")
    assert done.stdout == "Three.\n"
    # A child process writes to standard error itself, and may be faster.
    assert sorted(done.stderr.splitlines()) == ["child", "counting", "loading"]
    assert list_results(server) == ["3"]
    assert list_offered(server)[:1] == ["add"]
    assert list_offered(server)[-2:] == ["count_words", "final_answer"]


def test_the_example_of_the_manual(server: Server, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", read_topic("tools"), re.DOTALL)
    (tmp_path / "mytools.py").write_text(code, encoding="utf-8")
    write(tmp_path / "notes" / "one.md", "A lamp.")
    write(tmp_path / "notes" / "two.md", "A table.")
    server.script(
        calls("find_notes", word="lamp"), calls("count_days", day="1969-07-20"), says("One.")
    )
    done = ask(tmp_path, server, "--tools", "mytools.py")
    assert (done.stdout, done.stderr) == ("One.\n", "")
    found, days = list_results(server)
    assert found == '["one.md"]'
    assert int(days) < -20_000


PRINTING = '''
    import asyncio, functools, sys

    def _count(function):
        @functools.wraps(function)
        def run(*args, **kwargs):
            print("counted")
            return function(*args, **kwargs)
        return run

    @_count
    async def rest() -> str:
        """Rest, as a decorator that is not asynchronous has it."""
        await asyncio.sleep(0)
        return "rested"

    def copy(names: list[str]):
        """Copy files."""
        for name in names:
            yield f"copying {name}"
        print("almost", end="")
        return {"copied": names}

    async def crawl(url: str):
        """Crawl a site."""
        yield "one page"
        await asyncio.sleep(0)
        yield "two pages"

    class Clock:
        async def tell(self) -> bytes:
            """Tell the time."""
            print("tick", file=sys.stderr)
            return b"12:00"
'''


def test_what_tools_print_and_yield_is_not_their_result(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", PRINTING)
    config = write(tmp_path / "config.toml", '[profile.p]\ntools = ["mine"]\nbuiltin_tools=false\n')
    asked = calls("copy", names=["a"]), calls("crawl", url="/"), calls("tell"), calls("rest")
    server.script(*asked, says("Done."))
    variables = {"STREAMCHAT_CONFIG": str(config)}
    done = ask(tmp_path, server, "--profile", "p", "--json", **variables)
    events = check_lines(done.stdout)
    ran = [
        each.get("output", each.get("text", "started"))
        for each in events
        if each["type"] in ("tool_started", "tool_finished", "output_received")
    ]
    assert ran == [
        *("started", "copying a", "almost", '{"copied": ["a"]}'),
        *("started", "one page", "two pages", "two pages"),
        *("started", "tick", "5 bytes"),
        *("started", "counted", "rested"),
    ]
    assert list_results(server) == ['{"copied": ["a"]}', "two pages", "5 bytes", "rested"]
    assert list_offered(server) == ["rest", "copy", "crawl", "tell", "final_answer"]


OBJECTS = """
    class Image:
        def __init__(self, size: int) -> None:
            self.size = size

        def __repr__(self) -> str:
            return f"<Image of {self.size} px at {id(self):#x}>"

    def draw() -> Image:
        'Draw.'
        return Image(3)

    def make() -> object:
        'Make something.'
        return object()

    def read() -> list:
        'Read.'
        return [b"12:00", object(), "at 0x12"]
"""


def test_a_result_without_a_text_of_its_own_is_shown_by_its_kind(
    server: Server, tmp_path: Path
) -> None:
    write(tmp_path / "mine.py", OBJECTS)
    server.script(calls("draw"), calls("make"), calls("read"), says("Done."))
    assert ask(tmp_path, server, "--tools", "mine.py:draw,make,read").stdout == "Done.\n"
    assert list_results(server) == [
        *("<Image of 3 px>", "<object object>", '["5 bytes", "<object object>", "at 0x12"]'),
    ]


def test_verbose_shows_where_a_function_failed(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "def fail() -> None:\n    'F.'\n    raise OSError('k is gone')\n")
    for arguments, is_shown in (["-v"], True), ([], False):
        server.script(calls("fail"), says("It failed."))
        done = ask(tmp_path, server, "--tools", "mine.py", *arguments)
        assert done.stdout == "It failed.\n"
        assert ('  File "mine.py", line 3, in fail\n' in done.stderr) is is_shown
        assert "langchain" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--agent", "a.py"], "--tools cannot be combined with --agent: an agent has its own "),
        (["--no-tools"], "--tools cannot be combined with --no-tools"),
        (["--tools", "a/b"], "--tools: 'a/b' names no Python file or module; name tools as "),
        (["--tools", "a.py:x-y"], "--tools: 'x-y' is not a name in Python; name tools as "),
    ],
)
def test_wrong_usage(server: Server, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = ask(tmp_path, server, "--tools", "mine.py", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1


def test_a_tool_that_takes_too_long_and_one_that_says_too_much(
    server: Server, tmp_path: Path
) -> None:
    source = '''
        import threading
        from langchain_core.tools import Tool

        def wait() -> str:
            """Wait."""
            threading.Event().wait()

        repeat = Tool(name="repeat", description="Repeat.", func=lambda text: text * 50_000)
    '''
    write(tmp_path / "mine.py", source)
    server.script(calls("wait"), calls("repeat", __arg1="xyz"), says("Done."))
    done = ask(tmp_path, server, "--tools", "mine.py", "--tool-timeout", "4")
    assert done.stdout == "Done.\n"
    waited, repeated = list_results(server)
    assert waited == "Error: no result within 4 s (--tool-timeout); its thread still runs"
    assert repeated.startswith("xyz" * 33_333 + "x\n")
    assert repeated.endswith("[the first 100,000 of 150,000 characters]")
    # The session keeps all of it.
    listed = run(tmp_path, "sessions", "list", "--json")
    session = json.loads(listed.stdout.splitlines()[0])["id"]
    shown = run(tmp_path, "sessions", "show", "--json", session)
    assert "xyz" * 50_000 in shown.stdout


def test_an_interrupt_while_a_file_hangs(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "print('here')\nimport threading\nthreading.Event().wait()\n")
    variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "k"}
    arguments = ("ask", "--tools", "mine.py", "Hi")
    with Terminal(tmp_path, *arguments, cwd=tmp_path, **variables) as terminal:
        terminal.wait_until_written("loading the tools")
        terminal.type("\x03")
        assert terminal.exit_code() == 130


def test_a_chat_lists_the_tools_with_their_places(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", WORDS)
    server.script(calls("count_words", text="a b"), says("Two."))
    with Chat(server, tmp_path, "--tools", "mine.py", *ALL, cwd=tmp_path) as chat:
        chat.wait_until_ready()
        assert "count_words(text)  Count the words of a text.  (mine.py:2)" in chat.send("/tools")
        shown = chat.send("How many?")
        assert "counting" in shown
        assert "Two." in shown
        chat.leave()
        assert "streamchat --tools mine.py --resume " in chat.shown


def test_a_narrow_window_lists_the_tools_in_whole_words(server: Server, tmp_path: Path) -> None:
    name = "a_file_with_a_long_name.py"
    write(tmp_path / name, WORDS)
    with Chat(server, tmp_path, "--tools", name, cwd=tmp_path, columns=34) as chat:
        chat.wait_until_ready()
        shown = chat.send("/tools")
        assert "count_words(text)  Count the\n  words of a text." in shown
        assert f"\n  ({name}:2)" in shown
        reloaded = chat.send("/reload")
        assert f"reloaded\n  {name}: 1\n  tool\n" in reloaded


def test_a_file_that_cannot_be_loaded_can_be_corrected(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", "print('Loading')\nraise ValueError('no key')\n")
    with Chat(server, tmp_path, "--tools", "mine.py", *ALL, cwd=tmp_path) as chat:
        chat.wait_for("ValueError: no key")
        chat.wait_for_prompt()
        lines = chat.screen.everything()
        assert "Loading" in lines
        assert "✗ mine.py cannot be imported: ValueError: no key (mine.py:2)" in lines
        assert '  File "mine.py", line 2, in <module>' in lines
        write(tmp_path / "mine.py", WORDS)
        server.script(says("Hello."))
        assert "Hello." in chat.send("Hi")
        assert chat.shown.count("Traceback") == 1
        chat.leave()


def test_tools_that_hang_or_never_stop_printing_are_interrupted(
    server: Server, tmp_path: Path
) -> None:
    source = '''
        import threading, time

        async def block() -> str:
            """Block."""
            print("blocking")
            threading.Event().wait()

        def flood() -> str:
            """Flood."""
            while True:
                print("flooding")
    '''
    write(tmp_path / "mine.py", source)
    with Chat(server, tmp_path, "--tools", "mine.py", *ALL, cwd=tmp_path) as chat:
        chat.wait_until_ready()
        for count, name in enumerate(("block", "flood"), 1):
            server.script(calls(name))
            chat.type("Hi" + ENTER)
            chat.wait_for(f"{name}ing")
            chat.type(CTRL_C)
            # One more line of the tool may come after it.
            chat.wait_for(lambda _, count=count: chat.shown.count("interrupted") == count)
            chat.wait_for(lambda _: chat.prompted is not None)
        server.script(says("Still here."))
        chat.type("Hello" + ENTER)
        chat.wait_for("Still here.")


def test_tools_are_broken_and_mended_within_a_chat(server: Server, tmp_path: Path) -> None:
    mine = write(tmp_path / "mine.py", WORDS)
    whole = mine.read_text()
    with Chat(server, tmp_path, "--tools", "mine.py", *ALL, "--watch", cwd=tmp_path) as chat:
        chat.wait_for(" mine.py · 1 tool")
        chat.wait_until_ready()
        write(mine, "def count_words(:")
        chat.wait_for("✗ mine.py cannot be imported: SyntaxError")
        chat.wait_for("The tools that were loaded before are still in use.")
        chat.wait_for_prompt()
        write(mine, f"{whole}\ndef fail() -> None:\n    'F.'\n    raise OSError('gone')\n")
        chat.wait_for("reloaded mine.py: 2 tools")
        server.script(calls("fail"), says("It failed."))
        assert "OSError: gone" in chat.send("Hi")
        assert list_results(server) == ["Error: OSError: gone"]
        where = '  File "mine.py", line 9, in fail'
        assert where in chat.send("/traceback")
        server.script(calls("fail"), fails(400, "too long"))
        assert "too long" in chat.send("Hi")
        assert where in chat.send("/traceback")
        write(mine, whole)
        assert "reloaded mine.py: 1 tool" in chat.send("/reload")
        chat.leave()
