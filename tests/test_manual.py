"""The manual is complete and correct, and shown by `streamchat help`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from streamchat.config import SETTINGS
from streamchat.config.environment import VARIABLES as LIBRARIES
from streamchat.config.manual_table import render_settings_table
from streamchat.config.sources import VARIABLES, load_settings
from streamchat.manual import TOPICS, list_topics, read_topic
from streamchat.models.embedded.weights import EMBEDDED
from streamchat.repl.commands import render_table
from streamchat.view.document import join_lines
from streamchat.view.event_schema import build_schema
from tests.program import Terminal, environment, run
from tests.server import Server, notebook

ROOT = Path(__file__).parent.parent
MANUAL = "\n".join(map(read_topic, TOPICS))


def options(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def test_every_file_is_a_topic() -> None:
    files = (ROOT / "streamchat" / "manual").glob("*.md")
    assert {each.stem for each in files} == set(TOPICS)


def test_the_documented_options_are_the_existing_ones(tmp_path: Path) -> None:
    commands = [[], ["ask"], ["repl"], ["doctor"], ["help"], ["serve"], ["sessions"], ["config"]]
    commands += [["models"], ["models", "pull"], ["models", "rm"]]
    commands += [["sessions", each] for each in ("list", "show", "search", "export", "delete")]
    commands += [["sessions", "replay"], ["show"], ["schema", "events"]]
    commands += [["config", each] for each in ("path", "show", "init")]
    helps = [run(tmp_path, *words, "--help").stdout for words in commands]
    others = {"--enable-auto-tool-choice", "--tool-call-parser", "--key"}  # of vLLM and llm
    assert options(MANUAL) - others == options("\n".join(helps)) - {"--help", "--version"}


def test_the_documented_variables_are_the_ones_read(tmp_path: Path) -> None:
    documented = set(re.findall(r"(?:STREAMCHAT|OPENAI)_[A-Z_]+", MANUAL))
    assert documented - set(LIBRARIES) - {"STREAMCHAT_SERVE_TOKEN"} == VARIABLES
    unusual = {name for name in LIBRARIES if name.startswith(("LANGCHAIN_", "LANGSMITH_"))}
    assert all(f"`{name}`" in MANUAL for name in LIBRARIES.keys() - unusual)
    (tmp_path / "empty.toml").touch()
    (tmp_path / "full.toml").write_text("trace = true\n[profile.p]\nsave = false\n")
    empty = {"STREAMCHAT_CONFIG": str(tmp_path / "empty.toml")}
    full = {"STREAMCHAT_CONFIG": str(tmp_path / "full.toml")}
    values = {
        "OPENAI_BASE_URL": "http://h/v1",
        "STREAMCHAT_AGENT": "mine.py:agent",
        "STREAMCHAT_EDITING": "vi",
        "STREAMCHAT_MAX_HISTORY": "1000",
        "STREAMCHAT_REASONING": "show",
    }
    assert load_settings({}, full) != load_settings({}, empty)
    for name in VARIABLES - full.keys():
        value = "p" if name == "STREAMCHAT_PROFILE" else values.get(name, "2")
        assert load_settings({}, full | {name: value}) != load_settings({}, full)


def test_every_setting_is_documented() -> None:
    names = set(re.findall(r"`([a-z_]+)`", read_topic("configuration")))
    assert {*SETTINGS} - {"api_key"} <= names


def test_the_settings_table_matches_the_declarations() -> None:
    assert f"<!-- settings -->\n{render_settings_table()}" in read_topic("configuration")


def test_the_events_table_matches_the_schema() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", read_topic("events"), re.MULTILINE)
    documented = {name: re.findall(r"`(\w+)`", fields) for name, fields in rows}
    beside = {"type", "version", "at"}
    definitions = build_schema()["$defs"]
    assert documented == {
        name: [field for field in each["properties"] if field not in beside]
        for name, each in definitions.items()
    }


def test_the_commands_table_matches_the_registry() -> None:
    assert f"<!-- commands -->\n{render_table()}\n" in read_topic("chat")


def test_the_example_file_is_valid(tmp_path: Path) -> None:
    file = "".join(re.findall(r"```toml\n(.*?)```", read_topic("configuration"), re.DOTALL))
    (tmp_path / "config.toml").write_text(file, encoding="utf-8")
    chosen = {"STREAMCHAT_CONFIG": str(tmp_path / "config.toml"), "GROQ_API_KEY": "gsk-1"}
    assert load_settings({}, chosen).model == "llama3.2"
    assert load_settings({"profile": "groq"}, chosen).api_key == "gsk-1"


def test_the_example_of_servers_is_valid(tmp_path: Path) -> None:
    (file,) = re.findall(r"```toml\n(.*?)```", read_topic("mcp"), re.DOTALL)
    (tmp_path / "config.toml").write_text(file, encoding="utf-8")
    variables = {"MY_FILES_TOKEN": "ft-1", "TRACKER_AUTHORIZATION": "Bearer t-1"}
    chosen = {"STREAMCHAT_CONFIG": str(tmp_path / "config.toml")} | variables
    files, tracker = load_settings({}, chosen).mcp
    assert (files.command, files.env) == ("npx", {"FILES_TOKEN": "ft-1"})
    assert tracker.headers == {"Authorization": "Bearer t-1"}
    assert not files.fault + tracker.fault


def test_the_documented_hashes_are_the_checked_ones() -> None:
    assert dict(re.findall(r"^    ([0-9a-f]{64})  (\S+)$", MANUAL, re.MULTILINE)) == {
        weights.sha256: name for name, weights in EMBEDDED.items()
    }


def test_the_python_example_runs(server: Server, tmp_path: Path) -> None:
    server.script(*notebook())
    (code,) = re.findall(r"```python\n(.*?)```", read_topic("python"), re.DOTALL)
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


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_is_plain_text_on_a_pipe(topic: str, tmp_path: Path) -> None:
    shown = run(tmp_path, "help", topic)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("# ")
    assert "<!--" not in shown.stdout
    assert "\x1b" not in shown.stdout


def test_code_keeps_its_blank_lines(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n.*?```", read_topic("agents"), re.DOTALL)
    shown = run(tmp_path, "help", "agents").stdout
    assert any("\n\n\n" in block for block in blocks)
    assert all(block in shown for block in blocks)
    assert "\n\n\n" not in re.sub(r"```python\n.*?```", "...", shown, flags=re.DOTALL)
    assert not shown.endswith("\n\n")


def test_help_lists_the_topics(tmp_path: Path) -> None:
    lines = run(tmp_path, "help").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(TOPICS)


def test_an_unknown_topic_is_a_usage_error(tmp_path: Path) -> None:
    close = run(tmp_path, "help", "chatt")
    assert (close.returncode, close.stdout) == (2, "")
    assert close.stderr == "error: unknown topic chatt; did you mean chat?\n"
    far = run(tmp_path, "help", "\x1b[2Jxyz")
    assert far.returncode == 2
    assert far.stderr == "error: unknown topic \\x1b[2Jxyz; streamchat help lists them\n"


@pytest.mark.parametrize("columns", [80, 40])
def test_a_topic_is_wrapped_between_words_on_a_terminal(columns: int, tmp_path: Path) -> None:
    with Terminal(tmp_path, "help", "errors", columns=columns) as terminal:
        assert terminal.exit_code() == 0
        text = "\n".join(terminal.screen.everything())
    assert text.startswith("Errors and safety")
    words = set(re.findall(r"[A-Za-z]+", read_topic("errors")))
    assert set(re.findall(r"[A-Za-z]+", text)) <= words


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_terminal_without_colors_gets_none(variables: dict[str, str], tmp_path: Path) -> None:
    with Terminal(tmp_path, "help", "errors", **variables) as terminal:
        assert terminal.exit_code() == 0
        assert not re.search(r"\x1b\[[\d;]*3\dm", terminal.written)


def test_the_lines_of_paragraphs_and_items_are_joined() -> None:
    source = "# A long title\n\none two\nthree\n- four five\n  six\n- seven\n\n    code  here\n\n"
    source += "```\na  b c d e f g h i j k l\n```\n| a | b | c | d | e | f |\n"
    expected = "# A long title\n\none two three\n- four five six\n- seven\n\n    code  here\n\n"
    expected += "```\na  b c d e f g h i j k l\n```\n| a | b | c | d | e | f |"
    assert join_lines(source) == expected


def test_the_list_of_topics_breaks_between_words() -> None:
    assert all(len(line) <= 40 for line in list_topics(40).splitlines())
    assert " ".join(list_topics(40).split()) == " ".join(list_topics().split())
    assert len(list_topics().splitlines()) == len(TOPICS)
