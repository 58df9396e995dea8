"""The view for a terminal, and what it is made of.

turn ──► page ──► markdown, panel ──► pieces: final | not yet ──► painter ──► terminal
"""
