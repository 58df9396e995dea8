"""The agent: asks the model for messages, runs the tools it calls, and yields events.

This is where LangChain's messages become events. It must not know how events are shown or stored.
"""
