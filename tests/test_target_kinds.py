"""Which objects are agents, and what is said about those that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamchat.agent.target.errors import TargetError
from streamchat.events import TurnDone
from tests.server import Server, answers
from tests.targets import collect, keep_imports, load, loaded, write

EXECUTOR = """
class Executor:
    def __init__(self, answer="Hello!"):
        self.answer = answer

    async def invoke(self, input, streamer):
        return self.answer

"""
GRAPH = """
from langgraph.graph import MessagesState, StateGraph

builder = StateGraph(MessagesState)
builder.add_node("say", lambda state: {"messages": [("ai", "Hello!")]})
builder.set_entry_point("say")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with keep_imports():
        yield tmp_path


async def ask(folder: Path, text: str, name: str = "agent") -> str:
    """Write a file, load an agent from it, and return its answer."""
    write(folder / "mine.py", text)
    async with loaded(f"mine.py:{name}" if name else "mine.py") as source:
        end = (await collect(source))[-1]
    assert isinstance(end, TurnDone)
    return end.answer


async def refusal(folder: Path, text: str, name: str = "agent") -> str:
    """Write a file, and return why there is no agent in it."""
    write(folder / "mine.py", text)
    with pytest.raises(TargetError) as caught:
        await load(f"mine.py:{name}" if name else "mine.py")
    return str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        "agent = Executor()",
        "def agent():\n    return Executor()",
        "async def agent():\n    return Executor()",
        "def agent(config):\n    return Executor(**config['configurable'])",
        "def agent(answer='Hello!'):\n    return Executor(answer)",
        "async def make():\n    return Executor()\n\nagent = make()",
        "def agent():\n    async def make():\n        return Executor()\n    return make()",
        "import functools\n\nagent = functools.partial(Executor, 'Hello!')",
        # Tools of MCP servers are often fetched like this.
        "import asyncio\n\ndef agent():\n    return asyncio.run(make())\n\n"
        "async def make():\n    return Executor()",
    ],
)
async def test_an_executor_or_what_returns_one(folder: Path, code: str) -> None:
    assert await ask(folder, EXECUTOR + code) == "Hello!"


@pytest.mark.parametrize("ending", ["", "()"])
async def test_a_context_manager_is_open_as_long_as_the_agent(folder: Path, ending: str) -> None:
    code = """
from contextlib import asynccontextmanager
import asyncio
from pathlib import Path

@asynccontextmanager
async def make():
    task = asyncio.current_task()
    Path("state").write_text("open")
    try:
        yield Executor()
    finally:
        # Cancel scopes must be left by the task that entered them.
        Path("state").write_text("closed" if asyncio.current_task() is task else "elsewhere")

agent = make
"""
    write(folder / "mine.py", f"{EXECUTOR}{code.rstrip()}{ending}\n")
    async with loaded("mine.py:agent") as source:
        assert (await collect(source))[-1] == TurnDone("Hello!", (), pytest.approx(0, abs=60))
        assert (folder / "state").read_text() == "open"
    assert (folder / "state").read_text() == "closed"


async def test_a_generator_is_taken_for_a_context_manager(folder: Path) -> None:
    assert await ask(folder, f"{EXECUTOR}async def agent():\n    yield Executor()") == "Hello!"


async def test_a_plain_context_manager(folder: Path) -> None:
    imports = "from contextlib import contextmanager\n"
    code = "@contextmanager\ndef agent():\n    yield Executor()"
    assert await ask(folder, imports + EXECUTOR + code) == "Hello!"


async def test_a_graph(folder: Path) -> None:
    assert await ask(folder, f"{GRAPH}\ngraph = builder.compile()", "") == "Hello!"


async def test_a_graph_beside_its_model_and_its_parts(folder: Path) -> None:
    code = f"""
from langchain_core.language_models import FakeListChatModel
{GRAPH}
llm = FakeListChatModel(responses=["No"])
mine = builder.compile()
"""
    assert await ask(folder, code, "") == "Hello!"


async def test_a_chat_model(folder: Path) -> None:
    code = """
from langchain_core.language_models import FakeListChatModel

llm = FakeListChatModel(responses=["Hello!"])
"""
    assert await ask(folder, code, "") == "Hello!"


async def test_an_executor_of_streamchat_s(folder: Path, server: Server) -> None:
    server.script(answers("20", tools_used=["add"]))
    write(
        folder / "mine.py",
        f"""
        from streamchat import AgentExecutor
        from streamchat.models.openai_compatible import connect

        llm = connect("m", base_url={server.url!r}, api_key="k", temperature=0, timeout=60)
        agent = AgentExecutor(llm, system_prompt="Be brief.")
        """,
    )
    async with loaded("mine.py") as source:
        assert source.kind == "streamchat AgentExecutor"
        assert source.tools[0].name == "add"
        events = await collect(source, "What is 10 + 10?")
    assert events[-1] == TurnDone("20", ("add",), pytest.approx(0, abs=60))
    assert server.requests[0]["messages"][0]["content"] == "Be brief."


@pytest.mark.parametrize("name", ["agent", "graph", "app", "executor", "agent_executor", "chain"])
async def test_a_usual_name_need_not_be_given(folder: Path, name: str) -> None:
    write(folder / "mine.py", f"{EXECUTOR}{name} = Executor()\nother = Executor()")
    async with loaded("mine.py") as source:
        assert source.name == f"mine.py:{name}"


async def test_a_usual_name_of_something_else_is_no_agent(folder: Path) -> None:
    # Such as a web application.
    assert await ask(folder, f"{EXECUTOR}app = object()\nmine = Executor()", "") == "Hello!"


async def test_a_usual_name_of_an_imported_function_is_no_agent(folder: Path) -> None:
    code = f"{EXECUTOR}from glob import glob as agent\nmine = Executor()"
    assert await ask(folder, code, "") == "Hello!"


async def test_one_agent_with_two_names(folder: Path) -> None:
    assert await ask(folder, f"{EXECUTOR}one = Executor()\ntwo = one", "") == "Hello!"


async def test_of_several_agents_one_must_be_named(folder: Path) -> None:
    text = await refusal(folder, f"{EXECUTOR}one = Executor()\ntwo = Executor()", "")
    assert text == "mine.py has more than one agent: mine.py:one, mine.py:two"


async def test_a_function_may_return_the_agent(folder: Path) -> None:
    text = await refusal(folder, f"{EXECUTOR}def build():\n    return Executor()", "")
    assert text == "mine.py has no agent; if a function returns one, name it: mine.py:build"


async def test_a_file_without_an_agent(folder: Path) -> None:
    assert (await refusal(folder, "x = 1", "")).startswith("mine.py has no agent: no LangGraph")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (f"{GRAPH}\nagent = builder", "is a StateGraph; compile it: graph.compile()"),
        (
            "from langgraph.pregel.remote import RemoteGraph\n\n"
            "agent = RemoteGraph('agent', url='http://127.0.0.1:9')",
            "is a RemoteGraph, which runs on a server; name the graph itself",
        ),
        (
            "from langchain_core.tools import tool\n\n@tool\ndef agent(x: int) -> int:\n"
            "    'Double.'\n    return 2 * x",
            "is a tool, which an agent calls",
        ),
        (
            "from langchain_core.prompts import ChatPromptTemplate\n\n"
            "agent = ChatPromptTemplate.from_messages([('human', '{input}')])",
            "is a prompt; name prompt | model",
        ),
        (f"{EXECUTOR}agent = Executor", "is a class; name an instance of it, or a function"),
        ("agent = None", "is None"),
        ("def agent():\n    pass", "is None; if it is a function, it returns nothing"),
        ("agent = 42", "is an int; name a LangGraph graph, a LangChain Runnable, an executor"),
        (
            "def agent(llm, tools):\n    pass",
            "agent needs llm, tools; name an agent, or a function",
        ),
        (
            "class Executor:\n    def invoke(self, input):\n        ...\n\nagent = Executor()",
            "Executor.invoke takes no streamer",
        ),
    ],
)
async def test_a_refusal_says_what_would_do(folder: Path, code: str, why: str) -> None:
    assert why in await refusal(folder, code)


async def test_a_function_that_fails(folder: Path) -> None:
    write(folder / "mine.py", "def agent():\n    return 1 / 0")
    with pytest.raises(TargetError) as caught:
        await load("mine.py:agent")
    assert str(caught.value) == (
        "mine.py:agent cannot be made: ZeroDivisionError: division by zero (mine.py:2)"
    )
    frames = re.findall('File "(.*)", line', caught.value.traceback)
    assert frames == ["mine.py"]


async def test_a_function_that_exits(folder: Path) -> None:
    assert "SystemExit" in await refusal(folder, "async def agent():\n    raise SystemExit(3)")
