"""Who imports whom, read from the source of the package and of the training beside it; nothing is run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "depth_completion_ros"
TRAINING = "depth_completion_training"
FOLDERS = {PACKAGE: ROOT / PACKAGE, TRAINING: ROOT / "training" / TRAINING}
LIGHT = {"numpy", "cv2", PACKAGE, TRAINING} | sys.stdlib_module_names
"""Top-level names that every installation has."""


@dataclass(frozen=True)
class Import:
    """One name that an import statement asks for.

    Args:
        importer: full name of the module that holds the statement.
        imported: full name of the module that it asks for.
        late: whether the statement is in a function, and not run when the module is imported.
        optional: whether an `except ImportError` catches its failure.
    """

    importer: str
    imported: str
    late: bool
    optional: bool


def files(*folders: Path) -> list[Path]:
    """The Python files below folders; of the package and the training without any."""
    return sorted(file for folder in folders or FOLDERS.values() for file in folder.rglob("*.py"))


@cache
def modules() -> dict[str, Path]:
    """Full name of every module of the package and of the training, and its file."""
    return {_name(file, folder.parent): file for folder in FOLDERS.values() for file in files(folder)}


@cache
def imports() -> tuple[Import, ...]:
    """Every import in every module of the package and of the training."""
    return tuple(found for name, file in modules().items() for found in imports_of(file, name))


def imports_of(file: Path, name: str = "") -> Iterator[Import]:
    """Every import in a file; `name` is its full name as a module, where it has one."""
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    for node, late, optional in _statements(ast.parse(file.read_text()), False, False):
        for imported in _targets(node, package):
            yield Import(name, imported, late, optional)


def imported_with(name: str) -> set[str]:
    """Full names of all that is imported when a module is, itself and packages above it included.

    What is optional is left out, and other distributions are not looked into.
    """
    found, todo = set(), [name]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        parent = name.rpartition(".")[0]
        todo += [parent] if parent else []
        todo += _when_imported().get(name, ())
    return found


def room(name: str) -> str:
    """The folder, or file, directly below the top of a distribution that a module is in; "" for the top."""
    return f"{name}.".split(".")[1]


@cache
def _when_imported() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for found in imports():
        if not (found.late or found.optional):
            table.setdefault(found.importer, []).append(found.imported)
    return table


def _name(file: Path, top: Path) -> str:
    parts = file.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _statements(node: ast.AST, late: bool, optional: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Import statements below a node, each with whether it is in a function and whether it may fail."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, late, optional
        elif not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _statements(child, late or in_function, optional or _may_fail(child))


def _may_fail(node: ast.AST) -> bool:
    handlers = node.handlers if isinstance(node, ast.Try) else []
    caught = " ".join(ast.unparse(handler.type) for handler in handlers if handler.type)
    return "ImportError" in caught or "ModuleNotFoundError" in caught


def _targets(node: ast.Import | ast.ImportFrom, package: list[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    above = package[: len(package) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    inner = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in modules() else base for name in inner]
