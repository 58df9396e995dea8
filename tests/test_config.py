"""Settings and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamchat.config import SETTINGS, Settings, SettingsError, find_url_credentials
from streamchat.config.manual_table import render_settings_table
from streamchat.config.sources import find_config_file, load_settings


def load(
    path: Path, file: str = "", flags: dict[str, Any] | None = None, **environment: str
) -> Settings:
    config = path / "config.toml"
    config.write_text(file, encoding="utf-8")
    return load_settings(flags, {"STREAMCHAT_CONFIG": str(config)} | environment)


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert settings == Settings(
        model=None,
        base_url=None,
        api_key=None,
        agent=None,
        tools=(),
        mcp=(),
        mcp_config=None,
        builtin_tools=True,
        allow=(),
        deny=(),
        approval=(),
        project_approval=(),
        temperature=0.0,
        max_steps=10,
        timeout=60.0,
        tool_timeout=None,
        trace=False,
        system=None,
        max_history=None,
        save=True,
        editing="emacs",
        clipboard="tool",
        wrap="words",
        reasoning="fold",
        code_style="auto",
    )


def test_flags_over_environment_over_file(tmp_path: Path) -> None:
    file = 'model = "file"\ntemperature = 0.1\nmax_steps = 1\ntrace = true\n'
    settings = load(
        tmp_path,
        file,
        {"model": "flag", "temperature": None},
        STREAMCHAT_MODEL="environment",
        STREAMCHAT_TEMPERATURE="0.2",
        STREAMCHAT_TIMEOUT="5",
        OPENAI_BASE_URL="http://127.0.0.1:1/v1",
        OPENAI_API_KEY="sk-1",
    )
    assert settings == Settings(
        model="flag",
        base_url="http://127.0.0.1:1/v1",
        api_key="sk-1",
        temperature=0.2,
        max_steps=1,
        timeout=5.0,
        trace=True,
    )


@pytest.mark.parametrize(
    ("flags", "environment", "agent"),
    [
        ({}, {"OPENAI_BASE_URL": "http://h/v1", "STREAMCHAT_MODEL": "m"}, "/a.py"),
        ({"model": "m"}, {}, None),
        ({"model": "m"}, {"STREAMCHAT_AGENT": "b.py"}, None),
        ({"profile": "p"}, {}, None),
        ({"profile": "p", "agent": "b.py"}, {}, "b.py"),
        ({"agent": ""}, {}, None),
    ],
)
def test_a_model_or_a_server_takes_the_place_of_a_weaker_agent(
    tmp_path: Path, flags: dict[str, str], environment: dict[str, str], agent: str | None
) -> None:
    file = 'agent = "/a.py"\nmodel = "m"\n[profile.p]\nbase_url = "http://h/v1"\n'
    assert load(tmp_path, file, flags, **environment).agent == agent


def test_an_agent_needs_neither_key_nor_server(tmp_path: Path) -> None:
    settings = load(tmp_path, flags={"agent": "a.py"}, STREAMCHAT_MODEL="gpt-4o")
    assert not settings.is_local
    assert not settings.needs_key
    assert settings.server_url is None


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load(tmp_path, OPENAI_API_KEY=" ", STREAMCHAT_MODEL="").is_local


def test_the_key_is_never_shown(tmp_path: Path) -> None:
    assert "sk-1" not in repr(load(tmp_path, OPENAI_API_KEY="sk-1"))
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, OPENAI_API_KEY="sk-1\x07")
    assert "sk-1" not in str(raised.value)


@pytest.mark.parametrize(
    ("file", "environment", "message"),
    [
        (
            "",
            {"STREAMCHAT_TEMPERATURE": "hot"},
            "_TEMPERATURE must be between 0 and 2 (got 'hot')",
        ),
        ("", {"STREAMCHAT_TEMPERATURE": "nan"}, "must be between 0 and 2"),
        ("", {"STREAMCHAT_MAX_STEPS": "2.5"}, "must be a whole number between 1 and 1,000"),
        ("", {"STREAMCHAT_MAX_STEPS": "0"}, "must be a whole number between 1 and 1,000"),
        ("", {"STREAMCHAT_TIMEOUT": "-1"}, "must be between 0.1 and 86,400 seconds"),
        (
            "",
            {"OPENAI_BASE_URL": "localhost:8000"},
            "must be a URL that begins with http:// or",
        ),
        ("", {"OPENAI_BASE_URL": "http://h:port"}, "OPENAI_BASE_URL must be a valid URL"),
        (
            "",
            {"STREAMCHAT_MAX_HISTORY": "999"},
            "a whole number between 1,000 and 10,000,000",
        ),
        ("", {"STREAMCHAT_EDITING": "ed"}, "STREAMCHAT_EDITING must be emacs or vi (got 'ed')"),
        ('clipboard = "xsel"', {}, "clipboard must be tool or osc52 (got 'xsel')"),
        ("save = 1", {}, "save must be true or false (got 1)"),
        (
            'code_style = "monokia"',
            {},
            "code_style must be auto or a Pygments style; did you mean monokai? (got 'monokia')",
        ),
        (
            'code_style = "pink"',
            {},
            "code_style must be auto or a Pygments style, such as monokai (got 'pink')",
        ),
        ("code_style = 1", {}, "code_style must be auto or a Pygments style (got 1)"),
        ("system = ['a']", {}, "system must be text"),
        ("temperature = true", {}, "temperature must be between 0 and 2 (got true)"),
        ('trace = "yes"', {}, "trace must be true or false"),
        ("model = 4", {}, "model must be a name (got 4)"),
        ("tempreature = 1", {}, "unknown setting tempreature; did you mean temperature?"),
        (
            'api_key = "sk-1"',
            {},
            "config.toml:1: a key does not belong in this file: set OPENAI",
        ),
        ("model =", {}, "config.toml:1: Invalid value"),
    ],
)
def test_a_wrong_value_is_named_with_its_source(
    tmp_path: Path, file: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, file, **environment)
    assert message in str(raised.value)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Is a directory"):
        load_settings({}, {"STREAMCHAT_CONFIG": str(tmp_path)})


def test_a_file_named_by_the_variable_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load_settings({}, {"STREAMCHAT_CONFIG": str(tmp_path / "none.toml")})


def test_the_default_path_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_config_file({}).parts[-2:] == ("streamchat", "config.toml")


@pytest.mark.parametrize(
    ("settings", "local", "needs_key"),
    [
        (Settings(), True, False),
        (Settings(model="local-large"), True, False),
        (Settings(model="~/m.GGUF", api_key="sk-1"), True, False),
        (Settings(api_key="sk-1"), False, False),
        (Settings(model="gpt-4o"), False, True),
        (Settings(base_url="https://api.openai.com/v1"), False, True),
        (Settings(base_url="http://127.0.0.1:1/v1"), False, False),
        (Settings(model="llama", base_url="http://127.0.0.1:1/v1"), False, False),
        (Settings(model="theirs.gguf", base_url="http://127.0.0.1:1/v1"), False, False),
        (Settings(model="/etc/passwd", base_url="http://127.0.0.1:1/v1"), True, False),
        (Settings(model="./nothing"), True, False),
        (Settings(model="org/model", base_url="http://127.0.0.1:1/v1"), False, False),
    ],
)
def test_which_model_answers(settings: Settings, local: bool, needs_key: bool) -> None:
    assert (settings.is_local, settings.needs_key) == (local, needs_key)


def test_a_local_model_is_sent_less_history() -> None:
    assert Settings().history_budget == 16_000
    assert Settings(api_key="sk-1").history_budget == 400_000
    assert Settings(max_history=5_000).history_budget == 5_000


def test_empty_instructions_override_those_of_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, 'system = " Be brief. "').system == "Be brief."
    assert load(tmp_path, 'system = "Be brief."', {"system": ""}).system is None


def test_a_number_may_be_given_as_text(tmp_path: Path) -> None:
    settings = load(tmp_path, 'timeout = "5"\nmax_steps = 3.0', STREAMCHAT_MAX_HISTORY="1000")
    assert (settings.timeout, settings.max_steps, settings.max_history) == (5.0, 3, 1000)


@pytest.mark.parametrize(
    ("text", "number"), [(".5", 0.5), ("2.", 2.0), ("+1e0", 1.0), ("-0", 0.0), (" 1 ", 1.0)]
)
def test_ways_to_write_a_number(text: str, number: float) -> None:
    assert load_settings({"temperature": text}, {}).temperature == number


@pytest.mark.parametrize("text", ["1_0", "0x1", "\u0663", "inf", "-inf", "nan", "", "9" * 5000])
def test_text_that_only_python_takes_for_a_number(text: str) -> None:
    for name in ("temperature", "max_steps"):
        with pytest.raises(SettingsError, match="must be"):
            load_settings({name: text}, {})


@pytest.mark.parametrize("value", ["inf", "nan", "true", "[1]", "1979-05-27", "1e400", "9" * 400])
def test_values_in_the_file_that_are_not_finite_numbers(tmp_path: Path, value: str) -> None:
    for name in ("timeout", "max_history"):
        with pytest.raises(SettingsError, match=f"{name} must be"):
            load(tmp_path, f"{name} = {value}")


def test_the_settings_table() -> None:
    table = render_settings_table()
    assert len(table.splitlines()) == 2 + len(SETTINGS) + 2
    for name, setting in SETTINGS.items():
        (row,) = (row for row in table.splitlines() if setting.help in row)
        assert all(f"`{each}`" in row for each in (*setting.flags, setting.variable) if each)
        assert (f"| `{name}` |" in row) == setting.in_file
    row = next(row for row in table.splitlines() if "max_history" in row)
    assert row == (
        "| `max_history` | `--max-history` | `STREAMCHAT_MAX_HISTORY` "
        "| 16,000 for a local model, else 400,000 "
        "| Maximum number of characters of earlier turns to send to the model. "
        "A whole number between 1,000 and 10,000,000. |"
    )


def test_a_home_that_is_not_a_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/dev/null/nowhere")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert load_settings({}, {}) == Settings()


@pytest.mark.parametrize("key", ["sk 1", "sk-\u00e4", "a\tb", "sk-\x7f"])
def test_a_key_with_impossible_characters(key: str) -> None:
    with pytest.raises(SettingsError, match="must be an API key") as raised:
        load_settings({}, {"OPENAI_API_KEY": key})
    assert key not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        "me:pw1234@host",
        "http:/me:pw1234@host/v1",
        "http://me:x@pw1234@host:99999",
        "ftp://me:a/pw1234@h",
    ],
)
def test_credentials_in_a_malformed_url_are_not_repeated(address: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({"base_url": address}, {})
    assert "pw1234" not in str(raised.value)


def test_find_url_credentials() -> None:
    assert find_url_credentials("http://me:p%40ss@host/v1") == ("bWU6cEBzcw==", "p%40ss", "p@ss")
    assert find_url_credentials("http://token@host") == ("dG9rZW46", "token")
    assert find_url_credentials("http://host") == find_url_credentials(None) == ()


def test_the_url_of_chat_completions() -> None:
    settings = load_settings({"base_url": "http://host/v1/chat/completions/"}, {})
    assert settings.base_url == "http://host/v1"
    with pytest.raises(SettingsError, match="without a query"):
        load_settings({"base_url": "http://host/v1?a=b"}, {})


def test_blanks_around_a_key_are_dropped() -> None:
    assert load_settings({}, {"OPENAI_API_KEY": " sk-1\n"}).api_key == "sk-1"


def test_credentials_in_a_url_are_redacted() -> None:
    with pytest.raises(SettingsError, match=r"'\*\*\*@host/v1'") as raised:
        load_settings({"base_url": "ftp://me:secret@host/v1"}, {})
    assert "secret" not in str(raised.value)
    secrets = Settings(base_url="http://me:secret@host/v1", api_key="k").secrets
    assert {"k", "secret"} <= set(secrets)
