"""Sessions: what was asked and answered, kept in SQLite, found again, and written out."""
