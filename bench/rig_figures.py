"""Figures of docs/your_robot.md: what the place of the LiDAR and a wrong time do to points over an image.

python bench/rig_figures.py docs
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core import Frame, SparseDepth, invert, rigid
from depth_completion_ros.core.visual import overlay_sparse
from depth_completion_ros.demo.drive.camera_image import render
from depth_completion_ros.demo.drive.lidar import MODELS, scan
from depth_completion_ros.demo.drive.motion import LoopMotion, StreetMotion
from depth_completion_ros.demo.drive.rig import Rig
from depth_completion_ros.demo.scene.caster import World

WIDTH, HEIGHT, LINES = 1242, 375, 32
NEAR, FAR = 4.0, 40.0
MOUNTING, TIME = (slice(60, 310), slice(620, 1080)), (slice(60, 310), slice(300, 760))
"""Rows and columns that are drawn."""
TURNING_S = 15.2
"""When the car of the loop is in a curve."""
LATE_S = 0.1
UP_M, LEFT_M = 1.2, 0.8


def frame(world, rig, time: float, scan_time: float, moved: np.ndarray) -> Frame:
    """An image and a scan, of a LiDAR that is moved in its own frame; the calibration knows of that."""
    rng = np.random.default_rng(0)
    image, _ = render(world.at(time), rig.camera, rig.T_world_cam(time), rng)
    points = scan(world.at(scan_time), rig.T_world_lidar(scan_time) @ moved, rng, MODELS[LINES])
    return Frame(image=image, camera=rig.camera, points=points, T_cam_lidar=rig.T_cam_lidar @ moved)


def side_by_side(frames: list[Frame], part: tuple[slice, slice], path: Path) -> list[dict]:
    """Draw points over the images; of each the points in view, and those that show through objects."""
    drawn, counts = [], []
    for each in frames:
        sparse = SparseDepth.from_points(each, see_through=False)
        counts.append({"in view": sparse.count, **SparseDepth.from_points(each).dropped})
        drawn.append(cv2.resize(overlay_sparse(each.image, sparse.depth, NEAR, FAR)[part], None, fx=2, fy=2))
    gap = np.full((len(drawn[0]), 8, 3), 255, np.uint8)
    cv2.imwrite(str(path), np.hstack([drawn[0], gap, drawn[1]])[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    beside, above = np.eye(4), rigid(np.eye(3), np.array([0.0, LEFT_M, UP_M]))
    rig = Rig(WIDTH, HEIGHT, StreetMotion())
    world = World(rig.motion.scene(0, 2.0))
    print(
        "mounting",
        side_by_side(
            [frame(world, rig, 1.0, 1.0, T) for T in (beside, above)], MOUNTING, out / "mounting.jpg"
        ),
    )
    rig = Rig(WIDTH, HEIGHT, LoopMotion())
    world, at = World(rig.motion.scene(0, 50.0)), TURNING_S
    turned = invert(rig.T_world_cam(at)) @ rig.T_world_cam(at + LATE_S)
    degrees = np.degrees(np.arccos((np.trace(turned[:3, :3]) - 1) / 2))
    print(f"time: at {at:.1f} s the camera turns {degrees:.1f} degrees in {LATE_S} s")
    print(
        side_by_side(
            [frame(world, rig, at, at + late, beside) for late in (0.0, LATE_S)], TIME, out / "time.jpg"
        )
    )


if __name__ == "__main__":
    main()
