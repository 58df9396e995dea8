"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Profile = Annotated[
    str | None,
    typer.Option(help="A profile of the configuration file. [STREAMCHAT_PROFILE]"),
]
System = Annotated[
    str | None,
    typer.Option(help="Tell the model how to answer. [STREAMCHAT_SYSTEM]"),
]
MaxHistory = Annotated[
    int | None,
    typer.Option(help="Characters of earlier turns it is sent. [STREAMCHAT_MAX_HISTORY]"),
]
Save = Annotated[
    bool | None,
    typer.Option("--save/--no-save", help="Keep the session (default).", show_default=False),
]
Trace = Annotated[
    bool | None,
    typer.Option("--trace/--no-trace", help="Tell LangSmith of every run.", show_default=False),
]
Continue = Annotated[bool, typer.Option("--continue", help="Go on with the last session.")]
Resume = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Go on with this session: its ID, or how that begins."),
]
New = Annotated[bool, typer.Option("--new", help="Begin a new session (default).")]
