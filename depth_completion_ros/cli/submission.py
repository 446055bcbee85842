"""`depth-completion submission`: the files that the KITTI depth completion server takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from .options import (
    AllowNoncommercial,
    CompleterName,
    Device,
    Limit,
    Precision,
    Prior,
    Weights,
    frames_with_progress,
    make_completers,
    open_data,
    print_degradations,
)

SHAPE = 352, 1216
"""Height and width of the images of the test."""
SELECTION = "test_depth_completion_anonymous"


def submission(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help=f"Folder `{SELECTION}`, or one that holds it.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path("submission"),
    completer: CompleterName = "default",
    limit: Limit = None,
    device: Device = "auto",
    weights: Weights = None,
    prior: Prior = None,
    precision: Precision = "auto",
    allow_noncommercial: AllowNoncommercial = False,
):
    """
    Complete the test frames of KITTI depth completion to the files that its server takes.

    Writes one PNG for each frame, 0000000000.png and on: 16 bit, 1216 x 352, metres x 256, rounded. 0 is
    unknown, as is depth beyond what 16 bits hold (256 m). Zip what is in the folder and upload it.

    Examples:

        depth-completion submission test_depth_completion_anonymous -c bpnet --weights dmd3c.pth --out dmd3c

        depth-completion submission kitti_depth -c linear
    """
    import numpy as np

    from ..data.files import write_depth

    made = make_completers(
        [completer],
        device=device,
        weights=weights,
        prior=prior,
        precision=precision,
        allow_noncommercial=allow_noncommercial,
    )[completer]
    reader = open_data(data, [f"split={SELECTION}"])
    out.mkdir(parents=True, exist_ok=True)
    written = unknown = 0
    for frame in frames_with_progress(reader, limit, "completing"):
        _refuse_other_than_test(frame)
        depth = made(frame).depth
        unknown += write_depth(out / f"{frame.name}.png", depth) + np.count_nonzero(np.isnan(depth))
        written += 1
    print_degradations([made])
    if unknown:
        typer.echo(f"{unknown} pixels of {written} frames are unknown, 0 in the files.", err=True)
    typer.echo(f"{written} frames completed by {completer}, in {out}.")


def _refuse_other_than_test(frame) -> None:
    if not re.fullmatch(r"\d{10}", frame.name):
        raise ValueError(f"Frame '{frame.name}' is none of the test; those are called by ten digits.")
    if frame.size != SHAPE:
        raise ValueError(
            f"Frame {frame.name} is {frame.size[1]} x {frame.size[0]}; those of the test are "
            f"{SHAPE[1]} x {SHAPE[0]}."
        )
