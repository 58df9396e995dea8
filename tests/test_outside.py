"""Files and text from outside are checked on entry."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from streamchat.agent.prompt import Prompt
from streamchat.cli.failures import explain
from streamchat.config import ModelError, Settings, SettingsError
from streamchat.config.kinds import ServerUrl
from streamchat.config.reading import open_regular_file, read_regular_file
from streamchat.config.sources import load_settings
from streamchat.models.embedded.model import open_embedded
from streamchat.models.progress import ignore_progress
from tests.chatting import CTRL_C, EMPTIED, ENTER, Chat, hold, messages
from tests.program import Terminal, run
from tests.server import Server, says

BAD = os.fsdecode(b"x\xff")
"""A byte that is not UTF-8, as Python passes it on."""


@pytest.fixture(params=["fifo", "directory", "/dev/zero", "/dev/random", "missing"])
def not_a_file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A path that is not a regular file, and the error about it."""
    path = tmp_path / "named"
    match request.param:
        case "fifo":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
            return path, "Is a directory"
        case "missing":
            return path, "No such file or directory"
        case device:
            path = Path(device)
    return path, "not a regular file"


class TestFiles:
    def test_only_a_regular_file_is_read(self, not_a_file: tuple[Path, str]) -> None:
        path, why = not_a_file
        with pytest.raises(OSError, match=why):
            open_regular_file(path)

    def test_a_fifo_that_replaces_a_file_is_not_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A FIFO may replace the file between the check and the opening."""
        path, regular = tmp_path / "named", tmp_path / "regular"
        os.mkfifo(path)
        regular.touch()
        found = regular.stat()
        monkeypatch.setattr(Path, "stat", lambda _: found)
        with pytest.raises(OSError, match="not a regular file"):
            open_regular_file(path)

    def test_a_file_that_is_too_large(self, tmp_path: Path) -> None:
        path = tmp_path / "named"
        path.write_bytes(b"12345")
        assert read_regular_file(path, 5) == b"12345"
        with pytest.raises(OSError, match="too large: more than 4 bytes"):
            read_regular_file(path, 4)

    def test_an_impossible_file_name(self) -> None:
        with pytest.raises(OSError, match="Invalid argument"):
            open_regular_file(Path("a\0b"))

    def test_dev_null_means_no_configuration_file(self) -> None:
        assert load_settings({}, {"STREAMCHAT_CONFIG": os.devnull}) == load_settings({}, {})

    def test_the_configuration_file_must_be_a_regular_file(
        self, not_a_file: tuple[Path, str]
    ) -> None:
        path, why = not_a_file
        if str(path) == os.devnull:
            assert load_settings({}, {"STREAMCHAT_CONFIG": str(path)}) == Settings()
            return
        with pytest.raises(SettingsError) as raised:
            load_settings({}, {"STREAMCHAT_CONFIG": str(path)})
        assert str(raised.value) == f"{path}: {why}"

    def test_an_endless_configuration_file(self, tmp_path: Path) -> None:
        path = tmp_path / "config.toml"
        with path.open("wb") as file:
            file.truncate(1 << 40)
        with pytest.raises(SettingsError, match=r"config\.toml: too large: more than 1,000,000 b"):
            load_settings({}, {"STREAMCHAT_CONFIG": str(path)})

    def test_the_program_reports_a_bad_file_in_one_line(self, tmp_path: Path) -> None:
        done = run(tmp_path, "ask", "hi", STREAMCHAT_CONFIG="/dev/zero")
        assert (done.returncode, done.stderr) == (2, "error: /dev/zero: not a regular file\n")

    def test_a_model_must_be_a_regular_file(self, not_a_file: tuple[Path, str]) -> None:
        path, why = not_a_file
        with pytest.raises(ModelError) as raised:
            open_embedded(Settings(str(path)), ignore_progress)
        assert str(raised.value) == f"{path}: {why}"

    def test_a_file_that_a_library_rejects_is_named(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert explain(PermissionError(13, "Permission denied", "/some/file")) == 1
        assert capsys.readouterr().err == "error: /some/file: Permission denied\n"

    def test_the_prompt_history_must_be_a_regular_file(
        self, server: Server, tmp_path: Path
    ) -> None:
        history = tmp_path / ".local/state/streamchat/history"
        history.parent.mkdir(parents=True)
        os.mkfifo(history)
        server.script(says("Here."))
        with Chat(server, tmp_path) as chat:
            chat.wait_until_ready()
            assert "Here." in chat.send("hi")
            told = "".join(chat.shown.split())
            assert "thepromptkeepsnohistory:" in told
            assert "streamchat/history:notaregularfile" in told
            chat.leave()


class TestText:
    @pytest.mark.parametrize(
        ("variable", "words"),
        [
            ("STREAMCHAT_SYSTEM", "STREAMCHAT_SYSTEM must be UTF-8 text (got 'x\\udcff')"),
            ("STREAMCHAT_MODEL", "STREAMCHAT_MODEL must be UTF-8 text (got 'x\\udcff')"),
            ("STREAMCHAT_TIMEOUT", "STREAMCHAT_TIMEOUT must be UTF-8 text (got 'x\\udcff')"),
            ("OPENAI_BASE_URL", "OPENAI_BASE_URL must be UTF-8 text (got 'x\\udcff')"),
            ("OPENAI_API_KEY", "OPENAI_API_KEY must be UTF-8 text"),
            ("STREAMCHAT_PROFILE", "unknown profile x\\udcff"),
        ],
    )
    def test_a_variable_that_is_not_utf_8(self, tmp_path: Path, variable: str, words: str) -> None:
        done = run(tmp_path, "ask", "hi", **{variable: BAD})
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ("ask", BAD),
            ("ask", "hi", "-m", BAD),
            ("ask", "hi", f"--system={BAD}"),
            ("repl", "--resume", BAD),
            ("sessions", "search", BAD),
            ("sessions", "export", BAD, "-o", "file"),
            ("help", BAD),
            (BAD,),
        ],
    )
    def test_an_argument_that_is_not_utf_8(
        self, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        done = run(tmp_path, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("error: an argument is not UTF-8 text: ")
        assert done.stderr.endswith("x\\xff\n")

    def test_a_file_name_need_not_be_utf_8(self, server: Server, tmp_path: Path) -> None:
        server.script(says("Here."))
        run(tmp_path, "ask", "hi", OPENAI_BASE_URL=server.url)
        id = run(tmp_path, "sessions", "list").stdout.split()[0]
        file = tmp_path / BAD
        done = run(tmp_path, "sessions", "export", id, "-o", str(file))
        assert (done.returncode, done.stderr) == (0, "")
        assert "Here." in file.read_text()

    def test_text_is_utf_8_whatever_the_locale(self, server: Server, tmp_path: Path) -> None:
        server.script(says("Here."))
        ascii_only = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
        variables = {"OPENAI_BASE_URL": server.url, "STREAMCHAT_SYSTEM": "schön"} | ascii_only
        done = run(tmp_path, "ask", "größer", fresh=True, **variables)
        assert (done.returncode, done.stdout) == (0, "Here.\n")
        system, question = [each["content"] for each in server.requests[0]["messages"]]
        assert system.endswith("schön")
        assert question == "größer"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8:strict"])
    def test_lines_on_a_pipe_that_are_not_utf_8(
        self, server: Server, tmp_path: Path, encoding: str
    ) -> None:
        server.script(says("One."), says("Two."))
        done = run(
            tmp_path,
            "repl",
            stdin="first\n".encode("utf-8-sig") + b"/system a\xffb\na\xffb\nlast\n",
            OPENAI_BASE_URL=server.url,
            PYTHONIOENCODING=encoding,
            fresh=True,
        )
        assert done.stdout == "One.\nTwo.\n"
        assert done.stderr == "error: the message is not UTF-8 text\n" * 2
        assert done.returncode == 1
        questions = [each["messages"][-1]["content"] for each in server.requests]
        assert questions == ["first", "last"]
        assert "\ufffd" not in str(server.requests)

    @pytest.mark.parametrize("line", [f"a{BAD}b", f"/system a{BAD}b"])
    def test_a_line_at_the_prompt_that_is_not_utf_8(
        self, server: Server, tmp_path: Path, line: str
    ) -> None:
        server.script(says("Here."))
        with Chat(server, tmp_path) as chat:
            chat.wait_until_ready()
            chat.type(line + ENTER)
            chat.wait_for("✗ the message is not UTF-8 text")
            chat.wait_for(lambda _: (chat.prompted or "").endswith("b"))
            chat.type(EMPTIED)
            assert "Here." in chat.send("hi")
            assert len(server.requests) == 1
            chat.leave()

    def test_a_typed_key_that_is_not_utf_8(self, tmp_path: Path) -> None:
        with Terminal(tmp_path, "ask", "hi", "--model", "gpt-4o") as terminal:
            terminal.wait_for("OpenAI API key:")
            terminal.type(f"{BAD}\n")
            terminal.wait_for("✗ the key must be UTF-8 text")
            assert terminal.exit_code() == 2

    def test_text_typed_during_an_answer_that_is_not_utf_8(
        self, server: Server, tmp_path: Path
    ) -> None:
        end = threading.Event()
        server.script(hold(says("One."), end), says("Two."))
        with Chat(server, tmp_path) as chat:
            chat.wait_until_ready()
            chat.type("first" + ENTER)
            chat.wait_for("One.")
            chat.type(f"a{BAD}b{ENTER}draft")
            chat.wait_for("draft")
            end.set()
            chat.wait_for("✗ the message is not UTF-8 text")
            chat.wait_for(lambda _: (chat.prompted or "").endswith("b"))
            chat.type(CTRL_C)
            chat.wait_for_prompt("draft")
            chat.type(EMPTIED)
            assert "Two." in chat.send("second")
            assert messages(server)[-1] == "second"
            chat.leave()

    def test_lone_surrogates_from_a_caller_are_replaced(self) -> None:
        prompt = Prompt("a\ud83d", instructions="b\ud83d", system="c\ud83d")
        texts = [each.text for each in prompt.messages(tools_offered=True)]
        assert texts == ["c\ufffd\n\nb\ufffd", "a\ufffd"]

    @pytest.mark.parametrize(
        "url",
        [
            "http://a\nb/v1",
            "http://a b/v1",
            "http://a/\x7f",
            "http://\xa0a/v1",
            "http://a\u200b/v1",
        ],
    )
    def test_a_url_with_blanks(self, url: str) -> None:
        with pytest.raises(ValueError, match="a URL without spaces and invisible characters"):
            ServerUrl().parse(url)

    @pytest.mark.parametrize("host", ["127.0.0.1:0", "a..b", "a" * 64, "\u3002"])
    def test_an_impossible_host_name(self, host: str) -> None:
        with pytest.raises(ValueError, match="a valid URL"):
            ServerUrl().parse(f"http://{host}/v1")

    def test_a_host_name_in_another_script(self) -> None:
        assert ServerUrl().parse("http://bücher.example/é")

    def test_blanks_around_a_url_are_dropped(self) -> None:
        assert ServerUrl().parse(" http://127.0.0.1:1/v1/\n") == "http://127.0.0.1:1/v1"
