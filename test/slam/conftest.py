"""Programs in place of a Python: ones that lack a package, and ones that end in the middle."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture
def program(tmp_path) -> Callable[[str], str]:
    """Makes a program of lines of Python, to be started as if it were a Python; gives its path."""

    def make(lines: str) -> str:
        file = tmp_path / "program"
        file.write_text(f"#!{sys.executable}\n{lines}\n")
        file.chmod(0o755)
        return str(file)

    return make


@pytest.fixture
def bare_python(tmp_path) -> str:
    """A Python with numpy and no other package."""
    numpy = Path(find_spec("numpy").origin).parents[1]
    (tmp_path / "packages").mkdir()
    for name in ("numpy", "numpy.libs"):
        if (numpy / name).exists():
            (tmp_path / "packages" / name).symlink_to(numpy / name)
    file = tmp_path / "python"
    file.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path / "packages"}" exec "{sys.executable}" -S "$@"\n')
    file.chmod(0o755)
    return str(file)
