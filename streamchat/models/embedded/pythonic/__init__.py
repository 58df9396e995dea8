"""The pythonic way to call tools: the model writes one line of Python under a grammar.

A small coder model writes `(2 + 3) * 4` where it cannot write two nested JSON calls. The line is
parsed, never run: each operation and call in it becomes a tool call, innermost first. Pure; knows
schemas, messages as plain text and lines, but no server and no LangChain.
"""
