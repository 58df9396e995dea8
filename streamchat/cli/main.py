"""Runs the command line: standard streams, signals, exit codes."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import typer

from streamchat.cli.app import app
from streamchat.cli.options import FLAGS_WITH_FILE, FLAGS_WITH_VALUE
from streamchat.config import SettingsError
from streamchat.config.reading import read_utf8
from streamchat.process.reexports import defer_reexports
from streamchat.process.signals import EXIT_INTERRUPTED
from streamchat.text.surrogates import has_surrogates


def main() -> NoReturn:
    """Run the program and end the process with its exit code."""
    defer_imports()
    try:
        _exit(_run())
    except SystemExit as end:  # a signal; there is no second one
        _exit(int(end.code or 0))


def defer_imports() -> None:
    """Let LangChain load without what it does not use: of a thousand modules, every third."""
    defer_reexports("langchain_openai", "langsmith.types", "openai.types")


def _run() -> int:
    # Python leaves a stream None if its file descriptor is closed.
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115  # until the end
    sys.stdin = sys.stdin or Path(os.devnull).open()  # noqa: SIM115  # until the end
    # Questions, answers and saved prompts are for the user's eyes only.
    os.umask(0o077)
    os.environ.pop("OPENAI_LOG", None)  # the library's log lines would mix with ours
    if sys.stdout is None:
        from streamchat.cli.failures import fail

        return fail("standard output is closed")
    try:
        arguments = insert_command(read_arguments(sys.argv[1:]))
        return app(arguments, standalone_mode=False) or 0
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except SystemExit as end:  # a signal
        return int(end.code or 0)
    except BrokenPipeError:
        return 1  # the reader is gone, and needs no message
    except Exception as error:
        from streamchat.cli.failures import explain

        return explain(error)


def read_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments as UTF-8, whatever the locale; names of files stay as they are.

    Raises:
        SettingsError: one is not UTF-8 text.
    """
    read = []
    for at, each in enumerate(arguments):
        if at and arguments[at - 1] in FLAGS_WITH_FILE:
            read.append(each)
            continue
        read.append(read_utf8(each))
        if has_surrogates(read[-1]):
            shown = os.fsencode(each).decode(errors="backslashreplace")
            raise SettingsError(f"an argument is not UTF-8 text: {shown}")
    return read


def insert_command(arguments: list[str]) -> list[str]:
    """Return the arguments with the command that is left out, or with `--` before the question.

    Without a command they belong to `repl`. A question may begin with a minus, as "-5 + 3"
    does: no option begins with a minus and a digit or has a space in its name.
    """
    first = arguments[0] if arguments else ""
    if first.startswith("-") and first not in ("--help", "--version", "--"):
        return ["repl", *arguments]
    if first != "ask":
        return arguments
    for at, each in enumerate(arguments[1:], 1):
        is_question = re.match(r"-+\s*[\d.(]|-[^=]*\s", each) and "--" not in arguments[:at]
        if is_question and arguments[at - 1] not in FLAGS_WITH_VALUE:
            return [*arguments[:at], *arguments[at + 1 :], "--", each]
    return arguments


def _exit(code: int) -> NoReturn:
    """End the process at once.

    A tool that timed out, a host name being looked up, or the local model reading a long prompt
    may still be busy in a thread. The interpreter would wait for it, or crash with it.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)
