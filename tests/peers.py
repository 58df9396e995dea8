"""Programs that others wrote, installed where `STREAMCHAT_TEST_PEERS` says.

That takes minutes and a package registry, so tests that need them are skipped without the variable.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def find_program(name: str) -> Path:
    """Return a program from PyPI, in a virtual environment of its own; skip the test without it."""
    folder = os.environ.get("STREAMCHAT_TEST_PEERS")
    if not folder:
        pytest.skip(f"{name}: set STREAMCHAT_TEST_PEERS to a folder to install it in")
    home = Path(folder).absolute() / name
    program = home / "bin" / name
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        installing = [str(home / "bin" / "pip"), "install", "-q", name]
        if subprocess.run(installing, capture_output=True).returncode or not program.exists():
            pytest.skip(f"{name} cannot be installed")
    return program
