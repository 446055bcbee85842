"""An occupancy grid of depth images, with the log-odds of OctoMap (Hornung et al. 2013)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...core import Camera, invert
from ...core.geometry import transform_points

HIT, MISS, LEAST, MOST = 0.85, -0.4, -2.0, 3.5
_SCALE = 32  # log-odds are kept as whole numbers of 1 / 32
WINDOW = 4
"""Pixels along a side of a window whose nearest depth stands for all of it when free space is carved: a cell
that is seen past the edge of a pole is not free."""
MOST_CELLS = 400_000_000


@dataclass(frozen=True)
class Box:
    """Cells of a grid that lies along the axes of the world.

    Args:
        origin: of the corner of the first cell, metres.
        shape: cells along x, y and z.
        cell: side of a cell, metres.
    """

    origin: tuple[float, float, float]
    shape: tuple[int, int, int]
    cell: float

    @classmethod
    def around(cls, lower: np.ndarray, upper: np.ndarray, cell: float) -> Box:
        """The box between two corners.

        Raises:
            ValueError: it has more cells than memory should be asked for.
        """
        first = np.floor(lower / cell).astype(int)
        shape = np.ceil(upper / cell).astype(int) - first
        if np.prod(shape.astype(float)) > MOST_CELLS:
            raise ValueError(
                f"A map of {' x '.join(f'{side * cell:.0f}' for side in shape)} m in cells of {cell:g} m has "
                f"{np.prod(shape.astype(float)):.2g} of them; at most {MOST_CELLS:.0e} are allowed."
            )
        return cls(tuple((first * cell).tolist()), tuple(shape.tolist()), cell)

    def index_of(self, points: np.ndarray) -> np.ndarray:
        """Flat indices of the cells that hold points N x 3, each once; those outside are left out."""
        at = np.floor((points - np.array(self.origin, np.float32)) / np.float32(self.cell)).astype(np.int64)
        inside = ((at >= 0) & (at < self.shape)).all(axis=1)
        return np.unique(np.ravel_multi_index(at[inside].T, self.shape))


class OccupancyGrid:
    """Log-odds of every cell, raised by depth that ends in it and lowered by depth that passes it.

    Args:
        camera: of the images, rectified.
        max_range: depth beyond ends nowhere, but what is nearer on its way is free; metres.
    """

    def __init__(self, camera: Camera, box: Box, max_range: float):
        self.camera, self.box, self.max_range = camera, box, max_range
        self._log_odds = np.zeros(np.prod(box.shape), np.int8)

    @property
    def occupied(self) -> np.ndarray:
        """Mask of the cells, flat: more likely full than empty."""
        return self._log_odds > 0

    @property
    def free(self) -> np.ndarray:
        """Mask of the cells, flat: more likely empty than full."""
        return self._log_odds < 0

    def add(self, depth: np.ndarray, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add a depth image (float32 H x W metres, NaN or 0 unknown, inf for nothing as far as one sees).

        Returns:
            flat indices of the cells that it ends in, and of those that it passes.
        """
        hit = self.box.index_of(world_points(depth, self.camera, T_world_cam, self.max_range))
        passed = self._passed(depth, T_world_cam)
        passed = passed[~np.isin(passed, hit, assume_unique=True)]
        for cells, change in ((hit, HIT), (passed, MISS)):
            low, high = round(LEAST * _SCALE), round(MOST * _SCALE)
            self._log_odds[cells] = np.clip(
                self._log_odds[cells].astype(int) + round(change * _SCALE), low, high
            )
        return hit, passed

    def _passed(self, depth: np.ndarray, T_world_cam: np.ndarray) -> np.ndarray:
        """Flat indices of the cells that lie wholly before what is seen in their direction."""
        nearest = nearest_in_windows(depth)
        index, (x, y, z) = self._in_view(T_world_cam)
        ahead = np.flatnonzero((z > self.box.cell) & (z < self.max_range))
        x, y, z = x[ahead], y[ahead], z[ahead]
        K = self.camera.K.astype(np.float32)
        u, v = K[0, 0] * x / z + K[0, 2] + 0.5, K[1, 1] * y / z + K[1, 2] + 0.5
        inside = np.flatnonzero((u >= 0) & (v >= 0) & (u < self.camera.width) & (v < self.camera.height))
        row, column = v[inside].astype(int) // WINDOW, u[inside].astype(int) // WINDOW
        before = nearest[row, column] - z[inside] > self.box.cell  # false where unknown
        return index[ahead[inside[before]]]

    def _in_view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cells around what the camera sees: flat indices, and centres 3 x N in the optical frame."""
        width, height, far = self.camera.width, self.camera.height, self.max_range
        corners = self.camera.unproject(np.array([(0, 0), (width, 0), (0, height), (width, height)])) * far
        seen = transform_points(T_world_cam, np.concatenate([corners, np.zeros((1, 3))]))
        low = np.floor((seen.min(axis=0) - self.box.origin) / self.box.cell).astype(int)
        high = np.ceil((seen.max(axis=0) - self.box.origin) / self.box.cell).astype(int)
        sides = [np.arange(max(a, 0), min(b, n)) for a, b, n in zip(low, high, self.box.shape, strict=True)]
        i, j, k = np.meshgrid(*sides, indexing="ij", sparse=True)
        index = ((i * self.box.shape[1] + j) * self.box.shape[2] + k).ravel()
        T = invert(T_world_cam).astype(np.float32)
        x, y, z = (
            ((side + np.float32(0.5)) * np.float32(self.box.cell) + np.float32(start)).astype(np.float32)
            for side, start in zip((i, j, k), self.box.origin, strict=True)
        )
        optical = [(R[0] * x + R[3]) + R[1] * y + R[2] * z for R in T[:3]]  # a sum over three axes
        return index, np.stack([axis.ravel() for axis in optical])


def world_points(depth: np.ndarray, camera: Camera, T_world_cam: np.ndarray, max_range: float) -> np.ndarray:
    """Points of the known pixels up to a range, float32 N x 3, world."""
    x, y = camera.rays
    known = (depth > 0) & (depth <= max_range)  # false for NaN
    z = depth[known]
    return transform_points(T_world_cam.astype(np.float32), np.stack([x[known] * z, y[known] * z, z], axis=1))


def nearest_in_windows(depth: np.ndarray) -> np.ndarray:
    """Least known depth of each window of `WINDOW` pixels, float32; NaN where none is known."""
    height, width = depth.shape
    padded = np.full((-(-height // WINDOW) * WINDOW, -(-width // WINDOW) * WINDOW), np.inf, np.float32)
    known = depth > 0
    padded[:height, :width] = np.where(known, depth, np.float32(np.inf))
    some = cv2.copyMakeBorder(
        known.astype(np.uint8), 0, padded.shape[0] - height, 0, padded.shape[1] - width, cv2.BORDER_CONSTANT
    )
    windows = (padded.shape[0] // WINDOW, WINDOW, padded.shape[1] // WINDOW, WINDOW)
    nearest = padded.reshape(windows).min(axis=(1, 3))
    return np.where(some.reshape(windows).any(axis=(1, 3)), nearest, np.float32(np.nan))
