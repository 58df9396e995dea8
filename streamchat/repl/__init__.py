"""The chat: a prompt, commands, and what is typed while an answer streams (prompt-toolkit)."""
