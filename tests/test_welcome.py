"""The lines at the start of a chat, and the empty lines around its turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamchat import __version__
from streamchat.agent.loader import AgentLoader
from streamchat.config import Settings
from streamchat.models.embedded.weights import EMBEDDED
from streamchat.repl.welcome import format_hints, format_plain_welcome, format_welcome
from streamchat.text.redact import Redactor
from streamchat.tools import TOOLS
from tests.chatting import ENTER, Chat
from tests.program import Terminal, run
from tests.screen import at_prompt
from tests.server import Server, notebook, says

BRAND = f"streamchat {__version__.removesuffix('.0')}"


def welcome(columns: int = 120, tools: int = 5, **settings: str) -> str:
    return format_welcome(Settings(**settings), tools, columns, "·")  # type: ignore[arg-type]


def test_the_model_its_server_and_its_tools() -> None:
    assert welcome(api_key="k") == f" {BRAND} · gpt-4o-mini at api.openai.com · 5 tools"
    assert welcome(model="m", base_url="https://user:pw@h.example/v1", tools=1).endswith(
        " · m at h.example · 1 tool"
    )
    assert welcome(model="m", base_url="http://localhost:11434/v1", tools=0).endswith(
        " · m at localhost:11434 · no tools"
    )
    assert welcome(model="m", base_url="http://[::1]:80/v1").endswith(" · m at [::1] · 5 tools")


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_model_and_what_it_is_good_for(name: str) -> None:
    size = {"local": "0.5B", "local-large": "1.5B"}[name]
    assert f"-{size}-" in EMBEDDED[name].title
    whole = f"{name}: a {size} model inside this program, good for sums"
    assert welcome(model=name) == f" {BRAND} · {whole} · 5 tools"
    assert f" {BRAND} · {name}: a {size} model" in welcome(80, model=name)


def test_the_model_that_is_installed_if_none_is_named() -> None:
    assert "local: a 0.5B model" in welcome()


def test_a_model_file(tmp_path: Path) -> None:
    (tmp_path / "small.gguf").touch()
    assert " · small.gguf inside this program · " in welcome(model=str(tmp_path / "small.gguf"))


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": "k"},
        {"model": "local"},
        {"model": "local-large"},
        {"model": "日本" * 50, "base_url": "http://" + "h" * 60 + "/v1"},
        {"model": "m\x1b[2J\n", "base_url": "http://h/v1"},
    ],
)
def test_every_width_holds_a_line(settings: dict[str, str]) -> None:
    for columns in range(1, 120):
        for line in (welcome(columns, **settings), format_hints(columns)):
            assert len(line) < max(columns, 2)
            assert not {"\x1b", "\n"} & {*line}


def test_a_narrow_window_keeps_what_matters() -> None:
    assert welcome(40, api_key="k") == f" {BRAND} · gpt-4o-mini · 5 tools"
    assert welcome(40, model="local") == f" {BRAND} · local: a 0.5B model"
    assert format_hints(80) == " ? keys   /help commands   @ file   Ctrl-J newline   Esc stop"
    assert format_hints(40) == " ? keys   /help commands   Esc stop"


def test_a_sentence_for_screen_readers() -> None:
    said = format_plain_welcome(Settings(api_key="k"))
    assert said == f"{BRAND} with gpt-4o-mini at api.openai.com. /help lists the commands."


def test_the_number_of_tools_is_known_before_they_are_loaded() -> None:
    for tools, count in ((True, len(TOOLS)), (False, 0)):
        assert AgentLoader(Settings(), Redactor(), tools=tools).tool_count == count


@pytest.mark.parametrize("columns", [80, 40])
def test_a_chat_opens_with_two_lines(server: Server, tmp_path: Path, columns: int) -> None:
    with Chat(server, tmp_path, columns=columns) as chat:
        chat.wait_for_prompt()
        first, second, empty, prompt, *_ = chat.screen.everything()
        assert first.startswith(f" {BRAND} · gpt-4o-mini")
        assert first.endswith(" · 5 tools")
        assert second == format_hints(columns)
        assert (empty, prompt) == ("", "›")
        dimmed = "\x1b[2m" + second
        assert dimmed in chat.written


@pytest.mark.parametrize(("arguments", "term"), [((), "dumb"), (("--plain",), "xterm-256color")])
def test_a_plain_chat_opens_with_one_sentence(
    server: Server, tmp_path: Path, arguments: tuple[str, ...], term: str
) -> None:
    variables = {"OPENAI_BASE_URL": server.url, "TERM": term}
    with Terminal(tmp_path, "repl", *arguments, **variables) as terminal:
        first, prompt = terminal.wait_for(at_prompt)
        assert first.startswith(f"{BRAND} with gpt-4o-mini at 127.0.0.1:")
        assert prompt.rstrip() == ">"


def test_a_chat_on_a_pipe_opens_with_nothing(server: Server, tmp_path: Path) -> None:
    done = run(tmp_path, "repl", OPENAI_BASE_URL=server.url)
    assert (done.stdout, done.stderr) == ("", "")


def test_one_empty_line_between_question_answer_and_prompt(server: Server, tmp_path: Path) -> None:
    server.script(*notebook(), says("Two."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.send("/tools")
        chat.type(ENTER)
        chat.send("two")
        lines = chat.screen.everything()
        assert lines[3:5] == ["› one", ""]
        assert lines[lines.index("› /tools") - 1] == ""
        assert lines[lines.index("› /tools") + 1].startswith("add(")
        at = lines.index("› two")
        assert lines[at - 2 : at] == ["", "›"], "an empty message takes a line, and no more"
        assert lines[at + 1] == "" != lines[at + 2]
        assert "Two." in lines[at + 3 :]
        assert lines[-3:-1] == ["", "›"]
        assert ["", ""] not in [lines[n : n + 2] for n in range(len(lines))]
        chat.leave()
    with Chat(server, tmp_path, "--continue") as chat:
        chat.wait_until_ready()
        chat.send("/history")
        lines = chat.screen.everything()
        assert lines[3:5] == ["› one", ""]
        assert lines[lines.index("› two") - 1] == ""
        assert ["", ""] not in [lines[n : n + 2] for n in range(len(lines))]


def test_a_plain_chat_has_no_empty_lines(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."))
    with Terminal(tmp_path, "repl", "--plain", OPENAI_BASE_URL=server.url) as terminal:
        terminal.wait_for(lambda lines: at_prompt(lines) and terminal.is_raw)
        for question, answer in (("one", "One."), ("two", "Two.")):
            terminal.type(question + ENTER)
            terminal.wait_for(answer)
            terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        assert "" not in terminal.screen.everything()
