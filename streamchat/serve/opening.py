"""Loads the agent, and opens what the endpoints share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from streamchat.agent.loader import AgentLoader
from streamchat.agent.loaders import make_loader
from streamchat.agent.target.loader import TargetLoader
from streamchat.config import Settings
from streamchat.models.progress import Progress
from streamchat.process.stdio import print_error
from streamchat.serve.metrics import Metrics
from streamchat.serve.options import ServeOptions
from streamchat.serve.runs import Runs
from streamchat.serve.serving import Serving
from streamchat.text.redact import Redactor


@asynccontextmanager
async def open_serving(
    settings: Settings, redactor: Redactor, options: ServeOptions, progress: Progress
) -> AsyncIterator[Serving]:
    """Load the agent, and yield what the endpoints share.

    Raises:
        ModelError: the model is not available, or a TargetError if the user's code is not.
    """
    loader = make_loader(
        settings, redactor, tools=options.tools, progress=progress, verbose=options.verbose
    )
    try:
        source = await loader.wait_until_ready()
        _report_output(loader)
        metrics = Metrics()
        runs = Runs(source, options.max_runs, options.limits, metrics)
        yield Serving(runs, options.limits, metrics, settings, redactor, source.name)
    finally:
        await loader.aclose()


def _report_output(loader: TargetLoader | AgentLoader) -> None:
    """Report what the user's code prints outside of runs, and what happens to MCP servers."""
    loop = asyncio.get_running_loop()

    def report() -> None:
        for line in (*loader.take_lines(), *loader.take_notes()):
            print_error(line)

    def call_report() -> None:
        with suppress(RuntimeError):  # the program ends
            loop.call_soon_threadsafe(report)

    report()
    if loader.relay:
        loader.relay.on_line = call_report
