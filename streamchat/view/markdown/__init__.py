"""Markdown as it streams: spans of text with the names of their styles.

A span is final as soon as no later character can change it. Knows no terminal beyond its width and
glyphs, no turn and no frame; expects text without control characters.
"""
