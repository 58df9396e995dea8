"""The command line: what each command takes, which exit code it ends with, how failures look.

`app` has the commands, `main` runs them. Each command imports what it needs when it runs, so that
`--help` and `--version` answer at once. Nothing may import this room.
"""
