"""What is published of a completed frame: one table for the completion node and for replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..completion import Completion
from ..core import Frame, SparseDepth, depth_to_cloud
from ..core.visual import overlay_sparse
from ..data.bag.message_fields import (
    CAMERA_INFO,
    CLOUD,
    IMAGE,
    camera_info_fields,
    copied_camera_info_fields,
    metres,
    millimetres,
)


@dataclass(frozen=True, eq=False)
class CompletedFrame:
    """A frame with what was made of it.

    Args:
        completion: None where only outputs are wanted that do without.
        stride: of the cloud, in pixels.
    """

    frame: Frame
    sparse: SparseDepth
    completion: Completion | None
    stride: int = 1


@dataclass(frozen=True)
class Output:
    """One topic.

    Args:
        name: what `depth-completion replay --output` calls it.
        topic: relative to the namespace of the node; in a bag below /.
        message_type: in the notation of rosbag2.
        content: what the message holds: an array of the encoding, a structured array of points, or the
            fields of a CameraInfo.
        encoding: of an image.
        needs_image: True of what cannot be made from the LiDAR alone.
        needs_completion: False of what is made from image and points alone.
        usual: whether a replay writes it unasked.
    """

    name: str
    topic: str
    message_type: str
    content: Callable[[CompletedFrame], np.ndarray | dict[str, object]]
    encoding: str = ""
    needs_completion: bool = True
    needs_image: bool = False
    usual: bool = True


def _image(
    name: str, topic: str, encoding: str, plane: Callable[[CompletedFrame], np.ndarray], **more
) -> Output:
    return Output(name, topic, IMAGE, plane, encoding, **more)


def _camera_info(done: CompletedFrame) -> dict[str, object]:
    """The CameraInfo that came; but K, D and size are those of the depth, if that is without distortion.

    A rectified image has its camera in P, a window of the sensor its own in binning and region of interest.
    Mappers such as nvblox read K and the size alone, and would take the raw camera for that of the depth.
    """
    frame = done.frame
    info: Any = frame.camera_info
    camera = frame.camera
    if info is None:
        return camera_info_fields(camera)
    same = (info.width, info.height) == (camera.width, camera.height)
    same &= np.array_equal(np.asarray(info.k).reshape(3, 3), camera.K) and not np.any(info.d)
    if same or not camera.is_rectified:
        return copied_camera_info_fields(info)
    fields = camera_info_fields(camera)
    if info.p[0]:
        fields["p"][3] = info.p[3] * camera.K[0, 0] / info.p[0]  # the baseline of a stereo camera
    return fields


def _cloud(done: CompletedFrame) -> np.ndarray:
    frame = done.frame
    return depth_to_cloud(done.completion.depth, frame.camera, frame.image, done.stride)


def _overlay(done: CompletedFrame) -> np.ndarray:
    if done.frame.image is None:
        raise ValueError(f"Frame {done.frame.name or 'without name'} has no image, which an overlay needs.")
    return overlay_sparse(done.frame.image, done.sparse.depth)


_SPARSE = {"needs_completion": False, "usual": False}

OUTPUTS = (
    _image("depth", "depth/image", "32FC1", lambda of: metres(of.completion.depth)),
    Output("camera_info", "depth/camera_info", CAMERA_INFO, _camera_info),
    Output("points", "depth/points", CLOUD, _cloud),
    _image("image_mm", "depth/image_mm", "16UC1", lambda of: millimetres(of.completion.depth), usual=False),
    _image("confidence", "depth/confidence", "32FC1", lambda of: of.completion.confidence.astype(np.float32)),
    _image("source", "depth/source", "mono8", lambda of: of.completion.source.astype(np.uint8)),
    _image("sparse_depth", "sparse_depth/image", "32FC1", lambda of: metres(of.sparse.depth), **_SPARSE),
    _image("overlay", "overlay", "rgb8", _overlay, needs_image=True, **_SPARSE),
)
"""In the order of publishing, depth first."""
