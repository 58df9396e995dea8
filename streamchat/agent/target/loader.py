"""Loads the user's own agent, and loads it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamchat.agent.reloading import CodeLoader
from streamchat.agent.target.name import parse_target
from streamchat.config import Settings
from streamchat.models.progress import Progress, ignore_progress
from streamchat.process.runtime import freeze_imports
from streamchat.process.threads import run_in_daemon_thread
from streamchat.text.redact import Redactor

if TYPE_CHECKING:
    # It imports LangChain, which the prompt must not wait for.
    from streamchat.agent.target.source import TargetSource
    from streamchat.tools.approval import Policy


class TargetLoader(CodeLoader["TargetSource"]):
    """Loads the agent that the settings name.

    Args:
        settings: name the agent.
        redactor: learns the keys in the environment.
        progress: reports the loading; by default only `activity` does.

    Raises:
        TargetError: the settings name none.
    """

    unavailable = "no agent"
    code_is = "agent"

    def __init__(
        self, settings: Settings, redactor: Redactor, progress: Progress = ignore_progress
    ) -> None:
        super().__init__(redactor)
        self._target = parse_target(settings.agent or "")
        self._settings = settings
        self._progress = progress
        self._policy: Policy | None = None

    @property
    def name(self) -> str:
        return self.source.name if self.source else self._target.display

    @property
    def code_name(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        """What the agent is, in a few words; empty until it is loaded."""
        return self.source.kind if self.source else ""

    @property
    def tool_count(self) -> int | None:
        return len(self.source.tools) if self.source else None

    @property
    def code_tools(self) -> int:
        return self.tool_count or 0

    @property
    def context_tokens(self) -> None:
        return None

    @property
    def traceback(self) -> str:
        return self.source.traceback if self.source else ""

    async def _open_source(self) -> TargetSource:
        with self._progress(f"loading {self.name}", None):
            source = await run_in_daemon_thread(self._load_source)
        if self._source is None:  # frozen once: an agent that is replaced is garbage
            freeze_imports()
        return source

    def _load_source(self) -> TargetSource:
        from streamchat.agent.policy import make_policy
        from streamchat.agent.target.source import TargetSource

        # What the user always allows holds for an agent that is loaded anew, too.
        self._policy = self._policy or make_policy(self._settings)
        return TargetSource.load(self._target, self._settings, self._redactor, self._policy)
