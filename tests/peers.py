"""Programs that others wrote, installed once on a machine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

FOLDER = Path(tempfile.gettempdir()) / "streamchat-tests"


def find_program(name: str) -> Path:
    """Return a program from PyPI, in a virtual environment of its own; skip the test without it."""
    home = FOLDER / name
    program = home / "bin" / name
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(home / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", name]
        if subprocess.run(install, capture_output=True).returncode or not program.exists():
            pytest.skip(f"pip cannot install {name}")
    return program
