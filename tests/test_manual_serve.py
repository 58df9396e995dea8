"""The examples of the manual's page about `streamchat serve`, run against a server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamchat.config import Settings
from streamchat.manual import read_topic
from tests.program import environment
from tests.server import Server, answers, calls, notebook
from tests.serving import TOKEN, serve
from tests.test_agui_client import find_package

PAGE = read_topic("serve")
SEEN = ['{"', "x", '":', "10", ',"', "y", '":', "10", "}"]


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    """The address of a served agent whose model always calls `add` and answers."""
    with Server() as server, serve(server) as served:
        server.script(*notebook(), forever=True)
        yield served.url.removeprefix("http://")


def example(language: str, *words: str) -> str:
    """Return the one block in this language that has these words."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if all(word in block for word in words)]
    return str(found)


def execute(program: list[str], code: str, host: str, home: Path) -> str:
    """Run an example as a user does who has put the token into a variable."""
    done = subprocess.run(
        [*program, code.replace("127.0.0.1:8800", host)] if code else program,
        env=environment(home, TOKEN=TOKEN),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_shows_each_fragment(host: str, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    shown = execute(["bash", "-c"], example("sh", "curl", "/agent"), host, tmp_path)
    assert re.findall(r'"TOOL_CALL_ARGS".*?"delta":"(.*)"\}', shown) == [
        each.replace('"', r"\"") for each in SEEN
    ]
    metrics = execute(["bash", "-c"], example("sh", "curl", "/metrics"), host, tmp_path)
    assert 'streamchat_runs_finished_total{outcome="done"}' in metrics
    named = re.findall(r"^    (streamchat_\S+) \d+$", PAGE, re.MULTILINE)
    assert named
    assert all(each in metrics for each in named)


def test_the_websocket_shows_each_fragment(host: str, tmp_path: Path) -> None:
    code = example("python", "websockets")
    lines = execute([sys.executable, "-c"], code, host, tmp_path).splitlines()
    assert [line[15:] for line in lines if line.startswith("TOOL_CALL_ARGS ")] == SEEN
    assert lines[-1].strip() == "RUN_FINISHED"


def test_the_library_of_openai_shows_the_steps(host: str, tmp_path: Path) -> None:
    shown = execute([sys.executable, "-c"], example("python", "openai"), host, tmp_path)
    (documented,) = re.findall(r"^    Calling add\.\.\.\n(?:    .*\n)+", PAGE, re.MULTILINE)
    assert shown.strip() == re.sub(r"^    ", "", documented, flags=re.MULTILINE).strip()


def test_the_client_of_ag_ui_shows_each_fragment_and_approves(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(find_package() / "node_modules")
    tools = tmp_path / "my_tools.py"
    tools.write_text('def delete(path: str) -> str:\n    """Delete."""\n    return "gone"\n')
    asks, approves = example("js", "new HttpAgent"), example("js", "resume")
    code = f"globalThis.confirm = (message) => !console.log(`\\n${{message}}`);\n{asks}"
    code += f'agent.addMessage({{ id: "m2", role: "user", content: "Delete a" }});\n{approves}'
    code += "console.log(agent.messages.at(-1).content);\n"
    with Server() as server:
        settings = Settings(model="m", base_url=server.url, api_key="sk", tools=(str(tools),))
        server.script(*notebook(), calls("delete", path="a"), answers("It is gone."))
        with serve(settings=settings) as served:
            code = code.replace("http://127.0.0.1:8800", served.url)
            (tmp_path / "example.mjs").write_text(code)
            run_example = ["node", str(tmp_path / "example.mjs")]
            shown = execute(run_example, "", "", tmp_path).splitlines()
    assert shown[0] == "".join(f"{each}|" for each in SEEN) + "10 + 10 equals 20."
    assert shown[1:] == ['Run delete(path="a")?', "It is gone."]
    assert server.requests[-1]["messages"][-1]["content"] == "gone"


def test_streamchat_is_a_client(host: str, tmp_path: Path) -> None:
    (line,) = re.findall(r"`(OPENAI_BASE_URL=.*?)`", PAGE)
    command = re.sub("streamchat ask", f"{sys.executable} -m streamchat ask", line)
    assert execute(["bash", "-c"], command, host, tmp_path) == "10 + 10 equals 20.\n"


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if not nginx:
        pytest.skip("nginx is not installed")
    site = re.sub(r"listen 443 ssl;|ssl_\w+ .*;", "", example("nginx", "upstream"))
    logs = f"pid {tmp_path}/pid;\nerror_log {tmp_path}/log;\n"
    paths = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(f"{logs}events {{}}\nhttp {{\n{paths}{site}}}\n")
    subprocess.run([nginx, "-t", "-c", str(tmp_path / "nginx.conf")], check=True)


def test_caddy_takes_its_configuration(tmp_path: Path) -> None:
    caddy = shutil.which("caddy")
    if not caddy:
        pytest.skip("caddy is not installed")
    (tmp_path / "Caddyfile").write_text(example("caddy", "reverse_proxy"))
    validate = [caddy, "validate", "--config", str(tmp_path / "Caddyfile")]
    subprocess.run(validate, check=True, env=environment(tmp_path), capture_output=True)
