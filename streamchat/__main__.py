"""`python -m streamchat`, and the command itself."""

from typing import NoReturn

from streamchat.signals import interrupts_end_at_once


def main() -> NoReturn:
    """Runs the program and ends the process with its exit code."""
    with interrupts_end_at_once():
        from streamchat.cli import main as run
    run()


if __name__ == "__main__":
    main()
