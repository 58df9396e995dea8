"""Full-text search in all turns."""

from __future__ import annotations

import sqlite3
import unicodedata

from streamchat.sessions import StoreError
from streamchat.sessions.records import Hit
from streamchat.sessions.rows import MAX_TITLE, find_session
from streamchat.text.sanitize import one_line
from streamchat.text.surrogates import replace_surrogates

_MAX_WORDS = 32
_SEARCH = """
    SELECT turns.session, turns.number, turns.question, snippet(words, -1, '', '', '…', 12)
    FROM words JOIN turns ON turns.id = words.rowid
    WHERE words MATCH ? ORDER BY turns.started DESC LIMIT ?
"""


def build_query(text: str) -> str:
    """Return an FTS5 query for turns with every word of the text, or words that start with it.

    Raises:
        StoreError: there is no word in the text.
    """
    words = [
        word for word in replace_surrogates(text).replace("\0", " ").split() if _is_indexed(word)
    ]
    if not words:
        raise StoreError("no words to search for")
    # Quoted words have no special meaning in the query language.
    return " ".join('"' + word.replace('"', '""') + '"*' for word in words[:_MAX_WORDS])


def _is_indexed(word: str) -> bool:
    """Whether the word has any letters or digits: the index holds nothing else."""
    return any(unicodedata.category(each)[0] in "LN" for each in word)


def find_hits(connection: sqlite3.Connection, query: str, limit: int) -> list[Hit]:
    """Return the turns that match the query, newest first."""
    hits = []
    for session, number, question, snippet in connection.execute(_SEARCH, [query, limit]):
        shown = one_line(question, MAX_TITLE), one_line(snippet)
        hits.append(Hit(find_session(connection, session), number, *shown))
    return hits
