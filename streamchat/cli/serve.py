"""The command that serves the agent over HTTP."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from streamchat.cli.options import Flags, takes_settings

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
            help="What clients must send; random by default.",
        ),
    ] = None,
    max_runs: Annotated[
        int, typer.Option(min=1, max=100_000, help="Maximum number of runs at once.")
    ] = 100,
    grace: Annotated[
        float,
        typer.Option(min=0, max=86_400, help="Seconds that runs have to end at a SIGTERM."),
    ] = 10.0,
    cors_origin: Annotated[
        list[str],
        typer.Option(metavar="ORIGIN", help="Origin of a page that may use it, too; repeatable."),
    ] = [],  # noqa: B006  # Typer copies it
    allow_host: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Name that the server has, too; repeatable."),
    ] = [],  # noqa: B006
    no_tools: Annotated[bool, typer.Option("--no-tools", help="Offer the model no tools.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show where errors come from.")
    ] = False,
) -> None:
    """Serve the agent over HTTP: AG-UI, an OpenAI-compatible API, and a page."""
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import check_agent, check_tools, complete_key
    from streamchat.config.sources import load_settings

    settings = load_settings(flags)
    check_agent(flags, no_tools=no_tools)
    check_tools(flags, no_tools=no_tools)
    settings = complete_key(settings)
    _check_installed()
    from streamchat.process.runtime import prepare_output
    from streamchat.serve.security import Access
    from streamchat.serve.server import ServeOptions
    from streamchat.serve.server import serve as run
    from streamchat.view.progress import show_progress

    prepare_output(redactor)
    access = Access(
        token or secrets.token_urlsafe(24), frozenset({host, *allow_host}), frozenset(cors_origin)
    )
    options = ServeOptions(host, port, access, max_runs, grace, tools=not no_tools, verbose=verbose)
    raise typer.Exit(run(settings, redactor, options, show_progress))


def _check_installed() -> None:
    from importlib.util import find_spec

    from streamchat.config import SettingsError

    if any(find_spec(name) is None for name in ("starlette", "uvicorn", "ag_ui", "websockets")):
        raise SettingsError("streamchat serve needs the extra: pip install 'streamchat[serve]'")
