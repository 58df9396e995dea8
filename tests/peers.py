"""Programs that others wrote, installed where `STREAMCHAT_TEST_PEERS` says.

That takes minutes and a package registry, so tests that need them are skipped without the variable.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def find_folder(name: str) -> Path:
    """Return where other programs are installed; skip the test if it is not said."""
    folder = os.environ.get("STREAMCHAT_TEST_PEERS")
    if not folder:
        pytest.skip(f"{name}: set STREAMCHAT_TEST_PEERS to a folder to install it in")
    return Path(folder).absolute()


def find_program(name: str) -> Path:
    """Return a program from PyPI, in a virtual environment of its own; skip the test without it."""
    home = find_folder(name) / name
    program = home / "bin" / name
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        installing = [str(home / "bin" / "pip"), "install", "-q", name]
        if subprocess.run(installing, capture_output=True).returncode or not program.exists():
            pytest.skip(f"{name} cannot be installed")
    return program


def find_package(name: str) -> Path:
    """Return the `node_modules` with a package from npm; skip the test without it."""
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    home = find_folder(name) / "npm"
    if not (home / "node_modules" / name).exists():
        home.mkdir(parents=True, exist_ok=True)
        installing = ["npm", "install", "--silent", "--prefix", str(home), name]
        if subprocess.run(installing, capture_output=True).returncode:
            pytest.skip(f"{name} cannot be installed")
    return home / "node_modules"
