"""The command line with what apt brings of typer: 0.9 on Ubuntu 24.04, an older one on Debian 12."""

from __future__ import annotations

import inspect
import types
from importlib import metadata
from typing import Annotated, get_args, get_origin

import pytest

from depth_completion_ros import cli


def commands():
    from depth_completion_ros.cli import weights
    from depth_completion_ros.cli.app import app

    return [*app.registered_commands, *weights.app.registered_commands]


def test_no_option_is_a_union_that_typer_0_9_does_not_know():
    found = []
    for command in commands():
        for parameter in inspect.signature(command.callback).parameters.values():
            hint = parameter.annotation
            kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
            if isinstance(kind, types.UnionType | str):
                found.append(f"{command.name}: {parameter.name}")
    assert len(commands()) > 15 and found == []


@pytest.mark.parametrize("version", ["0.7.0", "0.8.0.dev1"])
def test_an_older_typer_ends_with_a_sentence(monkeypatch, capsys, version):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"Error: depth-completion needs the Python package 'typer' 0.9 or newer, but here is {version}"
    )
    assert said.count("\n") == 1
