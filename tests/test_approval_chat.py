"""What a user at the terminal sees of calls that wait or run, and the keys for them."""

from __future__ import annotations

from pathlib import Path

from tests.chatting import CTRL_C, ENTER, ESCAPE, Chat
from tests.server import Server, calls, says
from tests.targets import write
from tests.test_own_tools import list_results

SLOW = '''
    import asyncio, threading

    def work() -> str:
        """Work."""
        print("working")
        threading.Event().wait()

    async def rest() -> str:
        """Rest."""
        print("resting")
        await asyncio.Event().wait()
'''


def test_escape_cancels_the_tools_and_the_turn_goes_on(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "mine.py", SLOW)
    with Chat(server, tmp_path, "--tools", "mine.py", "--allow", "*", cwd=tmp_path) as chat:
        chat.wait_until_ready()
        server.script(calls("work") + calls("rest"), says("Never mind."))
        chat.type("Hi" + ENTER)
        chat.wait_for("working")
        chat.wait_for("resting")
        chat.wait_for(" 1 s ─╯")
        chat.type(ESCAPE)
        chat.wait_for("Never mind.")
        work, rest = list_results(server)
        assert work.startswith("Error: cancelled by the user after 1.")
        assert work.endswith(" s; its thread still runs")
        assert rest.startswith("Error: cancelled by the user after 1.")
        assert rest.endswith(" s")
        assert "its thread still runs" in chat.shown
        assert "interrupted" not in chat.shown
        chat.wait_for_prompt()
        server.script(calls("rest"))
        chat.type("Again" + ENTER)
        chat.wait_for(lambda _: chat.shown.count("resting") == 2)
        chat.type(CTRL_C)
        chat.wait_for("interrupted")
        chat.wait_for_prompt()
