"""Pure text: control characters made visible, secrets redacted, answers read from partial JSON.

Nothing here does I/O or knows a model, a terminal or a setting. Every class takes its input in
pieces, wherever it is split.
"""
