"""Which room may import which, and which library lives where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "streamchat"

# From the bottom up. A room imports only rooms that stand above it in this list.
ROOMS = {
    "manual": set[str](),
    "events": set[str](),
    "text": {"events"},
    "turn": {"events", "text"},
    "config": {"text"},
    "process": {"text"},
    "view": {"events", "turn", "text", "process"},
    "tools": {"events", "text", "process"},
    "models": {"config", "text"},
    "agent": {"events", "turn", "text", "config", "process", "models", "tools"},
    "doctor": {"events", "text", "config", "models", "tools", "agent", "view", "process"},
    "sessions": {"events", "turn", "text", "config", "process", "agent", "view"},
    "serve": {
        *{"events", "turn", "text", "config", "process"},
        *{"models", "tools", "agent", "view"},
    },
    "repl": {
        *{"events", "turn", "text", "config", "process"},
        *{"view", "models", "agent", "sessions", "manual"},
    },
    "cli": {
        *{"events", "turn", "text", "config", "process"},
        *{"view", "models", "agent", "sessions", "manual", "doctor", "serve", "repl"},
    },
}
# The package itself offers the names that Python users import, and starts the program.
DOORS = {"streamchat": {"agent"}, "streamchat.__main__": {"process", "cli"}}
PURE = (
    "events",
    "turn",
    "text",
    "config.kinds",
    "config.lines",
    "config.manual_table",
    "models.wire.sse",
    "models.wire.body",
    "agent.interrupted",
    *("serve.openai.inputs", "serve.openai.messages", "serve.openai.answer"),
    *("serve.frames", "serve.openai.steps", "serve.openai.encoder"),
    *("sessions.transcript", "sessions.rhythm", "sessions.times", "sessions.playhead"),
    *("view.event_schema", "view.event_lines", "view.film.cast", "view.film.svg"),
    "tools.approval",
    "agent.edited",
)
LIBRARIES = {
    "rich": ("view",),
    "pyte": ("view.film.screen",),
    "pygments": ("view.markdown.highlight", "config.kinds"),
    "prompt_toolkit": ("repl",),
    "typer": ("cli",),
    "tomllib": ("config",),
    "sqlite3": ("sessions",),
    "httpx2": ("models.transport", "models.openai_compatible", "models.providers.errors"),
    "openai": ("models", "doctor.probe"),
    "langchain_openai": ("models",),
    "huggingface_hub": ("models.embedded.download_process",),
    "xllamacpp": ("models.embedded",),
    "langsmith": ("agent.tracing",),
    "jsonschema": ("tools",),
    "langchain_core": ("agent", "tools", "models", "doctor.probe"),
    "langgraph": ("agent.target",),
    "mcp": ("agent.mcp",),
    "langchain_mcp_adapters": ("agent.mcp",),
    "anyio": ("agent.mcp",),
    "httpx": ("agent.mcp",),
    "starlette": ("serve",),
    "uvicorn": ("serve",),
    "ag_ui": ("serve",),
    "websockets": (),
    "langchain": (),
    "deepagents": (),
}
INPUT_AND_OUTPUT = {"os", "sys", "io", "time", "asyncio", "socket", "subprocess", "pathlib"}
MODULES = {
    ".".join(("streamchat", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(ROOT.rglob("*.py"))
}


def imports(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            if node.module == "streamchat":
                yield from (f"streamchat.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    return [*module.split("."), ""][1]


def rooms_imported(module: str) -> set[str]:
    named = (name for name in imports(module) if name.startswith("streamchat."))
    return {room(name) for name in named} - {room(module), "__version__"}


def stands_in(module: str, places: tuple[str, ...]) -> bool:
    own = module.removeprefix("streamchat.")
    return any(own == place or own.startswith(f"{place}.") for place in places)


def test_the_rooms_are_the_folders_of_the_package() -> None:
    beside = {"__init__.py", "__main__.py", "__pycache__", "py.typed"}
    there = {path.name.removesuffix(".py") for path in ROOT.iterdir() if path.name not in beside}
    assert there == set(ROOMS)


def test_a_room_imports_only_rooms_below_it() -> None:
    below: set[str] = set()
    for name, imported in ROOMS.items():
        assert imported <= below, name
        below.add(name)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    allowed = DOORS[module] if module in DOORS else ROOMS[room(module)]
    assert rooms_imported(module) <= allowed


def test_no_modules_import_each_other() -> None:
    arrows = {
        module: {name for name in imports(module) if name in MODULES and name != module}
        for module in MODULES
    }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for each in sorted(arrows[module]):
                walk(each, (*path, module))
            done.add(module)

    for module in MODULES:
        walk(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_one_library_one_home(module: str) -> None:
    for name in imports(module):
        homes = LIBRARIES.get(name.partition(".")[0])
        assert homes is None or stands_in(module, homes), f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if stands_in(name, PURE)])
def test_a_pure_module_does_no_input_or_output(module: str) -> None:
    assert not {name.partition(".")[0] for name in imports(module)} & INPUT_AND_OUTPUT


def imports_on_import(module: str) -> Iterator[str]:
    """What a module imports when it is imported itself, and not first in one of its functions."""
    waiting: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif not (is_for_types(node) or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            waiting += ast.iter_child_nodes(node)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


MCP_OUTSIDE_SESSIONS = ("manager", "names", "progress", "state", "quiet", "guardian", "lines")


@pytest.mark.parametrize("module", [f"streamchat.agent.mcp.{e}" for e in MCP_OUTSIDE_SESSIONS])
def test_mcp_is_imported_only_in_the_thread_of_the_sessions(module: str) -> None:
    heavy = {"mcp", "langchain_mcp_adapters", "langchain_core", "anyio", "httpx", "pydantic"}
    assert not {name.partition(".")[0] for name in imports_on_import(module)} & heavy
    ours = {name for name in imports_on_import(module) if name.startswith("streamchat.agent.mcp.")}
    assert {name.rpartition(".")[2] for name in ours} <= {*MCP_OUTSIDE_SESSIONS}


@pytest.mark.parametrize("module", [name for name in MODULES if stands_in(name, ("agent.target",))])
def test_langgraph_is_imported_only_once_there_is_a_graph(module: str) -> None:
    assert not {name.partition(".")[0] for name in imports_on_import(module)} & {"langgraph"}
