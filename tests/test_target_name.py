"""What `--agent` takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.name import parse_target


def test_a_file_and_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = parse_target("agents/mine.py:agent")
    assert (target.path, target.attribute) == (tmp_path / "agents" / "mine.py", "agent")
    assert target.display == "agents/mine.py:agent"


def test_a_file_elsewhere_is_shown_with_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_target("/elsewhere/mine.py:agent").display == "/elsewhere/mine.py:agent"


def test_a_file_in_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert parse_target("~/mine.py:agent").path == Path("/home/ada/mine.py")
    assert parse_target("~nosuchuser/mine.py").path == Path.cwd() / "~nosuchuser" / "mine.py"


def test_a_file_alone_leaves_the_name_open() -> None:
    assert parse_target("mine.py").attribute == ""


def test_a_module_and_a_name() -> None:
    target = parse_target("my_package.app:graph")
    assert (target.path, target.module, target.attribute) == (None, "my_package.app", "graph")
    # ".py:" in the name shows that a session belongs to an agent, not to a model.
    assert target.display == "my_package/app.py:graph"


def test_a_dotted_attribute_and_a_colon_in_the_path() -> None:
    assert parse_target("mine.py:team.graph").attribute == "team.graph"
    assert parse_target("a:b/mine.py:graph").display == "a:b/mine.py:graph"


@pytest.mark.parametrize("text", ["", ":", "my agent:x", "a/b:agent", "gpt-4o-mini", "..:x"])
def test_what_is_neither_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(TargetError, match=r"FILE\.py:NAME or package\.module:NAME"):
        parse_target(text)


def test_an_attribute_must_be_a_name() -> None:
    with pytest.raises(TargetError, match="'2x' is not a name"):
        parse_target("mine.py:2x")


def test_a_notebook_is_to_be_exported() -> None:
    with pytest.raises(TargetError, match=r"nbconvert --to script mine\.ipynb"):
        parse_target("mine.ipynb:agent")
