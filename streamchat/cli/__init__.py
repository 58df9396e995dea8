"""The command line: what each command takes, which exit code it ends with, how failures look.

`app` has the commands, `main` runs them. Whatever a command needs is imported by the command
itself, so that `--help` and `--version` answer at once. Nothing may import this room.
"""
