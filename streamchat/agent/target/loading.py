"""Imports the files and modules of the user's own agent or tools."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from streamchat.agent.target.errors import TargetError
from streamchat.agent.target.frames import describe_place, format_user_traceback, is_users
from streamchat.agent.target.fresh import (
    FreshLoader,
    add_folder,
    list_changed_files,
    note_file,
    replace_modules,
)
from streamchat.agent.target.name import Target
from streamchat.agent.target.output import get_relay
from streamchat.agent.target.secrets import learn_secrets
from streamchat.text.redact import Redactor
from streamchat.text.suggest import find_closest

_LOOP_ADVICE = "make the agent in an async function, and name that function"


@contextmanager
def loading_code(redactor: Redactor) -> Iterator[None]:
    """Collect what the user's code prints in this context, and keep its secrets out of errors.

    Args:
        redactor: learns the keys that are in the environment afterwards.

    Raises:
        TargetError: raised in this context, and redacted.
    """
    try:
        with get_relay().take_over():
            try:
                yield
            finally:
                # A file may have loaded some from another one, such as .env.
                learn_secrets(redactor)
    except TargetError as error:
        text, traceback = redactor.redact(str(error)), redactor.redact(error.traceback)
        raise TargetError(text, traceback) from error.__cause__


def import_target(target: Target) -> tuple[ModuleType, Target]:
    """Import one target; as `import_targets`."""
    return import_targets([target])[0]


def import_targets(
    targets: Iterable[Target], loop_advice: str = _LOOP_ADVICE
) -> list[tuple[ModuleType, Target]]:
    """Import what the targets name, and what that imports from its own folder, anew.

    If this fails, the modules that were imported before stay in place.

    Args:
        targets: files or modules.
        loop_advice: what to do about code that needs a running event loop.

    Returns:
        the modules, and the targets with their files.

    Raises:
        TargetError: there is no such file or module, or importing it fails.
    """
    with replace_modules():
        return [_import_one(target, loop_advice) for target in targets]


def _import_one(target: Target, loop_advice: str) -> tuple[ModuleType, Target]:
    try:
        module = _import_module(target) if target.path is None else _import_file(target.path)
    except (Exception, SystemExit) as error:  # a script may end with sys.exit()
        if isinstance(error, TargetError):
            raise
        what = f"{target.file} cannot be imported"
        raise describe_failure(what, error, loop_advice) from error
    if not (file := getattr(module, "__file__", None)):  # a folder, or part of Python
        raise TargetError(f"{target.module} is not a Python file; name one, or a module in one")
    return module, replace(target, path=target.path or Path(file))


def have_files_changed() -> bool:
    """Whether one of the user's files was saved since the latest attempt to import it."""
    return bool(list_changed_files())


def describe_failure(
    what: str, error: BaseException, loop_advice: str = _LOOP_ADVICE
) -> TargetError:
    """Return an error for an exception in the user's code: what failed, why, and where."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    place = describe_place(error)
    cause = f"{type(error).__name__}: {text}".removesuffix(": ")
    advice = ""
    if isinstance(error, ModuleNotFoundError):
        advice = "; is streamchat installed in your project's environment?"
    elif isinstance(error, SystemExit):
        advice = '; call sys.exit() only if __name__ == "__main__"'
    elif isinstance(error, RuntimeError) and "no running event loop" in text:
        advice = f"; {loop_advice}"
    located = f"{cause} ({place})" if place else cause
    return TargetError(f"{what}: {located}{advice}", format_user_traceback(error))


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        note_file(path)
        raise TargetError(f"there is no file {Target(path).file}{_suggest(path)}")
    root, name = _find_package(path)
    add_folder(root)
    if "." in name:
        # As if it had been started as a script; last, for its siblings may be called `types`.
        if (folder := str(path.parent)) not in sys.path:
            sys.path.append(folder)
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(name, path, loader=FreshLoader(name, str(path)))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _suggest(path: Path) -> str:
    """Return the question whether another file was meant; nothing if none is called alike."""
    files = {each.name: each for each in path.parent.glob("*.py")}
    closest = find_closest(path.name, files)
    return f"; did you mean {Target(files[closest]).file}?" if closest else ""


def _find_package(path: Path) -> tuple[Path, str]:
    """Return the folder to import the file from, and its name there."""
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    if parts[-1] == "__init__":
        parts.pop()
    name = ".".join(parts)
    taken = name in sys.modules or name in sys.builtin_module_names
    if taken or not all(part.isidentifier() for part in parts):
        # The file may be called my-agent.py, or as a library is: it must not replace that.
        return path.parent, f"agent_{''.join(each if each.isalnum() else '_' for each in name)}"
    return folder, name


def _import_module(target: Target) -> ModuleType:
    add_folder(Path.cwd())
    top = target.module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # it has no spec, as `__main__`
        spec = None
    if spec is None:
        raise TargetError(f"there is no module {top} here, and none is installed by that name")
    if spec.origin and (folder := _find_root(Path(spec.origin))):
        add_folder(folder)
    try:
        return importlib.import_module(target.module)
    except ModuleNotFoundError as error:
        if error.name and f"{target.module}.".startswith(f"{error.name}."):
            raise TargetError(f"there is no module {error.name}") from None
        raise


def _find_root(origin: Path) -> Path | None:
    """Return the folder that a module is imported from, if it is the user's own."""
    folder = origin.parent.parent if origin.name == "__init__.py" else origin.parent
    return folder if is_users(str(origin)) else None
