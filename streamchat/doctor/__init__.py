"""Checks a server's OpenAI compatibility: a few small requests, and a verdict on each answer.

It reads answers with the very code that the agent uses. It must not know a terminal or a turn.
"""
