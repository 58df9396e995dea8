"""The chat: a prompt, commands, and typing ahead while an answer streams (prompt-toolkit).

`start` puts the parts together, `loop` runs them. The room must not know how an answer is made or
drawn, nor how sessions are stored.
"""
