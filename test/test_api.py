"""The public interface is the one that is written down, so that nobody takes a part of it away unawares.

`test/api.txt` has a line for each public name with its arguments, and for each option of a command. After a
change that is meant: `python test/test_api.py > test/api.txt`, and CHANGELOG.md says what users must do.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("", ".core", ".data", ".completion")
"""Of the package, from which names are public (docs/quality.md)."""
WRITTEN = Path(__file__).with_name("api.txt")


def surface() -> list[str]:
    """A line for each public name and command."""
    return sorted([*_names(), *_commands()])


def _names():
    for suffix in MODULES:
        module = import_module(f"depth_completion_ros{suffix}")
        for name in module.__all__:
            thing = getattr(module, name)
            full = f"{module.__name__}.{name}"
            if inspect.isclass(thing):
                if "__init__" in vars(thing):  # else that of an enumeration or of Python
                    yield f"{full}({_arguments(thing)})"
                else:
                    yield full
                if suffix:  # the package gives again what is told below
                    yield from (f"{full}.{member}" for member in _members(thing))
            elif callable(thing):
                yield f"{full}({_arguments(thing)})"
            else:
                yield full


def _arguments(thing) -> str:
    return ", ".join(map(str, inspect.signature(thing).parameters))


def _members(kind: type):
    """Methods and properties with their arguments, of classes of this package alone."""
    for base in kind.__mro__:
        if not base.__module__.startswith("depth_completion_ros"):
            continue
        for name, member in vars(base).items():
            if name.startswith("_"):
                continue
            function = inspect.unwrap(getattr(member, "__func__", member))
            yield f"{name}({_arguments(function)})" if inspect.isfunction(function) else name


def _commands():
    import typer.main

    from depth_completion_ros.cli.app import app

    def walk(command, path):
        yield path
        for parameter in command.params:
            names = [*parameter.opts, *parameter.secondary_opts]
            if not getattr(parameter, "hidden", False) and names[0].startswith("-"):
                yield f"{path} {' '.join(sorted(names))}"
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{path} {name}")

    return walk(typer.main.get_command(app), "depth-completion")


def test_the_public_interface_is_the_one_written_down():
    now, then = set(surface()), set(WRITTEN.read_text().splitlines())
    assert not then - now, f"gone or changed, which needs a deprecation first: {sorted(then - now)}"
    assert not now - then, f"new; write them down in {WRITTEN.name}: {sorted(now - then)}"


def test_every_name_of_the_page_of_the_api_is_public():
    named = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    assert len(named) >= 10
    lines = WRITTEN.read_text().splitlines()
    for name in named:
        assert any(re.fullmatch(rf"{re.escape(name)}(\(.*\))?", line) for line in lines), name


def test_members_that_the_page_names_exist():
    page = (ROOT / "docs" / "api.md").read_text()
    for name, members in re.findall(r"^::: (\S+)\n    options: \{members: \[(.*?)\]\}", page, re.MULTILINE):
        module, _, kind = name.rpartition(".")
        for member in members.split(", "):
            assert hasattr(getattr(import_module(module), kind), member), f"{name}.{member}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(surface()) + "\n")
