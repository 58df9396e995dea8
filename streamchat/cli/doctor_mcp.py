"""Runs `streamchat doctor --mcp`."""

from __future__ import annotations

import sys

from streamchat.config import Settings, SettingsError
from streamchat.process.runtime import prepare_output, run
from streamchat.process.signals import exit_on_signal
from streamchat.process.tty import echo_off
from streamchat.text.redact import Redactor
from streamchat.view.progress import show_progress

with show_progress("starting", brief=True), exit_on_signal():
    from streamchat.agent.mcp.manager import McpManager, check_installed
    from streamchat.doctor.findings import is_usable
    from streamchat.doctor.report import show_report, write_json
    from streamchat.doctor.servers import check_servers


def examine_servers(settings: Settings, redactor: Redactor, *, json: bool) -> int:
    """Start the MCP servers that the settings name, show the findings, and return the exit code.

    Raises:
        SettingsError: they name none.
        ModelError: the library for MCP is missing.
        OSError: the output is gone.
    """
    if not settings.mcp:
        raise SettingsError("there are no MCP servers to check")
    check_installed()
    prepare_output(redactor)
    servers = McpManager(settings.mcp, redactor)
    with echo_off(), show_progress(f"starting {', '.join(servers.names)}"):
        findings = run(check_servers(servers, redactor))
    (write_json if json else show_report)(findings, sys.stdout)
    return 0 if is_usable(findings) else 1
