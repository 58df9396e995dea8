"""Reads a string out of JSON that is still arriving.

A fragment may end anywhere: inside an escape, between two surrogates, in the middle of a key.
"""

from __future__ import annotations

import re

from streamchat.text.surrogates import SurrogateJoiner

_STRUCTURE = re.compile(r'["{}\[\],:]')
_PLAIN = re.compile(r'[^"\\]*')
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class AnswerReader:
    """Decodes one string field of a JSON object while it arrives, in linear time.

    The returned texts, joined, equal `join_surrogates(json.loads(text)[field])` for every valid
    object in which the field is a string and no key is repeated. It does not validate: for invalid
    JSON it may return any text, but never raises. What follows the object is ignored.

    Args:
        field: the key of the string, at the top level of the object; None reads nothing.
    """

    def __init__(self, field: str | None = "answer") -> None:
        self.closed = False
        """Whether the outermost object or array has ended."""
        self.end = 0
        """Where it ended, in the fragment that closed it."""
        self._field = field
        self._depth = 0
        self._in_string = False
        self._escape = ""
        self._expects_key = False
        self._key = ""
        self._wanted = False
        self._characters = SurrogateJoiner()

    def feed(self, fragment: str) -> str:
        """Return the text of the field that this fragment completes."""
        pieces: list[str] = []
        position = 0
        while position < len(fragment) and not self.closed:
            if self._escape:
                position = self._read_escape(fragment, position, pieces)
            elif self._in_string:
                position = self._read_string(fragment, position, pieces)
            else:
                position = self._read_structure(fragment, position)
        return "".join(pieces)

    def _read_structure(self, fragment: str, position: int) -> int:
        found = _STRUCTURE.search(fragment, position)
        if not found:
            return len(fragment)
        match found.group():
            case '"':
                self._open_string()
            case "{" | "[" as bracket:
                self._depth += 1
                self._expects_key = bracket == "{" and self._depth == 1
            case "}" | "]":
                self._depth -= 1
                self.closed, self.end = self._depth == 0, found.end()
            case sign if self._depth == 1:
                self._expects_key = sign == ","
        return found.end()

    def _open_string(self) -> None:
        self._in_string = True
        is_value = self._depth == 1 and not self._expects_key
        self._wanted = is_value and self._key == self._field
        if self._depth == 1 and self._expects_key:
            self._key = ""

    def _read_string(self, fragment: str, position: int, pieces: list[str]) -> int:
        plain = _PLAIN.match(fragment, position)
        assert plain  # the pattern matches an empty string too
        self._take(plain.group(), pieces)
        end = plain.end()
        if end < len(fragment) and fragment[end] == '"':
            self._close_string(pieces)
        elif end < len(fragment):
            self._escape = "\\"
        return end + 1

    def _close_string(self, pieces: list[str]) -> None:
        self._in_string = False
        if self._wanted:
            pieces.append(self._characters.finish())
            self._wanted = False

    def _read_escape(self, fragment: str, position: int, pieces: list[str]) -> int:
        self._escape += fragment[position]
        if self._escape[1] != "u":
            self._take(_ESCAPES.get(self._escape[1], _UNKNOWN), pieces)
            self._escape = ""
        elif len(self._escape) == len("\\uXXXX"):
            self._take(_code_unit(self._escape[2:]), pieces)
            self._escape = ""
        return position + 1

    def _take(self, text: str, pieces: list[str]) -> None:
        if self._wanted:
            pieces.append(self._characters.feed(text))
        elif self._depth == 1 and self._expects_key:
            self._key += text


def _code_unit(digits: str) -> str:
    try:
        return chr(int(digits, 16))
    except ValueError:
        return _UNKNOWN
