"""Resumed sessions."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from streamchat.sessions.store import Store
from tests.chatting import CTRL_D, ENTER, KEY, Chat, find_files_with, hold, messages
from tests.program import Terminal, run
from tests.screen import at_prompt
from tests.server import Server, fails, notebook, says


def test_a_killed_chat_is_resumed(server: Server, tmp_path: Path) -> None:
    never = threading.Event()
    server.script(
        *notebook(), fails(400, "no"), hold(says("Half of", " it"), never), says("On."), says("A.")
    )
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("What is 10 + 10")
        chat.send("fail")
        chat.type("a long story" + ENTER)
        chat.wait_for("Half of it")
        # The recorder writes twice a second or so.
        chat.wait_for(lambda _: _count_events_of_last_turn(tmp_path) > 3)
        os.kill(chat.process.pid, signal.SIGKILL)
        assert chat.exit_code() == -signal.SIGKILL
    with Chat(server, tmp_path, "--continue") as chat:
        chat.wait_until_ready()
        assert '{"|x|":|10|,"|y|":|10|}|' in chat.shown
        assert "10 + 10 equals 20." in chat.shown
        lines = chat.screen.everything()
        begin = lines.index("› a long story")
        assert lines[begin + 1] == ""
        assert lines[begin + 2].startswith("╭─ answer ─")
        assert lines[begin + 3] == "Half of it"
        assert "interrupted" in lines[begin:]
        chat.send("go on")
        # A failed turn is not in the history.
        sent = ["What is 10 + 10", "10 + 10 equals 20.", "a long story"]
        sent += ["Half of it\n\n[interrupted]", "go on"]
        assert messages(server) == sent
        chat.leave()
    asked = run(tmp_path, "ask", "--continue", "and then?", OPENAI_BASE_URL=server.url)
    assert asked.stdout == "A.\n"
    assert messages(server) == [*sent, "On.", "and then?"]
    assert find_files_with(tmp_path, KEY) == []


def _count_events_of_last_turn(home: Path) -> int:
    with Store.open(home / ".local/share/streamchat/sessions.sqlite3") as store:
        last = store.last()
        assert last
        return len(store.events(store.turns(last.id)[-1].id))


def test_a_resumed_chat_sends_what_an_unbroken_one_sends(server: Server, tmp_path: Path) -> None:
    questions = [f"question {number}" for number in range(5)]
    server.script(*[says(f"Answer {number}.") for number in range(5)] * 2)
    run(tmp_path, "repl", stdin="\n".join(questions), OPENAI_BASE_URL=server.url)
    whole = server.requests[-1]["messages"]
    run(tmp_path, "repl", stdin="\n".join(questions[:2]), OPENAI_BASE_URL=server.url)
    run(tmp_path, "repl", "--continue", stdin=questions[2], OPENAI_BASE_URL=server.url)
    with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
        last = store.last()
    assert last
    arguments = ("repl", "--resume", last.id[:6])
    run(tmp_path, *arguments, stdin="\n".join(questions[3:]), OPENAI_BASE_URL=server.url)
    assert server.requests[-1]["messages"] == whole


def test_a_placeholder_key_is_neither_redacted_in_the_store_nor_in_a_request(
    server: Server, tmp_path: Path
) -> None:
    question = "How do I install ollama?"
    server.script(says("With its installer, ollama says."), says("Yes."))
    key = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "ollama"}
    asked = run(tmp_path, "ask", question, **key)
    assert asked.stdout == "With its installer, ollama says.\n"
    run(tmp_path, "ask", "--continue", "Sure?", **key)
    assert messages(server) == [question, "With its installer, ollama says.", "Sure?"]
    assert question in run(tmp_path, "sessions", "list").stdout


def test_answers_over_the_budget_are_left_out_and_reported(server: Server, tmp_path: Path) -> None:
    server.script(*[says("x" * 600), says("y" * 600), says("Z."), says("New.")])
    with Chat(server, tmp_path, "--max-history", "1000") as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.send("two")
        shown = chat.send("three")
        assert (
            "The oldest answer is not sent to the model: the limit is 1,000 characters"
            in _unwrap(shown)
        )
        assert messages(server) == ["two", "y" * 600, "three"]
        chat.leave()
    with Chat(server, tmp_path, "--continue", "--max-history", "1000") as chat:
        chat.wait_until_ready()
        assert "The oldest answer is not sent to the model" in _unwrap(chat.shown)
        chat.leave()
    with Chat(server, tmp_path, "--new") as chat:
        chat.wait_until_ready()
        chat.send("fresh")
        assert messages(server) == ["fresh"]


def _unwrap(text: str) -> str:
    return text.replace("\n", "")


def test_no_save_stores_nothing(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Two."), says("Three."))
    with Chat(server, tmp_path, "--no-save") as chat:
        chat.wait_until_ready()
        assert "not saved" in chat.bar
        chat.send("a private question")
        chat.expect_refusal("/sessions", "Sessions are not saved in this chat")
        chat.expect_refusal("/branch", "The session is not saved, so it cannot be branched")
        chat.expect_refusal("/export", "This session has no saved turns yet")
        assert "Removed: a private question" in chat.send("/undo")
        chat.send("another")
        assert messages(server) == ["another"]
        chat.leave()
    assert find_files_with(tmp_path, "private") == []
    assert find_files_with(tmp_path, KEY) == []


def test_resume_in_a_chat(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(25)])
    for number in range(2):
        run(tmp_path, "repl", stdin=f"q{number}", OPENAI_BASE_URL=server.url)
    with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
        ids = [each.id for each in store.sessions()]
        alike = store.create("m")
        while alike[0] != ids[0][0]:
            alike = store.create("m")
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.expect_refusal("/resume", "/resume needs a session ID. /sessions lists them.")
        assert "no session ID starts with zz" in chat.send("/resume zz")
        assert f" session IDs start with {ids[0][0]}" in chat.send(f"/resume {ids[0][0]}")
        shown = chat.send(f"/resume {ids[1]}")
        assert "› q0" in shown
        assert "Answer 0." in shown
        chat.send("next")
        assert messages(server) == ["q0", "Answer 0.", "next"]
        assert ids[1] in chat.bar


def test_a_session_undone_to_its_beginning_is_resumed(server: Server, tmp_path: Path) -> None:
    server.script(says("Before."), says("One."), says("Two."), says("Three."))
    run(tmp_path, "ask", "an earlier session", OPENAI_BASE_URL=server.url)
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.send("two")
        chat.send("/undo")
        chat.send("/undo")
        chat.expect_refusal("/undo", "No questions yet")
        chat.leave()
    done = run(tmp_path, "repl", "--continue", stdin="three", OPENAI_BASE_URL=server.url)
    assert done.stdout == "Three.\n"
    assert messages(server) == ["three"]


def test_two_chats_on_one_session_both_store_their_turns(server: Server, tmp_path: Path) -> None:
    server.script(says("One."), says("Left."), says("Right."))
    run(tmp_path, "repl", stdin="one", OPENAI_BASE_URL=server.url)
    with (
        Chat(server, tmp_path, "--continue") as left,
        Chat(server, tmp_path, "--continue") as right,
    ):
        left.wait_until_ready()
        right.wait_until_ready()
        left.send("from the left")
        right.send("from the right")
        assert messages(server) == ["one", "One.", "from the right"]
        right.leave()
        left.leave()
    shown = run(tmp_path, "sessions", "export", _last(tmp_path)).stdout
    assert "Left." in shown
    assert "Right." in shown


def test_a_branch_has_the_turns_shown_here(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(9)])
    run(tmp_path, "repl", stdin="one", OPENAI_BASE_URL=server.url)
    with (
        Chat(server, tmp_path, "--continue") as left,
        Chat(server, tmp_path, "--continue") as right,
    ):
        left.wait_until_ready()
        right.wait_until_ready()
        left.send("from the left")
        right.send("from the right")
        right.send("/branch")
        right.send("go on")
        assert "from the right" in messages(server)


def test_a_branch_after_a_retry_has_all_turns(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(1, 9)])
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("one")
        chat.send("/retry")
        chat.send("two")
        assert "with 2 turns of" in chat.send("/branch")
        chat.send("three")
        assert messages(server) == ["one", "Answer 2.", "two", "Answer 3.", "three"]


def _last(home: Path) -> str:
    with Store.open(home / ".local/share/streamchat/sessions.sqlite3") as store:
        last = store.last()
    assert last
    return last.id


def test_a_key_in_a_question_reaches_no_file(server: Server, tmp_path: Path) -> None:
    server.script(says("Keep it to yourself."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send(f"is {KEY} a good key")
        chat.send(f"/title about {KEY}")
        chat.send(f"/system never say {KEY}")
        chat.send("/export out.json".replace("out", str(tmp_path / "out")))
        chat.leave()
    assert find_files_with(tmp_path, KEY) == []


def test_a_resumed_session_is_asked_with_the_model_it_had(server: Server, tmp_path: Path) -> None:
    server.script(says("Yes."), forever=True)
    config = tmp_path / "config.toml"
    config.write_text('model = "usual"\n[profile.other]\nmodel = "profiled"\n')
    variables = {"OPENAI_BASE_URL": server.url, "STREAMCHAT_CONFIG": str(config)}

    def ask(*arguments: str, **more: str) -> tuple[str, str]:
        """Ask in the last session; return the model that was asked, and what was said of it."""
        done = run(tmp_path, "ask", "--continue", *arguments, "more", **variables, **more)
        assert done.stdout == "Yes.\n"
        return server.requests[-1]["model"], done.stderr

    run(tmp_path, "ask", "--model", "big", "one", **variables)
    assert ask() == ("big", "continuing with big, as before; --model chooses another\n")
    assert ask("--model", "small") == ("small", "")
    assert ask() == ("small", "continuing with small, as before; --model chooses another\n")
    assert ask(STREAMCHAT_MODEL="set") == ("set", "")
    assert ask("--profile", "other") == ("profiled", "")
    assert ask("--model", "usual") == ("usual", "")
    assert ask() == ("usual", "")


def test_a_model_that_is_not_to_be_had_is_named(server: Server, tmp_path: Path) -> None:
    server.script(says("Yes."), forever=True)
    with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
        store.begin(store.create("m.gguf"), "one", "one", "m.gguf")
    done = run(tmp_path, "ask", "--continue", "more", OPENAI_BASE_URL=server.url)
    assert done.stderr == "continuing with gpt-4o-mini; the session used m.gguf\n"
    assert server.requests[-1]["model"] == "gpt-4o-mini"


def test_a_chat_takes_the_model_of_the_session_it_resumes(server: Server, tmp_path: Path) -> None:
    server.script(says("Yes."), forever=True)
    for model in ("big", "small"):
        run(tmp_path, "ask", "--model", model, model, OPENAI_BASE_URL=server.url)
    with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
        small, big = (each.id for each in store.sessions())
    with Chat(server, tmp_path, "--resume", small) as chat:
        chat.wait_until_ready()
        assert "continuing with small, as before" in chat.shown
        assert chat.bar.startswith("small")
        assert "continuing with big, as before" in chat.send(f"/resume {big}")
        chat.send("more")
        assert server.requests[-1]["model"] == "big"
        chat.send("/model other")
        assert "continuing with" not in chat.send(f"/resume {small}")
        chat.send("more")
        assert server.requests[-1]["model"] == "other"
        chat.leave()


def test_a_store_that_could_not_be_opened_is_used_later(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(2)])
    place = tmp_path / ".local/share/streamchat"
    place.parent.mkdir(parents=True)
    place.write_text("in the way")
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        assert "the session is not saved" in chat.shown
        chat.send("q0")
        assert "not saved" in chat.bar
        place.unlink()
        assert "the session is saved again" in chat.send("q1")
        assert "session " in chat.bar
        chat.leave()
    with Store.open(place / "sessions.sqlite3") as store:
        (session,) = store.sessions()
        assert [each.question for each in store.turns(session.id)] == ["q0", "q1"]


@pytest.mark.parametrize("quit", [CTRL_D, "/quit" + ENTER])
def test_quitting_says_how_to_come_back(server: Server, tmp_path: Path, quit: str) -> None:
    server.script(says("Yes."), says("Again."))
    with Chat(server, tmp_path) as chat:
        chat.wait_until_ready()
        chat.send("Really?")
        id = chat.bar.split(" · ")[1].removeprefix("session ")
        chat.type(quit)
        assert chat.exit_code() == 0
        assert chat.screen.everything()[-1] == f"streamchat --resume {id}"
        assert f"\x1b[2mstreamchat --resume {id}\x1b[0m" in chat.written
    with Chat(server, tmp_path, "--resume", id) as chat:
        chat.wait_until_ready()
        assert "Really?" in chat.shown
        chat.send("/undo")
        chat.leave()
        assert "streamchat --resume" not in chat.shown, "nothing is left to resume"


@pytest.mark.parametrize("arguments", [[], ["--no-save"]])
def test_a_chat_that_cannot_be_resumed_ends_silently(
    server: Server, tmp_path: Path, arguments: list[str]
) -> None:
    server.script(says("Yes."))
    with Chat(server, tmp_path, *arguments) as chat:
        chat.wait_until_ready()
        if arguments:
            chat.send("Really?")
        chat.leave()
        assert "--resume" not in chat.shown


def test_a_plain_chat_says_how_to_come_back_without_styles(server: Server, tmp_path: Path) -> None:
    server.script(says("Yes."))
    with Terminal(tmp_path, "repl", "--plain", OPENAI_BASE_URL=server.url) as terminal:
        terminal.wait_for(lambda lines: at_prompt(lines) and terminal.is_raw)
        terminal.type("Really?" + ENTER)
        terminal.wait_for("Yes.")
        terminal.wait_for(lambda lines: lines[-1:] == [">"] and terminal.is_raw)
        terminal.type(CTRL_D)
        assert terminal.exit_code() == 0
        assert terminal.screen.everything()[-1].startswith("streamchat --resume ")
        assert "\x1b[2m" not in terminal.written


def test_a_session_that_was_undone_is_the_last(server: Server, tmp_path: Path) -> None:
    server.script(*[says(f"Answer {number}.") for number in range(6)])
    for question in ("first", "second"):
        run(tmp_path, "repl", stdin=question, OPENAI_BASE_URL=server.url)
    with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
        second, first = (each.id for each in store.sessions())
    done = run(tmp_path, "repl", "--resume", first, stdin="/retry", OPENAI_BASE_URL=server.url)
    assert done.returncode == 0
    run(tmp_path, "repl", "--resume", second, stdin="more\n/undo", OPENAI_BASE_URL=server.url)
    run(tmp_path, "repl", "--resume", first, stdin="more\n/undo", OPENAI_BASE_URL=server.url)
    with Store.open(tmp_path / ".local/share/streamchat/sessions.sqlite3") as store:
        assert store.last().id == first  # type: ignore[union-attr]
