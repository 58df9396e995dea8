"""The README tells of nothing that is not there, and of all that is."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

from streamchat.config import Settings
from streamchat.config.sources import VARIABLES, load_settings
from streamchat.models.embedded.weights import EMBEDDED
from streamchat.repl.commands import table
from tests.program import environment, run
from tests.server import Server, notebook

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def test_every_option_is_documented_and_every_documented_one_exists(tmp_path: Path) -> None:
    commands = [[], ["ask"], ["repl"], ["doctor"], ["sessions"], ["config"]]
    commands += [["sessions", each] for each in ("list", "show", "search", "export", "delete")]
    commands += [["config", each] for each in ("path", "show", "init")]
    helps = [run(tmp_path, *words, "--help").stdout for words in commands]
    assert options(README) == options("\n".join(helps)) - {"--help", "--version"}


def test_every_variable_is_documented_and_every_documented_one_is_read(tmp_path: Path) -> None:
    assert set(re.findall(r"(?:STREAMCHAT|OPENAI)_[A-Z_]+", README)) == VARIABLES
    (tmp_path / "empty.toml").touch()
    (tmp_path / "full.toml").write_text("trace = true\n[profile.p]\nsave = false\n")
    empty = {"STREAMCHAT_CONFIG": str(tmp_path / "empty.toml")}
    full = {"STREAMCHAT_CONFIG": str(tmp_path / "full.toml")}
    values = {
        "OPENAI_BASE_URL": "http://h/v1",
        "STREAMCHAT_EDITING": "vi",
        "STREAMCHAT_MAX_HISTORY": "1000",
    }
    assert load_settings({}, full) != load_settings({}, empty)
    for name in VARIABLES - full.keys():
        value = "p" if name == "STREAMCHAT_PROFILE" else values.get(name, "2")
        assert load_settings({}, full | {name: value}) != load_settings({}, full)


def test_every_setting_is_documented() -> None:
    section = README.partition("### The file")[2].partition("\n### ")[0]
    assert {each.name for each in fields(Settings)} - {"api_key"} <= set(
        re.findall(r"`([a-z_]+)`", section)
    )


def test_the_file_shown_can_be_used(tmp_path: Path) -> None:
    (file,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "config.toml").write_text(file, encoding="utf-8")
    chosen = {"STREAMCHAT_CONFIG": str(tmp_path / "config.toml"), "GROQ_API_KEY": "gsk-1"}
    assert load_settings({}, chosen).model == "llama3.2"
    assert load_settings({"profile": "groq"}, chosen).api_key == "gsk-1"


def test_the_commands_of_the_chat_are_those_of_the_registry() -> None:
    (drawn,) = re.findall(r"<!-- commands -->\n((?:\|.*\n)+)", README)
    assert drawn == table() + "\n"


def test_the_tree_is_the_tree() -> None:
    drawn = re.search(r"```\nstreamchat/\n(.*?)```", README, re.DOTALL)
    assert drawn
    package, tests = drawn.group(1).split("tests/\n")
    names = set(re.findall(r"[\w/]+\.py|^  \w+/", package, re.MULTILINE))
    there = {
        f"  {path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "streamchat").iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed")
    }
    assert names == there
    for name in re.findall(r"^  (\w+\.py)", tests, re.MULTILINE):
        assert (ROOT / "tests" / name).is_file()


def test_the_hashes_are_those_that_are_checked() -> None:
    assert dict(re.findall(r"^    ([0-9a-f]{64})  (\S+)$", README, re.MULTILINE)) == {
        weights.sha256: name for name, weights in EMBEDDED.items()
    }


def test_the_python_example_runs(server: Server, tmp_path: Path) -> None:
    server.script(*notebook())
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(tmp_path, OPENAI_BASE_URL=server.url),
        timeout=60,
        check=True,
    )
    assert "ArgumentsDelta(call_id='call_add', fragment='10')" in done.stdout
    assert "{'answer': '10 + 10 equals 20.', 'tools_used': ['functions.add']}" in done.stdout


def test_both_commands_begin_with_a_fresh_environment() -> None:
    commands = re.findall(r"<!-- (?:try|tests) -->\n```sh\n(.*)\n```", README)
    assert len(commands) == 2
    assert all(each.startswith("python3 -m venv .venv && .venv/bin/pip ") for each in commands)
