"""Of the pure core, every branch is tested."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = {
    "turn": "turn",
    "events": "events",
    "decoder": "agent/decoder",
    "partial_json": "text/partial_json",
}


def test_every_branch_of_the_pure_core(tmp_path: Path) -> None:
    tests = [f"tests/test_{name}.py" for name in CORE]
    modules = ",".join(f"streamchat/{path}.py" for path in CORE.values())
    data = os.environ | {"COVERAGE_FILE": str(tmp_path / "coverage")}
    coverage = [sys.executable, "-m", "coverage"]
    measured = [*coverage, "run", f"--include={modules}", "-m", "pytest", "-q", "-n0", *tests]
    for command in (measured, [*coverage, "report", "-m", "--fail-under=100"]):
        done = subprocess.run(
            command, cwd=ROOT, env=data, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
