"""Pure functions and classes on text: sanitizing, redacting, reading JSON that is still arriving.

Nothing here does I/O or knows about a model, a terminal or a setting. Classes that read streams
accept them split anywhere.
"""
