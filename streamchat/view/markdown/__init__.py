"""Markdown as it streams: spans of text with the names of their styles.

A span is final as soon as no later character can change it. Of the terminal, only its width and
glyphs are known here, and of turns and frames nothing. Text must come without control characters.
"""
