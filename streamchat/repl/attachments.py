"""Attaches the text of files that a message names by @path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from streamchat.config.reading import read_regular_file
from streamchat.repl.errors import CommandError

MAX_BYTES = 200_000
"""The largest file that can be attached."""
_NAME = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')
_UNCLOSED = re.compile(r'(?<!\S)@"[^"\n]*$', re.MULTILINE)
_PUNCTUATION = ".,;:!?)'\""
_PATH_LIKE = re.compile(r"/|^~|\.\w{1,8}$")


class AttachmentError(CommandError):
    """A file cannot be attached; the message is one line that says why."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """The text of a file, and its name in the message."""

    name: str
    text: str

    @property
    def summary(self) -> str:
        """One line about it, shown in place of its text."""
        lines = self.text.count("\n") + bool(self.text and not self.text.endswith("\n"))
        counts = f"{lines:,} line{'s' * (lines != 1)}, {len(self.text):,} characters"
        return f"attached {self.name}: {counts}"


def attach_files(message: str) -> tuple[str, list[Attachment]]:
    """Return the message with the text of the files it names, and these files.

    A word after an @ that names no file stays a word, unless it can only be meant as a path.

    Raises:
        AttachmentError: a file does not exist, is not text, or is too large.
    """
    if _UNCLOSED.search(message):
        raise AttachmentError('missing closing quote: @"name with spaces.txt"')
    names = dict.fromkeys(quoted or plain for quoted, plain in _NAME.findall(message))
    files = [file for name in names if (file := _find_file(name))]
    return "\n\n".join([message, *map(_format, files)]), files


def _format(file: Attachment) -> str:
    fence = "```"
    while fence in file.text:
        fence += "`"
    return f"File {file.name}:\n{fence}\n{file.text.rstrip(chr(10))}\n{fence}"


def _find_file(name: str) -> Attachment | None:
    for each in filter(None, (name, name.rstrip(_PUNCTUATION))):
        try:
            path = Path(each).expanduser()
            if path.is_file():
                return Attachment(each, _read_text(path, each))
            if path.is_dir():
                raise AttachmentError(f"{each} is a directory, not a file")
            if path.exists():
                raise AttachmentError(f"{each} is not a regular file")
        except (OSError, RuntimeError, ValueError):  # an impossible name, or an unknown user
            continue
    if _PATH_LIKE.search(name.rstrip(_PUNCTUATION)):
        raise AttachmentError(f"{name} does not exist")
    return None


def _read_text(path: Path, name: str) -> str:
    try:
        content = read_regular_file(path, MAX_BYTES)
    except OSError as error:
        raise AttachmentError(f"{name}: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AttachmentError(f"{name} is not UTF-8 text") from None
    if "\0" in text:
        raise AttachmentError(f"{name} is a binary file")
    return text
