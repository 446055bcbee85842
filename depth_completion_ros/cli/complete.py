"""`depth-completion complete`: frames to files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .frames import (
    by_fleet,
    frames_with_progress,
    print_blended,
    print_degradations,
    print_skipped,
    raise_failures,
    refuse_blend_of_stretches,
    temporal_blend,
)
from .options.groups import FeedOptions, FleetOptions, NetworkOptions, ReadingOptions, with_groups
from .options.single import CompleterName, Data, MaxStep, MinConfidence, Stretch, Stride, Temporal
from .tables import AsJson, print_json


@with_groups
def complete(
    *,
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the files.")] = Path("completed"),
    completer: CompleterName = "default",
    sparse: Annotated[
        Path | None,
        typer.Option(
            help="Sparse depth of a single image, which is DATA then: 16-bit PNG, metres x 256, "
            "0 = none. --filters, --limit and -O do not apply to it."
        ),
    ] = None,
    npy: Annotated[bool, typer.Option("--npy", help="Write float32 metres, NaN unknown, too.")] = False,
    cloud: Annotated[bool, typer.Option("--cloud", help="Write a coloured PLY cloud, too.")] = False,
    preview: Annotated[bool, typer.Option(help="Write an image to look at.")] = True,
    min_confidence: MinConfidence = None,
    max_step: MaxStep = 0.0,
    temporal: Temporal = "off",
    feed: FeedOptions,
    stride: Stride = 1,
    reading: ReadingOptions,
    network: NetworkOptions,
    fleet: FleetOptions,
    stretch: Stretch = 50,
):
    """
    Complete one frame, or all frames of a data set or bag, to files.

    Writes `depth_NAME.png` (16 bit, metres x 256, 0 = unknown: KITTI's format) for every frame, and
    `preview_NAME.png` with image, points and dense depth one above the other.

    Examples:

        depth-completion complete frames/0000000005 --out results --cloud

        depth-completion complete 2011_09_26_drive_0001_sync --completer linear --limit 20

        depth-completion complete street.png --sparse street_sparse.png --npy

        depth-completion complete drive_bag -O image_topic=/camera/image_raw --no-preview

        depth-completion complete "drives/2011_*" --workers 4 --out completed
    """
    from ..fleet.completing import CompleteJob, Files, complete_frames, place
    from ..fleet.job import Completers
    from ..fleet.run import Fleet

    blend = temporal_blend(temporal)
    files = Files(npy, cloud, preview, min_confidence, max_step, stride=stride, **feed.as_keywords())
    if fleet:
        if sparse:
            raise ValueError("Option --sparse is for a single image, which needs no --workers and no --ray.")
        refuse_blend_of_stretches(blend is not None)
        out.mkdir(parents=True, exist_ok=True)
        job = CompleteJob(Completers((completer,), network.as_keywords()), files, reading.of_reader())
        found = by_fleet(
            data, job, out, Fleet(fleet.workers, fleet.ray, stretch, reading.limit), "completing"
        )
        _report(data, place(found, out), completer, out)
        raise_failures(found)
        return
    made = network.make([completer])[completer]
    reader = None if sparse else reading.open(data)
    if sparse:
        frames = [_frame_of_files(data, sparse)]
    else:
        frames = frames_with_progress(reader, reading.limit, "completing")
    out.mkdir(parents=True, exist_ok=True)
    done = complete_frames(frames, made, out, files, blend=blend)
    if reader is not None:
        print_skipped(reader)
    print_degradations([made])
    print_blended(blend.counts if blend else {})
    _report(data, done, completer, out)


def _report(data: Path, done, completer: str, out: Path) -> None:
    """Say how many frames are done, and what of them is not as one might think."""
    if not done.names:
        raise ValueError(f"There is no frame in '{data}'.")
    if done.empty:
        said = f"{done.empty} of {len(done.names)} frames have no point in view"
        typer.echo(f"{said}: their depth is unknown or a guess.", err=True)
    if done.too_far:
        typer.echo(
            f"{done.too_far} pixels of {len(done.names)} frames are 256 m or more away, which a 16-bit PNG "
            "cannot hold: they are 0 there, unknown (--npy has them).",
            err=True,
        )
    typer.echo(f"{len(done.names)} frames completed by {completer}, in {out}.")


def _frame_of_files(image: Path, sparse: Path):
    """Frame of a single image and its sparse depth."""
    from ..core import Frame
    from ..data.files import read_depth, read_image

    pixels, depth = read_image(image), read_depth(sparse)
    if pixels.shape[:2] != depth.shape:
        raise ValueError(
            f"Image '{image}' is {pixels.shape[1]} x {pixels.shape[0]} but its sparse depth "
            f"'{sparse}' is {depth.shape[1]} x {depth.shape[0]}; both must be of one size."
        )
    return Frame(camera=None, image=pixels, sparse_depth=depth, name=image.stem)


def completers(as_json: AsJson = False):
    """
    List the completers and their variants.

    Examples:

        depth-completion completers

        depth-completion completers --json
    """
    from ..completion import list_completers
    from ..completion.registry import describe_completer

    described_by_name = {name: describe_completer(name) for name in list_completers()}
    if as_json:
        print_json([{"name": name, **asdict(each)} for name, each in described_by_name.items()])
        return
    for name, described in described_by_name.items():
        variants = ", ".join(f"{name}:{variant}" for variant in described.variants)
        typer.echo(f"{name:14s} {described.summary}{f' Variants: {variants}.' if variants else ''}")
