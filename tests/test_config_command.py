"""`streamchat config` in the real program."""

from __future__ import annotations

import io
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from streamchat.cli.config_report import show_settings
from streamchat.config import SETTINGS, Settings
from streamchat.config.sources import load_settings, load_sources
from tests.program import Terminal, run
from tests.server import Server, notebook

FILE = """\
temperature = 0.5
default_profile = "mine"
system = "Say \\"yes\\".\\nAnd \\u001b[31m no more."

[profile.mine]
base_url = "http://me:pw-secret@127.0.0.1:1/v1"
api_key_env = "MY_TOKEN"
"""
KEYS = {"OPENAI_API_KEY": "sk-openai-secret", "MY_TOKEN": "my-own-secret"}
ALL = list(SETTINGS)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(FILE, encoding="utf-8")
    return file


def test_path_prints_only_the_path(tmp_path: Path) -> None:
    chosen = run(tmp_path, "config", "path", STREAMCHAT_CONFIG="/some/where.toml").stdout
    assert chosen == "/some/where.toml\n"
    usual = run(tmp_path, "config", "path", XDG_CONFIG_HOME=str(tmp_path)).stdout.strip()
    assert Path(usual).parts[-2:] == ("streamchat", "config.toml")


def test_show_names_the_source_of_each_setting(tmp_path: Path, config: Path) -> None:
    variables = {"STREAMCHAT_CONFIG": str(config), "STREAMCHAT_TIMEOUT": "5"} | KEYS
    lines = run(tmp_path, "config", "show", **variables).stdout.splitlines()
    assert lines == [
        f"# file: {config}",
        f"# profile: mine ({config}:2)",
        "# profiles: mine",
        'model         = "gpt-4o-mini"  # default',
        f'base_url      = "http://***@127.0.0.1:1/v1"  # profile mine in {config}:6',
        "# api_key: set (MY_TOKEN)  # MY_TOKEN",
        f'api_key_env   = "MY_TOKEN"  # profile mine in {config}:7',
        "# agent: not set  # default",
        "tools         = []  # default",
        "mcp           = {}  # default",
        "# mcp_config: not set  # default",
        "builtin_tools = true  # default",
        "# allow: none  # default",
        "# deny: none  # default",
        "approval      = {}  # default",
        f"temperature   = 0.5  # {config}:1",
        "max_steps     = 10  # default",
        "timeout       = 5.0  # STREAMCHAT_TIMEOUT",
        "# tool_timeout: not set  # default",
        f'system        = "Say \\"yes\\".\\nAnd \\u001b[31m no more."  # {config}:3',
        "max_history   = 400000  # default",
        "save          = true  # default",
        'editing       = "emacs"  # default',
        'clipboard     = "tool"  # default',
        'wrap          = "words"  # default',
        'reasoning     = "fold"  # default',
        'code_style    = "auto"  # default',
        "trace         = false  # default",
    ]


def test_the_output_of_show_is_a_valid_file(tmp_path: Path, config: Path) -> None:
    shown = run(tmp_path, "config", "show", STREAMCHAT_CONFIG=str(config)).stdout
    copy = tmp_path / "copy.toml"
    copy.write_text(shown)
    settings = load_settings({}, {"STREAMCHAT_CONFIG": str(copy)})
    assert (settings.temperature, settings.system) == (0.5, tomllib.loads(FILE)["system"])


def test_control_characters_are_shown_as_toml_escapes(tmp_path: Path) -> None:
    text = "a\x7fb\x85c\xadd\u202ee\U000e0041f\U0001f600\n\x1b"
    loaded = load_sources({"system": text}, {"STREAMCHAT_CONFIG": os.devnull})
    show_settings(loaded, out := io.StringIO())
    assert tomllib.loads(out.getvalue())["system"] == text
    assert not {"\x7f", "\x85", "\xad", "\u202e", "\x1b"} & {*out.getvalue()}


def test_show_as_json(tmp_path: Path, config: Path) -> None:
    variables = {"STREAMCHAT_CONFIG": str(config)} | KEYS
    done = run(tmp_path, "config", "show", "--profile", "mine", "--json", **variables)
    first, *settings = [json.loads(line) for line in done.stdout.splitlines()]
    assert first == {
        "version": 1,
        "file": str(config),
        "exists": True,
        "profile": "mine",
        "profile_source": "--profile",
        "profiles": ["mine"],
        "project_approval": {},
    }
    assert [each["setting"] for each in settings] == ALL
    known = {each["setting"]: (each["value"], each["source"]) for each in settings}
    assert known["temperature"] == (0.5, f"{config}:1")
    assert known["api_key"] == ("set (MY_TOKEN)", "MY_TOKEN")
    assert known["save"] == (True, "default")


def test_without_a_file(tmp_path: Path) -> None:
    shown = run(tmp_path, "config", "show").stdout
    assert re.search(r"^# file: .*config\.toml \(missing\)\n# profile: none\n", shown)
    assert "# api_key: not set  # default\n" in shown


@pytest.mark.parametrize("form", [[], ["--json"], ["--profile", ""]])
def test_no_key_is_shown(tmp_path: Path, config: Path, form: list[str]) -> None:
    variables = {"STREAMCHAT_CONFIG": str(config), "STREAMCHAT_SYSTEM": "as my-own-secret"} | KEYS
    variables["STREAMCHAT_MODEL"] = "sk-openai-secret"
    done = run(tmp_path, "config", "show", *form, **variables)
    assert done.returncode == 0
    assert "set (" in done.stdout
    for secret in (*KEYS.values(), "pw-secret"):
        assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize("columns", [100, 40])
def test_a_table_on_a_terminal(tmp_path: Path, config: Path, columns: int) -> None:
    variables = {"STREAMCHAT_CONFIG": str(config)} | KEYS
    with Terminal(tmp_path, "config", "show", columns=columns, lines=70, **variables) as terminal:
        assert terminal.exit_code() == 0
        lines = [line.rstrip() for line in terminal.screen.everything()]
        assert "\x1b[31m" not in terminal.written
        assert "secret" not in terminal.written
    assert [line.split()[0] for line in lines if line.startswith(tuple(ALL))] == ALL
    assert any("set (MY_TOKEN)" in line for line in lines)
    assert any(r"And \x1b[31m no more." in line for line in lines)
    assert "".join(line[14:].strip() for line in lines).count(f"{config}:") >= (columns == 40)


def test_init(tmp_path: Path) -> None:
    variables = {"XDG_CONFIG_HOME": str(tmp_path / "new" / "place")}
    done = run(tmp_path, "config", "init", **variables)
    file = Path(done.stdout.rstrip("\n"))
    assert done.returncode == 0
    assert file == Path(run(tmp_path, "config", "path", **variables).stdout.rstrip("\n"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700

    assert load_settings({}, {"STREAMCHAT_CONFIG": str(file)}) == Settings()
    assert run(tmp_path, "config", "show", **variables).returncode == 0


def test_init_overwrites_nothing(tmp_path: Path, config: Path) -> None:
    done = run(tmp_path, "config", "init", STREAMCHAT_CONFIG=str(config))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {config}: File exists\n"
    assert config.read_text(encoding="utf-8") == FILE


def test_init_where_no_file_can_be_written(tmp_path: Path, config: Path) -> None:
    done = run(tmp_path, "config", "init", STREAMCHAT_CONFIG=str(config / "below" / "c.toml"))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"error: {config}.*: (File exists|Not a directory)\n", done.stderr)


def test_every_line_of_the_example_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    run(tmp_path, "config", "init", STREAMCHAT_CONFIG=str(file))
    text = file.read_text(encoding="utf-8")

    settings = re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)
    assert set(tomllib.loads(settings)) == {*ALL, "default_profile"} - {
        *("api_key", "mcp", "allow", "deny", "approval")
    }
    file.write_text(settings, encoding="utf-8")
    known = load_settings({}, {"STREAMCHAT_CONFIG": str(file)})
    given = {"model": "gpt-4o-mini", "base_url": "https://api.openai.com/v1"}
    assert known == Settings(**given, max_history=400_000, tool_timeout=60)

    profile = re.sub(r'^#(?= \[| {3}["\w.*]+ = )', "", settings, flags=re.MULTILINE)
    file.write_text(profile, encoding="utf-8")
    known = load_settings({"profile": "ollama"}, {"STREAMCHAT_CONFIG": str(file)} | KEYS)
    assert (known.model, known.api_key) == ("llama3.2", None)
    assert [each.name for each in known.mcp] == ["files", "tracker"]
    assert dict(known.approval)["files.*"] == "ask"


def test_ask_with_a_profile(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[profile.p]\nbase_url = "{server.url}"\napi_key_env = "MY_TOKEN"\n')
    server.script(*notebook())
    variables = {"STREAMCHAT_CONFIG": str(config)} | KEYS
    done = run(tmp_path, "ask", "--profile", "p", "What is 10 + 10", **variables)
    assert done.stdout == "10 + 10 equals 20.\n"
    assert {headers["authorization"] for headers in server.headers} == {"Bearer my-own-secret"}


def test_an_error_in_the_file_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("model = 'm'\n\n[profile.p]\ntemperatur = 1\n")
    for command in (["ask", "hi"], ["repl"], ["doctor"], ["config", "show"]):
        done = run(tmp_path, *command, STREAMCHAT_CONFIG=str(config))
        assert (done.returncode, done.stdout, done.stderr) == (
            2,
            "",
            f"error: {config}:4: profile.p: unknown setting temperatur; "
            "did you mean temperature?\n",
        )


def test_an_unknown_profile_is_wrong_usage(tmp_path: Path, config: Path) -> None:
    done = run(tmp_path, "doctor", "--profile", "mien", STREAMCHAT_CONFIG=str(config))
    assert done.returncode == 2
    assert done.stderr == f"error: {config}: unknown profile mien; did you mean mine?\n"


def test_a_question_that_begins_with_a_minus_after_a_profile(tmp_path: Path, config: Path) -> None:
    done = run(tmp_path, "ask", "--profile", "mien", "-5 + 3", STREAMCHAT_CONFIG=str(config))
    assert "unknown profile mien" in done.stderr
    done = run(tmp_path, "ask", "hi", "--system", "- be brief", "--profile", "x")
    assert "unknown profile x" in done.stderr
