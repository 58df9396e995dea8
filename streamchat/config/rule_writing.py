"""Writes a rule about a tool into the configuration file, and leaves all else as it is."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from streamchat.config.approval import APPROVAL
from streamchat.config.lines import find_lines
from streamchat.config.setting import SettingsError
from streamchat.config.toml import read_text

_RULE = re.compile(r"(\s*(?:\"[^\"]*\"|'[^']*'|[\w-]+)\s*=\s*)(?:\"\w*\"|'\w*')")


def format_rule(tool: str, action: str) -> str:
    """Return the line of a rule."""
    return f"{json.dumps(tool, ensure_ascii=False)} = {json.dumps(action)}"


def write_rule(path: Path, tool: str, action: str) -> None:
    """Write a rule into the file, which need not exist.

    Raises:
        SettingsError: that is not possible; the file is as it was.
    """
    target = path.resolve()  # it may be a link into a folder of such files
    text = read_text(target, required=False)
    try:
        changed = add_rule(text, tool, action)
    except ValueError:
        place = f"{path}: add it yourself under [{APPROVAL}]"
        raise SettingsError(f"{place}: {format_rule(tool, action)}") from None
    try:
        _replace(target, changed)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None


def add_rule(text: str, tool: str, action: str) -> str:
    """Return the text of the file with the rule.

    Raises:
        ValueError: the text is not valid, or written in an unusual way.
    """
    before = tomllib.loads(text)
    rules = before.get(APPROVAL, {})
    changed = _insert(text, rules, tool, action)
    if tomllib.loads(changed) != {**before, APPROVAL: {**rules, tool: action}}:
        raise ValueError
    return changed


def _insert(text: str, rules: dict[str, Any], tool: str, action: str) -> str:
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split("\n")
    found = find_lines(text)
    if tool in rules:
        at = found[APPROVAL, tool] - 1
        lines[at] = _RULE.sub(rf'\1"{action}"', lines[at], count=1)
        return "\n".join(lines)
    last = max((at for keys, at in found.items() if keys[0] == APPROVAL), default=0)
    if not last:
        gap = end if text.strip() else ""
        head = text + (end if text and not text.endswith("\n") else "")
        return f"{head}{gap}[{APPROVAL}]{end}{format_rule(tool, action)}{end}"
    indent = re.match(r"\s*", lines[last - 1].removesuffix("\r"))
    rule = (indent[0] if indent else "") + format_rule(tool, action) + end.removesuffix("\n")
    if last == len(lines):  # the last line does not end
        lines[last - 1] += end.removesuffix("\n")
        rule = rule.removesuffix("\r")
    return "\n".join([*lines[:last], rule, *lines[last:]])


def _replace(path: Path, text: str) -> None:
    """Write the file anew, so that nobody ever sees a part of it."""
    if path.exists() and not path.is_file():
        raise OSError(0, "not a regular file")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
