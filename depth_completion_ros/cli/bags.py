"""`depth-completion replay` and `convert`: what makes bags."""

from __future__ import annotations

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
    temporal_blend,
)
from .options.groups import FeedOptions, FleetOptions, NetworkOptions, ReadingOptions, with_groups
from .options.single import CompleterName, Data, MaxStep, MinConfidence, Stride, Temporal

NewBag = Annotated[
    Path,
    typer.Argument(
        metavar="BAG",
        help="Folder of the new bag; it must not exist. With --workers or --ray a folder for the bags.",
    ),
]


@with_groups
def replay(
    *,
    data: Data,
    bag: NewBag,
    completer: CompleterName = "default",
    output: Annotated[
        list[str] | None,
        typer.Option(
            help="What to write: depth, camera_info, points, image_mm, confidence, source, sparse_depth, "
            "overlay; repeat for more. All but image_mm, sparse_depth and overlay if not given."
        ),
    ] = None,
    with_inputs: Annotated[
        bool, typer.Option("--with-inputs", help="Write image, points, CameraInfo and TF too, for a viewer.")
    ] = False,
    min_confidence: MinConfidence = None,
    max_step: MaxStep = 0.0,
    temporal: Temporal = "off",
    feed: FeedOptions,
    stride: Stride = 1,
    storage: Annotated[str, typer.Option(help="`mcap` or `sqlite3`.")] = "mcap",
    reading: ReadingOptions,
    network: NetworkOptions,
    fleet: FleetOptions,
):
    """
    Complete a bag (or any data) into a new bag: what the live node would publish.

    Every pair of image and cloud gives one message on each topic, with the stamp and frame of the
    image; nothing is dropped however slow the machine is, and twice into folders of the same name (an
    MCAP file holds it) gives the same bytes.

    Examples:

        depth-completion replay drive_bag dense_bag

        depth-completion replay drive_bag dense_bag -c linear --output depth --output camera_info

        depth-completion replay drive_bag dense_bag -O image_topic=/front/image_raw

        depth-completion replay bags dense_bags --workers 4
    """
    from ..evaluation import replay as module
    from ..fleet.bags import ReplayJob
    from ..fleet.job import Completers

    how = {
        "min_confidence": min_confidence,
        "max_step": max_step,
        "stride": stride,
        "storage": storage,
        "with_inputs": with_inputs,
        **feed.as_keywords(),
    }
    outputs, blend = tuple(output or module.USUAL), temporal_blend(temporal)
    if fleet:
        completers, read = Completers((completer,), network.as_keywords()), reading.of_reader()
        job = ReplayJob(completers, outputs, temporal, how, read)
        _by_fleet(data, job, bag, fleet, reading.limit)
        return
    made = network.make([completer])[completer]
    reader = reading.open(data)
    frames = frames_with_progress(reader, reading.limit, "replaying")
    summary = module.replay(frames, made, bag, outputs=outputs, temporal=blend, **how)
    print_skipped(reader)
    print_degradations([made])
    print_blended(blend.counts if blend else {})
    if not summary.frames:
        raise ValueError(f"There is no pair of image and points in '{data}', so '{bag}' is empty.")
    seconds = (summary.last_ns - summary.first_ns) / 1e9
    typer.echo(
        f"{summary.frames} pairs completed by {completer} over {seconds:.1f} s, "
        f"{summary.coverage:.1%} of the pixels known, in {bag}."
    )


@with_groups
def convert(
    *,
    data: Data,
    bag: NewBag,
    storage: Annotated[str, typer.Option(help="`mcap` or `sqlite3`.")] = "mcap",
    compression: Annotated[
        str, typer.Option(help="`none`, `message`, `file`, or `storage` (chunks of MCAP).")
    ] = "none",
    image_format: Annotated[str, typer.Option(help="`raw`, `png` (lossless) or `jpeg`.")] = "raw",
    reading: ReadingOptions,
    fleet: FleetOptions,
):
    """
    Write any data as a bag that `ros2 bag play`, Foxglove and RViz understand.

    Topics: `/camera/image_raw`, `/camera/camera_info`, `/lidar/points`, `/tf_static` and, where they
    are known, the motion of the LiDAR in `odom` on `/tf` and the truth on `/ground_truth/depth`.

    Examples:

        depth-completion convert 2011_09_26_drive_0001_sync drive_bag

        depth-completion convert frames kitti_bag -O "select=kitti_seq_*" --image-format png

        depth-completion convert 2011_09_26 bags --workers 4
    """
    from ..data.bag.writer import write_bag
    from ..fleet.bags import ConvertJob

    how = {"storage": storage, "compression": compression, "image_format": image_format}
    if fleet:
        job = ConvertJob(options=how, reader_options=reading.of_reader())
        _by_fleet(data, job, bag, fleet, reading.limit)
        return
    reader = reading.open(data)
    frames = frames_with_progress(reader, reading.limit, "converting")
    count = write_bag(frames, bag, **how)
    print_skipped(reader)
    typer.echo(f"{count} frames written to {bag}, of {reader.describe()}.")


def _by_fleet(data: Path, job, out: Path, fleet: FleetOptions, limit: int | None) -> None:
    """A bag for each drive of `data`."""
    from ..fleet.bags import place
    from ..fleet.run import Fleet

    out.mkdir(parents=True, exist_ok=True)
    found = by_fleet(data, job, out, Fleet(fleet.workers, fleet.ray, None, limit), "writing")
    typer.echo(f"{place(found, out)} bags of {len(found.drives)} drives in {out}; fleet.md tells of each.")
    raise_failures(found)
