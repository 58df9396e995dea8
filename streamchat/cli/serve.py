"""The command that serves the agent over HTTP."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from streamchat.cli.options import Flags, takes_settings
from streamchat.config import SettingsError
from streamchat.process.signals import exit_on_signal

_LOOPBACK = "127.0.0.1"


@takes_settings(
    *("model", "base_url", "agent", "tools", "mcp", "mcp_config", "builtin_tools", "allow"),
    *("deny", "temperature", "max_steps", "timeout", "tool_timeout", "system", "max_history"),
    *("trace", "profile"),
)
def serve(
    flags: Flags,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = _LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any free port.")] = 8800,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="STREAMCHAT_SERVE_TOKEN",
            metavar="TOKEN",
            help="What clients must send; random by default. Others see the flag in the list of "
            "processes, but not the variable.",
        ),
    ] = None,
    max_runs: Annotated[
        int, typer.Option(min=1, max=100_000, help="Runs at once, in each process.")
    ] = 200,
    max_seconds: Annotated[
        float, typer.Option(min=1, max=86_400, help="Seconds that a run may take.")
    ] = 600,
    grace: Annotated[
        float,
        typer.Option(min=0, max=86_400, help="Seconds that runs have to end at a signal."),
    ] = 10,
    workers: Annotated[int, typer.Option(min=1, max=100, help="Number of processes.")] = 1,
    allow_host: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="Another name of this server, as behind a proxy; may be repeated.",
            show_default=False,
        ),
    ] = [],  # noqa: B006  # Typer copies it
    cors_origin: Annotated[
        list[str],
        typer.Option(
            metavar="ORIGIN",
            help="Origin of a page that may use this server, too; may be repeated.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    no_tools: Annotated[bool, typer.Option("--no-tools", help="Offer the model no tools.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log requests, and where errors come from.")
    ] = False,
) -> None:
    """Serve the agent over HTTP: AG-UI, an OpenAI-compatible API, and a page.

    Prints a URL with a token, which every request must bring.
    """
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import check_agent, check_tools, complete_key
    from streamchat.config.sources import load_settings

    settings = load_settings(flags)
    check_agent(flags, no_tools=no_tools)
    check_tools(flags, no_tools=no_tools)
    _check_installed()
    settings = complete_key(settings)
    from streamchat.process.runtime import prepare_output
    from streamchat.view.progress import show_progress

    prepare_output(redactor)
    with show_progress("starting", brief=True), exit_on_signal():
        from streamchat.serve.limits import Limits
        from streamchat.serve.options import ServeOptions
        from streamchat.serve.security import make_access
        from streamchat.serve.server import serve as run

    options = ServeOptions(
        host,
        port,
        make_access(token, host, allow_host, cors_origin),
        max_runs,
        grace,
        workers,
        Limits(seconds=max_seconds),
        tools=not no_tools,
        verbose=verbose,
    )
    raise typer.Exit(run(settings, redactor, options, show_progress))


def _check_installed() -> None:
    if any(find_spec(name) is None for name in ("starlette", "uvicorn", "ag_ui", "websockets")):
        raise SettingsError("streamchat serve needs the extra: pip install 'streamchat[serve]'")
