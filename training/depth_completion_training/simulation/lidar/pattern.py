"""The rays that a range sensor sends out in one scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from depth_completion_ros.core.camera import Camera
from depth_completion_ros.core.geometry import invert

FULL_CIRCLE = (-np.pi, np.pi)
MIN_DEPTH_M = 0.1
"""Points nearer to the camera than this along z are of no use, as for `SparseDepth.from_points`."""


@dataclass(eq=False)
class Pattern:
    """Rays in the LiDAR frame (x forward, y left, z up), in the order in which they are measured.

    Args:
        name: of the sensor.
        directions: float32 3 x N, unit length.
        line: uint16 N, laser, ring or row of each ray, 0 the topmost; 0 where there are none.
        max_range: metres.
        divergence: full angle of a beam, radians.
        noise: standard deviation of a range, metres.
        noise_share: further standard deviation, as a share of the range.

    Raises:
        ValueError: directions that are not 3 x N of unit length, or a line for other than each ray.
    """

    name: str
    directions: np.ndarray
    line: np.ndarray
    max_range: float
    divergence: float = 0.002
    noise: float = 0.02
    noise_share: float = 0.0

    def __post_init__(self):
        directions = np.ascontiguousarray(self.directions, np.float32)
        if directions.ndim != 2 or directions.shape[0] != 3:
            raise ValueError(f"Directions of {self.name} have shape {directions.shape}; they must be 3 x N.")
        length = np.einsum("in,in->n", directions, directions)
        if not (np.abs(length - 1) < 1e-3).all():
            raise ValueError(f"Directions of {self.name} must all have length 1.")
        if np.shape(self.line) != directions.shape[1:]:
            raise ValueError(
                f"Lines of {self.name} have shape {np.shape(self.line)}; "
                f"there must be one for each of {directions.shape[1]} rays."
            )
        if not self.max_range > 0:
            raise ValueError(f"Range of {self.name} is {self.max_range} m; it must be positive.")
        self.directions, self.line = directions, np.asarray(self.line, np.uint16)

    @property
    def count(self) -> int:
        """Number of rays."""
        return self.directions.shape[1]

    def chosen(self, index: np.ndarray) -> Pattern:
        """The pattern with some of its rays only, by index or mask."""
        return replace(self, directions=self.directions[:, index], line=self.line[index])

    def towards(self, camera: Camera, T_cam_lidar: np.ndarray, margin: float = 0.1) -> Pattern:
        """Without the rays that cannot end in the image, at whatever range: those cost time only.

        Args:
            margin: of the image's size, by which a ray may miss the image (the transform that is
                believed later may be slightly wrong).
        """
        low, high = _view(camera)
        low, high = low - margin * (high - low), high + margin * (high - low)
        # Inside a plane: n (t d + o) >= 0. A ray is in the view between the last plane that it comes in
        # by and the first that it leaves by.
        planes = np.array([[1, 0, -low[0]], [-1, 0, high[0]], [0, 1, -low[1]], [0, -1, high[1]], [0, 0, 1]])
        along = (planes @ T_cam_lidar[:3, :3]).astype(np.float32) @ self.directions
        start = planes @ T_cam_lidar[:3, 3] - (0, 0, 0, 0, MIN_DEPTH_M)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = -start[:, None].astype(np.float32) / along
        enters = np.where(along > 0, crossing, np.float32(0)).max(axis=0)
        leaves = np.where(along < 0, crossing, np.float32(np.inf)).min(axis=0)
        beside = ((along == 0) & (start[:, None] < 0)).any(axis=0)
        return self.chosen((np.maximum(enters, 0) <= np.minimum(leaves, self.max_range)) & ~beside)


def unit(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Unit vectors, float32 3 x N, of angles in radians that broadcast (azimuth left, elevation up)."""
    azimuth, elevation = np.asarray(azimuth, np.float32), np.asarray(elevation, np.float32)
    level = np.cos(elevation)
    x, y = level * np.cos(azimuth), level * np.sin(azimuth)
    directions = np.empty((3, *x.shape), np.float32)
    directions[0], directions[1], directions[2] = x, y, np.sin(elevation)
    return directions.reshape(3, -1)


def view_sector(camera: Camera, T_cam_lidar: np.ndarray, margin: float = 0.05) -> tuple[float, float]:
    """Azimuths of the LiDAR frame, radians, between which the camera sees anything.

    The full circle where the vertical through the LiDAR passes through the view.
    """
    low, high = _view(camera)
    T = invert(T_cam_lidar)
    corners = np.array([[x, y, 1.0] for x in (low[0], high[0]) for y in (low[1], high[1])])
    near = corners * MIN_DEPTH_M @ T[:3, :3].T + T[:3, 3]
    # The view is what lies between its corners near the camera and those at infinity.
    azimuths = np.arctan2(*np.concatenate([near, corners @ T[:3, :3].T])[:, 1::-1].T)
    upright = Pattern("vertical", np.array([[0, 0], [0, 0], [1, -1]]), np.zeros(2), 1e6)
    if upright.towards(camera, T_cam_lidar).count:
        return FULL_CIRCLE
    middle = np.angle(np.exp(1j * azimuths).mean())
    turn = np.angle(np.exp(1j * (azimuths - middle)))
    return middle + turn.min() - margin, middle + turn.max() + margin


def _view(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest x, y of the rays with z = 1 around the edge of the image."""
    u, v = np.linspace(-0.5, camera.width - 0.5, 9), np.linspace(-0.5, camera.height - 0.5, 9)
    rows = [np.stack([u, np.full(9, y)], axis=1) for y in v[[0, -1]]]
    columns = [np.stack([np.full(9, x), v], axis=1) for x in u[[0, -1]]]
    rays = camera.unproject(np.concatenate(rows + columns))[:, :2]
    # A fisheye may have no ray at its corners: nearly all that is ahead is then in its view.
    rays = np.where(np.isfinite(rays), rays, np.sign(np.concatenate(rows + columns) - camera.K[:2, 2]) * 50)
    return rays.min(axis=0), rays.max(axis=0)
