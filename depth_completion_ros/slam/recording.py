"""A drive as SLAM reads it: grey images, depth and confidence of every frame, kept on disk while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from ..core import Camera, Frame, SparseDepth
from .depths import Depth
from .reference import Reference, ReferenceMaker

STEP_NS = 100_000_000
"""Between frames without stamps."""

Feed = Callable[[Frame], SparseDepth]


@dataclass(eq=False)
class Recording:
    """Frames of a drive on disk; memory holds one of them.

    Args:
        folder: where its arrays lie, rectified.
        camera: of the rectified images.
        stamps: nanoseconds.
        reference: poses of the camera.
        maps: from raw to rectified images, see `rectifying_maps`.
        complete_ms: median time of a completion by the base of the depth.
    """

    folder: Path
    camera: Camera
    stamps: list[int]
    reference: Reference
    maps: tuple[np.ndarray, np.ndarray] | None = None
    complete_ms: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.stamps)

    def grey(self, index: int) -> np.ndarray:
        """Image, uint8 H x W."""
        return np.load(self.folder / f"grey_{index:06d}.npy")

    @property
    def rate_hz(self) -> float:
        return 1e9 / float(np.median(np.diff(self.stamps)))

    def complete(self, frames: Iterable[Frame], depth: Depth, feed: Feed) -> None:
        """Complete all frames and keep depth and confidence in place of those kept before.

        Args:
            frames: the same as were recorded.
            feed: what of a frame was measured.
        """
        times = []
        for index, frame in enumerate(frames):
            sparse = feed(frame)
            begin = time.perf_counter()
            completion = depth.complete(frame, sparse)
            times.append(1e3 * (time.perf_counter() - begin))
            for name, plane in (("depth", completion.depth), ("confidence", completion.confidence)):
                np.save(self.folder / f"{name}_{index:06d}.npy", rectify(plane, self.maps, cv2.INTER_NEAREST))
        self.complete_ms[depth.base] = float(np.median(times))

    def frames(self, depth: Depth) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Stamp, grey image and depth (float32 H x W, NaN unknown) of each frame, gated; after `complete`."""
        for index, stamp in enumerate(self.stamps):
            planes = (np.load(self.folder / f"{name}_{index:06d}.npy") for name in ("depth", "confidence"))
            yield stamp, self.grey(index), depth.gated(*planes)


def record(frames: Iterable[Frame], folder: Path) -> Recording:
    """Read all frames once: keep the images, gather the poses.

    Raises:
        ValueError: a frame without image or camera, another camera than before, or stamps that do not rise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    poses, stamps, camera, maps = ReferenceMaker(), [], None, None
    for index, frame in enumerate(frames):
        _check(frame, camera)
        if camera is None:
            camera, maps = frame.camera, rectifying_maps(frame.camera)
        stamp = frame.stamp_image if frame.stamp_image is not None else index * STEP_NS
        if stamps and stamp <= stamps[-1]:
            raise ValueError(
                f"Frame {frame.name} has the stamp {stamp} ns, not after {stamps[-1]} ns of the one before; "
                "SLAM needs frames of one drive in their order."
            )
        stamps.append(stamp)
        poses.add(frame, stamp)
        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        np.save(folder / f"grey_{index:06d}.npy", rectify(grey, maps, cv2.INTER_LINEAR))
    rectified = replace(camera, distortion_model="plumb_bob", D=())
    return Recording(folder, rectified, stamps, poses.reference(), maps)


def _check(frame: Frame, camera: Camera | None) -> None:
    if frame.image is None or frame.camera is None:
        lacks = "image" if frame.image is None else "camera matrix"
        raise ValueError(f"Frame {frame.name} has no {lacks}, which SLAM needs.")
    if camera is not None and frame.camera != camera:
        raise ValueError(
            f"Frame {frame.name} has another camera than the frames before it; SLAM needs one drive of one "
            "camera."
        )


def rectifying_maps(camera: Camera) -> tuple[np.ndarray, np.ndarray] | None:
    """Where each pixel of a rectified image with the same K lies in the raw one; None if that is one."""
    if camera.is_rectified:
        return None
    x, y = replace(camera, distortion_model="plumb_bob", D=()).rays
    pixels, _ = camera.project(np.stack([x.ravel(), y.ravel(), np.ones(x.size, np.float32)], axis=1))
    u, v = pixels.T.reshape(2, *x.shape).astype(np.float32)
    return np.nan_to_num(u, nan=-1e6), np.nan_to_num(v, nan=-1e6)


def rectify(plane: np.ndarray, maps: tuple[np.ndarray, np.ndarray] | None, how: int) -> np.ndarray:
    """A plane without distortion; NaN outside for float32, 0 for uint8."""
    if maps is None:
        return plane
    outside = 0 if plane.dtype == np.uint8 else float("nan")
    return cv2.remap(plane, *maps, how, borderMode=cv2.BORDER_CONSTANT, borderValue=outside)
