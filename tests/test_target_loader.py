"""Loading the user's agent beside the prompt, and loading it anew."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.fresh import replace_modules
from streamchat.agent.target.loader import TargetLoader
from streamchat.config import Settings
from streamchat.text.redact import Redactor
from tests.targets import keep_imports, write

AGENT = """
    from contextlib import contextmanager
    from pathlib import Path

    class Executor:
        async def invoke(self, input, streamer):
            return "{answer}"

    @contextmanager
    def agent():
        yield Executor()
        Path("closed").touch()
"""
BROKEN = "raise ValueError('no key')"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with keep_imports():
        yield tmp_path


@asynccontextmanager
async def opened() -> AsyncIterator[TargetLoader]:
    loader = TargetLoader(Settings(agent="mine.py"), Redactor())
    try:
        yield loader
    finally:
        await loader.aclose()


async def test_what_is_known_before_and_after(folder: Path) -> None:
    write(folder / "mine.py", AGENT)
    async with opened() as loader:
        activities = [loader.activity]
        loader.on_activity = lambda: activities.append(loader.activity)
        assert (loader.name, loader.kind, loader.tool_count) == ("mine.py", "", None)
        loader.start()
        source = await loader.wait_until_ready()
        assert (loader.name, loader.kind) == ("mine.py:agent", "executor (Executor)")
        assert loader.tool_count == 0
        assert activities == ["loading", ""]
        assert loader.take_outcome() is source
        assert loader.take_outcome() is None


async def test_a_secret_that_is_printed_while_loading_is_redacted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "")  # removed at the end
    text = """
        import os, time
        from pathlib import Path
        os.environ["MY_TOKEN"] = "my-own-secret"
        print("as my-own-secret")
        while not Path("go").exists():
            time.sleep(0.01)
    """
    write(folder / "mine.py", f"{dedent(text)}\n{dedent(AGENT)}")
    printed, loop = asyncio.Event(), asyncio.get_running_loop()
    async with opened() as loader:
        loader.relay.on_line = lambda: loop.call_soon_threadsafe(printed.set)
        loader.start()
        await printed.wait()
        assert loader.take_lines() == ["as my-***"]
        (folder / "go").touch()
        assert await loader.wait_until_ready()


async def test_a_failure_is_kept_until_somebody_asks(folder: Path) -> None:
    agent = write(folder / "mine.py", BROKEN)
    async with opened() as loader:
        with pytest.raises(TargetError, match="ValueError: no key") as raised:
            await loader.wait_until_ready()
        assert loader.take_outcome() is raised.value
        assert loader.activity == "no agent"
        write(agent, AGENT)
        loader.start()
        await asyncio.sleep(0)
        assert loader.activity == "no agent"
        assert await loader.wait_until_ready()


async def test_a_reload_closes_the_agent_before(folder: Path) -> None:
    agent = write(folder / "mine.py", AGENT)
    async with opened() as loader:
        before = await loader.wait_until_ready()
        write(agent, AGENT.replace("Executor", "Other"))
        source = await loader.reload()
        assert source is loader.source is not before
        assert loader.kind == "executor (Other)"
        assert (folder / "closed").exists()


async def test_a_reload_that_fails_keeps_the_agent(folder: Path) -> None:
    agent = write(folder / "mine.py", AGENT)
    async with opened() as loader:
        before = await loader.wait_until_ready()
        write(agent, BROKEN)
        with pytest.raises(TargetError, match="ValueError: no key"):
            await loader.reload()
        assert loader.source is before
        assert loader.activity == ""
        assert not (folder / "closed").exists()


async def test_a_reload_waits_for_the_loading_under_way(folder: Path) -> None:
    waits = """
        import time
        from pathlib import Path

        print("begins")
        while not Path("go").exists():
            time.sleep(0.01)
        print("ends")
    """
    write(folder / "mine.py", f"{dedent(waits)}\n{dedent(AGENT)}")
    begun, loop = asyncio.Event(), asyncio.get_running_loop()
    async with opened() as loader:
        loader.relay.on_line = lambda: loop.call_soon_threadsafe(begun.set)
        loader.start()
        await begun.wait()
        reloading = asyncio.create_task(loader.reload())
        await asyncio.sleep(0)
        (folder / "go").touch()
        await reloading
        assert loader.take_lines() == ["begins", "ends"] * 2


def test_modules_that_appear_meanwhile_do_not_matter() -> None:
    """What the interpreter collects may import something, also between two modules."""
    thresholds, imported = gc.get_threshold(), list[str]()

    def import_another(phase: str, _: object) -> None:
        imported.append(f"collected_{len(imported)}")
        sys.modules[imported[-1]] = ModuleType(imported[-1])

    gc.callbacks.append(import_another)
    gc.set_threshold(1)
    try:
        with replace_modules():
            pass
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(import_another)
        for name in imported:
            del sys.modules[name]
    assert imported
