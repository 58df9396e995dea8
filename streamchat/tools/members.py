"""Finds what may be tools in a module: its own functions, tools, and the methods of its classes.

An instance that can be called counts as a function.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from types import ModuleType

from langchain_core.tools import BaseTool
from pydantic import BaseModel

_NO_TOOLBOXES = (BaseModel, BaseTool, Enum, BaseException, tuple, dict)
"""Bases of classes that describe data, or one tool."""


@dataclass(frozen=True, slots=True)
class Member:
    """Something in a module that may be a tool.

    Attributes:
        name: as the user knows it: `search`, or `Calculator.add`.
        line: where it is; 0 if that is not known.
        value: a tool or a function; a method is bound.
    """

    name: str
    line: int
    value: object

    @property
    def tool_name(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def identity(self) -> int:
        """The same for whatever names and instances a function has."""
        return id(getattr(self.value, "__func__", self.value))


class Members:
    """The members of a module.

    Names that begin with `_`, and what was imported, are left out unless they are asked for.

    Args:
        module: the user's, imported.
        source: its text; empty if there is none.
    """

    def __init__(self, module: ModuleType, source: str) -> None:
        self._module = module
        self._bound = dict(_find_bound(ast.parse(source).body))
        self._toolboxes: dict[type, Sequence[Member]] = {}

    @property
    def names(self) -> list[str]:
        """What can be asked for by name."""
        return [name for name in vars(self._module) if not name.startswith("_")]

    def list_own(self) -> list[Member]:
        """Return the module's own members, in their order.

        Raises:
            Exception: raised by a class when it is made an instance of.
        """
        found: dict[int, Member] = {}  # a function may have two names
        for name, node in self._bound.items():
            value = vars(self._module).get(name)
            if not name.startswith("_") and self._is_own(value, node):
                for member in self._expand(name, value):
                    found.setdefault(id(member.value), member)
        return list(found.values())

    def get(self, name: str) -> list[Member]:
        """Return the members with this name, of which a class or a list may have several.

        Raises:
            AttributeError: there is no such name.
            Exception: raised by a class when it is made an instance of.
        """
        return list(self._expand(name, getattr(self._module, name)))

    def _is_own(self, value: object, node: ast.AST) -> bool:
        if isinstance(value, BaseTool):
            return True
        if isinstance(value, type):
            return value.__module__ == self._module.__name__ and _is_toolbox(value)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return callable(value)  # a decorator may have made anything of it
        made_by = value if inspect.isfunction(value) else type(value)
        return callable(value) and made_by.__module__ == self._module.__name__

    def _expand(self, name: str, value: object) -> Iterator[Member]:
        node = self._bound.get(name)
        line = getattr(node, "lineno", 0)
        if isinstance(value, type) and issubclass(value, BaseTool):
            yield Member(name, line, value())
        elif isinstance(value, type):
            yield from self._list_methods(name, value)
        elif isinstance(value, list | tuple):
            for each in value:
                yield Member(str(getattr(each, "__name__", name)), line, each)
        else:
            yield Member(name, line, value)

    def _list_methods(self, name: str, value: type) -> Sequence[Member]:
        """Return the methods of an instance, the same whatever name the class is known by."""
        if value not in self._toolboxes:
            instance = value()
            body = getattr(self._bound.get(value.__name__), "body", ())
            lines = {each: getattr(node, "lineno", 0) for each, node in _find_bound(body)}
            self._toolboxes[value] = [
                Member(f"{name}.{each}", lines.get(each, 0), getattr(instance, each))
                for each in _list_public(value)
            ]
        return self._toolboxes[value]


def _is_toolbox(value: type) -> bool:
    """Whether the methods of a class are tools, and it is not there to describe data."""
    if issubclass(value, _NO_TOOLBOXES) or dataclasses.is_dataclass(value):
        return False
    if inspect.isabstract(value) or getattr(value, "_is_protocol", False):
        return False
    return bool(_list_public(value))


def _list_public(value: type) -> Sequence[str]:
    """Return the names of the public methods that a class and its bases of that module have."""
    bases = [each for each in reversed(value.__mro__) if each.__module__ == value.__module__]
    return [
        name
        for name, each in {k: v for base in bases for k, v in vars(base).items()}.items()
        if not name.startswith("_")
        and (inspect.isfunction(each) or isinstance(each, staticmethod | classmethod | BaseTool))
    ]


def _find_bound(body: Iterable[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """Yield the names that statements bind other than by an import, and where."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node
            case ast.Assign(targets=targets):
                yield from ((each.id, node) for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node
            case ast.If() | ast.Try() | ast.With():
                for field in ("body", "handlers", "orelse", "finalbody"):
                    yield from _find_bound(getattr(node, field, ()))
            case ast.ExceptHandler():
                yield from _find_bound(node.body)
