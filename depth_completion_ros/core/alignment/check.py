"""Measures over frames how far LiDAR and camera are apart, and says how sure that is."""

from __future__ import annotations

import cv2
import numpy as np

from ..camera import Camera
from ..frame import Frame
from .depth_edges import DepthEdges, depth_edges
from .profiles import image_slopes, motion, profiles
from .verdict import ANGLES, POSES, SECTORS, Alignment, Scores, judge

FOCAL_PX = 500.0
"""Images are reduced to this focal length; a pixel is then a tenth of a degree."""
MAX_EDGES = 300
"""Edges of a direction that are looked at in one frame."""
KEEP = 1 - 1 / 60
"""What is left of an old frame after a new one: a third after 60."""


class AlignmentCheck:
    """Compares the outlines of surfaces in the scan with the edges of the image, frame after frame.

    After Levinson & Thrun 2013, "Automatic online calibration of cameras and lasers" (RSS): outlines of
    near surfaces lie on image edges if the calibration is right, and a wrong one is seen by other
    calibrations that fit better. Here outlines that run up and down are compared with vertical image
    edges and tell of yaw, those across with horizontal ones and tell of pitch; roll and a shift along
    the view (which is what a time offset looks like to a car that drives straight on) move both.

    Memory does not grow. A frame of 64 lines and 1242 x 375 pixels takes 30 to 40 ms of one core.
    """

    def __init__(self):
        self._scores = Scores()
        self._T: np.ndarray | None = None
        self._camera: Camera | None = None
        self._moves = False

    def add(self, frame: Frame) -> None:
        """Take a frame with image, camera, points and T_cam_lidar; a new calibration begins anew."""
        self._begin_anew_if_changed(frame.camera, frame.T_cam_lidar)
        self._scores.add(score(frame), KEEP)

    def result(self) -> Alignment:
        """What the frames so far tell."""
        return judge(self._scores)

    def _begin_anew_if_changed(self, camera: Camera, T: np.ndarray) -> None:
        moved = self._T is not None and not np.allclose(self._T, T, atol=1e-3)
        # What changes with every frame is a joint between the sensors, and no new calibration.
        if self._camera != camera or (moved and not self._moves):
            self._scores = Scores()
        self._T, self._camera, self._moves = T, camera, moved


def score(frame: Frame) -> Scores:
    """How well every hypothesis fits one frame with image, camera, points and T_cam_lidar."""
    camera, T = frame.camera, frame.T_cam_lidar
    if frame.T_image_points is not None:
        T = T @ frame.T_image_points
    scale = min(1.0, FOCAL_PX / camera.K[0, 0])
    small = camera.resized(round(camera.width * scale), round(camera.height * scale))
    image = cv2.resize(frame.image, (small.width, small.height), interpolation=cv2.INTER_AREA)
    edges = depth_edges(*_in_view(frame, T, small))
    scores = Scores(camera.K[0, 0], camera.K[0, 0] / small.K[0, 0])
    for axis, slope in enumerate(image_slopes(image)):
        _compare(scores, axis, slope, edges, small)
    return scores


def _compare(scores: Scores, axis: int, slope: np.ndarray, edges: DepthEdges, camera: Camera) -> None:
    """Add the slopes of the image where each hypothesis would put the edges."""
    points, weight, pixels = _chosen(edges, edges.upright == (axis == 0), camera)
    if not len(points):
        return
    reach = round(2 * np.tan(ANGLES[-1]) * camera.K[0, 0])
    per_unit = motion(points, camera, axis)
    moved = (per_unit[:, 1:] @ POSES.T)[:, :, None] + per_unit[:, :1, None] * ANGLES
    at = np.clip(np.rint(moved).astype(np.int32) + reach, 0, 2 * reach)
    at += (np.arange(len(points), dtype=np.int32) * (2 * reach + 1))[:, None, None]
    slopes = profiles(slope, pixels, axis, reach).ravel()[at.reshape(len(points), -1)]
    sector = np.minimum((pixels[:, 0] * SECTORS / camera.width).astype(int), SECTORS - 1)
    share = np.zeros((SECTORS, len(points)), np.float32)
    share[sector, np.arange(len(points))] = weight
    scores.add_edges(axis, share @ slopes, weight, per_unit)


def _in_view(frame: Frame, T: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The points whose rays pass the image or close by, T, and the rings of the points."""
    across, down = np.linspace(0, camera.width - 1, 9), np.linspace(0, camera.height - 1, 9)
    border = [(u, v) for u in across for v in down[[0, -1]]] + [(u, v) for u in across[[0, -1]] for v in down]
    seen = camera.unproject(border)[:, :2].astype(np.float32)
    low, high = np.nanmin(seen, axis=0) - 0.2, np.nanmax(seen, axis=0) + 0.2
    with np.errstate(invalid="ignore"):
        rays = frame.points[:, :3] @ T[:3, :3].T.astype(np.float32)
        z = rays[:, 2:]
        near = (z[:, 0] > 0.5) & (rays[:, :2] > low * z).all(axis=1) & (rays[:, :2] < high * z).all(axis=1)
    at = np.flatnonzero(near)
    return frame.points[at], T, None if frame.rings is None else frame.rings[at]


def _chosen(edges: DepthEdges, mask: np.ndarray, camera: Camera):
    """Points, weights and pixels of at most MAX_EDGES edges that are in view."""
    pixels, seen = camera.project(edges.points)
    with np.errstate(invalid="ignore"):
        inside = (pixels >= 0).all(axis=1) & (pixels <= (camera.width - 1, camera.height - 1)).all(axis=1)
    found = np.flatnonzero(mask & seen & inside)
    if len(found) > MAX_EDGES:
        found = found[np.linspace(0, len(found) - 1, MAX_EDGES).astype(np.intp)]
    return edges.points[found], edges.weight[found], pixels[found]
