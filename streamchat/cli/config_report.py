"""What is set, and where: a table on a terminal, lines on a pipe that are TOML, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TextIO, TypeAlias

from streamchat.process.tty import can_repaint
from streamchat.text.sanitize import sanitize
from streamchat.view.jsonl import JsonLines

_NARROW = 72
"""Columns below which a setting's place stands below its value."""

Value: TypeAlias = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A setting as it is shown.

    Attributes:
        setting: its name.
        value: None if there is none.
        source: where it comes from.
        note: what is shown instead of a value that is not for showing.
    """

    setting: str
    value: Value
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """The file and the profiles that settings come from.

    Attributes:
        file: the file's path.
        exists: whether there is one.
        profile: the profile in force; None for none.
        profile_source: what named it.
        profiles: those there are.
    """

    file: str
    exists: bool
    profile: str | None
    profile_source: str
    profiles: Sequence[str]


def show_settings(settings: Sequence[Shown], origin: Origin, out: TextIO) -> None:
    """Writes the settings for a person; on a pipe a configuration file could be made of it.

    Raises:
        OSError: the output is gone.
    """
    if can_repaint(out):
        _show_table(settings, origin, out)
    else:
        out.writelines(f"# {line}\n" for line in _about(origin))
        out.writelines(f"{line}\n" for line in _lines(settings))
    out.flush()


def write_json(settings: Sequence[Shown], origin: Origin, out: TextIO) -> None:
    """Writes an object for the origin and one for each setting, ASCII only.

    Raises:
        OSError: the output is gone.
    """
    lines = JsonLines(out)
    lines.write(asdict(origin))
    for each in settings:
        value = each.note or each.value
        lines.write({"setting": each.setting, "value": value, "source": each.source})


def _about(origin: Origin) -> Iterator[str]:
    yield f"file: {_flat(origin.file)}{'' if origin.exists else ' (there is none)'}"
    named = f"{origin.profile} ({origin.profile_source})" if origin.profile else "none"
    yield _flat(f"profile: {named}")
    yield _flat(f"profiles: {', '.join(origin.profiles) or 'none'}")


def _lines(settings: Sequence[Shown]) -> Iterator[str]:
    name = max(len(each.setting) for each in settings)
    for each in settings:
        if each.note or each.value is None:
            yield f"# {each.setting}: {_flat(_text(each))}  # {_flat(each.source)}"
        else:
            value = json.dumps(each.value, ensure_ascii=False)  # as TOML has it, too
            yield f"{each.setting:{name}} = {sanitize(value)}  # {_flat(each.source)}"


def _flat(text: str) -> str:
    """What is said in a comment must not go on in a line of its own."""
    return sanitize(text).replace("\n", "\\n")


def _text(shown: Shown) -> str:
    match shown.value:
        case _ if shown.note:
            return shown.note
        case None:
            return "not set"
        case bool():
            return str(shown.value).lower()
        case float():
            return f"{shown.value:g}"
        case _:
            return str(shown.value)


def _show_table(settings: Sequence[Shown], origin: Origin, out: TextIO) -> None:
    # Rich is slow to import, and a pipe has no use for it.
    from rich.box import SIMPLE_HEAD
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

    from streamchat.view.glyphs import encodable

    console = Console(file=out, highlight=False, markup=False, emoji=False)

    def cell(text: str, style: str = "") -> Text:
        return Text(encodable(sanitize(text), console.encoding), style, overflow="fold")

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    narrow = console.width < _NARROW
    for head in ("setting\n", "value\nfrom") if narrow else ("setting", "value", "from"):
        table.add_column(head, overflow="fold")
    for each in settings:
        style = "dim" if each.source == "default" else ""
        cells = cell(_text(each), style), cell(each.source, "dim")
        row = (Group(*cells),) if narrow else cells
        table.add_row(cell(each.setting, style), *row)
    console.print(*(cell(line) for line in _about(origin)), "", table, sep="\n")
