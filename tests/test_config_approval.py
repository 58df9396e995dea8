"""Rules about tools in the configuration file, in a project's file and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamchat.config import Settings, SettingsError
from streamchat.config.approval import PROJECT_FILE
from streamchat.config.sources import load_settings
from tests.program import run


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


def load(
    home: Path, file: str = "", flags: dict[str, object] | None = None, **env: str
) -> Settings:
    config = home / "config.toml"
    config.write_text(file, encoding="utf-8")
    return load_settings(flags, {"STREAMCHAT_CONFIG": str(config)} | env)


def test_a_table_of_rules(tmp_path: Path) -> None:
    file = '[approval]\nsearch = "allow"\n"files.*" = "ask"\nfiles.delete = "deny"\n'
    assert load(tmp_path, file).approval == (
        *(("search", "allow"), ("files.*", "ask"), ("files.delete", "deny")),
    )


def test_a_profile_adds_rules_and_replaces_those_for_the_same_name(tmp_path: Path) -> None:
    file = '[approval]\na = "allow"\nb = "deny"\n[profile.p.approval]\nb = "ask"\nc = "deny"\n'
    assert dict(load(tmp_path, file).approval) == {"a": "allow", "b": "deny"}
    found = dict(load(tmp_path, file, {"profile": "p"}).approval)
    assert found == {"a": "allow", "b": "ask", "c": "deny"}


def test_flags_and_variables(tmp_path: Path) -> None:
    variables = {"STREAMCHAT_ALLOW": "a, b.*,", "STREAMCHAT_DENY": "c"}
    settings = load(tmp_path, flags={"allow": ["d", "e,f"]}, **variables)
    assert (settings.allow, settings.deny) == (("d", "e", "f"), ("c",))
    assert load(tmp_path, **variables).allow == ("a", "b.*")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("approval = 1", ':1: approval must be a table of lines such as "files.*" = "ask"'),
        (
            '[approval]\n\n"files.*" = "alow"',
            ':3: approval: "files.*" must be allow, ask or deny (got "alow")',
        ),
        ("[approval]\nfiles.delete = 1", ':2: approval: "files.delete" must be allow, ask or'),
        ("[approval]\nfiles = {}", ':2: approval: "files" must be allow, ask or deny (got {})'),
        (
            "[profile.p]\n[profile.p.approval]\na = true",
            ':3: profile.p.approval: "a" must be allow, ask or deny (got true)',
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, file: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, file)
    assert str(raised.value).startswith(f"{tmp_path}/config.toml{message}")


@pytest.mark.parametrize("text", ["a b", "a\x07"])
def test_what_is_no_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--allow must be names of tools"):
        load(tmp_path, flags={"allow": [text]})


def test_the_rules_of_a_project(tmp_path: Path) -> None:
    Path(PROJECT_FILE).write_text('[approval]\n"files.*" = "ask"\nsearch = "deny"\n')
    settings = load(tmp_path, '[approval]\nsearch = "allow"\n')
    assert settings.project_approval == (("files.*", "ask"), ("search", "deny"))
    assert settings.approval == (("search", "allow"),)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (
            '[approval]\n"*" = "allow"',
            '.streamchat.toml:2: approval: "*" must be ask or deny (got "allow")',
        ),
        (
            'model = "m"',
            ".streamchat.toml:1: model: a project's file has only [approval]",
        ),
        ("[approval", ".streamchat.toml:1: "),
    ],
)
def test_a_project_s_file_has_nothing_else(tmp_path: Path, file: str, message: str) -> None:
    Path(PROJECT_FILE).write_text(file)
    with pytest.raises(SettingsError) as raised:
        load(tmp_path)
    assert str(raised.value).startswith(message)


def test_config_show(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[approval]\n"files.*" = "ask"\n')
    Path(PROJECT_FILE).write_text('[approval]\nsearch = "deny"\n')
    variables = {"STREAMCHAT_CONFIG": str(config), "STREAMCHAT_ALLOW": "a,b"}
    shown = run(tmp_path, "config", "show", cwd=Path.cwd(), **variables).stdout
    assert '# .streamchat.toml: search = "deny"\n' in shown
    assert f'approval      = {{ "files.*" = "ask" }}  # {config}:1\n' in shown
    assert "# allow: a, b  # STREAMCHAT_ALLOW\n" in shown
    config.write_text(shown)  # it is a valid file
    lines = run(tmp_path, "config", "show", "--json", cwd=Path.cwd(), **variables).stdout
    first, *settings = map(json.loads, lines.splitlines())
    assert first["project_approval"] == {"search": "deny"}
    assert {"files.*": "ask"} in [each["value"] for each in settings]
