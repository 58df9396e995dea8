"""What `--tools` takes: `FILE.py`, `FILE.py:NAME,NAME` or `package.module`."""

from __future__ import annotations

from dataclasses import dataclass

from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.name import Target, parse_target

_FORM = "name tools as FILE.py, FILE.py:NAME,NAME or package.module"


@dataclass(frozen=True, slots=True)
class Place:
    """Where tools are.

    Attributes:
        target: the file or module.
        names: those to take there; none for all.
    """

    target: Target
    names: tuple[str, ...] = ()


def parse_place(text: str) -> Place:
    """Return what the text names; whether that exists is found out later.

    Raises:
        TargetError: it has none of the forms.
    """
    place, colon, listed = text.strip().rpartition(":")
    if not colon:
        place, listed = listed, ""
    names = tuple(filter(None, map(str.strip, listed.split(","))))
    for name in names:
        if not name.isidentifier():
            raise TargetError(f"{name!r} is not a name in Python; {_FORM}")
    if colon and not names:
        raise TargetError(f"{text!r} names nothing after the colon; {_FORM}")
    return Place(parse_target(place, _FORM), names)
