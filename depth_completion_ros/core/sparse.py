"""Points to sparse depth: projection, z-buffer, and the filters a real rig needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from . import filters
from .camera import Camera
from .frame import Frame
from .region import Region, region_mask

LIDAR_MIN_RANGE = 0.3
"""Metres from the LiDAR below which nothing is believed: beams without return arrive as (0, 0, 0), those of
a dirty window as a few centimetres. 3D LiDARs measure from 0.3 to 1 m on, the Livox Mid-360 from 0.1 m."""
FARTHEST = 10_000.0
"""Metres beyond which nothing is believed: drivers put 1e9 or 3.4e38 where there was no return."""


@dataclass(eq=False)
class SparseDepth:
    """Depth at the few pixels that a range sensor hit.

    Args:
        depth: float32 H x W, metres along z, 0 where not measured.
        dropped: number of points left out, by cause.
    """

    depth: np.ndarray
    dropped: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of measured pixels."""
        return int(np.count_nonzero(self.depth > 0))

    @classmethod
    def from_depth(cls, depth: np.ndarray) -> SparseDepth:
        """Take an image of depth (H x W metres); what is not finite and positive counts as unmeasured."""
        depth = np.asarray(depth, dtype=np.float32)
        if depth.ndim != 2:
            raise ValueError(f"Sparse depth has shape {depth.shape}; it must be H x W.")
        return cls(np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0)))

    @classmethod
    def from_points(
        cls,
        frame: Frame,
        *,
        min_depth: float = 0.1,
        max_depth: float = float("inf"),
        lidar_min_range: float = LIDAR_MIN_RANGE,
        region: Region | None = None,
        see_through: bool = True,
        isolated: bool = False,
    ) -> SparseDepth:
        """Project the points of a frame into its image; the nearest point of a pixel wins.

        A frame that brings `sparse_depth` instead of points gives that, within the same limits. Points in
        the box `frame.robot` are left out.

        Args:
            min_depth, max_depth: limits along z, metres; beyond `FARTHEST` nothing is taken.
            lidar_min_range: metres from the LiDAR (the origin of the points) below which a point is left out.
            region: left, top, right, bottom in pixels (right and bottom exclusive) to keep.
            see_through: drop far points that show through nearer surfaces.
            isolated: drop points in mid-air that no neighbour supports (rain, dust); it also costs a
                few true returns of wires and poles, so it is off by default.
        """
        max_depth = min(max_depth, FARTHEST)
        if frame.points is None and frame.sparse_depth is not None:
            sparse = cls.from_depth(frame.sparse_depth)
            beyond = (sparse.depth < min_depth) | (sparse.depth > max_depth)
            sparse._remove("out of range", beyond & (sparse.depth > 0))
            sparse._keep_region(region)
            return sparse
        if frame.camera is None or frame.T_cam_lidar is None or frame.points is None:
            missing = [n for n in ("camera", "points", "T_cam_lidar") if getattr(frame, n) is None]
            raise ValueError(f"Frame {frame.name or 'without name'} lacks {', '.join(missing)}.")
        T = frame.T_cam_lidar if frame.T_image_points is None else frame.T_cam_lidar @ frame.T_image_points
        points, dropped = _of_the_world(frame, lidar_min_range)
        u, v, z, outside = project_to_pixels(points, T, frame.camera, min_depth, max_depth)
        depth, hidden = z_buffer(u, v, z, frame.camera.height, frame.camera.width)
        sparse = cls(depth, dropped | outside | {"occluded": hidden})
        sparse._keep_region(region)
        sparse.filter(float(frame.camera.K[0, 0]), see_through=see_through, isolated=isolated)
        return sparse

    def filter(self, focal: float, *, see_through: bool, isolated: bool) -> None:
        """Take wrong points of a LiDAR out, in place; `focal` in pixels, the rest as in `from_points`."""
        if isolated:  # first, as a drop of rain would pass for a surface that hides what is behind it
            self._remove("isolated", filters.isolated(self.depth, focal))
        if see_through:
            self._remove("see-through", filters.see_through(self.depth, focal))

    def _keep_region(self, region: Region | None):
        if region is not None:
            self._remove("outside region", (self.depth > 0) & ~region_mask(self.depth.shape, region))

    def _remove(self, cause: str, mask: np.ndarray):
        removed = np.flatnonzero(mask)
        self.dropped[cause] = self.dropped.get(cause, 0) + len(removed)
        self.depth.ravel()[removed] = 0


def _of_the_world(frame: Frame, lidar_min_range: float) -> tuple[np.ndarray, dict[str, int]]:
    """The points of a frame that are neither at its LiDAR nor on the robot, and counts of the rest."""
    points, dropped = frame.points, {}
    xyz = points[:, :3]
    with np.errstate(invalid="ignore", over="ignore"):
        at_lidar = np.einsum("ij,ij->i", xyz, xyz) < lidar_min_range * lidar_min_range  # false for NaN
    dropped["too near the LiDAR"] = int(np.count_nonzero(at_lidar))
    left_out = at_lidar
    if frame.robot is not None:
        on_robot = frame.robot.contains(points) & ~at_lidar
        dropped["on the robot"] = int(np.count_nonzero(on_robot))
        left_out = at_lidar | on_robot
    return (points[~left_out] if left_out.any() else points), dropped


def project_to_pixels(
    points: np.ndarray, T_cam_points: np.ndarray, camera: Camera, min_depth: float, max_depth: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, int]]:
    """Integer pixels u, v and depth z of the points that fall into an image, and counts of the rest.

    Args:
        points: N x 3 or more, any number, NaN allowed.
        T_cam_points: 4 x 4 from the frame of the points to the optical frame.
    """
    R = T_cam_points[:3, :3].astype(np.float32)
    t = T_cam_points[:3, 3].astype(np.float32)
    # Depth alone throws out the half behind the camera before the rest is computed.
    with np.errstate(invalid="ignore"):
        z = points[:, :3] @ R[2] + t[2]
    finite = np.isfinite(z)
    front = z > 0
    ahead = np.flatnonzero(finite & (z >= min_depth) & (z <= max_depth) & front)
    dropped = {
        "not finite": int(len(z) - np.count_nonzero(finite)),
        "behind camera": int(np.count_nonzero(finite & ~front)),
    }
    dropped["out of range"] = len(z) - len(ahead) - sum(dropped.values())
    optical = _transform(np.take(points, ahead, axis=0)[:, :3], R, t)
    pixels, _ = camera.project(optical)
    with np.errstate(invalid="ignore"):
        inside = (
            (pixels[:, 0] >= -0.5)
            & (pixels[:, 1] >= -0.5)
            & (pixels[:, 0] < camera.width - 0.5)
            & (pixels[:, 1] < camera.height - 0.5)
        )
    kept = np.flatnonzero(inside)
    dropped["outside image"] = len(ahead) - len(kept)
    uv = (np.take(pixels, kept, axis=0) + 0.5).astype(np.int32)
    return uv[:, 0], uv[:, 1], z[ahead[kept]], dropped


def _transform(points: np.ndarray, R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """R p + t of float32 N x 3; OpenCV does it several times faster than a thin matrix product."""
    if not len(points):
        return np.zeros((0, 3), np.float32)
    matrix = np.column_stack([R, t])
    return cv2.transform(np.ascontiguousarray(points)[:, None], matrix)[:, 0]


def z_buffer(u: np.ndarray, v: np.ndarray, z: np.ndarray, height: int, width: int) -> tuple[np.ndarray, int]:
    """Depth image (float32, 0 where empty) in which the nearest point of a pixel wins, and how many lost."""
    z = z.astype(np.float32, copy=False)  # as it is stored, else one rounded up would be nearer for ever
    depth = np.zeros(height * width, np.float32)
    pixel = v * np.int32(width) + u
    depth[pixel] = z
    # Where several points share a pixel any of them may have been written; write the nearer ones again
    # until none is nearer than what stands there. Two or three rounds do.
    while (nearer := np.flatnonzero(z < depth[pixel])).size:
        depth[pixel[nearer]] = z[nearer]
    hidden = len(z) - int(np.count_nonzero(depth > 0))
    return depth.reshape(height, width), hidden


def check_same_view(rows: int, columns: int, height: int, width: int) -> None:
    """ValueError where depth of so many rows and columns cannot be of the view of an image H x W.

    Its proportions may differ by 2 %, or as rounded numbers of rows and columns do.
    """
    differs = abs(columns * height - rows * width) > max(0.02 * rows * width, (height + width) / 2)
    if rows > height or columns > width or differs:
        raise ValueError(
            f"Sparse depth is {columns} x {rows} but its image is {width} x {height}; it must be of the same "
            "view, as large or smaller."
        )


def scatter(depth: np.ndarray, width: int, height: int) -> np.ndarray:
    """Depth of low resolution at the pixels of an image where the centres of its pixels lie.

    Args:
        depth: float32 h x w metres, 0 where unknown; of the same view as the image.

    Returns:
        float32 height x width, 0 at all other pixels.

    Raises:
        ValueError: a shape that cannot be of the same view.
    """
    check_same_view(*depth.shape, height, width)
    v, u = np.nonzero(depth)
    full = np.zeros((height, width), np.float32)
    rows = np.floor((v + 0.5) * height / depth.shape[0]).astype(np.intp)
    columns = np.floor((u + 0.5) * width / depth.shape[1]).astype(np.intp)
    full[rows, columns] = depth[v, u]
    return full
