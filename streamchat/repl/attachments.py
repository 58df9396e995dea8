"""Attaches the text of files that a message names by @path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from streamchat.config.reading import read_regular_file
from streamchat.repl.errors import CommandError
from streamchat.text.sanitize import one_line

MAX_BYTES = 200_000
"""The largest file that can be attached."""
BEGIN = r"(?<![^\s(\[{<])@"
"""An @ at the beginning of a word; brackets may stand before it."""
_NAME = re.compile(BEGIN + r'(?:"([^"\n]+)"|(\S+))')
_UNCLOSED = re.compile(BEGIN + r'"[^"\n]*$', re.MULTILINE)
_ESCAPED = re.compile(BEGIN.replace("@", r"\\@"))
_CODE = re.compile(r"^ *(```+|~~~+).*?(?:^ *\1|\Z)", re.MULTILINE | re.DOTALL)
"""A fenced block, in which an @ may begin anything."""
_PUNCTUATION = ".,;:!?)]}>'\""


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
    r"""Return the message with the text of the files it names, and these files.

    Every word that begins with an @ names a file; with a backslash, as in \@this, it is a word.

    Raises:
        AttachmentError: a file does not exist, is not text, or is too large.
    """
    prose = _CODE.sub("", message)
    if _UNCLOSED.search(prose):
        raise AttachmentError('missing closing quote: @"name with spaces.txt"')
    names = dict.fromkeys(quoted or plain for quoted, plain in _NAME.findall(prose))
    files = [_attach(name) for name in names if name.strip(_PUNCTUATION)]
    return "\n\n".join([_ESCAPED.sub("@", message), *map(_format, files)]), files


def _format(file: Attachment) -> str:
    fence = "```"
    while fence in file.text:
        fence += "`"
    return f"File {file.name}:\n{fence}\n{file.text.rstrip(chr(10))}\n{fence}"


def _attach(name: str) -> Attachment:
    """Return the file of this name, or of the name without the punctuation after it."""
    bare = reason = ""
    for bare in dict.fromkeys((name, name.rstrip(_PUNCTUATION))):
        try:
            path = Path(bare).expanduser()
            path.stat()
        except (FileNotFoundError, RuntimeError, ValueError):  # also an unknown user, or a NUL
            reason = "does not exist"
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        else:
            return Attachment(bare, _read_text(path, bare))
    shown = one_line(bare, 60)
    raise AttachmentError(f"{shown} {reason} (to send it as a word, write \\@{shown})")


def _read_text(path: Path, name: str) -> str:
    try:
        content = read_regular_file(path, MAX_BYTES)
    except IsADirectoryError:
        raise AttachmentError(f"{name} is a directory, not a file") from None
    except OSError as error:
        raise AttachmentError(f"{name}: {error.strerror}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AttachmentError(f"{name} is not UTF-8 text") from None
    if "\0" in text:
        raise AttachmentError(f"{name} is a binary file")
    return text
