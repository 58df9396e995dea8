"""Environment variables that our libraries read, named only when they are at fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from streamchat.config import OPENAI_URL, SettingsError
from streamchat.config.environment import VARIABLES, read_network
from streamchat.config.sources import VARIABLES as OWN
from streamchat.models.openai_compatible import connect
from tests.program import ROOT, environment, run
from tests.proxies import answers_to_connect, proxy, reads_on, speaks_socks
from tests.server import Reply, Server, says

CERTIFICATE = Path(__file__).with_name("certificate.pem")
KEY = "sk-secret"
DEAD = "http://127.0.0.1:9"
NEEDS_SOCKS = pytest.mark.skipif(find_spec("socksio") is None, reason="socksio is not installed")


def choose_proxy(url: str, **variables: str) -> str | None:
    found = read_network(url, variables).proxy
    return str(found) if found else None


def read_error(url: str | None = OPENAI_URL, **variables: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read_network(url, variables)
    return str(raised.value)


class TestChoice:
    @pytest.mark.parametrize(
        ("variables", "proxy"),
        [
            ({}, None),
            ({"HTTPS_PROXY": "http://one:1", "ALL_PROXY": "http://two:2"}, "one:1 (HTTPS_PROXY)"),
            ({"https_proxy": "http://one:1", "HTTPS_PROXY": "http://two"}, "one:1 (https_proxy)"),
            ({"Https_Proxy": "http://one:1"}, "one:1 (Https_Proxy)"),
            ({"https_proxy": "", "HTTPS_PROXY": "http://two:2"}, None),
            ({"https_proxy": "", "all_proxy": "two:2"}, "two:2 (all_proxy)"),
            ({"HTTP_PROXY": "http://one:1"}, None),
            ({"HTTPS_PROXY": " one "}, "one:80 (HTTPS_PROXY)"),
            ({"HTTPS_PROXY": "https://me:secret@one"}, "one:443 (HTTPS_PROXY)"),
            ({"OPENAI_PROXY": "http://one:1", "HTTPS_PROXY": "two:2"}, "one:1 (OPENAI_PROXY)"),
            ({"OPENAI_PROXY": "http://one:1", "NO_PROXY": "api.openai.com"}, None),
            (
                {"HTTPS_PROXY": "http://one:1", "no_proxy": "", "NO_PROXY": "*"},
                "one:1 (HTTPS_PROXY)",
            ),
        ],
    )
    def test_which_proxy_variable_applies(
        self, variables: dict[str, str], proxy: str | None
    ) -> None:
        assert choose_proxy(OPENAI_URL, **variables) == proxy

    def test_a_cgi_program_does_not_take_its_proxy_from_a_request(self) -> None:
        variables = {"HTTP_PROXY": "http://evil", "REQUEST_METHOD": "GET"}
        assert choose_proxy("http://host/v1", **variables) is None
        assert choose_proxy("http://host/v1", http_proxy="http://one:1", **variables)

    @pytest.mark.parametrize(
        ("host", "entries"),
        [
            ("api.example.com", "*"),
            ("api.example.com", "example.com"),
            ("api.example.com", "other.org, EXAMPLE.com"),
            ("api.example.com", ".example.com"),
            ("api.example.com", "*.example.com"),
            ("api.example.com", "https://example.com"),
            ("api.example.com", "example.com:443"),
            ("api.example.com:8000", "example.com:8000"),
            ("example.com", "example.com"),
            ("localhost", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("10.1.2.3:8000", "10.0.0.0/8"),
            ("[::1]:8000", "::1"),
            ("[::1]", "[::1]"),
            ("[fe80::1]", "fe80::/10"),
            ("[fe80::1]", "[fe80::]/10"),
            ("10.1.2.3", "[broken, http://[, 10.1.2.3"),
        ],
    )
    def test_servers_without_a_proxy(self, host: str, entries: str) -> None:
        # A proxy that is not used may be as wrong as it likes.
        assert (
            choose_proxy(f"https://{host}/v1", HTTPS_PROXY="socks://x:y", NO_PROXY=entries) is None
        )

    @pytest.mark.parametrize(
        ("host", "entries"),
        [
            ("api.example.com", ""),
            ("api.example.com", "ample.com"),
            ("example.com", ".example.com"),
            ("example.com", "*.example.com"),
            ("example.com", "http://example.com"),
            ("example.com", "example.com:8000"),
            ("example.com", "example.com:x"),
            ("127.0.0.1", "localhost"),
            ("127.0.0.1", "0.1"),
            ("11.1.2.3", "10.0.0.0/8"),
            ("[::1]", "127.0.0.1"),
        ],
    )
    def test_servers_with_a_proxy(self, host: str, entries: str) -> None:
        assert choose_proxy(f"https://{host}/v1", HTTPS_PROXY="one:1", NO_PROXY=entries)


class TestChecks:
    @pytest.mark.parametrize(
        "url",
        [
            *("socks://127.0.0.1:1", "socks4://h:1", "ftp://h", "http://", "http://h:x"),
            *("http://h:0", "http://h:99999", "http://[::1", "http://h h", "http://h\nx"),
            *("h\u00a0h", "\udcff", "http://a..b", f"http://{'a' * 64}.org"),
        ],
    )
    def test_an_unusable_proxy(self, url: str) -> None:
        line = read_error(HTTPS_PROXY=url)
        assert line.startswith("HTTPS_PROXY must be a URL that begins with http://, https://, soc")
        assert "\n" not in line

    @pytest.mark.parametrize("url", ["http://me:pass@word@h:x", "http://me:pa#ss/word@h"])
    def test_the_password_of_a_proxy_is_not_shown(self, url: str) -> None:
        line = read_error(HTTPS_PROXY=url)
        assert "***@h" in line
        assert "pa" not in line

    def test_socks_without_its_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "socksio", None)
        line = read_error(ALL_PROXY="socks5://127.0.0.1:1")
        assert line.startswith("ALL_PROXY must be an HTTP proxy: support for SOCKS is not inst")
        assert "pip install 'streamchat[socks]'" in line
        assert (
            choose_proxy("http://127.0.0.1/", ALL_PROXY="socks5://h", NO_PROXY="127.0.0.1") is None
        )

    def test_a_no_proxy_that_is_not_utf_8(self) -> None:
        assert read_error(HTTPS_PROXY="h", NO_PROXY="\udcff").startswith(
            "NO_PROXY must be UTF-8 text"
        )
        read_network(OPENAI_URL, {"NO_PROXY": "\udcff"})

    @pytest.mark.parametrize("name", ["OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID"])
    @pytest.mark.parametrize("value", ["a\nb", "a\rb", "\u00e9", "\udcff", "\x7f"])
    def test_an_unsendable_header(self, name: str, value: str) -> None:
        assert read_error(**{name: value}).startswith(f"{name} must be printable ASCII text (got '")
        read_network(None, {name: value})  # a model inside this process gets no such header

    def test_blanks_around_a_header_are_dropped(self) -> None:
        network = read_network(OPENAI_URL, {"OPENAI_ORG_ID": "org\r\n", "OPENAI_PROJECT_ID": " p "})
        assert (network.organization, network.project) == ("org", "p")
        assert read_network(OPENAI_URL, {"OPENAI_ORGANIZATION": "o"}).organization == "o"

    @pytest.mark.parametrize(
        "text",
        [
            "secret",
            "A b: secret",
            ": secret",
            "A: s\u00e9cret",
            "B: c\nA: secret\x00",
            "Host: secret",
        ],
    )
    def test_unsendable_custom_headers(self, text: str) -> None:
        line = read_error(None, OPENAI_CUSTOM_HEADERS=text)
        assert line.startswith("OPENAI_CUSTOM_HEADERS must be lines of NAME: VALUE")
        assert "cret" not in line

    def test_secrets(self) -> None:
        headers = "X-Trace: 1\n\nAuthorization: Bearer one\r\nX-API-Key: two\n"
        network = read_network(
            OPENAI_URL,
            {"OPENAI_CUSTOM_HEADERS": headers, "HTTPS_PROXY": "http://me:password@h"},
        )
        assert {"Bearer one", "two", "password"} <= set(network.secrets)
        assert "1" not in network.secrets
        assert "password" not in repr(network)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        ("name", "path", "why"),
        [
            ("SSL_CERT_FILE", "/nowhere/at/all", "SSL_CERT_FILE: No such file or directory"),
            ("SSL_CERT_FILE", "/", "SSL_CERT_FILE: Is a directory"),
            ("SSL_CERT_FILE", "/dev/zero", "SSL_CERT_FILE: not a regular file"),
            ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE must be a file of certificates in PEM"),
            ("SSL_CERT_DIR", "/nowhere:/at/all", "SSL_CERT_DIR: No such file or directory"),
            ("SSL_CERT_DIR", __file__, "SSL_CERT_DIR: Not a directory"),
        ],
    )
    def test_certificates(self, scheme: str, name: str, path: str, why: str) -> None:
        url = f"{scheme}://host/v1"
        if scheme == "https":
            line = read_error(url, **{name: path})
            assert line.startswith(why)
            assert line.endswith(f"(got {path!r})")
        else:  # without TLS nobody needs them
            read_network(url, {name: path})
            assert read_error(url, HTTP_PROXY="https://h", **{name: path}).startswith(why)

    def test_usable_certificates(self, tmp_path: Path) -> None:
        assert read_network(OPENAI_URL, {"SSL_CERT_FILE": str(CERTIFICATE)}).trust
        assert read_network(OPENAI_URL, {"SSL_CERT_DIR": f"/nowhere:{tmp_path}"}).trust
        # The file comes first.
        both = {"SSL_CERT_FILE": str(CERTIFICATE), "SSL_CERT_DIR": "/nowhere"}
        assert read_network(OPENAI_URL, both).trust == "SSL_CERT_FILE"

    def test_a_log_of_keys(self, tmp_path: Path) -> None:
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        for path, why in {
            "/nowhere/at/all": "No such file or directory",
            "/": "Is a directory",
            str(fifo): "No such device or address",
        }.items():
            assert read_error(None, SSLKEYLOGFILE=path) == f"SSLKEYLOGFILE: {why} (got {path!r})"
        read_network(None, {"SSLKEYLOGFILE": str(tmp_path / "log")})

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("LANGCHAIN_TRACING", "must be unset: LangChain no longer supports it"),
            ("LANGCHAIN_HANDLER", "must be unset: LangChain no longer supports it"),
            ("LANGSMITH_RUN_COMPRESSION_LEVEL", "must be a whole number"),
            ("LANGCHAIN_RUN_COMPRESSION_THREADS", "must be a whole number"),
        ],
    )
    def test_variables_that_would_break_an_import(self, name: str, why: str) -> None:
        for url in (None, OPENAI_URL):
            assert read_error(url, **{name: "true"}).startswith(f"{name} {why}")
        read_network(None, {name: "0"})


def fail_with(home: Path, server: Server, *arguments: str, code: int = 1, **variables: str) -> str:
    """Ask a question that fails; return its error, which must be one line."""
    own = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": KEY}
    done = run(home, "ask", "hi", *arguments, **own | variables)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
    return done.stderr.removeprefix("error: ").removesuffix("\n")


class TestProgram:
    def test_a_working_proxy(self, server: Server, tmp_path: Path) -> None:
        with Server() as between:
            between.script(says("Here."))
            host = between.url.removesuffix("/v1").removeprefix("http://")
            variables = {"HTTP_PROXY": f"http://me:password@{host}", "OPENAI_BASE_URL": server.url}
            done = run(tmp_path, "ask", "hi", **variables)
        assert done.stdout == "Here.\n"
        assert between.visits == [f"POST {server.url}/chat/completions"]
        assert server.visits == []

    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "OPENAI_PROXY"])
    def test_a_dead_proxy(self, server: Server, tmp_path: Path, name: str) -> None:
        line = fail_with(tmp_path, server, **{name: "http://me:password@127.0.0.1:9"})
        assert line == (
            f"cannot reach the proxy 127.0.0.1:9 ({name}): Connection refused; "
            f"check {name}, or add the server to NO_PROXY"
        )
        assert server.visits == []

    def test_a_bad_proxy_that_is_not_used(self, server: Server, tmp_path: Path) -> None:
        server.script(says("One."), says("Two."), says("Three."))
        base = {"OPENAI_BASE_URL": server.url, "NO_PROXY": "127.0.0.1"}
        for url in (DEAD, "socks5://127.0.0.1:9", "socks://127.0.0.1:9"):
            done = run(tmp_path, "ask", "hi", ALL_PROXY=url, **base)
            assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.parametrize(
        ("status", "advice"),
        [
            (502, "check HTTP_PROXY, or add the server to NO_PROXY"),
            (407, "check the user name and the password in HTTP_PROXY"),
            (403, "check OPENAI_API_KEY and its permissions, or HTTP_PROXY"),
        ],
    )
    def test_a_proxy_that_answers_with_an_error(
        self, server: Server, tmp_path: Path, status: int, advice: str
    ) -> None:
        with Server() as between:
            between.script(Reply(status=status), forever=True)
            host = between.url.removesuffix("/v1").removeprefix("http://")
            done = run(
                tmp_path, "ask", "hi", OPENAI_BASE_URL=server.url, HTTP_PROXY=f"http://{host}"
            )
        line = done.stderr.splitlines()[-1]
        assert line.startswith(f"error: {status} from {server.url[7:-3]} through the proxy {host} ")
        assert line.endswith(f"; {advice}")

    @pytest.mark.parametrize(
        ("reply", "why", "advice"),
        [
            ("502 Bad Gateway", "502 Bad Gateway", "check HTTPS_PROXY, or add the server to NO_"),
            (
                "407 Proxy Authentication Required",
                "407 Proxy Authentication Required",
                "check the user name and the password in HTTPS_PROXY",
            ),
        ],
    )
    def test_a_proxy_that_does_not_connect(
        self, server: Server, tmp_path: Path, reply: str, why: str, advice: str
    ) -> None:
        answer = f"HTTP/1.1 {reply}\r\nContent-Length: 0\r\n\r\n".encode()
        with proxy(answers_to_connect(answer)) as host:
            line = fail_with(
                tmp_path,
                server,
                "--base-url",
                "https://api.example.invalid/v1",
                HTTPS_PROXY=f"http://{host}",
            )
        begin = f"the proxy {host} (HTTPS_PROXY) did not connect to api.example.invalid: {why}; "
        assert line.startswith(begin + advice)

    def test_a_malformed_proxy_ends_the_chat_before_it_starts(
        self, server: Server, tmp_path: Path
    ) -> None:
        done = run(
            tmp_path, "repl", stdin="hi\n", OPENAI_BASE_URL=server.url, ALL_PROXY="socks://h:1"
        )
        assert done.returncode == 2
        assert done.stderr.startswith("error: ALL_PROXY must be a URL that begins with")
        assert done.stderr.count("\n") == 1

    @NEEDS_SOCKS
    def test_socks(self, server: Server, tmp_path: Path) -> None:
        server.script(says("Here."))
        with proxy(speaks_socks) as host:
            variables = {"OPENAI_BASE_URL": server.url, "ALL_PROXY": f"socks5://{host}"}
            assert run(tmp_path, "ask", "hi", **variables).stdout == "Here.\n"
        line = fail_with(tmp_path, server, ALL_PROXY="socks5h://127.0.0.1:9")
        assert line.startswith("cannot reach the proxy 127.0.0.1:9 (ALL_PROXY): Connection ref")

    def test_a_silent_proxy(self, server: Server, tmp_path: Path) -> None:
        with proxy(reads_on) as host:
            line = fail_with(tmp_path, server, "--timeout", "0.5", HTTP_PROXY=f"http://{host}")
        assert line.startswith(
            f"timed out: no answer from {server.url[7:-3]} through the proxy {host}"
        )

    def test_certificates(self, tmp_path: Path) -> None:
        with Server(CERTIFICATE) as server:
            server.script(says("Here."))
            line = fail_with(tmp_path, server)
            assert line.startswith(
                f"cannot reach {server.url[8:-3]}: its certificate is not trusted ("
            )
            assert "; set SSL_CERT_FILE to a file with the certificate" in line
            (tmp_path / "empty").mkdir()
            line = fail_with(tmp_path, server, SSL_CERT_DIR=str(tmp_path / "empty"))
            assert line.endswith("; SSL_CERT_DIR names the certificates to trust")
            variables = {"OPENAI_BASE_URL": server.url, "SSL_CERT_FILE": str(CERTIFICATE)}
            assert run(tmp_path, "ask", "hi", **variables).stdout == "Here.\n"

    def test_a_log_of_keys_that_cannot_be_written(self, server: Server, tmp_path: Path) -> None:
        variables = {"OPENAI_BASE_URL": server.url, "SSLKEYLOGFILE": "/nowhere/at/all"}
        done = run(tmp_path, "ask", "hi", fresh=True, **variables)
        words = "error: SSLKEYLOGFILE: No such file or directory (got '/nowhere/at/all')\n"
        assert (done.returncode, done.stderr) == (2, words)

    def test_custom_headers_are_sent(self, server: Server, tmp_path: Path) -> None:
        server.script(says("Here."))
        done = run(
            tmp_path,
            "ask",
            "hi",
            fresh=True,
            OPENAI_BASE_URL=server.url,
            OPENAI_ORG_ID="org\n",
            OPENAI_PROJECT_ID="project\r\n",
            OPENAI_CUSTOM_HEADERS="X-One: 1\nX-Two: two",
            LC_OUTPUT_VERSION="v1",
            LANGSMITH_RUN_COMPRESSION_LEVEL="1",
            LANGCHAIN_OPENAI_TCP_KEEPIDLE="x",
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "Here.\n", "")
        sent = server.headers[0]
        assert (sent["openai-organization"], sent["openai-project"]) == ("org", "project")
        assert (sent["x-one"], sent["x-two"]) == ("1", "two")


async def test_the_secret_of_a_proxy_is_redacted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:password@127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    llm = connect("m", base_url=server.url, api_key=None, temperature=0, timeout=1)
    assert "password" in llm.secrets
    assert llm.host.endswith(" through the proxy 127.0.0.1:9 (HTTP_PROXY)")
    await llm.aclose()


HARMLESS = {
    # What streamchat passes itself, or never asks for.
    *("OPENAI_ADMIN_KEY", "OPENAI_WEBHOOK_SECRET", "OPENAI_API_TYPE", "OPENAI_API_VERSION"),
    *("AZURE_OPENAI_ENDPOINT", "LANGSMITH_GATEWAY", "OPENAI_LOG"),
    # Read as a switch: any other value is the default.
    "DEFER_PYDANTIC_BUILD",
}
READERS = ("openai", "httpx2", "httpcore2", "langchain_openai", "langchain_core", "langsmith")
TRACE = """
import json, os, sys
read = set()
kind = type(os.environ)
get, has = kind.__getitem__, kind.__contains__
def reader():
    frame = sys._getframe(2)
    while frame and frame.f_code.co_filename.endswith(("os.py", "_collections_abc.py", ">")):
        frame = frame.f_back
    return frame.f_code.co_filename if frame else ""
def note(name):
    package = reader().partition("site-packages/")[2].partition("/")[0]
    if package in sys.argv[1].split(",") or reader().endswith("/ssl.py"):
        read.add(name)
kind.__getitem__ = lambda self, name: (note(name), get(self, name))[1]
kind.__contains__ = lambda self, name: (note(name), has(self, name))[1]
from streamchat import AgentExecutor
print(AgentExecutor().run("hi")["answer"])
print(json.dumps(sorted(read)))
"""


def test_every_variable_that_a_turn_reads_is_known(server: Server, tmp_path: Path) -> None:
    server.script(says("Here."))
    done = subprocess.run(
        [sys.executable, "-c", TRACE, ",".join(READERS)],
        env=environment(tmp_path, OPENAI_BASE_URL=server.url, PYTHONPATH=ROOT),
        capture_output=True,
        text=True,
        check=True,
    )
    answer, read = done.stdout.splitlines()
    assert answer == "Here."
    names = set(json.loads(read))
    assert {"SSLKEYLOGFILE", "OPENAI_PROJECT_ID"} <= names  # they are noticed
    assert names <= {*VARIABLES, *OWN, *HARMLESS}
