"""What a setting is: its values, help, flags and variable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from streamchat.config.kinds import Kind

_T = TypeVar("_T")


class SettingsError(Exception):
    """A setting cannot be used; the message names it and where it came from."""


class ModelError(Exception):
    """The model that the settings name is not available; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The declaration of a setting, apart from its name, type and default.

    Attributes:
        kind: which values it takes.
        help: a sentence for `--help`, the example file and the manual.
        flags: its command-line flags, the long one first; empty if it has none.
        variable: the environment variable that sets it; empty if none does.
        in_file: whether the configuration file may set it.
        default_text: describes a default that depends on other settings.
        example: a value for the example file, if the default says little.
        note: another sentence for the example file.
        in_tables: whether the file sets it in tables of its own, and not in a line.
    """

    kind: Kind
    help: str
    flags: tuple[str, ...] = ()
    variable: str = ""
    in_file: bool = True
    default_text: str = ""
    example: str | int | None = None
    note: str = ""
    in_tables: bool = False

    @property
    def description(self) -> str:
        """What it does, and the bounds of a number, in whole sentences."""
        bounds = self.kind.bounds
        return f"{self.help} {bounds[0].upper()}{bounds[1:]}." if bounds else self.help


def declare(default: _T, setting: Setting) -> _T:
    """Return a field of a dataclass that holds the setting."""
    # What does not belong in the file, the key, does not belong in a log either.
    return field(default=default, repr=setting.in_file, metadata={"setting": setting})


def describe_default(setting: Setting, default: object = None) -> str:
    """Return a default as its setting describes it, or as text; empty if there is none."""
    if setting.default_text or default is None:
        return setting.default_text
    match default:
        case bool():
            return str(default).lower()
        case float():
            return f"{default:g}"
        case tuple():
            return ", ".join(map(str, default))
        case _:
            return str(default)
