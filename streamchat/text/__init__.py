"""Text as data: sanitized for a terminal, redacted, read from partial JSON, kept in fragments.

Everything is pure: no I/O, and no knowledge of a model, a terminal or a setting. Classes that take
streams accept them split anywhere.
"""
