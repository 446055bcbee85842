"""A tiny drive along a wall."""

from __future__ import annotations

import os

import numpy as np

from depth_completion_ros.adaptation.recordings import Source
from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.data.reader import IndexedReader

HEIGHT, WIDTH, RINGS = 64, 96, 16


class TinyDrive(IndexedReader):
    """Frames of ground and a wall that comes nearer, scanned by 16 rings; a point in two pixels.

    Args:
        far: number of a frame to factor by which its odd rings are too far, of which no other tells.
        points: whether there are any.
        drive: its name among several.
    """

    layout = "nothing"

    def __init__(self, frames: int = 15, far=lambda number: 1.0, points: bool = True, drive: str = ""):
        super().__init__("tiny_drive")
        self.frames, self.far, self.points, self.drive, self.rings = frames, far, points, drive, True

    def open(self) -> TinyDrive:
        """Its reader, as of a `Source`."""
        return self

    @classmethod
    def can_read(cls, path) -> bool:
        return False

    def __len__(self) -> int:
        return self.frames

    def read(self, index: int) -> Frame:
        camera = Camera(WIDTH, HEIGHT, [[60, 0, 47.5], [0, 60, 31.5], [0, 0, 1]])
        depth = self.depth(index)
        v, u = np.meshgrid(np.arange(2, HEIGHT, 4), np.arange(0, WIDTH, 2), indexing="ij")
        rings = np.repeat(np.arange(RINGS), v.shape[1])
        z = depth[v, u].ravel() * np.where(rings % 2 == 1, self.far(index), 1.0)
        points = np.stack([(u.ravel() - 47.5) / 60 * z, (v.ravel() - 31.5) / 60 * z, z], axis=1)
        kept = slice(None) if self.points else slice(0)
        shade = (255 / (1 + depth / 6)).astype(np.uint8)
        noise = np.random.default_rng(index).integers(0, 20, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        return Frame(
            name=f"tiny_{index:03d}",
            camera=camera,
            image=np.repeat(shade[..., None], 3, axis=2) + noise // 2,
            points=points[kept].astype(np.float32),
            rings=rings[kept] if self.rings else None,
            T_cam_lidar=np.eye(4),
            ground_truth=depth,
        )

    def depth(self, index: int) -> np.ndarray:
        """Metres, H x W."""
        v, u = np.mgrid[:HEIGHT, :WIDTH]
        wall = 14 - 0.3 * index + 0.03 * u
        ground = 90 / np.maximum(v - 30.0, 0.5)
        return np.minimum(wall, ground).astype(np.float32)


class KillingSource(Source):
    """A drive that costs who opens it its process."""

    def open(self):
        os._exit(3)


def killed(held_out):
    """A judge whom it costs its process."""
    os._exit(3)
