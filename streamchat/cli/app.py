"""The commands.

Their docstrings are the help texts. They import what they need when they run: `--help` must not
wait for it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from streamchat.cli.config import app as config_app
from streamchat.cli.models import app as models_app
from streamchat.cli.options import Continue, Flags, Json, New, Plain, Raw, Resume, takes_settings
from streamchat.cli.serve import serve
from streamchat.cli.sessions import app as sessions_app
from streamchat.cli.streams import schema_app, show

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,  # with markup, the help would import Rich
    pretty_exceptions_enable=False,
    help="A terminal chat in which you watch an agent work: every tool call, every fragment of "
    "its arguments, every result, and the answer token by token.",
    epilog="Without a command, streamchat runs repl.",
)
app.add_typer(sessions_app, name="sessions")
app.add_typer(models_app, name="models")
app.add_typer(config_app, name="config")
app.add_typer(schema_app, name="schema")
app.command()(show)
app.command()(serve)

Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show every chunk as received, and timings.")
]
NoTools = Annotated[bool, typer.Option("--no-tools", help="Offer the model no tools.")]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Load your agent or tools anew when a file of theirs is saved."),
]
ResumeValue = Annotated[
    list[str],
    typer.Option(
        metavar="TEXT",
        help="Answer to what your agent asks; repeat it for each question, in order.",
        show_default=False,
    ),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from streamchat import __version__

        typer.echo(f"streamchat {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _run_default(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        context.invoke(repl)


@app.command()
@takes_settings()
def ask(
    flags: Flags,
    prompt: Annotated[
        str | None,
        typer.Argument(
            metavar="QUESTION",
            help="The question. Without one, or with -, it is read from standard input.",
            show_default=False,
        ),
    ] = None,
    continue_: Continue = False,
    verbose: Verbose = False,
    no_tools: NoTools = False,
    plain: Plain = False,
    raw: Raw = False,
    json: Json = False,
    resume_value: ResumeValue = [],  # noqa: B006  # Typer copies it
) -> None:
    """Answer one question.

    Piped input goes before the question. On a pipe, the output is the answer and nothing else.
    """
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import (
        check_agent,
        check_tools,
        choose_session,
        complete_key,
        is_model_chosen,
        read_question,
    )
    from streamchat.config import SettingsError
    from streamchat.config.sources import load_settings

    if json and (plain or raw):
        raise SettingsError("--json cannot be combined with --plain or --raw")
    settings = load_settings(flags)
    check_agent(flags, no_tools=no_tools)
    check_tools(flags, no_tools=no_tools)
    if resume_value and not settings.agent:
        raise SettingsError("--resume-value is for an agent; name one: --agent FILE.py:NAME")
    session = choose_session(settings, last=continue_)
    model_chosen = is_model_chosen(flags)
    question = read_question(prompt, settings.timeout)
    settings = complete_key(settings)
    if plain:
        from streamchat.view.progress import disable_animation

        disable_animation()
    if session is None:  # a session may have a model of its own
        from streamchat.models.embedded.choose import start_early

        start_early(settings)
    from streamchat.cli.ask import ask_once
    from streamchat.cli.looks import make_look
    from streamchat.view.choose import ViewOptions

    options = ViewOptions(plain, raw, json, verbose, make_look(settings))
    raise typer.Exit(
        ask_once(
            question,
            settings,
            redactor,
            options,
            tools=not no_tools,
            answers=resume_value,
            session=session,
            model_chosen=model_chosen,
        )
    )


@app.command()
@takes_settings()
def repl(
    flags: Flags,
    continue_: Continue = False,
    resume: Resume = None,
    new: New = False,
    verbose: Verbose = False,
    no_tools: NoTools = False,
    plain: Plain = False,
    watch: Watch = False,
) -> None:
    """Chat. Earlier turns are remembered; /help lists the commands."""
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import (
        check_agent,
        check_tools,
        choose_session,
        complete_key,
        is_model_chosen,
    )
    from streamchat.config.sources import load_settings

    settings = load_settings(flags)
    check_agent(flags, no_tools=no_tools)
    check_tools(flags, no_tools=no_tools, watch=watch)
    session = choose_session(settings, last=continue_, id=resume, new=new)
    model_chosen = is_model_chosen(flags)
    settings = complete_key(settings)
    if plain:
        from streamchat.view.progress import disable_animation

        disable_animation()
    from streamchat.cli.looks import make_look
    from streamchat.repl.start import chat
    from streamchat.view.choose import ViewOptions

    look = make_look(settings, ", /last shows all")
    options = ViewOptions(plain, verbose=verbose, look=look)
    code = chat(
        settings,
        redactor,
        options,
        tools=not no_tools,
        session=session,
        model_chosen=model_chosen,
        watches=watch,
    )
    raise typer.Exit(code)


@app.command()
@takes_settings("agent", "model", "base_url", "timeout", "mcp", "mcp_config", "profile")
def doctor(
    flags: Flags,
    question: Annotated[
        str | None,
        typer.Argument(
            metavar="QUESTION",
            help="What to ask the agent; harmless by default.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Write each finding as a line of JSON.")
    ] = False,
) -> None:
    """Check a server's OpenAI compatibility, your own agent, or MCP servers.

    Sends a few small requests, or asks the agent one question, which may run its tools, or starts
    the MCP servers of --mcp and --mcp-config. The exit code is 0 if what was checked is usable,
    and 1 if not.
    """
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import check_agent, complete_key
    from streamchat.config import SettingsError
    from streamchat.config.sources import load_settings

    settings = load_settings(flags)
    check_agent(flags)
    if question is not None and not settings.agent:
        raise SettingsError("a question is for an agent; name one: --agent FILE.py:NAME")
    if question is not None and not question.strip():
        raise SettingsError("the question is empty")
    if flags["mcp"] is not None or flags["mcp_config"] is not None:
        from streamchat.cli.doctor_mcp import examine_servers

        redactor.learn(*settings.secrets)
        raise typer.Exit(examine_servers(settings, redactor, json=json))
    settings = complete_key(settings)
    if settings.agent:
        from streamchat.cli.doctor_agent import examine_agent

        raise typer.Exit(examine_agent(question or "", settings, redactor, json=json))
    from streamchat.cli.doctor import check_server

    raise typer.Exit(check_server(settings, redactor, json=json))


@app.command("help")
def show_help(
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="TOPIC",
            help="The topic. Without one, the topics are listed.",
            show_default=False,
        ),
    ] = None,
    plain: Plain = False,
) -> None:
    """Show a topic of the manual, or list the topics."""
    from streamchat.cli.help import show_manual

    show_manual(topic, plain=plain)
