"""The entry point of `streamchat` and `python -m streamchat`."""

import gc
from typing import NoReturn

from streamchat.process.deadline import watch_signals
from streamchat.process.signals import exit_on_signal, install_exit_handlers


def main() -> NoReturn:
    """Run the program and end the process with its exit code."""
    # Importing LangChain takes seconds, of which collecting garbage would be a tenth.
    gc.disable()
    watch_signals()
    install_exit_handlers()
    with exit_on_signal():
        from streamchat.cli.main import main as run
    run()


if __name__ == "__main__":
    main()
