"""How the command line reports errors: one sentence, no traceback."""

from __future__ import annotations

import inspect
import os
import sys
import types
from collections.abc import Callable
from copy import copy
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from ..core.safe.errors import sentence


class Commands(typer.Typer):
    """Commands whose options may be `X | None`, also with the typer 0.9 of Ubuntu 24.04."""

    def command(self, *given, **options):
        register = super().command(*given, **options)
        return lambda function: register(_with_older_unions(function))


def _with_older_unions(function: Callable) -> Callable:
    """A function whose signature says `Optional[X]` where its hints say `X | None`."""
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    parameters = [
        each.replace(annotation=_older_union(hints.get(each.name, each.annotation)))
        for each in signature.parameters.values()
    ]
    vars(function)["__signature__"] = signature.replace(parameters=parameters)
    return function


def _older_union(hint):
    if get_origin(hint) is Annotated:
        kind, *rest = get_args(hint)
        # Copies, as typing takes the two unions for the same and would give the Annotated that it knows.
        return Annotated[(_older_union(kind), *map(copy, rest))]
    return Union[get_args(hint)] if isinstance(hint, types.UnionType) else hint  # noqa: UP007


class SentenceGroup(TyperGroup):
    """Commands whose expected errors end as one sentence on stderr and exit code 2."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # Whoever read the output, such as `head`, has enough of it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except (ValueError, OSError, ImportError, LookupError) as error:
            if ctx.params.get("debug") or type(error) in (KeyError, IndexError):
                raise
            typer.echo(f"Error: {sentence(error)}", err=True)
            raise typer.Exit(2) from None


class DataCommand(TyperCommand):
    """A command whose help ends with the reader options of every format."""

    def format_help(self, ctx, formatter):
        # Only here, as it imports the readers.
        from ..data.reader import FORMATS, reader_class

        lines = ["Names for -O NAME=VALUE, by the format of DATA:"]
        for name in FORMATS:
            lines.append(f"- {name}: {', '.join(reader_class(name).options()) or 'none'}")
        self.epilog = "\n\n".join(lines)
        super().format_help(ctx, formatter)
