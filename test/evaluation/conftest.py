"""A street without anything hidden: a ground plane and a wall, seen by a camera and a LiDAR."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.data.reader import Reader

WALL, GROUND = 18.0, 1.5
T_CAM_LIDAR = np.array(
    [[0.0, -1.0, 0.0, 0.05], [0.0, 0.0, -1.0, -0.08], [1.0, 0.0, 0.0, -0.2], [0, 0, 0, 1.0]]
)


def street(name="street", rings=16, with_truth=True, **changes) -> Frame:
    """A frame of 200 x 100 pixels with a scan of so many rings and its dense true depth."""
    camera = Camera(200, 100, np.array([[120.0, 0, 99.5], [0, 120.0, 49.5], [0, 0, 1]]))
    elevation = np.deg2rad(np.linspace(14, -22, rings))
    azimuth = np.deg2rad(np.linspace(-45, 45, 300))
    e, a = (grid.ravel() for grid in np.meshgrid(elevation, azimuth, indexing="ij"))
    ray = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=1)
    height = GROUND - T_CAM_LIDAR[1, 3]  # of the LiDAR above the ground
    with np.errstate(divide="ignore"):
        down = np.where(ray[:, 2] < 0, -height / ray[:, 2], np.inf)
    ahead = (WALL + 0.2) / ray[:, 0]
    points = (ray * np.minimum(down, ahead)[:, None]).astype(np.float32)
    _, y = camera.rays
    truth = np.minimum(np.where(y > 0, GROUND / np.maximum(y, 1e-6), np.inf), WALL)
    gradient = np.linspace(0, 255, 200, dtype=np.uint8)
    frame = {
        "camera": camera,
        "image": np.broadcast_to(gradient[None, :, None], (100, 200, 3)).copy(),
        "points": points,
        "rings": np.repeat(np.arange(rings), 300).astype(np.uint8),
        "T_cam_lidar": T_CAM_LIDAR,
        "ground_truth": truth.astype(np.float32) if with_truth else None,
        "name": name,
    }
    return Frame(**{**frame, **changes})


class ListReader(Reader):
    """Frames from memory."""

    layout = "a list"

    def __init__(self, frames, name="streets"):
        super().__init__(name)
        self.frames = list(frames)

    @classmethod
    def can_read(cls, path):
        return False

    def __len__(self):
        return len(self.frames)

    def __iter__(self):
        return iter(self.frames)

    def stretch(self, first, last):
        return iter(self.frames[first:last])

    def describe(self):
        return f"{len(self)} frames from memory"


@pytest.fixture
def make_street():
    return street


@pytest.fixture
def streets():
    """A reader of three frames at 10 Hz."""
    return ListReader(
        street(f"street_{i}", stamp_image=i * 100_000_000, stamp_points=i * 100_000_000, frame_id="cam")
        for i in (1, 2, 3)
    )
