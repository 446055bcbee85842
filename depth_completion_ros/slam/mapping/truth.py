"""What a map is compared with: surface, obstacles and free space as the truth of every frame shows them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...core import Camera
from ...extras.open3d import import_open3d
from .occupancy import Box, OccupancyGrid, world_points

SPACING_M = 0.05
"""Between the points of the true surface."""
STANDING_M = 0.05
"""What is farther from the surface of all that stands still is something that moves."""


@dataclass(eq=False)
class MapTruth:
    """True surface and cells of a drive, gathered frame by frame.

    Without `surface` the truth is where the frames have a depth, and where they have none is unknown. With
    it, no depth means that nothing is there as far as one sees.

    Args:
        camera: of the images, rectified.
        max_range: depth beyond is not compared, metres.
        surface: float32 T x 3 x 3, triangles of all that stands still, world; None where it is not known.
        points: of the surface that was seen, about `SPACING_M` apart; float32 N x 3, world.
    """

    camera: Camera
    box: Box
    max_range: float
    surface: np.ndarray | None = None
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))

    def __post_init__(self):
        size = int(np.prod(self.box.shape))
        self._grid = OccupancyGrid(self.camera, self.box, self.max_range)
        self._hit, self._passed, self._moving = (np.zeros(size, bool) for _ in range(3))
        self._scene = None if self.surface is None else _scene_of(self.surface)

    def add(self, truth: np.ndarray, T_world_cam: np.ndarray) -> None:
        """Add the truth of a frame, float32 H x W metres, 0 unknown."""
        points = spaced(world_points(truth, self.camera, T_world_cam, self.max_range))
        if self._scene is not None:
            standing = self.to_surface(points) < STANDING_M
            self._moving[self.box.index_of(points[~standing])] = True
            points = points[standing]
            truth = np.where(truth > 0, truth, np.float32(np.inf))
        hit, passed = self._grid.add(truth, T_world_cam)
        self._hit[hit] = True
        self._passed[passed] = True
        self.points = spaced(np.concatenate([self.points, points]))

    @property
    def full(self) -> np.ndarray:
        """Mask of the cells in which something stands, flat."""
        return self._hit & ~self._moving

    @property
    def empty(self) -> np.ndarray:
        """Mask of the cells that were seen to be free, with nothing in them or beside them, flat."""
        return self._passed & ~grown(self._hit | self._moving, self.box)

    def to_surface(self, points: np.ndarray) -> np.ndarray:
        """Metres from points N x 3 to the true surface; to its nearest seen point where only those are
        known.
        """
        if not len(points):
            return np.zeros(0, np.float32)
        if self._scene is None:
            return distances(points, self.points)
        core = import_open3d().core
        return self._scene.compute_distance(core.Tensor(np.ascontiguousarray(points, np.float32))).numpy()


def _scene_of(triangles: np.ndarray):
    open3d = import_open3d()
    scene = open3d.t.geometry.RaycastingScene()
    vertices = np.ascontiguousarray(triangles.reshape(-1, 3), np.float32)
    corners = np.arange(len(vertices), dtype=np.uint32).reshape(-1, 3)
    scene.add_triangles(open3d.core.Tensor(vertices), open3d.core.Tensor(corners))
    return scene


def spaced(points: np.ndarray) -> np.ndarray:
    """The first of the points N x 3 in each cube of `SPACING_M`."""
    cubes = np.floor(points / np.float32(SPACING_M)).astype(np.int64)
    cubes -= cubes.min(axis=0, initial=0)
    keys = np.ravel_multi_index(cubes.T, tuple(cubes.max(axis=0, initial=0) + 1))
    _, first = np.unique(keys, return_index=True)
    return points[np.sort(first)]


def distances(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Metres from each of N x 3 points to the nearest of M x 3 others; inf where there are none."""
    if not len(points) or not len(others):
        return np.full(len(points), np.inf, np.float32)
    core = import_open3d().core
    search = core.nns.NearestNeighborSearch(core.Tensor(np.ascontiguousarray(others, np.float32)))
    search.knn_index()
    _, squared = search.knn_search(core.Tensor(np.ascontiguousarray(points, np.float32)), 1)
    return np.sqrt(squared.numpy()[:, 0])


def grown(mask: np.ndarray, box: Box) -> np.ndarray:
    """A flat mask of cells and of their 26 neighbours."""
    full = mask.reshape(box.shape)
    for axis in range(3):
        wider = full.copy()
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        wider[tuple(low)] |= full[tuple(high)]
        wider[tuple(high)] |= full[tuple(low)]
        full = wider
    return full.ravel()
