"""The user's editor, in which a message can be written."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from streamchat.config.reading import read_regular_file
from streamchat.process.tty import child_environment
from streamchat.repl.errors import CommandError, describe_exit
from streamchat.repl.pastes import Pastes
from streamchat.text.surrogates import replace_surrogates
from streamchat.view.outcome import report_failure

_VARIABLES = ("VISUAL", "EDITOR")
_USUAL = ("editor", "nano", "pico", "vi", "emacs")
_MAX_BYTES = 10_000_000


async def edit_buffer(buffer: Buffer, pastes: Pastes) -> None:
    """Let the user edit the text of the prompt; an editor that fails is one line above it."""
    whole = pastes.unfold(buffer.text)
    text = await run_in_terminal(partial(_edit_and_report, whole), in_executor=True)
    buffer.document = Document(pastes.refold(text))


def _edit_and_report(text: str) -> str:
    text, problem = edit(text)
    if problem:
        report_failure(problem)
    return text


def edit(text: str, name: str = "message.md") -> tuple[str, str]:
    """Return the text as it is after the editor, and what went wrong, or an empty string.

    The text never gets lost: what the editor has saved counts, even if it fails afterwards, and
    without that the text as it was. The file's name tells the editor what the text is.
    """
    try:
        with TemporaryDirectory(prefix="streamchat-", ignore_cleanup_errors=True) as folder:
            path = Path(folder, name)
            path.write_text(replace_surrogates(text), encoding="utf-8")
            return _edit_file(path, text)
    except CommandError as error:
        return text, str(error)
    except OSError as error:
        return text, f"cannot make a file for the editor: {error.strerror}"


def _edit_file(path: Path, before: str) -> tuple[str, str]:
    editor = _find_editor()
    problem = _run(editor, path)
    try:
        saved = read_regular_file(path, _MAX_BYTES)
    except FileNotFoundError:
        return before, f"{editor[0]} removed the file; the message is as it was"
    except OSError as error:
        return before, f"cannot read what {editor[0]} saved: {error.strerror}"
    try:
        text = saved.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = saved.decode(errors="replace")
        problem = problem or f"{editor[0]} saved bytes that are not UTF-8, shown as \ufffd"
    if problem and not text.strip():  # it may have failed after it emptied the file
        return before, problem
    return text.replace("\r\n", "\n").removesuffix("\n"), problem


def _find_editor() -> list[str]:
    for variable in _VARIABLES:
        if value := os.environ.get(variable, "").strip():
            return _split(variable, value)
    for name in _USUAL:
        if found := shutil.which(name):
            return [found]
    raise CommandError("no editor found; set EDITOR")


def _split(variable: str, value: str) -> list[str]:
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise CommandError(f"{variable} is not a command: {error}") from None
    if not words[0]:
        raise CommandError(f"{variable} is not a command: no program is named")
    return words


def _run(editor: list[str], path: Path) -> str:
    """Run the editor until it ends, and return what went wrong, or an empty string."""
    try:
        environment = child_environment()
        code = subprocess.call([*editor, str(path)], env=environment)  # noqa: S603  # the user's own
    except FileNotFoundError:
        raise CommandError(f"the editor {editor[0]} was not found") from None
    except OSError as error:
        raise CommandError(f"cannot run the editor {editor[0]}: {error.strerror}") from None
    return describe_exit(editor[0], code) if code else ""
