"""The real program on pipes and terminals: output, errors, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from streamchat.cli.main import insert_command
from streamchat.config import PROFILE, SETTINGS
from tests.event_schema import check_lines
from tests.program import COMMAND, HANGS, Terminal, environment, run, start
from tests.screen import draw_text
from tests.server import (
    MARKDOWN,
    NEVER,
    NOTEBOOK_ANSWER,
    NOTEBOOK_ARGUMENTS,
    Hangup,
    Reply,
    Server,
    Until,
    answers,
    calls,
    fails,
    notebook,
    says,
)
from tests.test_markdown import render_at_once, render_text
from tests.test_models import serve_silence

QUESTION = "What is 10 + 10"


class TestOnAPipe:
    """Standard output is the answer and nothing else."""

    def test_the_answer(self, server: Server, tmp_path: Path) -> None:
        server.script(*notebook())
        done = run(tmp_path, "ask", QUESTION, "--base-url", server.url, fresh=True)
        assert (done.stdout, done.stderr, done.returncode) == ("10 + 10 equals 20.\n", "", 0)

    def test_the_answer_is_utf8_whatever_the_locale(self, server: Server, tmp_path: Path) -> None:
        server.script(answers("schön 😀\r\n\x1b[1m"))
        variables = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "OPENAI_BASE_URL": server.url}
        done = run(tmp_path, "ask", QUESTION, fresh=True, **variables)
        assert done.stdout == "schön 😀\n\\x1b[1m\n"

    def test_a_question_is_utf8_whatever_the_locale(self, server: Server, tmp_path: Path) -> None:
        server.script(says("ok"))
        variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        done = run(tmp_path, "ask", "schön?", "--base-url", server.url, fresh=True, **variables)
        assert (done.stdout, done.stderr) == ("ok\n", "")
        assert server.requests[0]["messages"][-1]["content"] == "schön?"

    def test_an_unwritable_home_directory(self, server: Server) -> None:
        server.script(*notebook(), *notebook())
        arguments = ("ask", QUESTION, "--base-url", server.url)
        done = run(Path("/dev/null/nowhere"), *arguments)
        assert (done.stdout, done.returncode) == ("10 + 10 equals 20.\n", 0)
        assert done.stderr.startswith("the session is not saved: ")
        assert done.stderr.count("\n") == 1
        done = run(Path("/dev/null/nowhere"), *arguments, "--no-save")
        assert (done.stdout, done.stderr, done.returncode) == ("10 + 10 equals 20.\n", "", 0)

    def test_the_answer_is_written_as_it_arrives(self, server: Server, tmp_path: Path) -> None:
        server.script(Reply((*says("It is").parts, NEVER)))
        arguments = ("ask", QUESTION, "--no-tools", "--base-url", server.url)
        with start(tmp_path, *arguments, fresh=True) as process:
            assert process.stdout
            assert os.read(process.stdout.fileno(), 100) == b"It is"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate()
            assert (out, err, process.returncode) == (b"\n", b"interrupted\n", 130)

    def test_a_reader_that_closes_the_pipe_is_not_an_error(
        self, server: Server, tmp_path: Path
    ) -> None:
        server.script(Reply(says(*["word "] * 200).parts * 20))
        shell = f"{' '.join(COMMAND)} ask hi --no-tools --base-url {server.url} | head -c 5"
        done = subprocess.run(
            ["/bin/sh", "-c", shell],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(tmp_path),
            timeout=HANGS,
            check=True,
        )
        assert (done.stdout, done.stderr) == (b"word ", b"")

    def test_plain(self, server: Server, tmp_path: Path) -> None:
        server.script(*notebook())
        done = run(tmp_path, "ask", QUESTION, "--plain", "--base-url", server.url)
        assert done.stdout.splitlines()[1:4] == [
            *("Calling add...", "add is called with x = 10, y = 10.", "add returned 20."),
        ]

    def test_raw(self, server: Server, tmp_path: Path) -> None:
        server.script(*notebook())
        done = run(tmp_path, "ask", QUESTION, "--raw", "--base-url", server.url)
        assert done.stdout.splitlines()[:4] == [
            "Calling add...",
            '{"|x|":|10|,"|y|":|10|}|',
            "add → 20",
            "Calling final_answer...",
        ]

    def test_json(self, server: Server, tmp_path: Path) -> None:
        server.script(*notebook())
        done = run(tmp_path, "ask", QUESTION, "--json", "--base-url", server.url)
        events = check_lines(done.stdout)
        assert events[0]["version"] == 1
        assert [event["type"] for event in events].count("arguments_delta") == len(
            NOTEBOOK_ARGUMENTS + NOTEBOOK_ANSWER
        )
        assert events[-1]["type"] == "turn_done"
        assert done.stdout.isascii()

    def test_json_reports_a_failure(self, server: Server, tmp_path: Path) -> None:
        server.script(fails(401, "wrong key"))
        done = run(tmp_path, "ask", QUESTION, "--json", "--base-url", server.url)
        assert json.loads(done.stdout.splitlines()[-1])["type"] == "turn_failed"
        assert done.returncode == 1

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["--temperature", "9"], 2, "--temperature must be between 0 and 2"),
            (["--frob"], 2, "No such option"),
            (["--model", "gpt-4o"], 1, "needs a key"),
        ],
    )
    def test_json_reports_a_failure_before_the_turn(
        self, tmp_path: Path, arguments: list[str], code: int, words: str
    ) -> None:
        done = run(tmp_path, "ask", QUESTION, "--json", *arguments)
        (event,) = check_lines(done.stdout)
        assert (event["version"], event["type"], done.returncode) == (1, "turn_failed", code)
        assert words in event["error"]
        assert words in done.stderr

    def test_verbose_goes_to_standard_error(self, server: Server, tmp_path: Path) -> None:
        server.script(*notebook())
        variables = {"OPENAI_API_KEY": "sk-secret", "OPENAI_BASE_URL": server.url}
        done = run(tmp_path, "ask", QUESTION, "--verbose", **variables)
        assert done.stdout == "10 + 10 equals 20.\n"
        lines = done.stderr.splitlines()
        assert "tool_name: add" in lines
        assert "arg: 10" in lines
        assert any(line.startswith("step 2: first token after") for line in lines)
        assert "sk-secret" not in done.stderr

    def test_raw_tokens_without_tools(self, server: Server, tmp_path: Path) -> None:
        server.script(says("N", "LP", " stands"))
        done = run(tmp_path, "ask", "What is NLP?", "--no-tools", "--raw", "--base-url", server.url)
        assert done.stdout == "N|LP| stands|\n"
        assert "tools" not in server.requests[0]

    def test_json_has_a_last_event_even_after_sigterm(self, server: Server, tmp_path: Path) -> None:
        server.script(Reply((*says("It is").parts, NEVER)))
        arguments = ("ask", QUESTION, "--json", "--base-url", server.url)
        with start(tmp_path, *arguments) as process:
            assert process.stdout
            while b"text_delta" not in process.stdout.readline():
                pass
            process.terminate()
            last = process.stdout.read().splitlines()[-1]
        assert json.loads(last)["type"] == "turn_cancelled"
        assert process.returncode == 143

    @pytest.mark.parametrize(
        ("redirection", "code", "words"),
        [
            (">&-", 1, "error: standard output is closed\n"),
            (">/dev/full", 1, "No space left on device"),
            ("<&-", 0, ""),
            ("2>&-", 0, ""),
        ],
    )
    def test_closed_and_full_output_streams(
        self, server: Server, tmp_path: Path, redirection: str, code: int, words: str
    ) -> None:
        server.script(*notebook())
        done = subprocess.run(
            ["/bin/sh", "-c", f"{' '.join(COMMAND)} ask hi --base-url {server.url} {redirection}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(tmp_path),
            timeout=HANGS,
            check=False,
        )
        assert done.returncode == code
        assert words in done.stderr.decode()
        assert done.stderr.count(b"\n") == bool(words)
        assert code or done.stdout == b"10 + 10 equals 20.\n"


class TestQuestions:
    """Where questions come from."""

    @pytest.mark.parametrize(
        ("arguments", "stdin", "question"),
        [
            (["ask", "-"], "from stdin\n", "from stdin"),
            (["ask"], "from stdin\n", "from stdin"),
            (["ask", "explain"], "some\ntext\n", "some\ntext\n\nexplain"),
        ],
    )
    def test_standard_input(
        self, server: Server, tmp_path: Path, arguments: list[str], stdin: str, question: str
    ) -> None:
        server.script(says("ok"))
        assert run(tmp_path, *arguments, stdin=stdin, OPENAI_BASE_URL=server.url).returncode == 0
        assert server.requests[0]["messages"][-1]["content"] == question

    def test_an_idle_pipe_for_input_does_not_hang(self, server: Server, tmp_path: Path) -> None:
        server.script(says("ok"))
        reader, writer = os.pipe()
        done = subprocess.run(
            [*COMMAND, "ask", "hello", "--timeout", "4", "--base-url", server.url],
            stdin=reader,
            capture_output=True,
            env=environment(tmp_path),
            timeout=HANGS,
            check=False,
        )
        os.close(reader)
        os.close(writer)
        assert (done.stdout, done.returncode) == (b"ok\n", 0)
        assert b"asking without standard input" in done.stderr


class TestFailures:
    """One line on standard error, and the right exit code."""

    def failed(self, home: Path, code: int, *arguments: str, **options: str) -> str:
        done = run(home, *arguments, **options)
        assert done.returncode == code
        assert done.stderr.count("\n") == 1
        assert len(done.stderr) <= 301
        assert "Traceback" not in done.stderr
        return done.stderr

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (
                fails(401, "Incorrect API key provided: sk-secret"),
                "Incorrect API key provided: sk-***",
            ),
            (
                calls("add", ['{"x": 1']).but(finish_reason=None),
                "ended inside the arguments of add",
            ),
            (Reply((*calls("add", ['{"x": 1']).parts, Hangup())), "closed the connection"),
            (calls("add", x=1, y=1), "no answer after 3 steps"),
        ],
    )
    def test_a_turn_without_an_answer(
        self, server: Server, tmp_path: Path, reply: Reply, words: str
    ) -> None:
        server.script(reply, forever=True)
        variables = {
            "OPENAI_API_KEY": "sk-secret",
            "OPENAI_BASE_URL": server.url,
            "STREAMCHAT_MAX_STEPS": "3",
        }
        assert words in self.failed(tmp_path, 1, "ask", QUESTION, **variables)

    def test_an_unreachable_server(self, tmp_path: Path) -> None:
        line = self.failed(tmp_path, 1, "ask", "hi", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
        assert (
            line == "error: cannot reach 127.0.0.1:9: Connection refused; is the server running?\n"
        )

    def test_a_silent_server_times_out(self, tmp_path: Path) -> None:
        with serve_silence() as url:
            line = self.failed(tmp_path, 1, "ask", "hi", "--timeout", "1", "--base-url", url)
        assert "timed out" in line or "no progress for 1 s" in line

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["ask"], "no question"),
            (["ask", " "], "the question is empty"),
            (
                ["ask", "hi", "--temperature", "9"],
                "--temperature must be between 0 and 2 (got '9')",
            ),
            (["ask", "hi", "--max-steps", "many"], "--max-steps must be a whole number"),
            (["ask", "hi", "--frob"], "No such option: --frob"),
            (["ask", "hi", "--json", "--raw"], "--json cannot be combined with"),
            (["frob"], "No such command"),
        ],
    )
    def test_wrong_usage(self, tmp_path: Path, arguments: list[str], words: str) -> None:
        assert words in self.failed(tmp_path, 2, *arguments)

    def test_input_that_is_not_text(self, tmp_path: Path) -> None:
        done = run(tmp_path, "ask", "-", stdin=b"\xff\xfe")
        assert (done.returncode, done.stderr) == (2, "error: standard input is not UTF-8 text\n")
        done = run(tmp_path, "ask", os.fsdecode(b"\xff"))
        words = "error: an argument is not UTF-8 text: \\xff\n"
        assert (done.returncode, done.stderr) == (2, words)

    def test_openai_without_a_key(self, tmp_path: Path) -> None:
        line = self.failed(tmp_path, 1, "ask", "hi", "--model", "gpt-4o")
        assert line == "error: OpenAI's gpt-4o needs a key: set OPENAI_API_KEY\n"

    def test_a_traceback_only_with_verbose(self, server: Server, tmp_path: Path) -> None:
        server.script(fails(401, "\x1b]0;title\x07 for sk-secret"))
        variables = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-secret"}
        done = run(tmp_path, "ask", "hi", "--verbose", **variables)
        assert "Traceback" in done.stderr
        assert "sk-secret" not in done.stderr
        assert "\x1b" not in done.stderr
        assert done.stderr.splitlines()[-1].startswith("error: 401 from")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ([], []),
        (["--version"], ["--version"]),
        (["-v", "--plain"], ["repl", "-v", "--plain"]),
        (["ask", "-5 + 3"], ["ask", "--", "-5 + 3"]),
        (["ask", "-5", "--plain"], ["ask", "--plain", "--", "-5"]),
        (["ask", "- how?", "-m", "x"], ["ask", "-m", "x", "--", "- how?"]),
        (["ask", "-"], ["ask", "-"]),
        (["ask", "hi", "--temperature", "-1"], ["ask", "hi", "--temperature", "-1"]),
        (["ask", "--", "-5"], ["ask", "--", "-5"]),
        (["ask", "hi", "--frob"], ["ask", "hi", "--frob"]),
    ],
)
def test_a_question_may_start_with_a_dash(given: list[str], read: list[str]) -> None:
    assert insert_command(given) == read


def test_help_names_every_setting_with_a_flag(tmp_path: Path) -> None:
    for command in ("ask", "repl"):
        help = run(tmp_path, command, "--help").stdout
        for setting in (*SETTINGS.values(), PROFILE):
            if setting.flags:
                assert {*setting.flags, setting.variable} - {""} <= set(re.findall(r"[\w-]+", help))
                assert "".join(setting.help.split()) in "".join(help.split())


def test_help_and_version_import_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from streamchat.cli.app import app; app(sys.argv[1:], standalone_mode=False);"
        "heavy = ('langchain', 'langsmith', 'openai', 'rich', 'prompt_toolkit');"
        "print([m for m in sys.modules if m.startswith(heavy)])"
    )
    commands = ([], ["ask"], ["repl"], ["doctor"])
    for arguments in (*([*command, "--help"] for command in commands), ["--version"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            env=environment(tmp_path),
            check=True,
        )
        assert done.stdout.splitlines()[-1] == "[]"


class TestOnATerminal:
    """What users see."""

    def test_panels_and_answer(self, server: Server, tmp_path: Path) -> None:
        server.script(*notebook())
        with Terminal(
            tmp_path, "ask", QUESTION, columns=40, OPENAI_BASE_URL=server.url
        ) as terminal:
            assert terminal.exit_code() == 0
            lines = terminal.screen.everything()
        assert '│ {"|x|":|10|,"|y|":|10|}|             │' in lines
        assert "10 + 10 equals 20." in lines

    def test_streamed_markdown_ends_up_in_the_scrollback_like_any_other(
        self, server: Server, tmp_path: Path
    ) -> None:
        server.script(answers(MARKDOWN))
        with Terminal(tmp_path, "ask", "hi", lines=10, OPENAI_BASE_URL=server.url) as terminal:
            assert terminal.exit_code() == 0
            lines = terminal.screen.everything()
        spans = render_at_once(MARKDOWN, 80, wrap=True)
        expected = draw_text("".join(text for text, _ in spans), 80, 10).everything()
        assert lines[0].startswith("╭─ answer ─")
        assert lines[1:-1] == expected
        assert lines[-1].startswith("╰─ gpt-4o-mini · 1 step · first token ")
        assert terminal.screen.cursor_is_visible

    def test_resizing_the_window_during_an_answer(self, server: Server, tmp_path: Path) -> None:
        resized = threading.Event()
        answer = answers(MARKDOWN)
        half = len(answer.parts) // 3  # in the table
        parts = (*answer.parts[:half], Until(resized), *answer.parts[half:])
        server.script(answer.but(parts=parts))
        with Terminal(tmp_path, "ask", "hi", OPENAI_BASE_URL=server.url) as terminal:
            terminal.wait_for("1,050.00")
            terminal.resize(100, 30)
            resized.set()
            assert terminal.exit_code() == 0
            shown = "".join("".join(terminal.screen.everything()).split())
        assert "".join(render_text(MARKDOWN, 100).split()) in shown

    def test_keys_typed_during_an_answer_are_not_echoed(
        self, server: Server, tmp_path: Path
    ) -> None:
        go_on = threading.Event()
        (first, *rest), end = says("one ", "two").parts, says("one ", "two")
        server.script(end.but(parts=(first, Until(go_on), *rest)))
        arguments = ("ask", "hi", "--no-tools")
        with Terminal(tmp_path, *arguments, OPENAI_BASE_URL=server.url) as terminal:
            terminal.wait_for("one")
            terminal.type("typed")
            go_on.set()
            assert terminal.exit_code() == 0
            assert terminal.screen.everything()[1] == "one two"

    @pytest.mark.skipif(sys.platform != "linux", reason="the state is read from /proc")
    def test_ctrl_z_restores_the_cursor_for_the_shell(self, server: Server, tmp_path: Path) -> None:
        go_on = threading.Event()
        (first, *rest), end = says("one ", "two").parts, says("one ", "two")
        server.script(end.but(parts=(first, Until(go_on), *rest)))
        arguments = ("ask", "hi", "--no-tools")
        with Terminal(tmp_path, *arguments, OPENAI_BASE_URL=server.url) as terminal:
            terminal.wait_for("one")
            assert not terminal.screen.cursor_is_visible
            terminal.type("\x1a")
            terminal.wait_for(lambda _: terminal.state == "T" and terminal.screen.cursor_is_visible)
            os.kill(terminal.process.pid, signal.SIGCONT)
            go_on.set()
            assert terminal.exit_code() == 0
            assert "two" in "\n".join(terminal.screen.everything())

    def test_no_color_turns_colors_off(self, server: Server, tmp_path: Path) -> None:
        server.script(calls("add", x=1, y=2), answers(MARKDOWN))
        variables = {"OPENAI_BASE_URL": server.url, "NO_COLOR": "1"}
        with Terminal(tmp_path, "ask", "hi", **variables) as terminal:
            assert terminal.exit_code() == 0
        codes = re.findall(r"\x1b\[([0-9;]*)m", terminal.written)
        assert set(";".join(codes).split(";")) <= {"0", "1", "2", "3", "4", "9"}

    def test_a_dumb_terminal_gets_plain_lines(self, server: Server, tmp_path: Path) -> None:
        server.script(*notebook())
        variables = {"OPENAI_BASE_URL": server.url, "TERM": "dumb"}
        with Terminal(tmp_path, "ask", QUESTION, **variables) as terminal:
            assert terminal.exit_code() == 0
            assert terminal.screen.visible()[1] == "Calling add..."
            assert "\x1b" not in terminal.written

    def test_the_key_is_typed_without_echo(self, tmp_path: Path) -> None:
        with Terminal(tmp_path, "ask", "hi", "--model", "gpt-4o", "--timeout", "1") as terminal:
            terminal.wait_for("OpenAI API key")
            assert not terminal.echoes
            terminal.type("sk-typed\n")
            assert terminal.exit_code() == 1
            screen = "\n".join(terminal.screen.everything())
            assert "✗ " in screen
            assert "sk-typed" not in screen

    def test_ctrl_c_interrupts_an_answer(self, server: Server, tmp_path: Path) -> None:
        server.script(Reply((*says("Once upon").parts, NEVER)))
        with Terminal(tmp_path, "ask", "hi", OPENAI_BASE_URL=server.url) as terminal:
            terminal.wait_for("Once upon")
            terminal.type("\x03")
            assert terminal.exit_code() == 130
            assert terminal.screen.visible()[-1] == "interrupted"
