"""`depth-completion complete`: frames to files."""

from __future__ import annotations

import re
from dataclasses import asdict
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
from .tables import AsJson, print_json


def complete(
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
    temporal: Temporal = "off",
    filters_text: Filters = "see-through",
    max_range: MaxRange = float("inf"),
    stride: Stride = 1,
    limit: Limit = None,
    device: Device = "auto",
    weights: Weights = None,
    prior: Prior = None,
    precision: Precision = "auto",
    allow_noncommercial: AllowNoncommercial = False,
    reader_option: ReaderOptions = None,
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
    """
    from ..core import SparseDepth
    from ..data.files import write_depth

    chosen, blend = filters(filters_text), temporal_blend(temporal)
    made = make_completers(
        [completer],
        device=device,
        weights=weights,
        prior=prior,
        precision=precision,
        allow_noncommercial=allow_noncommercial,
    )[completer]
    least = made.least_confidence if min_confidence is None else min_confidence
    reader = None if sparse else open_data(data, reader_option)
    frames = [_frame_of_files(data, sparse)] if sparse else frames_with_progress(reader, limit, "completing")
    out.mkdir(parents=True, exist_ok=True)
    names: set[str] = set()
    empty = too_far = 0
    for number, frame in enumerate(frames):
        name = _unique(frame.name or f"{number:06d}", names)
        measured = SparseDepth.from_points(frame, max_depth=max_range, **chosen)
        empty += not measured.count
        completion = made.complete(frame.image, measured, frame.camera, frame.name)
        if blend is not None:
            completion = blend.apply(frame, measured, completion, frame.T_world_cam)
        completion = completion.above(least)
        too_far += write_depth(out / f"depth_{name}.png", completion.depth)
        if npy:
            _write_npy(out / f"depth_{name}.npy", completion.depth)
        if cloud:
            _write_ply(out / f"cloud_{name}.ply", completion.depth, frame, stride)
        if preview:
            _write_preview(out / f"preview_{name}.png", frame, measured.depth, completion.depth)
    if reader is not None:
        print_skipped(reader)
    print_degradations([made])
    print_blended(blend)
    if not names:
        raise ValueError(f"There is no frame in '{data}'.")
    if empty:
        said = f"{empty} of {len(names)} frames have no point in view: their depth is unknown or a guess."
        typer.echo(said, err=True)
    if too_far:
        typer.echo(
            f"{too_far} pixels of {len(names)} frames are 256 m or more away, which a 16-bit PNG cannot "
            "hold: they are 0 there, unknown (--npy has them).",
            err=True,
        )
    typer.echo(f"{len(names)} frames completed by {completer}, in {out}.")


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


def _unique(name: str, taken: set[str]) -> str:
    """The name as part of a file name that no other frame has."""
    base = name = re.sub(r"[^\w.-]+", "_", name).strip("_") or "frame"
    number = 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name)
    return name


# Files -------------------------------------------------------------------------------------------


def _write_npy(path: Path, depth) -> None:
    import numpy as np

    from ..core.safe.files import whole_file

    with whole_file(path) as unfinished:
        np.save(unfinished, depth)


def _write_ply(path: Path, depth, frame, stride: int) -> None:
    """Binary PLY of x, y, z in metres, optical frame, and the colours of the image."""
    import numpy as np

    from ..core import depth_to_cloud
    from ..core.safe.files import write_bytes

    if frame.camera is None:
        raise ValueError(f"Frame {frame.name} has no camera matrix, which a cloud needs.")
    cloud = depth_to_cloud(depth, frame.camera, frame.image, stride)
    layout = [(axis, "<f4") for axis in "xyz"]
    if frame.image is not None:
        layout += [(colour, "u1") for colour in ("red", "green", "blue")]
    points = np.empty(len(cloud), layout)
    for axis in "xyz":
        points[axis] = cloud[axis]
    if frame.image is not None:
        for colour, shift in (("red", 16), ("green", 8), ("blue", 0)):
            points[colour] = cloud["rgb"] >> shift & 255
    kinds = {"<f4": "float", "u1": "uchar"}
    properties = "".join(f"property {kinds[kind]} {name}\n" for name, kind in layout)
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n{properties}end_header\n"
    write_bytes(path, header.encode() + points.tobytes())


def _write_preview(path: Path, frame, measured, dense) -> None:
    """Image with the measured points, and the dense depth, one above the other."""
    import numpy as np

    from ..core.visual import colourise_depth, label, overlay_sparse
    from ..data.files import write_image

    image = frame.image if frame.image is not None else np.zeros((*dense.shape, 3), np.uint8)
    known = dense[np.isfinite(dense)]
    near, far = np.percentile(known, (1, 99)) if known.size else (None, None)
    panels = [
        label(overlay_sparse(image, measured, near, far), "measured"),
        label(colourise_depth(dense, near, far), "completed"),
    ]
    write_image(path, np.concatenate(panels, axis=0 if dense.shape[1] > 1.2 * dense.shape[0] else 1))


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
