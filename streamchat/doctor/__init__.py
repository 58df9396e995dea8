"""Checks a server's OpenAI compatibility, or the user's own agent, and judges each part of it.

It reads answers with the very code that the agent uses. It must not know a terminal or a turn.
"""
