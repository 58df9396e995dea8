"""MCP servers in flags, in the configuration file and in the JSON files of other programs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from streamchat.config import Settings, SettingsError
from streamchat.config.mcp import McpServer
from streamchat.config.mcp.naming import parse_server
from streamchat.config.mcp.secrets import find_secrets
from streamchat.config.sources import load_settings
from tests.program import run

TABLES = """\
[mcp.files]
command = "npx"
args = ["-y", "server-files", "."]
env = { TOKEN = "env:FILES_TOKEN", LEVEL = "debug" }

[mcp.tracker]
url = "https://tracker.example/mcp"
headers = { Authorization = "Bearer tr-123456" }

[profile.p.mcp.other]
command = "other"
"""


def load(path: Path, file: str, flags: dict[str, Any] | None = None, **variables: str) -> Settings:
    config = path / "config.toml"
    config.write_text(file, encoding="utf-8")
    return load_settings(flags, {"STREAMCHAT_CONFIG": str(config)} | variables)


def read_error(path: Path, file: str, flags: dict[str, Any] | None = None) -> str:
    with pytest.raises(SettingsError) as raised:
        load(path, file, flags)
    return str(raised.value).removeprefix(str(path / "config.toml"))


def read_json(path: Path, content: object, **variables: str) -> tuple[McpServer, ...]:
    file = path / "mcp.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return load(path, "", {"mcp_config": str(file)}, **variables).mcp


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("npx -y @modelcontextprotocol/server-filesystem .", "filesystem"),
        ("uvx mcp-server-git@1.2 --repository .", "git"),
        ("python -m mcp_server_time", "time"),
        ("python notes.py", "notes"),
        ("uv --directory /srv run weather.py", "weather"),
        ("docker run -i --rm -e KEY ghcr.io/github/github-mcp-server:latest", "github"),
        ("/usr/bin/mcp-server", "server"),
        ("npx", "npx"),
        ("https://mcp.linear.app/mcp", "mcp-linear-app"),
        ("http://127.0.0.1:8000/mcp?key=1", "127-0-0-1"),
        ("mine=python notes.py", "mine"),
        ("mine=https://h/mcp", "mine"),
    ],
)
def test_the_name_of_a_server(text: str, name: str) -> None:
    assert parse_server(text).name == name


def test_a_command_is_split_as_a_shell_does(tmp_path: Path) -> None:
    (server,) = load(tmp_path, "", {"mcp": ["notes='my server' --in \"my notes\" ~/x"]}).mcp
    assert server == McpServer(
        "notes", "my server", ("--in", "my notes", str(Path.home() / "x")), {}
    )
    assert server.place.startswith("'my server' --in 'my notes' ")


def test_servers_of_the_same_derived_name_get_numbers(tmp_path: Path) -> None:
    servers = load(tmp_path, "", {"mcp": ["uvx git a", "uvx git b", "uvx git c"]}).mcp
    assert [each.name for each in servers] == ["git", "git-2", "git-3"]
    message = read_error(tmp_path, "", {"mcp": ["git=a", "git=b"]})
    assert message.startswith("--mcp must be servers of different names, and two are called git")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 'b", "--mcp must be a command or a URL, and a quote in this one is not closed"),
        ("''", "--mcp must be a command or a URL"),
        ("https://", "--mcp must be a URL that begins with http:// or https://"),
        ("https://h:x/mcp", "--mcp must be a valid URL"),
        ("https://me:pw-secret@h:x/", "--mcp must be a valid URL (got "),
    ],
)
def test_a_flag_that_names_no_server(tmp_path: Path, text: str, message: str) -> None:
    error = read_error(tmp_path, "", {"mcp": [text]})
    assert error.startswith(message)
    assert "pw-secret" not in error


def test_the_tables_of_the_file(tmp_path: Path) -> None:
    files, tracker = load(tmp_path, TABLES, FILES_TOKEN="ft-123456").mcp
    assert files == McpServer(
        "files",
        "npx",
        ("-y", "server-files", "."),
        {"TOKEN": "ft-123456", "LEVEL": "debug"},
        secrets=("ft-123456",),
    )
    assert (tracker.url, tracker.headers) == (
        "https://tracker.example/mcp",
        {"Authorization": "Bearer tr-123456"},
    )


def test_flags_replace_the_servers_of_the_profile_and_these_the_others(tmp_path: Path) -> None:
    def names(flags: dict[str, Any]) -> list[str]:
        return [each.name for each in load(tmp_path, TABLES, flags).mcp]

    (tmp_path / "mcp.json").write_text('{"mcpServers": {"shared": {"command": "s"}}}')
    shared = {"mcp_config": str(tmp_path / "mcp.json")}
    assert names({}) == ["files", "tracker"]
    assert names({"profile": "p"}) == ["other"]
    assert names({"profile": "p", "mcp": ["flag"]}) == ["flag"]
    assert names({"profile": "p"} | shared) == ["shared"]
    assert names({"mcp": ["flag"]} | shared) == ["flag", "shared"]
    assert names({"mcp": [""]}) == names({"mcp_config": ""}) == names({"agent": "a.py"}) == []


def test_the_file_may_name_a_json_file(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text('{"mcpServers": {"shared": {"command": "s"}}}')
    file = f'mcp_config = "{tmp_path}/mcp.json"\n{TABLES}'
    assert [each.name for each in load(tmp_path, file).mcp] == ["files", "tracker", "shared"]


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("[mcp.a]\ncomand = 'x'", ":2: mcp.a: unknown key comand; did you mean command?"),
        ("[mcp.a]\nurl = 'http://h/'\nx = 1", ":3: mcp.a: unknown key x; choose from command, "),
        ("[mcp.a]\ncommand = 'x'\nurl = 'http://h/'", ":1: mcp.a: it has both command and url"),
        ("\n[mcp.a]\n", ":2: mcp.a: it has neither command nor url"),
        ("[mcp.a]\ncommand = 'x'\nargs = 'y'", ":3: mcp.a: args must be a list of texts"),
        ("[mcp.a]\ncommand = ['x']", ":2: mcp.a: command must be text"),
        ("[mcp.a]\ncommand = 'x'\nenv = { A = 1 }", ":3: mcp.a: env.A must be text"),
        ("[mcp.a]\ncommand = 'x'\n[mcp.a.env]\nA = 1", ":3: mcp.a: env.A must be text"),
        ("[mcp.a]\nurl = 'ftp://h'", ":1: mcp.a: url must be a URL that begins with http"),
        ("[mcp.a]\nurl = 'http://h'\nenv = { A = 'b' }", ":1: mcp.a: env does not go with url"),
        ("[mcp.a]\ncommand = 'h'\nheaders = {}", ":1: mcp.a: headers does not go with command"),
        ("[mcp.'a b']\ncommand = 'x'", ":1: mcp.a b: the name must be at most 32 letters, "),
        ("mcp = ['x']", ":1: mcp must be a table: [mcp.NAME]"),
        ("[mcp]\na = 'x'", ":2: mcp.a must be a table with command or url"),
        (
            "[profile.p.mcp.a]\ncomand = 'x'",
            ":2: profile.p.mcp.a: unknown key comand; did you mean command?",
        ),
    ],
)
def test_an_error_names_its_line(tmp_path: Path, file: str, message: str) -> None:
    assert read_error(tmp_path, file).startswith(message)


def test_a_missing_variable_is_the_fault_of_its_server_alone(tmp_path: Path) -> None:
    files, tracker = load(tmp_path, TABLES).mcp
    assert files.fault == "needs the environment variable FILES_TOKEN, which is not set"
    assert not tracker.fault


def test_a_header_that_http_cannot_send(tmp_path: Path) -> None:
    file = "[mcp.a]\nurl = 'http://h'\nheaders = { Authorization = 'env:A' }"
    (server,) = load(tmp_path, file, A="tö-secret\n").mcp
    assert server.fault == "has a header Authorization that is not printable ASCII text"


def test_nothing_secret_is_in_the_repr(tmp_path: Path) -> None:
    settings = load(tmp_path, TABLES, FILES_TOKEN="ft-123456")
    assert "123456" not in repr(settings)
    assert {"ft-123456", "Bearer tr-123456", "tr-123456"} <= {*settings.secrets}


def test_what_is_a_secret() -> None:
    assert (
        find_secrets({"LEVEL": "debug", "HOME": "/home/me", "PORT": "8080", "R": "eu-west-1"}) == ()
    )
    assert find_secrets({"PASSWORD": "hunter", "X": "8f3a9c-q"}) == ("hunter", "8f3a9c-q")
    arguments = ["--api-key", "abcdef", "--token=ghijkl", "--header", "Authorization: Bearer mno"]
    assert find_secrets({}, arguments) == ("abcdef", "ghijkl", "Bearer mno", "mno")
    url = "https://me:secret@h/mcp/s/a1b2c3d4e5f6a7b8c9d0e1f2?key=a1b2&lang=en"
    assert {"secret", "a1b2c3d4e5f6a7b8c9d0e1f2", "a1b2"} <= {*find_secrets({}, url=url)}
    assert "en" not in find_secrets({}, url=url)


def test_the_json_of_claude_desktop_and_cursor(tmp_path: Path) -> None:
    content = {
        "globalShortcut": "Ctrl+Space",
        "mcpServers": {
            "My Files": {
                "command": "npx",
                "args": ["-y", "files", "${userHome}", "--token=${env:FILES_TOKEN}"],
                "env": {"KEY": "${FILES_KEY}", "PORT": 8080, "UNSET": None},
                "autoApprove": ["read"],
            },
            "tracker": {"url": "https://h/mcp", "headers": {"Authorization": "Bearer ${T:-none}"}},
            "windsurf": {"serverUrl": "https://w/mcp", "type": "streamable-http"},
            "off": {"command": "never", "disabled": True},
        },
    }
    variables = {"FILES_TOKEN": "to-123456", "FILES_KEY": "ke-123456"}
    files, tracker, windsurf = read_json(tmp_path, content, **variables)
    assert (files.name, files.command, files.env) == (
        "My-Files",
        "npx",
        {"KEY": "ke-123456", "PORT": "8080"},
    )
    assert files.args == ("-y", "files", str(Path.home()), "--token=to-123456")
    assert {"to-123456", "ke-123456"} <= {*files.secrets}
    assert tracker.headers == {"Authorization": "Bearer none"}
    assert windsurf.url == "https://w/mcp"


def test_the_json_of_vs_code(tmp_path: Path) -> None:
    text = """\
    {
      // Asked for by VS Code
      "inputs": [{"type": "promptString", "id": "key", "password": true}],
      "servers": {
        "files": {"type": "stdio", "command": "npx", "args": ["/* no comment */", "//x"],},
        "http": {"type": "http", "url": "https://h/mcp"}, /* the
          last */
        "asks": {"command": "npx", "env": {"KEY": "${input:key}"}},
      },
    }
    """
    files, http, asks = read_json(tmp_path, text)
    assert files.args == ("/* no comment */", "//x")
    assert http.url == "https://h/mcp"
    assert asks.fault == (
        "needs ${input:key}, which cannot be asked for: name an environment variable, as in "
        "${env:NAME}"
    )
    settings = {"mcp": {"servers": {"a": {"command": "b"}}}, "editor.fontSize": 12}
    assert read_json(tmp_path, settings)[0].name == "a"


@pytest.mark.parametrize(
    ("server", "fault"),
    [
        (
            {"type": "sse", "url": "https://h/sse"},
            "uses sse, which is not supported: streamable HTTP or stdio",
        ),
        ({"command": "x", "args": ["${A}"]}, "needs the environment variable A, which is not set"),
        (
            {"command": "x", "args": ["${command:pick}"]},
            "needs ${command:pick}, which is not supported",
        ),
        (
            {"command": "x", "envFile": ".env"},
            "has an envFile, which is not read: name the variables in ",
        ),
    ],
)
def test_a_server_that_only_other_programs_can_start(
    tmp_path: Path, server: dict[str, Any], fault: str
) -> None:
    first, second = read_json(tmp_path, {"mcpServers": {"a": server, "b": {"command": "y"}}})
    assert first.fault.startswith(fault)
    assert first.place == ""
    assert not second.fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"mcpServers": {"a"}\n}', ":2: not JSON: Expecting ':' del"),
        ("[]", ': no servers; they belong in {"mcpServers": {...}}'),
        ('{"mcpServers": []}', ': no servers; they belong in {"mcpServers": {...}}'),
        ('{"mcpServers": {\n"a": 1}}', ":2: a must be an object"),
        ('{"mcpServers": {\n"a": {}}}', ":2: a: it has neither command nor url"),
        ('{"mcpServers": {\n"a": {"command": "x", "args": "y"}}}', ":2: a: args must be a list"),
        ('{"servers": {"a": {"url": "ftp://h"}}}', ":1: a: url must be a URL that begins with"),
        ('{"servers": {"a b": {"command": "x"}, "a-b": {"command": "x"}}}', ": two MCP servers"),
        ("[" * 5000, ": nested too deeply"),
        ("\ud800".encode("utf-8", "surrogatepass"), ": not UTF-8 text"),
        (None, ": No such file or directory"),
    ],
)
def test_a_json_file_that_cannot_be_used(
    tmp_path: Path, text: str | bytes | None, message: str
) -> None:
    file = tmp_path / "mcp.json"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, "", {"mcp_config": str(file)})
    assert str(raised.value).removeprefix(str(file)).startswith(message)


def test_config_show_hides_values_but_not_names_of_variables(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(TABLES)
    variables = {"STREAMCHAT_CONFIG": str(tmp_path / "config.toml"), "FILES_TOKEN": "ft-123456"}
    for form in ([], ["--json"]):
        shown = run(tmp_path, "config", "show", *form, **variables).stdout
        assert "123456" not in shown
        assert "env:FILES_TOKEN" in shown
        assert "tracker.example/mcp" in shown
    shown = run(tmp_path, "config", "show", **variables).stdout
    assert tomllib.loads(shown)["mcp"]["files"] == {
        "command": "npx",
        "args": ["-y", "server-files", "."],
        "env": {"TOKEN": "env:FILES_TOKEN", "LEVEL": "…"},
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--agent", "a.py:x", "--mcp", "y"], "--mcp cannot be combined with --agent: an agent "),
        (["--agent", "a.py:x", "--mcp-config", "y"], "--mcp-config cannot be combined with "),
        (["--no-tools", "--mcp", "y"], "--mcp cannot be combined with --no-tools"),
        (["--mcp-config", "nosuch.json"], "nosuch.json: No such file or directory"),
    ],
)
def test_flags_that_contradict_each_other(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = run(tmp_path, "ask", *arguments, "Hi")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
