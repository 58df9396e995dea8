"""Finds the agent in a module."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from types import ModuleType

from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.kinds import is_executor, is_graph, is_runnable
from streamchat.agent.target.name import CONVENTIONAL_NAMES, Target
from streamchat.text.suggest import find_closest

_MOST_LISTED = 8


def find_agent(module: ModuleType, target: Target) -> tuple[object, Target]:
    """Return what the target names in the module, and the target with the attribute's name.

    Raises:
        TargetError: there is no such attribute; or the target names none, and there is no one
            agent. The message names those there are.
    """
    if not target.attribute:
        target = replace(target, attribute=_choose_name(module, target))
    try:
        return attrgetter(target.attribute)(module), target
    except AttributeError:
        raise TargetError(_describe_missing(module, target)) from None


def _choose_name(module: ModuleType, target: Target) -> str:
    values = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    for name in CONVENTIONAL_NAMES:
        if name in values and (_is_agent(values[name]) or _is_maker(values[name], module)):
            return name
    # A file with a graph has models and prompts, too.
    for fits in (is_graph, is_executor, is_runnable):
        found = _find_distinct(values, fits)
        if len(found) == 1:
            return found[0]
        if found:
            raise TargetError(f"{target.file} has more than one agent: {_list(target, found)}")
    if makers := [name for name, value in values.items() if _is_maker(value, module)]:
        raise TargetError(
            f"{target.file} has no agent; if a function returns one, name it: "
            f"{_list(target, makers)}"
        )
    raise TargetError(
        f"{target.file} has no agent: no LangGraph graph, no LangChain Runnable, no executor"
    )


def _find_distinct(values: Mapping[str, object], fits: object) -> list[str]:
    """Return the names of the objects that fit, one for each object."""
    assert callable(fits)
    names = {id(value): name for name, value in values.items() if fits(value)}
    return list(names.values())


def _is_agent(value: object) -> bool:
    return is_graph(value) or is_executor(value) or is_runnable(value)


def _is_maker(value: object, module: ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _describe_missing(module: ModuleType, target: Target) -> str:
    names = [name for name in vars(module) if not name.startswith("_")]
    message = f"{target.file} has no {target.attribute!r}"
    if close := find_closest(target.attribute, names):
        return f"{message}; did you mean {close!r}?"
    agents = [name for name in names if _is_agent(vars(module)[name])]
    return f"{message}; it has {_list(target, agents)}" if agents else message


def _list(target: Target, names: list[str]) -> str:
    return ", ".join(f"{target.file}:{name}" for name in names[:_MOST_LISTED])
