"""Live completions made steady over time, and what the operator should know of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..completion import Completion
from ..completion.temporal.blend import TemporalBlend
from ..core import Frame, SparseDepth, TransformError
from .diagnostics import OK, WARN, Status

NAME = "temporal"


class LiveTemporal:
    """Blends each completion with those before it, in the thread of the worker, where `temporal` is blend.

    Args:
        settings: parameter `temporal`.
        camera_pose: 4 x 4 pose of the camera of a frame in the fixed frame; may raise TransformError.

    Attributes:
        status: what diagnostics say of it.
    """

    def __init__(self, settings, camera_pose: Callable[[Frame], np.ndarray]):
        self._camera_pose = camera_pose
        self._blend = TemporalBlend() if settings.temporal == "blend" else None
        message = "No frame yet." if self._blend else "Frames are completed one by one, as 'temporal' is off."
        self.status = Status(NAME, OK, message)

    def forget(self) -> None:
        """Begin anew with the next frame."""
        if self._blend is not None:
            self._blend.forget()

    def apply(self, frame: Frame, sparse: SparseDepth, completion: Completion) -> Completion:
        """The completion of a frame, blended; as it came where that is off or cannot be."""
        if self._blend is None:
            return completion
        why, T_world_cam = "", None
        try:
            T_world_cam = self._camera_pose(frame)
        except TransformError as error:
            why = str(error)
        completion = self._blend.apply(frame, sparse, completion, T_world_cam)
        skipped = self._blend.skipped
        usual = skipped in ("", "first frame")
        message = f"{100 * self._blend.share:.0f} % of the last image are blended with those before."
        if skipped:
            message = f"The last image is not blended, {skipped}." + (f" {why}" if why else "")
        self.status = Status(NAME, OK if usual else WARN, message, dict(self._blend.counts))
        return completion
