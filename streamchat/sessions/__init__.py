"""Sessions: conversations, recorded in SQLite as they happen, resumed, replayed and exported.

They know agents, views and the store, but nothing of the command line or the prompt.
"""


class StoreError(Exception):
    """A session cannot be found, read or saved; the message says why in one line."""
