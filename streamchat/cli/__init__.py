"""The command line. It imports little, so that `--help` and `--version` are there at once."""

from __future__ import annotations

import json as jsonlib
import os
import re
import select
import sys
import traceback
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, NoReturn

import typer

from streamchat.cli.config import app as config_app
from streamchat.cli.options import Continue, MaxHistory, New, Profile, Resume, Save, System, Trace
from streamchat.cli.sessions import sessions
from streamchat.config import ModelError, Settings, SettingsError, checked_setting, load_settings
from streamchat.events import VERSION, TurnFailed, to_dict
from streamchat.safe import one_line, safe, without_credentials, without_secrets
from streamchat.sessions import StoreError
from streamchat.signals import INTERRUPTED, end_in_order

FAILED, WRONG_USAGE = 1, 2
_PATIENCE_WITH_STDIN = 1.0

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
    if json and (plain or raw):
        raise SettingsError("--json goes with neither --plain nor --raw")
    settings = load_settings(_flags(locals()))
    session = _session(settings, last=continue_)
    question = _question(prompt, settings.timeout)
    settings = _with_key(settings)
    if plain:
        from streamchat.view.progress import keep_still

        keep_still()
    from streamchat.app import ask_once
    from streamchat.view.choose import Look

    look = Look(plain=plain, raw=raw, json=json, verbose=verbose)
    raise typer.Exit(ask_once(question, settings, look, tools=not no_tools, session=session))


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
    settings = load_settings(_flags(locals()))
    session = _session(settings, last=continue_, id=resume, new=new)
    settings = _with_key(settings)
    if plain:
        from streamchat.view.progress import keep_still

        keep_still()
    from streamchat.repl.start import chat
    from streamchat.view.choose import Look

    look = Look(plain=plain, verbose=verbose)
    raise typer.Exit(chat(settings, look, tools=not no_tools, session=session))


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
    given = {"model": model, "base_url": base_url, "timeout": timeout, "profile": profile}
    settings = _with_key(load_settings(given))
    from streamchat.app import diagnose

    raise typer.Exit(diagnose(settings, json=json))


_WITH_A_VALUE = (
    *("--model", "-m", "--base-url", "--temperature", "--max-steps", "--timeout"),
    *("--profile", "--system", "--max-history", "--resume"),
)
_SETTINGS = (
    *("model", "base_url", "temperature", "max_steps", "timeout", "trace"),
    *("profile", "system", "max_history", "save"),
)
_secrets: list[str] = []  # of the settings, as soon as they are there


def _flags(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: arguments[name] for name in _SETTINGS}


def _session(
    settings: Settings, *, last: bool, id: str | None = None, new: bool = False
) -> str | None:
    """Returns the session to go on with, as `open_conversation` takes it."""
    if last + new + (id is not None) > 1:
        raise SettingsError("only one of --continue, --resume and --new can be had")
    if (last or id is not None) and not settings.save:
        raise SettingsError("--no-save keeps nothing, so no session can go on with it")
    if id is not None and not id.strip():
        raise SettingsError("--resume needs the ID of a session: streamchat sessions list")
    return "" if last else id


def _with_key(settings: Settings) -> Settings:
    """Asks for the key, unseen, where OpenAI was asked for and somebody is there to type it."""
    _secrets.extend(settings.secrets)
    if not settings.needs_key or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return settings
    typed = typer.prompt("OpenAI API key", hide_input=True, err=True)
    key = checked_setting("the key", "api_key", str(typed).strip())
    _secrets.append(key)
    return replace(settings, api_key=key)


def _question(prompt: str | None, timeout: float) -> str:
    """Returns the question, with what was piped in before it.

    Raises:
        SettingsError: there is none, or it is not text.
    """
    asked = "" if prompt in (None, "-") else prompt or ""
    try:
        asked = os.fsencode(asked).decode()  # whatever the locale
    except UnicodeDecodeError:
        raise SettingsError("the question is not UTF-8 text") from None
    if prompt is not None and not asked.strip() and prompt != "-":
        raise SettingsError("the question is empty")
    piped = ""
    if prompt == "-" or not sys.stdin.isatty():
        piped = _piped(timeout, needed=not asked)
    question = "\n\n".join(part for part in (piped.strip("\n"), asked) if part.strip())
    if not question:
        raise SettingsError('no question: streamchat ask "What is 10 + 10"')
    return question


def _piped(timeout: float, *, needed: bool) -> str:
    """Reads standard input to its end.

    A program started with an idle pipe for its input must not hang on it: if nothing at all comes
    in time and there is a question anyhow, that is asked alone.
    """
    pieces: list[bytes] = []
    interactive = sys.stdin.isatty()
    while True:
        if not interactive and not _readable(timeout, first=not pieces):
            if pieces or needed:
                raise SettingsError(f"standard input did not end: nothing came for {timeout:g} s")
            _complain(f"nothing came on standard input for {timeout:g} s; asking without it")
            return ""
        piece = os.read(sys.stdin.fileno(), 1 << 16)
        if not piece:
            break
        pieces.append(piece)
    try:
        return b"".join(pieces).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError("standard input is not UTF-8 text") from None


def _readable(timeout: float, *, first: bool) -> bool:
    started = monotonic()
    if first and not select.select([sys.stdin], [], [], min(timeout, _PATIENCE_WITH_STDIN))[0]:
        _complain("reading standard input (end it, or start with </dev/null if there is none)")
    left = timeout - (monotonic() - started)
    return bool(select.select([sys.stdin], [], [], max(left, 0))[0])


def _complain(line: str) -> None:
    with suppress(OSError):
        typer.echo(one_line(line), err=True)


def _failed(message: str, code: int) -> int:
    line = one_line(_harmless(message), 290)
    _complain(f"error: {line}")
    if "--json" in sys.argv:
        with suppress(OSError):
            print(jsonlib.dumps({"version": VERSION} | to_dict(TurnFailed(line))), flush=True)  # noqa: T201  # as its events
    return code


def _harmless(text: str) -> str:
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    return without_credentials(without_secrets(text, [*_secrets, key]))


def main() -> NoReturn:
    """Runs the program and ends the process with its exit code."""
    _leave(_exit_code())


def _exit_code() -> int:
    # Python has no stream where a file descriptor is closed.
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115  # until the end
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115  # until the end
    # What it keeps is nobody else's: questions, answers, what a model made of its instructions.
    os.umask(0o077)
    end_in_order()
    if sys.stdout is None:
        return _failed("standard output is closed", FAILED)
    try:
        return app(_arguments(sys.argv[1:]), standalone_mode=False) or 0
    except typer.TyperException as error:
        return _failed(f"{error.format_message()} (see --help)", WRONG_USAGE)
    except SettingsError as error:
        return _failed(str(error), WRONG_USAGE)
    except (ModelError, StoreError) as error:
        return _failed(str(error), FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit as end:  # a signal
        return int(end.code or 0)
    except BrokenPipeError:
        return FAILED  # whoever read has gone, and knows
    except OSError as error:
        return _failed(f"cannot write the answer: {error.strerror or error}", FAILED)
    except Exception as error:
        if {"-v", "--verbose"} & set(sys.argv):
            typer.echo(safe(_harmless(traceback.format_exc())), err=True)
        return _failed(f"{type(error).__name__}: {error} (--verbose shows where)", FAILED)


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
