"""Runs `streamchat doctor`."""

from __future__ import annotations

import sys

from streamchat.config import Settings
from streamchat.process.runtime import freeze_imports, prepare_output, run
from streamchat.process.signals import exit_on_signal
from streamchat.process.tty import echo_off
from streamchat.text.redact import Redactor
from streamchat.view.progress import show_progress

with show_progress("starting", brief=True), exit_on_signal():
    from streamchat.doctor.checks import run_checks
    from streamchat.doctor.findings import is_usable
    from streamchat.doctor.probe import Probe
    from streamchat.doctor.report import show_report, write_json


def check_server(settings: Settings, redactor: Redactor, *, json: bool) -> int:
    """Check a server, show the findings, and return the exit code.

    Raises:
        ModelError: the model is not available.
        OSError: the output is gone.
    """
    prepare_output(redactor)
    freeze_imports()
    with echo_off():
        probe = Probe.on(settings, show_progress)
        with show_progress("checking the server"):
            findings = run(run_checks(probe))
    (write_json if json else show_report)(findings, sys.stdout)
    return 0 if is_usable(findings) else 1
