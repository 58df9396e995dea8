"""Measure how much of the pure core its own tests cover, and fail the run below 100 %.

Only runs of the whole suite are measured, and only while the tests of the core run: tracing doubles
the time of what it traces. Registered as a plugin by `conftest`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import coverage
import pytest

ROOT = Path(__file__).parents[1]
CORE = (
    *("events", "turn/__init__", "turn/blocks", "turn/finding", "turn/folding", "turn/state"),
    *("agent/decoder", "models/wire/sse", "models/wire/body"),
    *("text/pieces", "text/partial_json", "text/redact", "text/sanitize", "text/surrogates"),
    *("text/think", "tools/approval"),
    *(
        f"models/embedded/pythonic/{module}"
        for module in (
            *("constants", "expression", "grammar", "layout", "line", "numbers", "operands"),
            *("plan", "prompt", "schema", "sums", "toolbox", "wording"),
        )
    ),
)
TESTS = {
    *("test_events", "test_sums", "test_turn", "test_decoder", "test_wire"),
    *("test_partial_json", "test_redact", "test_sanitize", "test_think"),
    "test_approval",
    *("test_pythonic", "test_line_grammar", "test_line_turn", "test_wording", "test_layout"),
}
DIRECTORY = "core_coverage_directory"


def pytest_configure(config: pytest.Config) -> None:
    """Decide in the process that a user starts; xdist's workers inherit the decision."""
    if hasattr(config, "workerinput"):
        if directory := config.workerinput[DIRECTORY]:
            config.pluginmanager.register(Measurement(Path(directory)))
        return
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(
        config.getoption(name, None)
        for name in ("keyword", "markexpr", "deselect", "lf", "stepwise", "collectonly")
    )
    if whole:
        directory = config.stash[Verdict.DIRECTORY] = TemporaryDirectory()
        config.pluginmanager.register(Verdict(Path(directory.name)))
        if not config.getoption("numprocesses", None):
            config.pluginmanager.register(Measurement(Path(directory.name)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    directory = node.config.stash.get(Verdict.DIRECTORY, None)
    node.workerinput[DIRECTORY] = directory.name if directory else ""


def _coverage(directory: Path) -> coverage.Coverage:
    return coverage.Coverage(
        data_file=str(directory / "data"),
        data_suffix=True,
        branch=True,
        include=[str(ROOT / "streamchat" / f"{module}.py") for module in CORE],
        config_file=str(ROOT / "pyproject.toml"),
        messages=False,
    )


class Measurement:
    """Traces the imports of the core, and then its tests, in one process."""

    def __init__(self, directory: Path) -> None:
        assert "streamchat.events" not in sys.modules, "imported before it is traced"
        self._coverage = _coverage(directory)
        self._running = False
        self._run(True)

    def _run(self, wanted: bool) -> None:
        if wanted and not self._running:
            self._coverage.start()
        elif self._running and not wanted:
            self._coverage.stop()
        self._running = wanted

    def pytest_collection_finish(self) -> None:
        self._run(False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        self._run(item.path.stem in TESTS)
        return (yield)

    def pytest_sessionfinish(self) -> None:
        self._run(False)
        self._coverage.save()


class Verdict:
    """Reports what all processes have measured."""

    DIRECTORY = pytest.StashKey[TemporaryDirectory[str]]()

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._report = ""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK:
            measured = _coverage(self._directory)
            measured.combine([str(self._directory)])
            report = io.StringIO()
            if measured.report(show_missing=True, skip_covered=True, file=report) < 100:
                self._report = report.getvalue()
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._report:
            terminalreporter.section("the tests of the pure core do not cover all of it")
            terminalreporter.write(self._report)
