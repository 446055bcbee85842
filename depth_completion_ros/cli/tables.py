"""How the command line prints tables, and JSON in place of them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Annotated

import typer

AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON in place of the table, and all else on stderr.")
]


def print_table(title: str, headings: list[str], rows: list[list[str]], sections: bool = True) -> None:
    """Print a table with two columns of words; lines part what differs in the first, if `sections`."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=160)

    table = Table(title=title, box=box.SIMPLE_HEAD)
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="left" if at < 2 else "right", no_wrap=at < 2 or " " not in heading)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        ends = sections and following is not None and following[0] != row[0]
        table.add_row(*row, end_section=ends)
    console.print(table)


def print_json(content) -> None:
    """Print what is none of JSON's own types as text."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))


@contextmanager
def stdout_for_json(wanted: bool) -> Iterator[None]:
    """If wanted, what is printed meanwhile goes to stderr, also by programs that are started."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
