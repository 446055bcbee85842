"""What stage 1 of DMD3C is worth with other choices than ours, for docs/dmd3c.md.

    python bench/stage1_choices.py OUT [--real FRAMES] [-- ARGUMENTS OF fit]

The paper leaves open how far away an image's depth is thought to be, what LiDAR is simulated, how the mesh
is made, and which loss is meant. Every choice makes its frames of the same images and maps, trains
the default network on them for the same number of steps from the same start, and is evaluated without any
further training: RMSE / MAE in mm, mean over frames. Images, maps and held-out frames are those of
`python -m depth_completion_training.rehearsal`, whose OUT may be given, and real frames where there are any.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from depth_completion_training.generation.options import parse_size, run
from depth_completion_training.rehearsal import Rehearsal, compare

NETWORK = "depth_completion_ros.completion.mspn_lite.network.MSPNLite"
SAMPLER = "--data.init_args.sampler.init_args"
CHOICES: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = {
    "ours": ((), ()),
    "SSI": ((), ("--model.loss.init_args.kind=ssi",)),
    "HDL-64E alone": (("--sensor", "HDL-64E"), ()),
    "points": ((), (f"{SAMPLER}.scan=0", f"{SAMPLER}.points=1")),
    "one range": (("--median", 9, 11, "--ratio", 20, 30), ()),
    "joined mesh": (("--cut", 0), ()),
}
"""Name to what is told to `generation.from_images` and to `fit`."""


def main(
    out: Annotated[Path, typer.Argument(help="Folder for frames, runs and weights.")],
    scenes: Annotated[int, typer.Option(min=1, help="Simulated scenes, of ten views each.")] = 60,
    images: Annotated[int, typer.Option(help="Of stage 1.")] = 300,
    steps: Annotated[int, typer.Option(help="Training steps.")] = 300,
    batch: Annotated[int, typer.Option(help="Images of a step.")] = 8,
    size: Annotated[str, typer.Option(metavar="HxW", help="Height x width of a crop.")] = "128x256",
    real: Annotated[Path | None, typer.Option(help="More data to evaluate on.")] = None,
    more: Annotated[list[str] | None, typer.Argument(help="Further arguments of `fit`, after `--`.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
):
    """Compare choices of stage 1; goes on where it was interrupted."""
    out.mkdir(parents=True, exist_ok=True)
    rehearsal = Rehearsal(out, NETWORK, parse_size(size), (steps, 0), batch, tuple(more or ()))
    rehearsal.make_frames(scenes, "256x384", images, 40)
    weights, made = {}, {}
    for name, (choices, options) in CHOICES.items():
        word = name.replace(" ", "_")
        if choices not in made:
            made[choices] = rehearsal.make_scans(f"scanned_{word}", "--size", "256x384", *choices)
        weights[name] = rehearsal.pretrain(made[choices], f"stage1_{word}", *options)
    asked = {rehearsal.public.selection: ("truth",)}
    asked |= {real: ("lines:16", "points:500")} if real else {}
    typer.echo("\nRMSE / MAE in mm:\n\n" + compare(weights, "mspn_lite", asked))


if __name__ == "__main__":
    run(main, "python bench/stage1_choices.py")
