"""Arguments and options that several commands share, one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="Data set, frame folder or rosbag2; also a URL such as s3://bucket/drive, which is fetched.",
        show_default=False,
    ),
]
ReaderOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--reader-option",
        "-O",
        metavar="NAME=VALUE",
        help="Option of the reader, such as select=kitti_seq_* of frame folders or image_topic=/cam/image "
        "of bags; the names are listed below. Repeat for more.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Only the first so many frames.")]
CompleterName = Annotated[
    str,
    typer.Option(
        "--completer",
        "-c",
        help="NAME or NAME:VARIANT of `depth-completion completers`, with settings of its own if any: "
        "`depthlab,steps=4`.",
    ),
]
Device = Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda` or `cuda:N`.")]
Weights = Annotated[
    str | None,
    typer.Option(
        help="File, or name in `depth-completion weights list`, of the weights of a learned completer; of "
        "diffusion a folder."
    ),
]
Prior = Annotated[
    str | None,
    typer.Option(
        help="Depth prior of a learned completer: a name such as `depth_anything_v2_small`, or a path "
        "such as `maps@metric`."
    ),
]
Temporal = Annotated[
    str,
    typer.Option(
        metavar="off|blend",
        help="blend: with the frames before, where poses are known and nothing measured contradicts, so that "
        "depth flickers less.",
    ),
]
Precision = Annotated[
    str, typer.Option(help="Of a learned completer: `auto`, `float32`, `bfloat16` or `float16`.")
]
AllowNoncommercial = Annotated[
    bool,
    typer.Option("--allow-noncommercial", help="Take weights whose licence forbids commercial use."),
]
Filters = Annotated[
    str,
    typer.Option("--filters", help="Filters on the points: `see-through`, `isolated`, `all` or `none`."),
]
MaxRange = Annotated[
    float,
    typer.Option(
        metavar="METRES",
        callback=lambda metres: _positive("Maximum range", metres),
        help="Feed only what was measured at most so far in front of the camera.",
    ),
]
MinConfidence = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Make depth of lower confidence unknown; 0 for every guess. [the completer's own, such as 0.5]",
        show_default=False,
    ),
]
MaxStep = Annotated[
    float,
    typer.Option(
        min=0,
        max=10,
        help="Make edges unknown: pixels in whose 7 x 7 depth differs by more than this share, such as 0.1; "
        "0 keeps them. What is thinner (poles, wires) goes too, measured or not.",
    ),
]
Stride = Annotated[int, typer.Option(min=1, help="Make a cloud point of every so many pixels.")]

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Do it by so many processes, which also takes a folder, a glob in quotes or a list (.txt) of "
        "drives as DATA, survives the loss of a process, and goes on where an earlier run was ended.",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="The same on a Ray cluster: `auto`, HOST:6379 or ray://HOST:10001."),
]
Stretch = Annotated[
    int, typer.Option(min=1, help="With --workers or --ray: frames that a worker does in one go.")
]


def _positive(what: str, value: float) -> float:
    if not value > 0:
        raise ValueError(f"{what} is {value:g}; it must be positive.")
    return value
