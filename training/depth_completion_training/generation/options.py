"""What the command lines share: how they start, whose share of the work is whose, the size of an image."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Annotated

import typer
from typer.core import TyperCommand

from depth_completion_ros.cli.group import sentence
from depth_completion_ros.fleet.workers.crew import Crew

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Worker processes, or actors with --ray.", show_default="one a core"),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Make them on a Ray cluster, whose nodes all have these folders: `auto`, HOST:6379 or "
        "ray://HOST:10001.",
    ),
]


class SentenceCommand(TyperCommand):
    """A command whose expected errors end as one sentence on stderr and exit code 2."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("Interrupted; the same command goes on from here.", err=True)
            raise typer.Exit(130) from None
        except (ValueError, OSError, ImportError) as error:
            if ctx.params.get("debug"):
                raise
            typer.echo(f"Error: {sentence(error)}", err=True)
            raise typer.Exit(2) from None


def run(command: Callable, name: str) -> None:
    """Call a function with what the command line says, and end the program."""
    app = typer.Typer(
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=False,
    )
    app.command(cls=SentenceCommand)(command)
    app(prog_name=name)


def crew_of(workers: int | None, ray: str | None) -> Crew:
    """Who makes the frames: a process for each core of this machine where neither is told."""
    return Crew(workers or (None if ray else len(os.sched_getaffinity(0))), ray)


_ENVIRONMENTS = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS"))


def parse_machine(text: str | None) -> tuple[int, int]:
    """Number of this machine and how many there are, of a text such as `0/4`.

    Without a text the environment tells: RANK and WORLD_SIZE as torchrun sets them, else SLURM_PROCID
    and SLURM_NTASKS as srun does, else it is one machine.

    Raises:
        ValueError: not of the form I/N with 0 <= I < N.
    """
    source = "Machine"
    if text is None:
        for names in _ENVIRONMENTS:
            if all(name in os.environ for name in names):
                text = "/".join(os.environ[name] for name in names)
                source = f"Machine of {' and '.join(names)}"
                break
        else:
            return 0, 1
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise ValueError(f"{source} is '{text}'; it must be I/N with 0 <= I < N, such as 0/4.")
    return int(match[1]), int(match[2])


def share(first: int, count: int, machine: tuple[int, int]) -> range:
    """Seeds of this machine among first .. first + count - 1; every seed belongs to exactly one."""
    number, machines = machine
    return range(first + number, first + count, machines)


def parse_size(text: str) -> tuple[int, int]:
    """Height and width of a text such as `256x384`.

    Raises:
        ValueError: another form.
    """
    match = re.fullmatch(r"(\d+)\s*[xX]\s*(\d+)", text)
    if not match:
        raise ValueError(f"Size is '{text}'; it must be HEIGHTxWIDTH in pixels, such as 256x384.")
    return int(match[1]), int(match[2])
