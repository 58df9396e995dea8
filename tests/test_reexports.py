"""What packages re-export is imported when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from streamchat.process.reexports import defer_reexports
from tests.program import MODULE, Process, environment
from tests.server import Server, answers, calls

DEFERRED = ("langchain_openai", "langsmith.types", "openai.types")

Write = Callable[..., ModuleType]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write the files of a package `shop` whose re-exports are deferred, and import it."""

    def write(init: str, **files: str) -> ModuleType:
        files |= {"apple": "class Apple: ...", "pear": "class Pear: ..."}
        for name, source in {"__init__": init, **files}.items():
            file = tmp_path / "shop" / f"{name.replace('.', '/')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(source)
        return importlib.import_module("shop")

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    defer_reexports("shop")
    yield write
    for name in list_imported():
        del sys.modules[name]


def list_imported() -> set[str]:
    return {name for name in sys.modules if f"{name}.".startswith("shop.")}


INIT = '''"""A shop."""

from __future__ import annotations

from .apple import Apple as Apple
from shop.pear import Pear, Pear as Fruit

__all__ = ["Apple", "Pear", "Fruit"]
'''


def test_a_name_is_imported_when_it_is_used(write: Write) -> None:
    shop = write(INIT)
    assert list_imported() == {"shop"}
    assert shop.Apple is sys.modules["shop.apple"].Apple
    assert list_imported() == {"shop", "shop.apple"}
    assert shop.Fruit is shop.Pear
    assert vars(shop)["Fruit"] is shop.Pear


def test_a_package_tells_its_names(write: Write) -> None:
    shop = write(INIT)
    assert {"Apple", "Pear", "Fruit", "__name__"} <= set(dir(shop))
    names: dict[str, object] = {}
    exec("from shop import *", names)
    assert names.keys() - {"__builtins__"} == {"Apple", "Pear", "Fruit"}


def test_a_package_inside_is_deferred_too(write: Write) -> None:
    shop = write(
        "from .stall.nut import Nut\n",
        **{"stall.__init__": "from .nut import Nut\n", "stall.nut": "Nut = 1"},
    )
    assert shop.Nut == 1
    assert list_imported() == {"shop", "shop.stall", "shop.stall.nut"}
    assert "Nut" not in vars(sys.modules["shop.stall"])


def test_a_submodule_is_found_without_an_import(write: Write) -> None:
    assert write(INIT).pear.Pear.__module__ == "shop.pear"


def test_a_submodule_is_re_exported(write: Write) -> None:
    shop = write(
        "from .stall import nut as snack\n", **{"stall.__init__": "", "stall.nut": "Nut = 1"}
    )
    assert shop.snack.Nut == 1


def test_a_missing_name_is_an_error_as_usual(write: Write) -> None:
    shop = write(INIT)
    with pytest.raises(AttributeError, match="module 'shop' has no attribute 'Plum'"):
        _ = shop.Plum
    with pytest.raises(ImportError, match="cannot import name 'Plum' from 'shop'"):
        exec("from shop import Plum")


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "print",
        "Apple.color = 'red'",
        "if True: from .pear import Pear",
        "from .pear import *",
        "from . import pear",
        "from os import path",
        "from .pear import Pear as pear",
        "__all__ = ['Apple'] + ['Pear']",
        "def get(): ...",
    ],
)
def test_a_package_that_does_more_is_imported_as_usual(write: Write, line: str) -> None:
    shop = write(f"from .apple import Apple\n{line}\n")
    assert {"shop", "shop.apple"} <= list_imported()
    assert "__getattr__" not in vars(shop)
    assert shop.Apple.__module__ == "shop.apple"


def test_other_packages_are_imported_as_usual(write: Write, tmp_path: Path) -> None:
    (tmp_path / "shopping.py").write_text("")
    shop, shopping = write(INIT), importlib.import_module("shopping")
    assert type(shopping.__loader__) is SourceFileLoader
    assert type(shop.__loader__) is not SourceFileLoader


# Runs the source of every package again, as usual, and compares.
COMPARE = """
import importlib, pkgutil, sys
from streamchat.cli.main import defer_imports
from streamchat.process.reexports import find_reexports

def walk(name):
    package = importlib.import_module(name)
    yield package
    for each in pkgutil.iter_modules(package.__path__, f"{name}."):
        if each.ispkg:
            yield from walk(each.name)

defer_imports()
for name in sys.argv[1:]:
    names = 0
    for package in walk(name):
        source = package.__loader__.get_source(package.__name__)
        expected = {"__name__": package.__name__, "__package__": package.__name__}
        try:
            exec(source, expected)
        except ModuleNotFoundError as error:  # an extra that is not installed
            assert error.name == "langchain", error
            continue
        for each in find_reexports(package.__name__, source) or ():
            assert getattr(package, each) is expected[each], (package, each)
            names += 1
    print(name, names > 5)
"""


def test_the_libraries_offer_the_same_as_without_it() -> None:
    with Process(("-c", COMPARE), DEFERRED, dict(os.environ), fresh=True) as process:
        out, err = process.communicate()
    assert out.decode().splitlines() == [f"{name} True" for name in DEFERRED], err.decode()


UNUSED = ("langchain_openai.llms", "langsmith.types.issue", "openai.types.responses.response")


def test_a_turn_imports_no_types_that_it_does_not_use(server: Server, tmp_path: Path) -> None:
    server.script(calls("add", x=1, y=2), answers("3"))
    program = ("-X", "importtime", *MODULE)
    arguments = ("ask", "What is 1 + 2", "--base-url", server.url)
    with Process(program, arguments, environment(tmp_path), fresh=True) as process:
        out, err = process.communicate()
    imported = {line.rpartition("|")[2].strip() for line in err.decode().splitlines()}
    assert out == b"3\n"
    assert set(DEFERRED) <= imported
    assert not imported & set(UNUSED)
