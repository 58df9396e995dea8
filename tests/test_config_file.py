"""The configuration file: profiles, error messages, and which key goes to which server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamchat.config import Settings, SettingsError
from streamchat.config.lines import find_lines
from streamchat.config.sources import load_settings

PROFILES = """\
model = "of-the-file"
temperature = 0.5

[profile.local]
base_url = "http://127.0.0.1:1/v1"
model = "of-the-profile"

[profile.groq]
base_url = "https://groq.example/v1"
api_key_env = "GROQ_API_KEY"
"""


def load(path: Path, file: str, flags: dict[str, Any] | None = None, **variables: str) -> Settings:
    config = path / "config.toml"
    config.write_text(file, encoding="utf-8")
    return load_settings(flags, {"STREAMCHAT_CONFIG": str(config)} | variables)


def read_error(path: Path, file: str, flags: dict[str, Any] | None = None, **variables: str) -> str:
    """Return the message about a wrong file, from its line on."""
    with pytest.raises(SettingsError) as raised:
        load(path, file, flags, **variables)
    return str(raised.value).removeprefix(str(path / "config.toml"))


def test_each_source_overrides_the_weaker_ones(tmp_path: Path) -> None:
    profile, variable = {"profile": "p"}, {"STREAMCHAT_MODEL": "variable"}
    file = 'model = "file"\n[profile.p]\nmodel = "profile"\n'
    assert load(tmp_path, "").model is None
    assert load(tmp_path, file).model == "file"
    assert load(tmp_path, file, profile).model == "profile"
    assert load(tmp_path, file, profile, **variable).model == "variable"
    assert load(tmp_path, file, profile | {"model": "flag"}, **variable).model == "flag"


def test_relative_paths_begin_in_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "cloned"
    elsewhere.mkdir()
    (elsewhere / "mine.py").write_text("raise SystemExit('not mine')", encoding="utf-8")
    (tmp_path / "mcp.json").write_text('{"mcpServers": {"files": {"command": "x"}}}')
    monkeypatch.chdir(elsewhere)
    file = 'tools = ["mine.py", "./mine.py:f,g", "/x/b.py", "~/c.py", "pack.tools"]\n'
    settings = load(tmp_path, file + 'mcp_config = "mcp.json"\n')
    mine = str(tmp_path / "mine.py")
    assert settings.tools == (mine, f"{mine}:f,g", "/x/b.py", "~/c.py", "pack.tools")
    assert [server.name for server in settings.mcp] == ["files"]
    file = '[profile.p]\nagent = "../mine.py:agent"\n[profile.q]\nagent = "pack.mine:agent"\n'
    assert load(tmp_path, file, {"profile": "p"}).agent == f"{tmp_path}/../mine.py:agent"
    assert load(tmp_path, file, {"profile": "q"}).agent == "pack.mine:agent"
    # Those of a flag or a variable begin where they are typed.
    assert load(tmp_path, file, {"tools": ("mine.py",)}).tools == ("mine.py",)
    assert load(tmp_path, file, STREAMCHAT_AGENT="mine.py:agent").agent == "mine.py:agent"


def test_a_relative_configuration_file_has_a_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text('tools = ["mine.py"]', encoding="utf-8")
    settings = load_settings({}, {"STREAMCHAT_CONFIG": "my.toml"})
    assert settings.tools == (f"{tmp_path}/mine.py",)


def test_a_profile_overrides_only_what_it_sets(tmp_path: Path) -> None:
    settings = load(tmp_path, PROFILES, {"profile": "local"})
    assert (settings.model, settings.temperature) == ("of-the-profile", 0.5)


def test_how_a_profile_is_chosen(tmp_path: Path) -> None:
    file = 'default_profile = "local"\n' + PROFILES
    variable = {"STREAMCHAT_PROFILE": "groq"}
    groq, local = "https://groq.example/v1", "http://127.0.0.1:1/v1"
    assert load(tmp_path, PROFILES).base_url is None
    assert load(tmp_path, file).base_url == local
    assert load(tmp_path, file, **variable).base_url == groq
    assert load(tmp_path, file, {"profile": "local"}, **variable).base_url == local
    assert load(tmp_path, file, {"profile": ""}, **variable).base_url is None


def test_an_unknown_profile(tmp_path: Path) -> None:
    near = ": unknown profile lokal; did you mean local?"
    assert read_error(tmp_path, PROFILES, {"profile": "lokal"}) == near
    assert read_error(tmp_path, PROFILES, STREAMCHAT_PROFILE="lokal") == near
    assert read_error(tmp_path, '\ndefault_profile = "lokal"\n' + PROFILES) == f":2{near}"
    far = ": unknown profile x; choose from groq, local"
    assert read_error(tmp_path, PROFILES, {"profile": "x"}) == far
    assert read_error(tmp_path, "", {"profile": "x"}) == ": unknown profile x; the file has none"


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("\ntemperatur = 1", ":2: unknown setting temperatur; did you mean temperature?"),
        (
            "[profile.p]\n\nmodel = 'm'\ntemperatur = 1",
            ":4: profile.p: unknown setting temperatur; did you mean temperature?",
        ),
        (
            "frobnicate = 1",
            ":1: unknown setting frobnicate; choose from agent, api_key_env, approval, base_url, "
            "builtin_tools, clipboard, code_style, default_profile, editing, max_history, "
            "max_steps, mcp, mcp_config, model, profile, reasoning, save, system, temperature, "
            "timeout, tool_timeout, tools, trace, wrap",
        ),
        ('"" = 1', ':1: unknown setting ""; choose from agent, api_key_env, approval, base_url, '),
        ('[profile.p]\n"" = 1', ':2: profile.p: unknown setting ""; choose from '),
        ("[profiles.p]\nmodel = 'm'", ":1: unknown setting profiles; did you mean profile?"),
        (
            '#\n\nmax_steps = "many"',
            ":3: max_steps must be a whole number between 1 and 1,000 (got 'many')",
        ),
        (
            "[profile.p]\nmax_steps = 'many'",
            ":2: profile.p: max_steps must be a whole number between 1 and 1,000 (got 'many')",
        ),
        (
            "profile.p.model = 'm'\nprofile.p.timeout = []",
            ":2: profile.p: timeout must be between 0.1 and 86,400 seconds (got [])",
        ),
        (
            "[profile]\nq = {model = 'm'}\np = {model = 'm', trace = 'on'}",
            ":3: profile.p: trace must be true or false (got 'on')",
        ),
        (
            '[ profile . "a.b" ]\n"trace" = \'on\'',
            ":2: profile.a.b: trace must be true or false (got 'on')",
        ),
        (
            "system = '''\ntrace = 'on'\n'''\n[profile.p]\nsystem = \"\"\"\n"
            "[profile.q]\ntrace = 'off'\"\"\"\n\ntrace = 'maybe'",
            ":9: profile.p: trace must be true or false (got 'maybe')",
        ),
        (
            "model = 'm'\r\nsystem = [\r\n'trace',\r\n]\r\n",
            ":2: system must be text (got ['trace'])",
        ),
        ("profile = 'p'", ":1: profile must be a table: [profile.NAME]; see "),
        ("[profile]\nmodel = 'm'", ":2: profile.model must be a table"),
        ("[[profile]]\nmodel = 'm'", ":1: profile must be a table"),
        ("default_profile = 1", ":1: default_profile must be a name"),
        ("[profile.p]\ndefault_profile = 'p'", ":2: profile.p: unknown setting default_prof"),
        ("[profile.p]\nprofile = 'p'", ":2: profile.p: unknown setting profile"),
        ("a = 1\nb = = 2", ":2: Invalid value (column 5)"),
        ("a = 1\nb = '''\n\n", ":2: Expected \"'''\""),
        ("a = " + "[" * 5000, ": nested too deeply"),
        ("a = " + "9" * 5000, ": "),
    ],
)
def test_an_error_names_its_line(tmp_path: Path, file: str, message: str) -> None:
    assert read_error(tmp_path, file).startswith(message)


def test_unused_profiles_are_checked_too(tmp_path: Path) -> None:
    assert read_error(tmp_path, PROFILES + "save = 3", {"profile": "local"}).startswith(
        ":11: profile"
    )


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    message = read_error(tmp_path, f"trace = '{'x' * 5000}'")
    assert len(message) < 150
    assert "xx…'" in message


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_bytes(b"# \xc3\xa4\nmodel = '\xe4'\n")
    with pytest.raises(SettingsError, match=r"config\.toml:2: not UTF-8 text"):
        load_settings({}, {"STREAMCHAT_CONFIG": str(config)})


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeffmodel = 'm'").model == "m"


@pytest.mark.parametrize("where", ["", "[profile.p]\n"])
def test_a_key_in_the_file_is_rejected(tmp_path: Path, where: str) -> None:
    message = read_error(tmp_path, f"{where}api_key = 'sk-secret'")
    assert "a key does not belong in this file: set OPENAI_API_KEY" in message
    assert "sk-secret" not in message


@pytest.mark.parametrize("key", ["sk-proj-1234", "gsk_1234abcd", "A KEY"])
def test_a_key_in_place_of_its_variable_is_not_repeated(tmp_path: Path, key: str) -> None:
    message = read_error(tmp_path, f"api_key_env = '{key}'")
    assert message == ":1: api_key_env must be the name of an environment variable, in capitals"


KEYS = {"OPENAI_API_KEY": "sk-openai", "GROQ_API_KEY": "gsk-groq"}


def test_a_profile_names_the_variable_of_its_key(tmp_path: Path) -> None:
    assert load(tmp_path, PROFILES, {"profile": "groq"}, **KEYS).api_key == "gsk-groq"
    assert load(tmp_path, PROFILES, {"profile": "local"}, **KEYS).api_key == "sk-openai"


def test_only_the_named_key_is_sent(tmp_path: Path) -> None:
    groq = load(tmp_path, PROFILES, {"profile": "groq"}, OPENAI_API_KEY="sk-openai")
    assert (groq.api_key, groq.api_key_env) == (None, "GROQ_API_KEY")
    file = 'base_url = "http://h/v1"\napi_key_env = ""\n'
    assert load(tmp_path, file, **KEYS).api_key is None


@pytest.mark.parametrize(
    ("flags", "variables"),
    [({"base_url": "http://other/v1"}, {}), ({}, {"OPENAI_BASE_URL": "http://other/v1"})],
)
def test_the_key_of_one_server_is_not_sent_to_another(
    tmp_path: Path, flags: dict[str, str], variables: dict[str, str]
) -> None:
    settings = load(tmp_path, PROFILES, {"profile": "groq"} | flags, **KEYS | variables)
    assert settings.base_url == "http://other/v1"
    assert (settings.api_key, settings.api_key_env) == ("sk-openai", "OPENAI_API_KEY")
    file = 'api_key_env = "GROQ_API_KEY"\n[profile.p]\nbase_url = "http://other/v1"'
    assert load(tmp_path, file, {"profile": "p"}, **KEYS).api_key == "sk-openai"


def test_the_line_of_every_key() -> None:
    text = (
        'a = 1\n# b = 2\nb.c = """\nd = 4\n"""\n\n'
        '[t]\ne = [\n  "f = 6",\n]\nf = {g = 7}\n[[u]]\nh = 1'
    )
    assert find_lines(text) == {
        ("a",): 1,
        ("b",): 3,
        ("b", "c"): 3,
        ("t",): 7,
        ("t", "e"): 8,
        ("t", "f"): 11,
        ("t", "f", "g"): 11,
        ("u",): 12,
        ("u", "h"): 13,
    }


def test_lines_of_a_long_text_are_found_in_linear_time() -> None:
    text = 'system = """\n' + "so many words\n" * 20_000 + '"""\nmodel = "m"\n'
    assert find_lines(text)["model",] == 20_003
