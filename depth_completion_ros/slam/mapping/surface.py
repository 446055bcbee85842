"""A surface fused of depth images: a truncated signed distance field, by Open3D.

After Curless, Levoy: A Volumetric Method for Building Complex Models from Range Images (SIGGRAPH 1996), in
blocks of voxels (Niessner et al. 2013).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...core import Camera
from ...core.safe.files import whole_file
from ...extras.open3d import import_open3d

BLOCK = 16  # voxels along a side
TRUNCATION_VOXELS = 4.0
LEAST_IMAGES = 3
"""In so many a voxel must have been seen to be part of the surface."""


class SurfaceMap:
    """A surface fused of depth images.

    Args:
        camera: of the images, rectified.
        voxel: side of a voxel, metres.
        max_range: depth beyond is not fused, metres.
    """

    def __init__(self, camera: Camera, voxel: float, max_range: float):
        self._o3d = import_open3d()
        core = self._o3d.core
        self._intrinsic = core.Tensor(np.ascontiguousarray(camera.K), core.float64)
        self._max_range = float(max_range)
        self._grid = self._o3d.t.geometry.VoxelBlockGrid(
            attr_names=("tsdf", "weight"),
            attr_dtypes=(core.float32, core.float32),
            attr_channels=((1), (1)),
            voxel_size=voxel,
            block_resolution=BLOCK,
            block_count=4096,  # grows
        )
        self._some = False

    def add(self, depth: np.ndarray, T_world_cam: np.ndarray) -> None:
        """Fuse a depth image (float32 H x W metres, NaN or 0 unknown) taken at a pose."""
        near = np.where(np.isfinite(depth) & (depth <= self._max_range), depth, np.float32(0))
        if not near.any():
            return
        image = self._o3d.t.geometry.Image(np.ascontiguousarray(near[..., None], np.float32))
        extrinsic = self._o3d.core.Tensor(np.linalg.inv(T_world_cam))
        settings = {"depth_scale": 1.0, "depth_max": self._max_range}
        blocks = self._grid.compute_unique_block_coordinates(
            image, self._intrinsic, extrinsic, **settings, trunc_voxel_multiplier=TRUNCATION_VOXELS
        )
        self._grid.integrate(
            blocks, image, self._intrinsic, extrinsic, **settings, trunc_voxel_multiplier=TRUNCATION_VOXELS
        )
        self._some = True

    def points(self) -> np.ndarray:
        """Points on the surface, float32 N x 3, world."""
        cloud = self._extracted("extract_point_cloud")
        return np.zeros((0, 3), np.float32) if cloud is None else cloud.point.positions.numpy()

    def write_mesh(self, path: Path) -> bool:
        """Write the surface as a triangle mesh (PLY); False where not one triangle is whole."""
        mesh = self._extracted("extract_triangle_mesh")
        if mesh is None:
            return False
        with whole_file(path) as unfinished:
            return self._o3d.t.io.write_triangle_mesh(str(unfinished), mesh)

    def _extracted(self, how: str):
        """Points or triangles of the grid; None where there are none, which Open3D takes for an error."""
        if not self._some:
            return None
        try:
            return getattr(self._grid, how)(LEAST_IMAGES - 0.5)
        except RuntimeError as error:
            if "Tensor has shape {0}" not in str(error):
                raise
            return None
