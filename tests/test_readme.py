"""The README is short and correct."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamchat.agent.own_tools.loading import load_tools
from streamchat.agent.own_tools.place import parse_place
from streamchat.manual import TOPICS
from streamchat.text.redact import Redactor
from tests.examples import write_example_tools

ROOT = Path(__file__).parent.parent
PICTURE = re.compile(r'(?:src|srcset)="([^"]+)"')
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_has_at_most_700_words() -> None:
    assert len(README.split()) <= 700


def test_every_topic_of_the_manual_is_linked() -> None:
    links = re.findall(r"\]\(streamchat/manual/(\w+)\.md\)", README)
    assert links == list(TOPICS)


def test_every_linked_file_exists() -> None:
    links = [*re.findall(r"\]\((?!https?:)([^)]+)\)", README), *PICTURE.findall(README)]
    assert links
    assert all((ROOT / each).is_file() for each in links)


def test_the_tree_matches_the_package() -> None:
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


def test_both_commands_begin_with_a_fresh_environment() -> None:
    commands = re.findall(r"<!-- (?:try|tests) -->\n```sh\n(.*)\n```", README)
    assert len(commands) == 2
    assert all(each.startswith("python3 -m venv .venv && .venv/bin/pip ") for each in commands)


def test_its_tools_are_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_example_tools(tmp_path / "my_tools.py")
    read, delete = load_tools([parse_place("my_tools.py")], (), Redactor())
    (tmp_path / "note.txt").write_text("Buy lamps.")
    assert read.tool.invoke({"path": "note.txt"}) == "Buy lamps."
    delete.tool.invoke({"path": "note.txt"})
    assert not (tmp_path / "note.txt").exists()
