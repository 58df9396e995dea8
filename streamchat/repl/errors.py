"""What the commands of the chat raise."""


class CommandError(Exception):
    """A command failed; the message is one line that says why."""
