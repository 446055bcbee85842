"""Points to sparse depth: projection, z-buffer, and the filters a real rig needs."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from . import filters
from .camera import Camera
from .frame import Frame
from .region import Region, region_mask


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
        region: Region | None = None,
        see_through: bool = True,
        isolated: bool = False,
    ) -> SparseDepth:
        """Project the points of a frame into its image; the nearest point of a pixel wins.

        A frame that brings `sparse_depth` instead of points gives that, within the same limits.

        Args:
            min_depth, max_depth: limits along z, metres.
            region: left, top, right, bottom in pixels (right and bottom exclusive) to keep.
            see_through: drop far points that show through nearer surfaces.
            isolated: drop points in mid-air that no neighbour supports (rain, dust); it also costs a
                few true returns of wires and poles, so it is off by default.
        """
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
        u, v, z, dropped = project_to_pixels(frame.points, T, frame.camera, min_depth, max_depth)
        depth, hidden = z_buffer(u, v, z, frame.camera.height, frame.camera.width)
        sparse = cls(depth, dropped | {"occluded": hidden})
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
    depth = np.zeros(height * width, np.float32)
    pixel = v * np.int32(width) + u
    depth[pixel] = z
    # Where several points share a pixel any of them may have been written; write the nearer ones again
    # until none is nearer than what stands there. Two or three rounds do.
    while (nearer := np.flatnonzero(z < depth[pixel])).size:
        depth[pixel[nearer]] = z[nearer]
    hidden = len(z) - int(np.count_nonzero(depth > 0))
    return depth.reshape(height, width), hidden
