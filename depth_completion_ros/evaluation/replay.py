"""Bag in, bag out, without ROS: what the completion node would publish, the same bytes every time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..completion import Completer
from ..completion.temporal.blend import TemporalBlend
from ..core import Frame, SparseDepth
from ..data.bag.message_fields import CLOUD, IMAGE
from ..data.bag.messages import cloud_message, filled_message, image_message
from ..data.bag.writer import BagWriter, FrameWriter, InputTopics
from .outputs import OUTPUTS, CompletedFrame, Output

USUAL = tuple(output.name for output in OUTPUTS if output.usual)
"""What is written unasked."""
INPUTS = InputTopics("/image", "/camera_info", "/points")
"""Topics of inputs beside outputs: those of the node, so that views made for it fit."""


@dataclass(frozen=True)
class ReplaySummary:
    """What a replay wrote.

    Args:
        frames: number of completed pairs; each is one message on every topic.
        first_ns, last_ns: stamps of the first and last image; None of an empty replay.
        coverage: mean share of pixels with known depth; NaN of an empty replay.
    """

    frames: int
    first_ns: int | None
    last_ns: int | None
    coverage: float


def replay(
    frames: Iterable[Frame],
    completer: Completer,
    path: str | Path,
    *,
    outputs: Collection[str] = USUAL,
    min_confidence: float | None = None,
    max_step: float = 0.0,
    stride: int = 1,
    see_through: bool = True,
    isolated: bool = False,
    max_range: float = float("inf"),
    temporal: TemporalBlend | None = None,
    storage: str = "mcap",
    compression: str = "none",
    with_inputs: bool = False,
) -> ReplaySummary:
    """Complete every frame of a reader and write the results as a bag.

    Every frame gives exactly one message on each topic, with stamp (else at 10 Hz, as by `write_bag`) and
    frame_id of its image, also where nothing was measured (the depth is then unknown everywhere).

    Args:
        path: folder of the new bag; it must not exist.
        outputs: names of those of `OUTPUTS` to write.
        min_confidence: depth below it is made unknown; the completer's `least_confidence` when None.
        max_step: share of depth from which on a step is an edge, which is made unknown; 0 keeps edges.
        stride: of the cloud, in pixels.
        see_through, isolated: filters on the points.
        max_range: what was measured farther in front of the camera, in metres, is not fed.
        temporal: blends each completion with those before it; None leaves them as they are.
        storage, compression: as of `BagWriter`.
        with_inputs: write image, points, CameraInfo, transforms and truth too, for a viewer.

    Raises:
        ValueError: an output that is not one of `OUTPUTS`, or a frame that cannot be projected.
        FileExistsError: something is at the path already.
    """
    wanted = _wanted(outputs)
    least = completer.least_confidence if min_confidence is None else min_confidence
    filters = {"see_through": see_through, "isolated": isolated}
    stamps, shares = [], []
    with BagWriter(path, storage=storage, compression=compression) as writer:
        inputs = FrameWriter(writer, INPUTS) if with_inputs else None
        for number, frame in enumerate(frames, start=1):
            sparse = SparseDepth.from_points(frame, max_depth=max_range, **filters)
            completion = completer.complete(frame.image, sparse, frame.camera, frame.name)
            if temporal is not None:
                completion = temporal.apply(frame, sparse, completion, frame.T_world_cam)
            completion = completion.without_edges(max_step).above(least)
            stamp = number * 100_000_000 if frame.stamp_image is None else frame.stamp_image
            frame_id = frame.frame_id or "camera_optical_frame"
            if inputs is not None:
                stamp, frame_id = inputs.write(frame)
            _write(writer, wanted, CompletedFrame(frame, sparse, completion, stride), stamp, frame_id)
            stamps.append(stamp)
            shares.append(np.mean(np.isfinite(completion.depth)))
    if not stamps:
        return ReplaySummary(0, None, None, float("nan"))
    return ReplaySummary(len(stamps), stamps[0], stamps[-1], float(np.mean(shares)))


def _wanted(names: Collection[str]) -> list[Output]:
    """The outputs of some names; ValueError where one is unknown, or none is given."""
    known = [output.name for output in OUTPUTS]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(f"Output '{''.join(unknown[:1])}' is unknown; it must be one of {', '.join(known)}.")
    return [output for output in OUTPUTS if output.name in names]


def _write(writer, outputs: list[Output], done: CompletedFrame, stamp: int, frame_id: str) -> None:
    frame = done.frame
    if frame.camera is None:
        raise ValueError(f"Frame {frame.name or 'without name'} has no camera, which a bag needs.")
    for output in outputs:
        content = output.content(done)
        if output.message_type == IMAGE:
            message = image_message(content, output.encoding, stamp, frame_id)
        elif output.message_type == CLOUD:
            message = cloud_message(content, stamp, frame_id)
        else:
            message = filled_message(output.message_type, content, stamp, frame_id)
        writer.write(f"/{output.topic}", output.message_type, message, stamp)
