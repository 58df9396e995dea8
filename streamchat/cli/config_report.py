"""Shows settings and their sources: a table on a terminal, TOML lines on a pipe, or JSON."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO, TypeAlias

from streamchat.cli.server_report import describe_servers, format_inline, format_key, format_tables
from streamchat.config import SETTINGS, Settings
from streamchat.config.approval import APPROVAL, PROJECT_FILE
from streamchat.config.sources import Loaded
from streamchat.process.tty import can_repaint
from streamchat.text.redact import Redactor, redact_url_credentials
from streamchat.text.sanitize import SafeOutput, sanitize
from streamchat.view.jsonl import JsonLines
from streamchat.view.table import Layout, draw_table

_LAYOUT = Layout(
    columns=("setting", "value", "from"), narrow=("setting", "value\nfrom"), narrow_below=72
)

_Value: TypeAlias = str | float | bool | tuple[str, ...] | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Row:
    """A setting as it is shown.

    Attributes:
        setting: its name.
        value: None if it is not set.
        source: where it comes from.
        note: shown in place of a value that must stay hidden.
    """

    setting: str
    value: _Value
    source: str
    note: str = ""

    @property
    def text(self) -> str:
        match self.value:
            case _ if self.note:
                return self.note
            case None:
                return "not set"
            case bool():
                return str(self.value).lower()
            case float():
                return f"{self.value:g}"
            case tuple():
                return ", ".join(self.value) or "none"
            case Mapping() if self.setting == APPROVAL:
                return format_rules(self.value) or "none"
            case Mapping():
                return format_tables(self.value)
            case _:
                return str(self.value)


def show_settings(loaded: Loaded, out: TextIO) -> None:
    """Write the settings as a table; on a pipe, as a valid configuration file.

    Raises:
        OSError: the output is gone.
    """
    rows = _build_rows(loaded)
    if can_repaint(out):
        _draw(rows, loaded, out)
        return
    _write_toml(rows, loaded, out)


def write_json(loaded: Loaded, out: TextIO) -> None:
    """Write an object about the file and its profiles, and one for each setting.

    Raises:
        OSError: the output is gone.
    """
    lines, file = JsonLines(out), loaded.file
    lines.write(
        {
            "file": str(file.path),
            "exists": file.path.exists(),
            "profile": loaded.profile or None,
            "profile_source": loaded.profile_place,
            "profiles": sorted(file.profiles),
            "project_approval": dict(loaded.settings.project_approval),
        }
    )
    for row in _build_rows(loaded):
        value = row.note or row.value
        lines.write({"setting": row.setting, "value": value, "source": row.source})


def _build_rows(loaded: Loaded) -> list[_Row]:
    settings = loaded.settings
    keys = (os.environ.get(each, "").strip() for each in loaded.key_variables)
    redactor = Redactor([*settings.secrets, *keys])
    rows = []
    for name in SETTINGS:
        if name == "api_key":
            note = f"set ({loaded.key_variable})" if loaded.key_variable else "not set"
            rows.append(_Row(name, None, loaded.locate(name), note))
            continue
        value = _find_value(settings, name)
        if isinstance(value, str):
            value = redact_url_credentials(redactor.redact(value))
        rows.append(_Row(name, value, loaded.locate(name)))
    return rows


def _find_value(settings: Settings, name: str) -> _Value:
    """Return the value that applies, even if it depends on other settings."""
    derived: dict[str, _Value] = {
        "model": settings.model if settings.agent else settings.model_name,
        "max_history": settings.history_budget,
        "mcp": describe_servers(settings.mcp),
        "approval": dict(settings.approval),
    }
    value: _Value = derived.get(name, getattr(settings, name))
    return value


def _describe_file(loaded: Loaded) -> Iterator[str]:
    file = loaded.file
    yield f"file: {file.path}{'' if file.path.exists() else ' (missing)'}"
    yield f"profile: {f'{loaded.profile} ({loaded.profile_place})' if loaded.profile else 'none'}"
    yield f"profiles: {', '.join(sorted(file.profiles)) or 'none'}"
    if rules := dict(loaded.settings.project_approval):
        yield f"{PROJECT_FILE}: {format_rules(rules, ', ')}"


def format_rules(rules: Mapping[str, str], separator: str = "\n") -> str:
    """Return rules as the file has them."""
    return separator.join(
        f"{format_key(name)} = {format_inline(each)}" for name, each in rules.items()
    )


def _write_toml(rows: Sequence[_Row], loaded: Loaded, out: SafeOutput) -> None:
    for line in (*(f"# {each}" for each in _describe_file(loaded)), *_format_toml(rows)):
        # A comment must end where its line does.
        out.write(sanitize(line.replace("\n", "\\n") + "\n"))
    out.flush()


def _format_toml(rows: Sequence[_Row]) -> Iterator[str]:
    width = max(len(row.setting) for row in rows)
    for row in rows:
        if row.note or row.value is None or not SETTINGS[row.setting].in_file:
            yield f"# {row.setting}: {row.text}  # {row.source}"
        else:
            yield f"{row.setting:{width}} = {_format_value(row.value)}  # {row.source}"


def _format_value(value: _Value) -> str:
    # TOML has no \xNN, which sanitizing would write.
    return re.sub("[\x7f-\x9f\xad]", lambda match: f"\\u{ord(match[0]):04x}", format_inline(value))


def _draw(rows: Sequence[_Row], loaded: Loaded, out: TextIO) -> None:
    cells = (
        [
            (sanitize(row.setting), "dim" if row.source == "default" else ""),
            (sanitize(row.text), "dim" if row.source == "default" else ""),
            (sanitize(row.source), "dim"),
        ]
        for row in rows
    )
    draw_table(_LAYOUT, cells, out, above=map(sanitize, _describe_file(loaded)))
