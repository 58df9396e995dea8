"""`python -m streamchat`, and the command itself."""

import gc
from typing import NoReturn

from streamchat.process.signals import exit_on_interrupt


def main() -> NoReturn:
    """Runs the program and ends the process with its exit code."""
    # LangChain takes seconds to import, and looking for garbage meanwhile a tenth of that.
    gc.disable()
    with exit_on_interrupt():
        from streamchat.cli import main as run
    run()


if __name__ == "__main__":
    main()
