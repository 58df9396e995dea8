"""The entry point of `streamchat` and `python -m streamchat`."""

import gc
from typing import NoReturn

from streamchat.process.signals import exit_on_interrupt


def main() -> NoReturn:
    """Run the program and end the process with its exit code."""
    # Importing LangChain takes seconds, of which collecting garbage would be a tenth.
    gc.disable()
    with exit_on_interrupt():
        from streamchat.cli.main import main as run
    run()


if __name__ == "__main__":
    main()
