"""A chat with the user's own agent."""

from __future__ import annotations

from pathlib import Path

from tests.chatting import Chat
from tests.server import Server
from tests.targets import write_executor


def test_a_chat_names_the_agent_and_what_it_is(server: Server, tmp_path: Path) -> None:
    agent = write_executor(
        tmp_path / "mine.py", "return f'You said {input}'", before="print('Loading')"
    )
    with Chat(server, tmp_path, "--agent", f"{agent}:agent") as chat:
        chat.wait_for("executor (Executor)")
        chat.wait_until_ready()
        assert chat.bar.startswith("mine.py:agent · ")
        lines = chat.screen.everything()
        assert lines[0].endswith(" · mine.py:agent")
        assert lines[3:6] == ["Loading", " executor (Executor)", "›"]
        assert "You said hello" in chat.send("hello")
        assert "mine.py:agent: executor (Executor)" in chat.send("/tools").replace("\n", "")
        chat.expect_refusal("/model gpt", "has its own model")
        chat.leave()
        assert "mine.py:agent --resume" in chat.shown.replace("\n", "")
