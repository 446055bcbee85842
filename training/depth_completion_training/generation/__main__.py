"""`python -m depth_completion_training.generation OUT`: simulated frames for training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .engine import Recipe, generate
from .options import Ray, Workers, crew_of, parse_machine, parse_size, run, share
from .progress import follow


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the frames.", show_default=False)],
    scenes: Annotated[int, typer.Option(min=1, help="How many scenes, on all machines together.")] = 100,
    views: Annotated[int, typer.Option(min=1, max=100, help="Frames of each scene.")] = 10,
    size: Annotated[str, typer.Option(metavar="HxW", help="Height x width of the image.")] = "256x384",
    scans: Annotated[int, typer.Option(min=1, help="Range sensors that look at each view.")] = 3,
    workers: Workers = None,
    ray: Ray = None,
    seed: Annotated[
        int, typer.Option(min=0, max=90_000_000, help="Of the first scene; the next has one more.")
    ] = 0,
    outdoor: Annotated[float, typer.Option(min=0, max=1, help="Share of outdoor scenes.")] = 0.6,
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Make the share I (from 0) of N machines.",
            show_default="torchrun's RANK/WORLD_SIZE or SLURM_PROCID/SLURM_NTASKS, else 0/1",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
):
    """
    Make simulated frames (image, true depth, scans of several sensors) to train with.

    One `.npz` a view. Frames that are there already stay, so a run that was cut off goes on when the same
    command is given again, and a larger --scenes adds to what is there. Frames depend on their seeds
    alone, not on workers or machines. A worker that is killed costs its scene, which another one makes again.
    A scene that fails is reported and left out; the exit code is 1 then.

    Examples:

        python -m depth_completion_training.generation frames --scenes 1000 --workers 16

        srun -N 4 python -m depth_completion_training.generation /shared/frames --scenes 20000

        python -m depth_completion_training.generation /shared/frames --scenes 20000 --machine 2/4

        python -m depth_completion_training.generation /shared/frames --scenes 20000 --ray auto
    """
    height, width = parse_size(size)
    recipe = Recipe(height, width, scans, outdoor)
    seeds = share(seed, scenes, parse_machine(machine))
    out.mkdir(parents=True, exist_ok=True)
    wanted = [s for s in seeds if not all(recipe.path(out, s, v).exists() for v in range(views))]
    if len(wanted) < len(seeds):
        typer.echo(f"{len(seeds) - len(wanted)} of {len(seeds)} scenes are there already.", err=True)
    crew = crew_of(workers, ray)
    follow(out, "scene", len(wanted), views, partial(generate, out, recipe, wanted, views, crew))


if __name__ == "__main__":
    run(main, "python -m depth_completion_training.generation")
