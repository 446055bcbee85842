"""Whether the points lie where the image says: the calibration monitor on a few pairs of a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..core import Camera, Frame, TransformError
from ..core.alignment import AlignmentCheck
from ..data.messages import decode_compressed_image, decode_image, decode_points, rings_from_top, stamp_ns
from .finding import Finding, ok, warning
from .recording import Recording


def alignment(
    recording: Recording, camera: Camera, T_cam_lidar: Callable[[int], np.ndarray]
) -> Iterator[Finding]:
    """Compare edges of depth and of the image over the sampled pairs.

    Args:
        T_cam_lidar: by the stamp of the cloud, nanoseconds; may raise TransformError.
    """
    if recording.sampler is None:
        return
    check, subject = AlignmentCheck(), f"{recording.sampler.points} on {recording.sampler.image}"
    for image, points in recording.sampler.finish():
        try:
            check.add(_frame(image, points, camera, T_cam_lidar(stamp_ns(points.header))))
        except (ValueError, TransformError):
            continue  # told where messages and transforms are judged
    result = check.result()
    if result.frames:
        yield (warning if result.is_alarming else ok)(subject, result.sentence)


def _frame(image, points, camera: Camera, T_cam_lidar: np.ndarray) -> Frame:
    decode = decode_compressed_image if hasattr(image, "format") else decode_image
    cloud = decode_points(points)
    rings = None if cloud.rings is None else rings_from_top(cloud.rings, cloud.points)
    return Frame(
        camera=camera, image=decode(image), points=cloud.points, rings=rings, T_cam_lidar=T_cam_lidar
    )
