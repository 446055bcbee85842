"""One view of a simulated scene: what the camera sees, and what range sensors beside it measure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from depth_completion_ros.core import Camera
from depth_completion_training.simulation import lidar
from depth_completion_training.simulation.camera import World, random_camera, random_pose
from depth_completion_training.simulation.camera.view import render
from depth_completion_training.simulation.frame_file import SimulatedFrame, StoredScan
from depth_completion_training.simulation.scene import Scene

_CAMERAS, _SENSORS = 20, 5
"""How many are tried before a view is given up, or a scan with next to nothing in it is taken."""
_LEAST_POINTS = 8
_MOST_BASELINE = 0.12
"""Share of the distance of objects that a sensor may be away from the camera, or it sees other objects."""
_FULL_FAULTS_M, _FULL_NOISE_M = 10.0, 1.5
"""Distance of objects from which on faults by a length, and noise of ranges, are as large as usual."""
_FULL_HEIGHT_M = 0.6
"""Height of a camera from which on faults by a length are: 1 cm is 5 % of the way to ground 0.2 m below."""


class Viewer:
    """Looks at a scene from random places.

    Args:
        scene: what there is to see.
    """

    def __init__(self, scene: Scene):
        self._scene = scene
        self._world = World(scene)

    def look(self, height: int, width: int, scans: int, rng: np.random.Generator) -> SimulatedFrame:
        """A view of the scene from a random camera and pose, with so many scans of random sensors.

        Raises:
            ValueError: nowhere in the scene is there anything to see.
        """
        camera, T_world_cam = self._place(height, width, rng)
        image, depth = render(self._world, camera, T_world_cam, rng)
        stored = simulated_scans(
            self._world, camera, T_world_cam, median_depth(depth), self._scene.indoor, scans, rng
        )
        return SimulatedFrame(image, depth, camera.K.astype(np.float32), stored)

    def _place(self, height: int, width: int, rng: np.random.Generator) -> tuple[Camera, np.ndarray]:
        for _ in range(_CAMERAS):
            camera = random_camera(rng, height, width)
            T_world_cam = random_pose(rng, self._world, camera)
            if T_world_cam is not None:
                return camera, T_world_cam
        raise ValueError(f"No camera of {_CAMERAS} sees anything worth an image")


def median_depth(depth: np.ndarray) -> float:
    """Of the pixels whose depth (H x W metres, 0 unknown, inf sky) is known; 0 where none is."""
    known = depth[(depth > 0) & np.isfinite(depth)]
    return float(np.median(known)) if known.size else 0.0


def simulated_scans(
    world,
    camera: Camera,
    T_world_cam: np.ndarray,
    distance: float,
    indoor: bool,
    count: int,
    rng: np.random.Generator,
    sensor: str | None = None,
) -> list[StoredScan]:
    """Scans of one view by random sensors on random rigs, with random faults.

    Args:
        world: has `cast`, see `simulation.lidar.scan`.
        T_world_cam: 4 x 4.
        distance: metres at which objects are. What is wrong by a length shrinks with it: a rig for
            table tops is slower and more exact than one for streets. So does it with the distance of what
            is below the camera.
        indoor: which sensors and rigs are likely.
        sensor: see `lidar.random_pattern`.
    """
    below = float(world.cast(T_world_cam[:3, 3], T_world_cam[:3, 1:2].astype(np.float32)).distance[0])
    share = min(1.0, distance / _FULL_FAULTS_M, below / _FULL_HEIGHT_M)
    view = world, camera, T_world_cam
    return [_one_scan(*view, distance, share, indoor, sensor, rng) for _ in range(count)]


def _one_scan(
    world, camera, T_world_cam, distance: float, share: float, indoor: bool, sensor: str | None, rng
) -> StoredScan:
    for _ in range(_SENSORS):
        faults = _shrunk(lidar.Faults.random(rng), distance, share)
        T_cam_lidar = _near(lidar.random_extrinsics(rng, indoor), distance)
        T_cam_lidar = lidar.unblocked(world, T_world_cam, T_cam_lidar)
        pattern = lidar.random_pattern(rng, indoor, camera, T_cam_lidar, sensor)
        scan = lidar.scan(world, lidar.lidar_pose(T_world_cam, T_cam_lidar), pattern, rng, faults)
        projected = lidar.project_scan(scan, camera, faults.believed(T_cam_lidar, rng))
        if len(projected.z) >= _LEAST_POINTS:
            break
    return StoredScan(*projected, pattern.name)


def _near(T_cam_lidar: np.ndarray, distance: float) -> np.ndarray:
    """The extrinsics with the sensor drawn nearer to the camera where objects are near."""
    T = T_cam_lidar.copy()
    T[:3, 3] *= min(1.0, _MOST_BASELINE * distance / max(np.linalg.norm(T[:3, 3]), 1e-9))
    return T


def _shrunk(faults: lidar.Faults, distance: float, share: float) -> lidar.Faults:
    """The faults with `share` of those by a length, and the noise of ranges that fits the distance."""
    return replace(
        faults,
        motion=faults.motion * share,
        translation=faults.translation * share,
        noise=faults.noise * min(1.0, distance / _FULL_NOISE_M),
    )
