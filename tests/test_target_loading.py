"""Importing the user's file, and importing it again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.frames import is_users
from streamchat.agent.target.loading import have_files_changed
from streamchat.events import TurnDone
from streamchat.text.redact import Redactor
from tests.targets import collect, keep_imports, load, loaded, write, write_executor


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with keep_imports():
        yield tmp_path


async def ask(name: str) -> str:
    """Load an agent and return its answer."""
    async with loaded(name) as source:
        end = (await collect(source))[-1]
    assert isinstance(end, TurnDone)
    return end.answer


async def test_a_file_imports_its_siblings(folder: Path) -> None:
    write(folder / "agents" / "greetings.py", "HELLO = 'Hello!'")
    write_executor(
        folder / "agents" / "mine.py", "return HELLO", before="from greetings import HELLO"
    )
    assert await ask("agents/mine.py:agent") == "Hello!"


async def test_a_module_of_a_package_imports_its_siblings(folder: Path) -> None:
    write(folder / "shop" / "__init__.py", "")
    write(folder / "shop" / "greetings.py", "HELLO = 'Hello!'")
    write_executor(
        folder / "shop" / "app.py", "return HELLO", before="from .greetings import HELLO"
    )
    assert await ask("shop.app:agent") == "Hello!"
    assert await ask("shop/app.py:agent") == "Hello!"


async def test_a_script_in_a_package_imports_its_siblings_by_name(folder: Path) -> None:
    write(folder / "shop" / "__init__.py", "")
    write(folder / "shop" / "greetings.py", "HELLO = 'Hello!'")
    write_executor(folder / "shop" / "app.py", "return HELLO", before="from greetings import HELLO")
    assert await ask("shop/app.py:agent") == "Hello!"


async def test_a_module_s_file_is_shown(folder: Path) -> None:
    write_executor(folder / "shop" / "__init__.py", "return 'x'")
    async with loaded("shop:agent") as source:
        assert source.name == "shop/__init__.py:agent"


@pytest.mark.parametrize("name", ["my-agent", "time", "json"])
async def test_a_file_replaces_no_library_that_has_its_name(folder: Path, name: str) -> None:
    before = sys.modules.get(name)
    write_executor(folder / f"{name}.py", "return 'Hello!'")
    assert await ask(f"{name}.py:agent") == "Hello!"
    assert sys.modules.get(name) is before


async def test_a_reload_sees_an_edited_sibling(folder: Path) -> None:
    sibling = write(folder / "greetings.py", "HELLO = 'Hello!'")
    agent = write_executor(folder / "mine.py", "return HELLO", before="from greetings import HELLO")
    assert await ask("mine.py:agent") == "Hello!"
    saved = sibling.stat()
    write(sibling, "HELLO = 'Howdy!'")
    # Saved in the same second, and no longer than before: bytecode would pass for current.
    os.utime(sibling, ns=(saved.st_atime_ns, saved.st_mtime_ns))
    async with loaded("mine.py:agent") as source:
        assert (await collect(source))[-1] == TurnDone("Howdy!", (), pytest.approx(0, abs=60))
        assert source.files == [sibling, agent]
    assert not (folder / "__pycache__").exists()


async def test_a_reload_keeps_what_is_not_the_user_s_own(folder: Path) -> None:
    library = folder / ".venv" / "lib" / "python3" / "site-packages"
    write(library / "installed.py", "TOKEN = object()")
    write_executor(
        folder / "mine.py",
        "return str(id(installed.TOKEN))",
        before=f"import sys\nsys.path.append({str(library)!r})\nimport installed",
    )
    try:
        assert await ask("mine.py:agent") == await ask("mine.py:agent")
    finally:
        del sys.modules["installed"]


async def test_a_failed_reload_keeps_the_modules_there_were(folder: Path) -> None:
    sibling = write(folder / "greetings.py", "HELLO = 'Hello!'")
    agent = write_executor(
        folder / "mine.py",
        "import greetings",
        "return greetings.HELLO",
        before="import greetings",
    )
    async with loaded("mine.py:agent") as source:
        write(sibling, "HELLO = ")
        with pytest.raises(TargetError):
            await load("mine.py:agent")
        assert (await collect(source))[-1] == TurnDone("Hello!", (), pytest.approx(0, abs=60))
        # Both are worth watching: either may be what has to be mended.
        assert source.files == [sibling, agent]


async def test_a_file_has_changed_until_it_is_loaded_again(folder: Path) -> None:
    with pytest.raises(TargetError):
        await load("mine.py:agent")
    assert not have_files_changed()
    agent = write_executor(folder / "mine.py", "return 'Hello!'", before="import greetings")
    assert have_files_changed()
    sibling = write(folder / "greetings.py", "HELLO = ")
    with pytest.raises(TargetError):
        await load("mine.py:agent")
    assert not have_files_changed()
    write(sibling, "HELLO = 1")
    write(agent, f"{agent.read_text()} +")
    with pytest.raises(TargetError):
        await load("mine.py:agent")
    # The other one has not been imported again, but to load it again would change nothing.
    assert not have_files_changed()
    agent.unlink()
    assert not have_files_changed()


async def test_a_syntax_error_is_shown_where_it_is(folder: Path) -> None:
    write(folder / "mine.py", "\nagent = (1 +")
    with pytest.raises(TargetError) as caught:
        await load("mine.py:agent")
    assert str(caught.value) == (
        "mine.py cannot be imported: SyntaxError: '(' was never closed (mine.py:2)"
    )
    assert caught.value.traceback.splitlines() == [
        '  File "mine.py", line 2',
        "    agent = (1 +",
        "            ^",
        "SyntaxError: '(' was never closed",
    ]


async def test_a_failed_import_shows_the_user_s_own_frames(folder: Path) -> None:
    write(folder / "tools.py", "import json\n\ndef read():\n    return json.loads('{')\n\nread()")
    write(folder / "mine.py", "import tools")
    with pytest.raises(TargetError, match=r"JSONDecodeError: .* \(tools\.py:4\)") as caught:
        await load("mine.py:agent")
    lines = caught.value.traceback.splitlines()
    assert [line for line in lines if line.startswith("  File")] == [
        '  File "mine.py", line 1, in <module>',
        '  File "tools.py", line 6, in <module>',
        '  File "tools.py", line 4, in read',
    ]
    assert lines[-1].startswith("json.decoder.JSONDecodeError: ")


async def test_causes_are_shortened_too(folder: Path) -> None:
    write(
        folder / "mine.py",
        """
        import json
        try:
            json.loads("{")
        except ValueError as error:
            raise LookupError("no settings") from error
        """,
    )
    with pytest.raises(TargetError, match="LookupError: no settings") as caught:
        await load("mine.py:agent")
    assert "direct cause" in caught.value.traceback
    assert "decoder.py" not in caught.value.traceback


async def test_a_missing_library_may_be_in_another_environment(folder: Path) -> None:
    write(folder / "mine.py", "import no_such_library")
    with pytest.raises(TargetError, match=r"\(mine\.py:1\); is streamchat installed in your"):
        await load("mine.py:agent")


async def test_a_script_that_exits_does_not_end_the_program(folder: Path) -> None:
    write(folder / "mine.py", "import sys\n\nsys.exit('usage: mine')")
    with pytest.raises(TargetError, match=r"SystemExit: usage: mine \(mine\.py:3\)"):
        await load("mine.py:agent")


async def test_a_file_may_run_a_loop_of_its_own_when_imported(folder: Path) -> None:
    write_executor(
        folder / "mine.py",
        "return HELLO",
        before="""
        import asyncio

        async def make():
            return "Hello!"

        HELLO = asyncio.run(make())
        """,
    )
    assert await ask("mine.py:agent") == "Hello!"


async def test_a_script_that_ends_the_program(folder: Path) -> None:
    write(folder / "mine.py", "import sys\n\nsys.exit(3)")
    with pytest.raises(TargetError) as caught:
        await load("mine.py:agent")
    assert str(caught.value) == (
        "mine.py cannot be imported: SystemExit: 3 (mine.py:3); "
        'call sys.exit() only if __name__ == "__main__"'
    )


async def test_what_needs_a_running_loop_belongs_in_a_function(folder: Path) -> None:
    write(folder / "mine.py", "import asyncio\n\nloop = asyncio.get_running_loop()")
    with pytest.raises(TargetError, match="make the agent in an async function, and name that"):
        await load("mine.py:agent")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nosuch.py:agent", "there is no file nosuch.py"),
        ("shop/__init_.py", "there is no file shop/__init_.py; did you mean shop/__init__.py?"),
        ("shelf:agent", "shelf is not a Python file; name one, or a module in one"),
        ("sys:agent", "sys is not a Python file"),
        ("nosuch_module:agent", "there is no module nosuch_module here"),
        ("shop.nosuch:agent", "there is no module shop.nosuch"),
        ("shop:agnet", "shop/__init__.py has no 'agnet'; did you mean 'agent'?"),
        ("shop:robot", "shop/__init__.py has no 'robot'; it has shop/__init__.py:agent"),
    ],
)
async def test_what_is_not_there(folder: Path, name: str, message: str) -> None:
    write_executor(folder / "shop" / "__init__.py", "return 'x'")
    (folder / "shelf").mkdir()
    with pytest.raises(TargetError) as caught:
        await load(name)
    assert message in str(caught.value)
    assert not caught.value.traceback


async def test_secrets_that_a_file_loads_are_not_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "")
    write(
        folder / "mine.py",
        """
        import os
        os.environ["SHOP_API_KEY"] = "sesame-open"
        raise ValueError(f"{os.environ['SHOP_API_KEY']} is refused")
        """,
    )
    redactor = Redactor()
    with pytest.raises(TargetError, match=r"ValueError: ses\*\*\* is refused") as caught:
        await load("mine.py:agent", redactor=redactor)
    assert "sesame-open" not in caught.value.traceback
    assert redactor.redact("sesame-open") == "ses***"


def test_whose_a_file_is(folder: Path) -> None:
    assert is_users(str(folder / "mine.py"))
    assert not is_users(os.__file__)
    assert not is_users(pytest.__file__)
    assert not is_users(sys.modules["streamchat.events"].__file__ or "")
    assert not is_users("<frozen importlib._bootstrap>")
