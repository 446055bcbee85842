"""Drives for fleets: small frames of a leaning plane, as frame folders and as a bag."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.reader import open_reader

HEIGHT, WIDTH = 64, 96


def write_frame(folder, number):
    """A frame folder, at 10 Hz, with truth."""
    folder.mkdir(parents=True)
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    truth = (5 + number) / (1 + 0.002 * (u - 48) - 0.003 * (v - 32))
    rows = np.arange(8) * 8 + 3
    z = truth[rows][:, ::2]
    x, y = (u[rows][:, ::2] - 47.5) / 80 * z, (v[rows][:, ::2] - 31.5) / 80 * z
    points = np.stack([z, -x, -y, np.ones_like(z)], axis=-1).reshape(-1, 4)
    points.astype("<f4").tofile(folder / "points.bin")
    np.save(folder / "rings.npy", np.repeat(np.arange(8), WIDTH // 2).astype(np.uint8))
    image = np.full((HEIGHT, WIDTH, 3), (200, 120, 40 + 10 * number), np.uint8)
    cv2.imwrite(str(folder / "image.png"), image)
    cv2.imwrite(str(folder / "gt_depth.png"), np.rint(truth * 256).astype(np.uint16))
    calibration = {
        "kind": "lidar",
        "K": [[80.0, 0, 47.5], [0, 80.0, 31.5], [0, 0, 1]],
        "width": WIDTH,
        "height": HEIGHT,
        "image": "image.png",
        "points": "points.bin",
        "rings": "rings.npy",
        "frame": number,
        "rate_hz": 10,
        "T_cam_lidar": [[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]],
        "gt_depth": {"file": "gt_depth.png", "units_per_metre": 256},
    }
    (folder / "calib.json").write_text(json.dumps(calibration))


@pytest.fixture(scope="session")
def made_drives(tmp_path_factory):
    root = tmp_path_factory.mktemp("fleet") / "drives"
    for number in range(5):
        write_frame(root / "monday" / "first" / f"frame_{number}", number)
    for number in range(3):
        write_frame(root / "monday" / "second" / f"frame_{number}", 10 + number)
    write_bag(open_reader(root / "monday" / "first"), root / "tuesday_bag")
    return root


@pytest.fixture
def drives(made_drives, tmp_path):
    """A folder with two folders of 5 and 3 frames and a bag of 5, to be changed at will."""
    return shutil.copytree(made_drives, tmp_path / "drives")
