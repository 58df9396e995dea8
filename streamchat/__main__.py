"""`python -m streamchat`, and the command itself."""

import gc
from typing import NoReturn

from streamchat.signals import interrupts_end_at_once


def main() -> NoReturn:
    """Runs the program and ends the process with its exit code."""
    # LangChain takes seconds to import, and looking for garbage meanwhile a tenth of that.
    gc.disable()
    with interrupts_end_at_once():
        from streamchat.cli import main as run
    run()


if __name__ == "__main__":
    main()
