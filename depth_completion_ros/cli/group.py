"""How the command line reports errors: one sentence, no traceback."""

from __future__ import annotations

import os
import sys

import typer
from typer.core import TyperCommand, TyperGroup

from ..core.safe.errors import sentence


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
