"""Sessions: what was asked and answered, kept in SQLite, found again, and written out."""


class StoreError(Exception):
    """The sessions cannot be read or kept, or there is none such; one line says why."""
