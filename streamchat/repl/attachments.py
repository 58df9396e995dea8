"""Files named in a message by @path: their text goes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 200_000
"""Bytes that a file may have."""
_NAMED = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')
_UNCLOSED = re.compile(r'(?<!\S)@"[^"\n]*$', re.MULTILINE)
_AFTER_A_NAME = ".,;:!?)'\""
_LIKE_A_PATH = re.compile(r"/|^~|\.\w{1,8}$")


class AttachmentError(Exception):
    """A file that cannot go with a message; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file's text, and the name it was called by."""

    name: str
    text: str

    @property
    def line(self) -> str:
        """What is shown of it."""
        lines = self.text.count("\n") + bool(self.text and not self.text.endswith("\n"))
        counts = f"{lines:,} line{'s' * (lines != 1)}, {len(self.text):,} characters"
        return f"attached {self.name}: {counts}"


def attached(message: str) -> tuple[str, list[Attachment]]:
    """Returns the message as it is sent, with the text of the files it names, and these.

    A word after an @ that is no file stays a word, unless it can only be meant for a path.

    Raises:
        AttachmentError: a file is not there, no text, or too large.
    """
    if _UNCLOSED.search(message):
        raise AttachmentError('a quotation mark is missing: @"name with spaces.txt"')
    names = dict.fromkeys(quoted or plain for quoted, plain in _NAMED.findall(message))
    files = [file for name in names if (file := _attachment(name))]
    return "\n\n".join([message, *map(_as_sent, files)]), files


def _as_sent(file: Attachment) -> str:
    fence = "```"
    while fence in file.text:
        fence += "`"
    return f"File {file.name}:\n{fence}\n{file.text.rstrip(chr(10))}\n{fence}"


def _attachment(name: str) -> Attachment | None:
    for each in filter(None, (name, name.rstrip(_AFTER_A_NAME))):
        try:
            path = Path(each).expanduser()
            if path.is_file():
                return Attachment(each, _text_of(path, each))
            if path.is_dir():
                raise AttachmentError(f"{each} is a directory; only files can be attached")
            if path.exists():
                raise AttachmentError(f"{each} is no regular file; only these can be attached")
        except (OSError, RuntimeError):  # a name that no file can have, or no user has
            continue
    if _LIKE_A_PATH.search(name.rstrip(_AFTER_A_NAME)):
        raise AttachmentError(f"there is no file {name}")
    return None


def _text_of(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise AttachmentError(f"{name}: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        raise AttachmentError(f"{name} is too large: more than {MOST_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AttachmentError(f"{name} is no UTF-8 text") from None
    if "\0" in text:
        raise AttachmentError(f"{name} is no text: it has NUL characters")
    return text
