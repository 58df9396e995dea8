"""Markdown that streams: text is returned as soon as nothing that follows can change it.

It yields styled spans and must not know a terminal, a turn or a frame.
"""
