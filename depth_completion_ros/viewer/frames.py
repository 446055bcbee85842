"""Frames of data through completers, into a stream for Rerun."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np

from ..completion import Completer
from ..core import Frame, SparseDepth, compute_metrics, invert
from ..evaluation.html.frames import common_limit
from ..evaluation.protocols import CannotServe, Protocol, Settings, Trial
from .stream import RerunStream


class FrameViewer:
    """Completes frames and tells a stream what there is to see.

    Args:
        completers: by the names under which they are shown.
        protocol: what is fed and what depth is compared with; None to feed all and compare with nothing.
        settings: of the protocol.
        min_confidence: depth below it is unknown; each completer's own limit when None.

    Attributes:
        count: frames so far.
        unscored: those that cannot serve the protocol, by reason; they are fed whole.
    """

    def __init__(
        self,
        stream: RerunStream,
        completers: Mapping[str, Completer],
        protocol: Protocol | None = None,
        settings: Settings | None = None,
        min_confidence: float | None = None,
    ):
        self.count = 0
        self.unscored: Counter[str] = Counter()
        self._stream, self._completers = stream, completers
        self._protocol, self._settings = protocol, settings or Settings()
        self._min_confidence = min_confidence

    def run(self, frames: Iterable[Frame]) -> None:
        """Show all frames."""
        for frame in frames:
            self.show(frame)

    def show(self, frame: Frame) -> None:
        """Complete one frame and tell all of it."""
        stream, trial = self._stream, self._trial(frame)
        stream.at(frame.stamp_image, self.count)
        if not self.count:
            stream.world(up_is_z=frame.T_cam_lidar is not None)
        self.count += 1
        self._place(frame)
        if frame.image is not None:
            stream.image(frame.image)
        stream.measured(trial.feed.depth, frame.camera)
        scored = bool(trial.truth.any())
        if scored:
            stream.truth(trial.truth)
        done = {name: self._complete(frame, trial, name) for name in self._completers}
        limit = common_limit(trial.truth, {name: told for name, (told, _) in done.items()}) if scored else 0.0
        for name, (told, elapsed_ms) in done.items():
            if frame.camera is not None:
                stream.cloud(name, told.depth, frame.camera, frame.image)
            metrics = compute_metrics(told.depth, trial.truth) if scored else None
            if scored:
                stream.errors(name, told.depth, trial.truth, limit)
            stream.scores(name, metrics, float(np.mean(np.isfinite(told.depth))), elapsed_ms)

    def _complete(self, frame: Frame, trial: Trial, name: str):
        """Complete and tell the planes; what is left above the limit of confidence, and the milliseconds."""
        completer = self._completers[name]
        if self.count == 1:  # the first call also pays for imports and allocations
            completer.complete(frame.image, trial.feed, frame.camera, frame.name)
        start = time.perf_counter()
        completion = completer.complete(frame.image, trial.feed, frame.camera, frame.name)
        elapsed_ms = 1e3 * (time.perf_counter() - start)
        least = completer.least_confidence if self._min_confidence is None else self._min_confidence
        told = completion.above(least)
        self._stream.completion(name, told, completion.confidence)
        return told, elapsed_ms

    def _trial(self, frame: Frame) -> Trial:
        """What is fed and compared with; all and nothing where the frame cannot serve the protocol."""
        if self._protocol is not None:
            try:
                return self._protocol.trial(frame, self._settings)
            except CannotServe as error:
                self.unscored[str(error)] += 1
        s = self._settings
        feed = SparseDepth.from_points(
            frame, max_depth=s.max_range, see_through=s.see_through, isolated=s.isolated
        )
        return Trial(feed, np.zeros(frame.size, np.float32))

    def _place(self, frame: Frame) -> None:
        """Tell where the camera is."""
        if frame.camera is not None:
            T_world_cam = camera_pose(frame)
            self._stream.camera(frame.camera, T_world_cam)
            if frame.T_world_cam is not None:
                self._stream.trajectory(T_world_cam[:3, 3])


def camera_pose(frame: Frame) -> np.ndarray:
    """4 x 4 in the frame of the poses, else in that of the LiDAR, else in its own."""
    if frame.T_world_cam is not None:
        return frame.T_world_cam
    return np.eye(4) if frame.T_cam_lidar is None else invert(frame.T_cam_lidar)
