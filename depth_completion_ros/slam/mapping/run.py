"""Makes a map of a drive with one kind of depth after the other, and scores it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...core import Frame
from ...core.geometry import transform_points
from ...evaluation.protocols import Trial
from ..depths import Depth
from ..recording import Recording, record, rectify
from ..reference import Reference
from ..run import folder_name
from .occupancy import Box, OccupancyGrid
from .score import MapScore, score_map
from .surface import SurfaceMap
from .truth import MapTruth


@dataclass(frozen=True)
class MapSettings:
    """How maps are made.

    Args:
        voxel, cell: sides of the voxels of the surface and of the cells of the occupancy grid, metres.
        max_range: depth beyond is left out, metres.
    """

    voxel: float = 0.05
    cell: float = 0.2
    max_range: float = 30.0

    def __post_init__(self):
        for name in ("voxel", "cell", "max_range"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"Map {name} is {getattr(self, name):g}; it must be positive and finite.")


@dataclass(eq=False)
class DepthMap:
    """The map of one kind of depth; of its cells the masks, flat."""

    depth: Depth
    score: MapScore
    points: np.ndarray
    occupied: np.ndarray
    free: np.ndarray


@dataclass(eq=False)
class MappingResult:
    """Maps of a drive.

    Args:
        fed: protocol, what was measured and what it is compared with.
    """

    name: str
    frames: int
    fed: str
    reference: Reference
    settings: MapSettings
    truth: MapTruth
    maps: list[DepthMap]


def run_mapping(
    frames: Callable[[], Iterable[Frame]],
    depths: Sequence[Depth],
    trial_of: Callable[[Frame], Trial],
    out: Path,
    settings: MapSettings = MapSettings(),  # noqa: B008
    *,
    surface: np.ndarray | None = None,
    name: str = "",
    fed: str = "",
    say: Callable[[str], None] = lambda sentence: None,
) -> MappingResult:
    """Fuse every kind of depth into a surface and an occupancy grid at the reference poses, and score both.

    Args:
        frames: gives all frames anew each time it is called.
        trial_of: what of a frame was measured, and the truth that is compared.
        out: folder for the meshes.
        surface: float32 T x 3 x 3, the exact surface of all that stands still, in the world of the poses;
            None
            where it is not known.
        name, fed: of the drive and of its protocol, for reports.
        say: told in a sentence what is going on.

    Raises:
        ValueError: the drive cannot be used; ModuleNotFoundError: Open3D cannot be imported. One sentence
            each.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="depth_completion_map_") as folder:
        recording = record(frames(), Path(folder))
        poses = _poses(recording)
        say(f"{len(recording)} frames, {len(poses)} of them with a pose by {recording.reference.name}.")
        truth = MapTruth(recording.camera, _box(recording, settings), settings.max_range, surface)
        for stamp, frame in zip(recording.stamps, frames(), strict=True):
            if stamp in poses:
                truth.add(rectify(trial_of(frame).truth, recording.maps, cv2.INTER_NEAREST), poses[stamp])
        maps = []
        for base in dict.fromkeys(depth.base for depth in depths):
            same = [depth for depth in depths if depth.base == base]
            say(f"Completing with {base} ...")
            recording.complete(frames(), same[0], lambda frame: trial_of(frame).feed)
            for depth in same:
                maps.append(_map(depth, recording, poses, truth, settings, out))
                say(f"Mapped with {depth.label}.")
    maps.sort(key=lambda each: list(depths).index(each.depth))
    return MappingResult(name, len(recording), fed, recording.reference, settings, truth, maps)


def _map(
    depth: Depth, recording: Recording, poses, truth: MapTruth, settings: MapSettings, out: Path
) -> DepthMap:
    surface = SurfaceMap(recording.camera, settings.voxel, settings.max_range)
    grid = OccupancyGrid(recording.camera, truth.box, settings.max_range)
    for stamp, _, plane in recording.frames(depth):
        if stamp in poses:
            surface.add(plane, poses[stamp])
            grid.add(plane, poses[stamp])
    points = surface.points()
    surface.write_mesh(out / f"{folder_name(depth.label)}.ply")
    return DepthMap(depth, score_map(points, grid, truth), points, grid.occupied, grid.free)


def _poses(recording: Recording) -> dict[int, np.ndarray]:
    trajectory = recording.reference.trajectory
    return dict(zip(trajectory.stamps.tolist(), trajectory.poses, strict=True))


def _box(recording: Recording, settings: MapSettings) -> Box:
    """Around all that the camera sees up to the range, from every pose."""
    camera, far = recording.camera, settings.max_range
    width, height = camera.width, camera.height
    corners = camera.unproject(np.array([(0, 0), (width, 0), (0, height), (width, height)])) * far
    view = np.concatenate([corners, np.zeros((1, 3))])
    seen = np.concatenate([transform_points(pose, view) for pose in recording.reference.trajectory.poses])
    return Box.around(seen.min(axis=0), seen.max(axis=0), settings.cell)
