"""The agent: requests messages from a model, runs the tools it calls, and yields events.

LangChain's messages become events here, and the history becomes messages. This room does not know
how events are shown, stored or replayed, nor where a session keeps its history.
"""
