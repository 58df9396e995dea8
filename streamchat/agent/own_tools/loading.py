"""Imports the files of `--tools`, and makes tools of what is in them."""

from __future__ import annotations

import tokenize
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType

from langchain_core.tools import BaseTool

from streamchat.agent.own_tools.place import Place
from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.loading import describe_failure, import_targets, loading_code
from streamchat.agent.target.name import Target
from streamchat.text.redact import Redactor
from streamchat.text.sanitize import one_line
from streamchat.text.suggest import find_closest
from streamchat.tools.functions import UnfitToolError, make_tool
from streamchat.tools.members import Member, Members

_LOOP_ADVICE = "do this in an async tool, once it is called"
_LONGEST = 160
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class OwnTool:
    """A tool, and the file and line where it is: `mytools.py:12`."""

    tool: BaseTool
    place: str


def load_tools(
    places: Sequence[Place], builtin: Iterable[str], redactor: Redactor
) -> list[OwnTool]:
    """Import the user's files and what they import from their own folders, and make the tools.

    This blocks for seconds. When called again, it imports all anew.

    Args:
        places: where the tools are.
        builtin: the names of the built-in tools, which no other may have.
        redactor: learns the keys in the environment.

    Raises:
        TargetError: a file cannot be imported, something in it cannot be a tool, or two tools
            have the same name.
    """
    with loading_code(redactor):
        return _load(places, builtin)


def _load(places: Sequence[Place], builtin: Iterable[str]) -> list[OwnTool]:
    found: dict[str, OwnTool] = {}
    identities: dict[str, int] = {}
    taken = dict.fromkeys(builtin, "built in (--no-builtin-tools leaves arithmetic out)")
    targets = list(dict.fromkeys(place.target for place in places))
    imported = dict(zip(targets, import_targets(targets, _LOOP_ADVICE), strict=True))
    for place in places:
        module, target = imported[place.target]
        for member in _list_members(module, target, place.names):
            own = _make_tool(member, target)
            name = own.tool.name
            if name in found and member.identity == identities[name]:
                continue  # named twice
            if name in taken:
                raise TargetError(f"two tools are called {name}: {own.place}, and {taken[name]}")
            found[name], taken[name], identities[name] = own, own.place, member.identity
    return list(found.values())


def _list_members(module: ModuleType, target: Target, names: Sequence[str]) -> list[Member]:
    members = Members(module, _read_source(target))
    for name in names:
        if not hasattr(module, name):
            raise TargetError(_describe_missing(target, name, members.names))
    try:
        found = [each for name in names for each in members.get(name)]
        found = found if names else members.list_own()
    except (Exception, SystemExit) as error:
        what = f"a class in {target.file} cannot be instantiated"
        raise describe_failure(what, error, _LOOP_ADVICE) from error
    if not found:
        where = f" in {', '.join(names)}" if names else ""
        raise TargetError(
            f"{target.file} has no tools{where}: no public function, class or tool of its own"
        )
    return found


def _read_source(target: Target) -> str:
    if target.path and target.path.suffix == ".py":
        with suppress(OSError), tokenize.open(target.path) as file:
            return file.read()
    return ""


def _describe_missing(target: Target, name: str, names: Iterable[str]) -> str:
    message = f"{target.file} has no {name!r}"
    close = find_closest(name, names)
    return f"{message}; did you mean {close!r}?" if close else message


def _make_tool(member: Member, target: Target) -> OwnTool:
    place = f"{target.file}:{member.line}" if member.line else target.file
    try:
        return OwnTool(make_tool(member.value, member.tool_name), place)
    except UnfitToolError as error:
        why = one_line(str(error), _LONGEST)
        raise TargetError(f"{place}: {member.name} cannot be a tool: {why}") from None
