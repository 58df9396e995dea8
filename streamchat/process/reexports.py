"""Imports what packages re-export only when it is used.

The clients of large web APIs re-export hundreds of types, each from a module of its own, and
importing all of them takes a third of a start. A package can do the same lazily, with a module's
`__getattr__` (PEP 562); this does it for packages that do not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any


def defer_reexports(*packages: str) -> None:
    """Import what these packages, and those inside them, re-export only when it is used.

    A package whose `__init__` does anything else is imported as usual, and so is one that was
    imported before.
    """
    sys.meta_path.insert(0, _Finder(packages))


class _Finder:
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not any(f"{name}.".startswith(f"{package}.") for package in self._packages):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec and spec.submodule_search_locations and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        reexports = find_reexports(self.name, self.get_data(self.path))
        submodules = {entry.name.partition(".")[0] for entry in Path(self.path).parent.iterdir()}
        # Importing such a submodule would put it in the place of what is re-exported.
        if reexports is None or reexports.keys() & submodules:
            super().exec_module(module)
        else:
            _defer(module, reexports, submodules)


def find_reexports(package: str, source: bytes) -> Mapping[str, tuple[str, str]] | None:
    """Return the module and the name there of all that a package re-exports.

    Returns:
        None if the package's source does anything but re-export its own parts.
    """
    reexports: dict[str, tuple[str, str]] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.ImportFrom(module=str(module), names=names, level=level):
                origin = resolve_name("." * level + module, package)
                if origin == "__future__":
                    continue
                if names[0].name == "*" or not f"{origin}.".startswith(f"{package}."):
                    return None
                reexports |= {each.asname or each.name: (origin, each.name) for each in names}
            case ast.Assign(targets=[ast.Name("__all__")], value=ast.List()):
                continue
            case ast.Expr(ast.Constant()):
                continue
            case _:
                return None
    return reexports


def _defer(
    module: ModuleType, reexports: Mapping[str, tuple[str, str]], submodules: set[str]
) -> None:
    def get(name: str) -> Any:
        if name in reexports:
            origin, attribute = reexports[name]
            # As `from origin import attribute` does.
            found = getattr(__import__(origin, fromlist=[attribute]), attribute)
            setattr(module, name, found)
            return found
        if name in submodules and not name.startswith("_"):
            # Something that the package re-exports might have imported it.
            return import_module(f"{module.__name__}.{name}")
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    names = list(reexports)
    vars(module).update(__all__=names, __getattr__=get, __dir__=lambda: [*vars(module), *names])
