"""`depth-completion replay` and `convert`: what makes bags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import (
    AllowNoncommercial,
    CompleterName,
    Data,
    Device,
    Filters,
    Limit,
    MaxRange,
    MinConfidence,
    Precision,
    Prior,
    ReaderOptions,
    Stride,
    Temporal,
    Weights,
    filters,
    frames_with_progress,
    make_completers,
    open_data,
    print_blended,
    print_degradations,
    print_skipped,
    temporal_blend,
)

NewBag = Annotated[Path, typer.Argument(metavar="BAG", help="Folder of the new bag; it must not exist.")]


def replay(
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
    temporal: Temporal = "off",
    filters_text: Filters = "see-through",
    max_range: MaxRange = float("inf"),
    stride: Stride = 1,
    storage: Annotated[str, typer.Option(help="`mcap` or `sqlite3`.")] = "mcap",
    limit: Limit = None,
    device: Device = "auto",
    weights: Weights = None,
    prior: Prior = None,
    precision: Precision = "auto",
    allow_noncommercial: AllowNoncommercial = False,
    reader_option: ReaderOptions = None,
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
    """
    from ..evaluation import replay as module

    made = make_completers(
        [completer],
        device=device,
        weights=weights,
        prior=prior,
        precision=precision,
        allow_noncommercial=allow_noncommercial,
    )[completer]
    chosen, blend = filters(filters_text), temporal_blend(temporal)
    reader = open_data(data, reader_option)
    summary = module.replay(
        frames_with_progress(reader, limit, "replaying"),
        made,
        bag,
        outputs=tuple(output or module.USUAL),
        min_confidence=min_confidence,
        stride=stride,
        max_range=max_range,
        temporal=blend,
        storage=storage,
        with_inputs=with_inputs,
        **chosen,
    )
    print_skipped(reader)
    print_degradations([made])
    print_blended(blend)
    if not summary.frames:
        raise ValueError(f"There is no pair of image and points in '{data}', so '{bag}' is empty.")
    seconds = (summary.last_ns - summary.first_ns) / 1e9
    typer.echo(
        f"{summary.frames} pairs completed by {completer} over {seconds:.1f} s, "
        f"{summary.coverage:.1%} of the pixels known, in {bag}."
    )


def convert(
    data: Data,
    bag: NewBag,
    storage: Annotated[str, typer.Option(help="`mcap` or `sqlite3`.")] = "mcap",
    compression: Annotated[
        str, typer.Option(help="`none`, `message`, `file`, or `storage` (chunks of MCAP).")
    ] = "none",
    image_format: Annotated[str, typer.Option(help="`raw`, `png` (lossless) or `jpeg`.")] = "raw",
    limit: Limit = None,
    reader_option: ReaderOptions = None,
):
    """
    Write any data as a bag that `ros2 bag play`, Foxglove and RViz understand.

    Topics: `/camera/image_raw`, `/camera/camera_info`, `/lidar/points`, `/tf_static` and, where they
    are known, the motion of the LiDAR in `odom` on `/tf` and the truth on `/ground_truth/depth`.

    Examples:

        depth-completion convert 2011_09_26_drive_0001_sync drive_bag

        depth-completion convert frames kitti_bag -O "select=kitti_seq_*" --image-format png
    """
    from ..data.bag.writer import write_bag

    reader = open_data(data, reader_option)
    frames = frames_with_progress(reader, limit, "converting")
    count = write_bag(frames, bag, storage=storage, compression=compression, image_format=image_format)
    print_skipped(reader)
    typer.echo(f"{count} frames of {reader.describe()} written to {bag}.")
