"""Who may import whom, and which library lives where."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "streamchat"
MODULES = sorted(
    ".".join(("streamchat", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in ROOT.rglob("*.py")
)
HOMES = {
    "rich": (
        *("streamchat.view.live", "streamchat.view.progress", "streamchat.view.report"),
        *("streamchat.view.tables", "streamchat.view.settings"),
    ),
    "msgspec": ("streamchat.config",),
    "pygments": ("streamchat.view.live.highlight",),
    "prompt_toolkit": ("streamchat.repl",),
    "pyperclip": ("streamchat.repl.clipboard",),
    "markdown_it": ("streamchat.repl.clipboard",),
    "typer": ("streamchat.cli",),
    "sqlite3": ("streamchat.sessions",),
    "openai": ("streamchat.models",),
    "langchain_openai": ("streamchat.models",),
    "xllamacpp": ("streamchat.models",),
    "langsmith": ("streamchat.tracing",),
    "jsonschema": ("streamchat.tools",),
    "langchain_core": (
        *(
            "streamchat.agent",
            "streamchat.scratchpad",
            "streamchat.step",
            "streamchat.streamer",
            "streamchat.chunks",
        ),
        *("streamchat.tools", "streamchat.models", "streamchat.tracing"),
    ),
}
PURE = ["events", "turn", "answer", "safe", "mask", "findings"]
SOURCES = ["agent", "scratchpad", "step", "streamer", "chunks", "tools", "models", "tracing"]
VIEWS = ["view", "play"]
LEAVES = ["config", "threads", "echo", "signals", "sessions"]
FRONT = [
    "__main__",
    "cli",
    "app",
    "repl",
    "loading",
    "conversation",
    "runtime",
    "doctor",
]  # each knows those behind it


def imports(module: str) -> Iterator[str]:
    path = ROOT.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            if node.module == "streamchat":
                yield from (f"streamchat.{alias.name}" for alias in node.names)


def own(module: str) -> set[str]:
    """The top-level parts of the package that a module imports."""
    return {name.split(".")[1] for name in imports(module) if name.startswith("streamchat.")}


def part(module: str) -> str:
    return [*module.split("."), "streamchat"][1]


@pytest.mark.parametrize("module", MODULES)
def test_one_library_one_home(module: str) -> None:
    for name in imports(module):
        homes = HOMES.get(name.partition(".")[0])
        assert homes is None or module.startswith(homes), f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_one_way(module: str) -> None:
    match part(module):
        case "mask":
            assert own(module) <= {"events", "safe"}
        case name if name in PURE:
            assert own(module) <= {"events"}
        case name if name in SOURCES:
            assert not own(module) & {*VIEWS, *FRONT, "turn"}
        case name if name in VIEWS:
            assert own(module) <= {*PURE, "view"}
        case "sessions":
            assert own(module) <= {"events", "turn", "answer", "safe", "threads", "sessions"}
        case "config":
            assert own(module) <= {"config", "safe"}
        case "threads" | "echo" | "signals":
            assert own(module) == set()
        case name:
            above = FRONT[: FRONT.index(name)] if name in FRONT else []
            assert not own(module) & set(above)


def test_every_module_has_a_place_in_the_picture() -> None:
    known = {*PURE, *SOURCES, *VIEWS, *FRONT, *LEAVES, "streamchat"}
    assert {part(module) for module in MODULES} == known
