"""`depth-completion submission`: the files that the KITTI depth completion server takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from .complete import write_png
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
"""Height and width of the pictures of the test."""
SELECTION = "test_depth_completion_anonymous"
UNITS = 256
"""Of a file in a metre."""
MOST = 2**16 - 1


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

    Writes one PNG for each frame, 0000000000.png and on: 16 bit, 1216 x 352, metres x 256, rounded. Depth
    beyond what 16 bits hold (256 m) becomes the greatest number there is; 0 is unknown. Zip what is in the
    folder and upload it.

    Examples:

        depth-completion submission test_depth_completion_anonymous -c bpnet --weights dmd3c.pth --out dmd3c

        depth-completion submission kitti_depth -c linear
    """
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
        _check(frame)
        pixels = server_pixels(made(frame).depth)
        write_png(out / f"{frame.name}.png", pixels)
        written += 1
        unknown += int((pixels == 0).sum())
    print_degradations([made])
    if unknown:
        typer.echo(f"{unknown} pixels of {written} frames are unknown, 0 in the files.", err=True)
    typer.echo(f"{written} frames completed by {completer}, in {out}.")


def server_pixels(depth):
    """Depth as the server takes it, uint16: metres x 256, rounded, clipped to 0 to 65535; 0 where unknown.

    Args:
        depth: float H x W metres, NaN where unknown.
    """
    import numpy as np

    scaled = np.rint(np.where(np.isnan(depth), 0.0, depth) * float(UNITS))
    return np.clip(scaled, 0, MOST).astype(np.uint16)


def _check(frame) -> None:
    """Refuse what is no frame of the test."""
    if not re.fullmatch(r"\d{10}", frame.name):
        raise ValueError(f"Frame '{frame.name}' is none of the test; those are called by ten digits.")
    if frame.size != SHAPE:
        raise ValueError(
            f"Frame {frame.name} is {frame.size[1]} x {frame.size[0]}; those of the test are "
            f"{SHAPE[1]} x {SHAPE[0]}."
        )
