"""Completion blended with those of the frames before it, where nothing that is measured now contradicts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from ...core import Camera, Frame, SparseDepth, invert
from ...core.deskew import MAX_SPEED_M_S
from ..interface import Completion
from .warp import contradicting, look_back, recall

MAX_GAP_S = 0.5
"""What is older than this is forgotten."""
AGREE = np.float32(1.1)
"""Two depths agree where the farther is at most this many times the nearer."""
PAST_FRAMES = np.float32(3)
"""The past weighs as much as at most so many frames as sure as the present one."""
MEASURED, MEASURED_WINDOW = np.float32(1.05), 5
"""A measurement contradicts the past where it is this many times nearer than the nearest, or farther than
the farthest, depth of the past in a window of so many pixels: at an edge both depths are right, as a scan is
never twice the same."""
WIDE = np.ones((5, 5), np.uint8)
"""In this window of pixels at half the size, a contradiction holds whatever else is measured there."""
MOST_CONTRADICTED = 0.5
"""Where more of the measurements contradict the past, it is the motion that is wrong."""
LARGEST = 32766
"""Pixels along a side of the largest image that OpenCV remaps."""


@dataclass(frozen=True, eq=False)
class _Past:
    camera: Camera
    T_world_cam: np.ndarray
    stamp: int | None
    nearness: np.ndarray
    confidence: np.ndarray
    weight: np.ndarray


class TemporalBlend:
    """Makes completions steady: each is blended with the one before, looked up by the motion of the camera.

    A pixel that was not measured becomes the mean of its nearness (1 / z) now and in the past, by confidence,
    where the two agree and the measurements around it do not contradict the past, which is itself such a
    mean. All other pixels are as they are now: what appears or leaves does so at once.

    Attributes:
        skipped: why the last frame was not blended, in a few words; empty where it was.
        share: of the pixels of the last frame, those that were blended.
        counts: frames that were blended, and those that were not by why.
    """

    def __init__(self):
        self.counts: Counter[str] = Counter()
        self._past: _Past | None = None
        self.skipped, self.share = "first frame", 0.0

    def forget(self) -> None:
        """Begin anew, as the next frame has nothing to do with the last."""
        self._past = None

    def apply(
        self, frame: Frame, sparse: SparseDepth, completion: Completion, T_world_cam: np.ndarray | None
    ) -> Completion:
        """The completion of a frame, blended where that can be; it becomes the past of the next one.

        Args:
            frame: its camera and `stamp_image` are used; without stamps frames count as following each other.
            sparse: what was measured now.
            completion: of all confidences; those too low for a robot are to be left out afterwards.
            T_world_cam: 4 x 4 pose of the optical frame at the stamp of the image, in a frame that stands
                still; None where it is not known: then nothing is blended.
        """
        past, self._past, self.share = self._past, None, 0.0
        self.skipped = _not_comparable(past, frame, T_world_cam)
        nearness, confidence = 1 / completion.depth, completion.confidence
        weight = confidence
        if past is not None and frame.camera is not None and T_world_cam is not None and not self.skipped:
            T = invert(past.T_world_cam) @ T_world_cam
            refused = contradicted(past.nearness, sparse.depth, frame.camera, T)
            if refused is None:
                self.skipped = "motion contradicts measurements"
            else:
                planes = [past.confidence, past.weight]
                before, (sure, often) = recall(past.nearness, planes, completion.depth, frame.camera, T)
                blend = _agreeing(before, nearness) & (sparse.depth <= 0) & ~refused
                self.share = float(np.count_nonzero(blend)) / blend.size
                cv2.min(often, PAST_FRAMES * confidence, often)
                often[~blend] = 0
                weight = confidence + often
                old = np.divide(often, weight, out=often, where=blend & (weight > 0))
                nearness = np.where(blend, nearness + old * (before - nearness), nearness)
                confidence = confidence + old * (sure - confidence)
                depth = np.divide(1, nearness, out=completion.depth.copy(), where=blend)
                completion = Completion(depth, confidence, completion.source)
        self.counts[f"not blended, {self.skipped}" if self.skipped else "blended"] += 1
        if frame.camera is not None and T_world_cam is not None:
            pose = frame.camera, T_world_cam, frame.stamp_image
            self._past = _Past(*pose, nearness, confidence, weight)
        return completion


def _agreeing(before: np.ndarray, nearness: np.ndarray) -> np.ndarray:
    return (before <= AGREE * nearness) & (nearness <= AGREE * before)


def contradicted(
    past: np.ndarray, measured: np.ndarray, camera: Camera, T_past_now: np.ndarray
) -> np.ndarray | None:
    """Mask of the pixels whose measurements nearby contradict the past; None where most measurements do.

    A pixel listens to the measurement that is nearest in the image, and to contradictions close by.

    Args:
        past: float32 H x W nearness (1 / z), NaN where unknown.
        measured: float32 H x W metres of now, 0 where not measured.
        camera: of both moments.
        T_past_now: 4 x 4 from the optical frame of now to that of the past.
    """
    height, width = measured.shape
    v, u = np.divmod(np.flatnonzero(measured), width)
    if not len(v):
        return np.zeros((height, width), bool)
    points = look_back(measured, camera, T_past_now, (v, u))
    against, spoke = contradicting(past, *points, MEASURED_WINDOW, MEASURED)
    if np.count_nonzero(against) > MOST_CONTRADICTED * np.count_nonzero(spoke):
        return None
    v, u = v // 2, u // 2  # at half the size, which is quicker
    empty = np.ones((-(-height // 2), -(-width // 2)), np.uint8)
    close = np.zeros_like(empty)
    empty[v, u], close[v[against], u[against]] = 0, 1
    _, owner = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    said = np.zeros(len(v) + 1, np.uint8)
    said[owner[v, u]] = close[v, u]
    refused = said[owner] | cv2.dilate(close, WIDE)
    return refused.repeat(2, axis=0)[:height].repeat(2, axis=1)[:, :width].view(bool)


def _not_comparable(past: _Past | None, frame: Frame, T_world_cam: np.ndarray | None) -> str:
    """Why the past says nothing of a frame, in a few words; empty where it does."""
    if frame.camera is None:
        return "camera not known"
    if max(frame.size) > LARGEST:
        return "image too large"
    if T_world_cam is None:
        return "motion not known"
    if past is None:
        return "first frame"
    return "camera changed" if past.camera != frame.camera else _apart(past, frame.stamp_image, T_world_cam)


def _apart(past: _Past, stamp: int | None, T_world_cam: np.ndarray) -> str:
    """As above, by time and place."""
    seconds = 0.1
    if past.stamp is not None and stamp is not None:
        seconds = (stamp - past.stamp) / 1e9
    if seconds <= 0:
        return "time went back"
    if seconds > MAX_GAP_S:
        return "too long since the last frame"
    metres = float(np.linalg.norm(T_world_cam[:3, 3] - past.T_world_cam[:3, 3]))
    return "fixed frame jumped" if metres > MAX_SPEED_M_S * max(seconds, 0.01) else ""
