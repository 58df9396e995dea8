"""Looks for words in all turns."""

from __future__ import annotations

import sqlite3
import unicodedata

from streamchat.sessions import StoreError
from streamchat.sessions.records import Hit
from streamchat.sessions.rows import TITLE, found_session
from streamchat.text.partial_json import replace_surrogates
from streamchat.text.sanitize import one_line

_MOST_WORDS = 32
_SEARCH = """
    SELECT turns.session, turns.number, turns.question, snippet(words, -1, '', '', '…', 12)
    FROM words JOIN turns ON turns.id = words.rowid
    WHERE words MATCH ? ORDER BY turns.started DESC LIMIT ?
"""


def query_of(text: str) -> str:
    """Returns the query for turns that hold every word of the text, or words that begin so.

    Raises:
        StoreError: there is no word in it.
    """
    words = [
        word for word in replace_surrogates(text).replace("\0", " ").split() if _has_word(word)
    ]
    if not words:
        raise StoreError("no words to look for")
    # In quotes nothing means anything but itself.
    return " ".join('"' + word.replace('"', '""') + '"*' for word in words[:_MOST_WORDS])


def _has_word(text: str) -> bool:
    """Whether there is anything in the text that the index holds: letters and digits."""
    return any(unicodedata.category(each)[0] in "LN" for each in text)


def hits(connection: sqlite3.Connection, query: str, limit: int) -> list[Hit]:
    """Returns the turns that the query finds, newest first."""
    found = []
    for session, number, question, snippet in connection.execute(_SEARCH, [query, limit]):
        shown = one_line(question, TITLE), one_line(snippet)
        found.append(Hit(found_session(connection, session), number, *shown))
    return found
