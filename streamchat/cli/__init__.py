"""The command line.

It imports little, so that `--help` and `--version` are there at once; what a command needs comes
with the command.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from streamchat.cli.config import app as config_app
from streamchat.cli.options import Continue, MaxHistory, New, Profile, Resume, Save, System
from streamchat.cli.sessions import sessions
from streamchat.process.signals import EXIT_INTERRUPTED, install_exit_handlers

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,  # with markup, the help would import Rich
    pretty_exceptions_enable=False,
    help="A terminal chat in which you see an agent work: every tool call, every fragment of its "
    "arguments, every result, and the answer token by token.",
    epilog="Without a command: repl.",
)
app.add_typer(sessions)
app.add_typer(config_app, name="config")

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        help="A model's name on the server; local or local-large for the embedded ones; or the "
        "path of a GGUF file. [STREAMCHAT_MODEL]",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="The address of an OpenAI-compatible server. [OPENAI_BASE_URL]"),
]
Temperature = Annotated[
    float | None,
    typer.Option(help="0 to 2 (default 0). [STREAMCHAT_TEMPERATURE]"),
]
MaxSteps = Annotated[
    int | None,
    typer.Option(help="Messages a model may write in a turn (default 10). [STREAMCHAT_MAX_STEPS]"),
]
Timeout = Annotated[
    float | None,
    typer.Option(help="Seconds without progress (default 60). [STREAMCHAT_TIMEOUT]"),
]
Trace = Annotated[
    bool | None,
    typer.Option("--trace/--no-trace", help="Tell LangSmith of every run.", show_default=False),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Show every chunk as it came, and timings."),
]
NoTools = Annotated[bool, typer.Option("--no-tools", help="Offer the model no tools.")]
Plain = Annotated[
    bool, typer.Option("--plain", help="Lines of text: no panels, no colour, no cursor movement.")
]
Raw = Annotated[bool, typer.Option("--raw", help="Every token followed by |.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per event and line.")]


def _version(wanted: bool) -> None:
    if wanted:
        from streamchat import __version__

        typer.echo(f"streamchat {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        context.invoke(repl)


@app.command()
def ask(
    prompt: Annotated[
        str | None,
        typer.Argument(help="The question. - or nothing reads standard input.", show_default=False),
    ] = None,
    model: Model = None,
    base_url: BaseUrl = None,
    temperature: Temperature = None,
    max_steps: MaxSteps = None,
    timeout: Timeout = None,
    profile: Profile = None,
    system: System = None,
    max_history: MaxHistory = None,
    save: Save = None,
    continue_: Continue = False,
    trace: Trace = None,
    verbose: Verbose = False,
    no_tools: NoTools = False,
    plain: Plain = False,
    raw: Raw = False,
    json: Json = False,
) -> None:
    """Answer one question.

    Text piped in is put before the question. On a pipe the output is the answer and nothing else.
    """
    flags = locals()
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import question_of, session_of, settings_of, with_key
    from streamchat.config import SettingsError

    if json and (plain or raw):
        raise SettingsError("--json goes with neither --plain nor --raw")
    settings = settings_of(flags)
    session = session_of(settings, last=continue_)
    question = question_of(prompt, settings.timeout)
    settings = with_key(settings)
    if plain:
        from streamchat.view.progress import keep_still

        keep_still()
    from streamchat.cli.ask import ask_once
    from streamchat.view.choose import ViewOptions

    look = ViewOptions(plain=plain, raw=raw, json=json, verbose=verbose)
    raise typer.Exit(
        ask_once(question, settings, redactor, look, tools=not no_tools, session=session)
    )


@app.command()
def repl(
    model: Model = None,
    base_url: BaseUrl = None,
    temperature: Temperature = None,
    max_steps: MaxSteps = None,
    timeout: Timeout = None,
    profile: Profile = None,
    system: System = None,
    max_history: MaxHistory = None,
    save: Save = None,
    continue_: Continue = False,
    resume: Resume = None,
    new: New = False,
    trace: Trace = None,
    verbose: Verbose = False,
    no_tools: NoTools = False,
    plain: Plain = False,
) -> None:
    """Chat. The history is kept across turns; /help lists the commands."""
    flags = locals()
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import session_of, settings_of, with_key

    settings = settings_of(flags)
    session = session_of(settings, last=continue_, id=resume, new=new)
    settings = with_key(settings)
    if plain:
        from streamchat.view.progress import keep_still

        keep_still()
    from streamchat.repl.start import chat
    from streamchat.view.choose import ViewOptions

    look = ViewOptions(plain=plain, verbose=verbose)
    raise typer.Exit(chat(settings, redactor, look, tools=not no_tools, session=session))


@app.command()
def doctor(
    model: Model = None,
    base_url: BaseUrl = None,
    timeout: Timeout = None,
    profile: Profile = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object per finding and line.")
    ] = False,
) -> None:
    """Examine a server: what it does as the API has it, what otherwise, and what not.

    It is sent a few small requests. The exit code is 0 if it can be used, and 1 if not.
    """
    flags = locals()
    from streamchat.cli.failures import redactor
    from streamchat.cli.inputs import settings_of, with_key

    settings = with_key(settings_of(flags))
    from streamchat.cli.ask import diagnose

    raise typer.Exit(diagnose(settings, redactor, json=json))


_WITH_A_VALUE = (
    *("--model", "-m", "--base-url", "--temperature", "--max-steps", "--timeout"),
    *("--profile", "--system", "--max-history", "--resume"),
)


def main() -> NoReturn:
    """Runs the program and ends the process with its exit code."""
    _leave(_exit_code())


def _exit_code() -> int:
    # Python has no stream where a file descriptor is closed.
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115  # until the end
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115  # until the end
    # What it keeps is nobody else's: questions, answers, what a model made of its instructions.
    os.umask(0o077)
    install_exit_handlers()
    if sys.stdout is None:
        from streamchat.cli.failures import failed

        return failed("standard output is closed")
    try:
        return app(_arguments(sys.argv[1:]), standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except SystemExit as end:  # a signal
        return int(end.code or 0)
    except BrokenPipeError:
        return 1  # whoever read has gone, and knows
    except Exception as error:
        from streamchat.cli.failures import explain

        return explain(error)


def _arguments(given: list[str]) -> list[str]:
    """Returns the arguments as Typer is to read them.

    Without a command they are those of the chat. A question may begin with a minus, as "-5 + 3"
    does; no option begins with a minus and a digit or has a space in its name.
    """
    if given and given[0].startswith("-") and given[0] not in ("--help", "--version", "--"):
        return ["repl", *given]
    for at, each in enumerate(given[1:], 1):
        is_question = re.match(r"-+\s*[\d.(]|-[^=]*\s", each) and "--" not in given[:at]
        if given[0] == "ask" and is_question and given[at - 1] not in _WITH_A_VALUE:
            return [*given[:at], *given[at + 1 :], "--", each]
    return given


def _leave(code: int) -> NoReturn:
    """Ends the process at once.

    A tool that was given up, a look-up of a name, or the local model reading a long prompt may
    still be busy in a thread, and the interpreter would wait for it or crash with it.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
