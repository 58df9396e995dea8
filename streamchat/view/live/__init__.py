"""The view for a terminal, in which only what can still change is repainted.

turn ──► page ──► markdown, panel ──► spans: final | not yet ──► painter ──► terminal

Knows turns and the terminal, but not where events come from or what the user may type.
"""
