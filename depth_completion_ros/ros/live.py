"""What is done with a pair of live messages: decode, project, complete, publish."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..completion import create_completer
from ..completion.interface import Completer, Completion
from ..completion.spec import parse_settings
from ..core import Frame, SparseDepth
from ..data.calibration_file import check_direction
from ..data.messages import decode_compressed_image, decode_image, decode_points, stamp_ns
from .diagnostics import NO_SUBSCRIBER, OK, WARN, Status
from .inputs.calibration import Cameras, Drop, Extrinsics
from .publishers import Outputs

FUTURE_NS = 1_000_000_000
"""Stamps so far ahead of the node's clock mean that the clocks of two machines differ."""
OLD_NS = 60_000_000_000
"""Stamps so far behind it are those of a recording."""


@dataclass(frozen=True)
class Pair:
    """An image and a cloud that belong together, and when (monotonic seconds) that was known."""

    image: object
    points: object
    taken: float


def completer_of(settings) -> Completer:
    """The completer that the node's parameters ask for; raises as `create_completer` does."""
    s = settings
    return create_completer(
        s.completer,
        s.variant or None,
        s.weights or None,
        s.device,
        s.prior or None,
        allow_noncommercial=s.allow_noncommercial,
        precision=s.precision,
        inner_size=s.inner_size,
        max_gpu_memory=s.max_gpu_memory,
        prior_every=s.prior_every,
        prior_side=s.prior_side,
        compiled=s.compiled,
        **parse_settings(s.settings),
    )


class LiveCompletion:
    """Completes pairs of messages, one at a time, in the thread of the worker.

    Args:
        settings: values of the node's parameters.
        now_ns: the node's clock, nanoseconds.
        warn: `warning` of the node's logger.
    """

    def __init__(
        self,
        settings,
        cameras: Cameras,
        extrinsics: Extrinsics,
        completer: Completer,
        outputs: Outputs,
        now_ns: Callable[[], int],
        warn: Callable[..., None] = lambda sentence, **throttle: None,
    ):
        self._settings, self._cameras, self._extrinsics = settings, cameras, extrinsics
        self._completer, self._outputs = completer, outputs
        self._now_ns, self._warn = now_ns, warn
        self._checked: tuple[np.ndarray, float] | None = None
        self._failures = self._told = self._last_stamp = 0
        self.statuses = {
            "extrinsics": Status("extrinsics", OK, "Not needed yet."),
            "points in view": Status("points in view", OK, "No frame yet."),
            "stamps": Status("stamps", OK, "No frame yet."),
            "completer": self._completer_status("no frame yet."),
        }

    def warm_up(self, height: int, width: int) -> None:
        """Warm the completer up for images of this size; raises what it raises."""
        self._completer.warm_up(height, width)
        self.statuses["completer"] = self._completer_status("no frame yet.")

    def __call__(self, pair: Pair) -> None:
        """Complete a pair and publish it.

        Raises:
            Drop: the pair cannot be completed.
        """
        if not self._outputs.any_wanted:
            raise Drop(NO_SUBSCRIBER, "Nobody subscribes to any output, so nothing is computed.")
        s = self._settings
        info, frame = self._frame(pair)
        sparse = SparseDepth.from_points(
            frame,
            min_depth=s.min_depth,
            max_depth=s.max_depth,
            region=tuple(s.region) if any(s.region) else None,
            see_through=s.filter_see_through,
            isolated=s.filter_isolated,
        )
        self._judge(frame, sparse)
        completion = self._complete(frame, sparse) if self._outputs.dense_wanted else None
        self._outputs.publish(pair.image.header, info, frame, sparse, completion, s.cloud_stride)

    def _frame(self, pair: Pair) -> tuple[object, Frame]:
        """The CameraInfo of a pair, and the pair as a frame."""
        s, header = self._settings, pair.image.header
        stamp_image, stamp_points = stamp_ns(header), stamp_ns(pair.points.header)
        try:
            decode = decode_image if s.image_transport == "raw" else decode_compressed_image
            image = decode(pair.image)
        except ValueError as error:
            raise Drop("image cannot be decoded", str(error)) from None
        try:
            points = decode_points(pair.points).points
        except ValueError as error:
            raise Drop("cloud cannot be decoded", str(error)) from None
        height, width = image.shape[:2]
        info, camera = self._cameras.of_image(stamp_image, width, height, s.calibration_timeout)
        try:
            T_cam_lidar, T_image_points = self._extrinsics.of_frame(
                header.frame_id,
                pair.points.header.frame_id,
                stamp_image + round(s.image_time_offset * 1e9),
                stamp_points,
            )
        except Drop as drop:
            self.statuses["extrinsics"] = Status("extrinsics", WARN, str(drop))
            raise
        frame = Frame(
            camera=camera,
            image=image,
            points=points,
            T_cam_lidar=T_cam_lidar,
            T_image_points=T_image_points,
            stamp_image=stamp_image,
            stamp_points=stamp_points,
            frame_id=header.frame_id,
            name=str(stamp_image),
        )
        return info, frame

    def _complete(self, frame: Frame, sparse: SparseDepth) -> Completion:
        name = self._completer.name
        if frame.stamp_image < self._last_stamp:  # a bag begins again
            self._completer.forget()
        self._last_stamp = frame.stamp_image
        try:
            completion = self._completer.complete(frame.image, sparse, frame.camera, frame.name)
            if completion.depth.shape != frame.size:
                raise ValueError(f"its depth is {completion.depth.shape}, not {frame.size}")
        except Exception as error:
            self._failures += 1
            many = self._failures >= self._settings.failures_until_error
            sentence = f"Completer '{name}' failed: {type(error).__name__}: {error}"
            said = f"{self._failures} time(s) in a row; the last: {sentence}"
            self.statuses["completer"] = Status("completer", WARN + many, said)
            raise Drop("completer failed", sentence) from error
        self._failures = 0
        self.statuses["completer"] = self._completer_status("works.")
        return completion.above(self._settings.min_confidence)

    def _completer_status(self, state: str) -> Status:
        """How the completer is, with all that is not as it should be; what is new of that is logged."""
        completer = self._completer
        new = completer.degradations[self._told :]
        if new:
            self._told += len(new)
            self._warn(" ".join(new))
        sentences = [*completer.warnings, *completer.degradations]
        message = " ".join([f"{completer.name}: {state}", *sentences])
        return Status("completer", WARN if sentences else OK, message, completer.report())

    def _judge(self, frame: Frame, sparse: SparseDepth) -> None:
        """What the operator should know of a frame that is completed all the same."""
        count = sparse.count
        causes = {cause: n for cause, n in sparse.dropped.items() if n}
        message = f"{count} of {len(frame.points)} points in the image."
        if not count:
            why = ", ".join(f"{cause} ({n})" for cause, n in causes.items()) or "the cloud is empty"
            message = f"No point is in the image: {why}."
        self.statuses["points in view"] = Status("points in view", OK if count else WARN, message, causes)
        self._judge_direction(frame, count)
        ahead, now = frame.stamp_image - self._now_ns(), self._now_ns()
        if now and ahead > FUTURE_NS:
            message = (
                f"Images are stamped {ahead / 1e9:.1f} s ahead of this node's clock; "
                "the clocks of the machines differ, or use_sim_time is missing."
            )
            self.statuses["stamps"] = Status("stamps", WARN, message)
        elif now and -ahead > OLD_NS:
            message = (
                f"Images are stamped {_age(-ahead / 1e9)} before this node's clock; "
                "a recording needs use_sim_time and its /clock, else TF and time limits go wrong."
            )
            self._warn(message, throttle_duration_sec=60.0)
            self.statuses["stamps"] = Status("stamps", WARN, message)
        else:
            self.statuses["stamps"] = Status("stamps", OK, "Near this node's clock.")

    def _judge_direction(self, frame: Frame, count: int) -> None:
        """Check the direction of new extrinsics, and once a second while nothing is in view."""
        T = frame.T_cam_lidar
        if self._checked is not None and np.array_equal(self._checked[0], T):
            doubtful = not count or self.statuses["extrinsics"].level != OK
            if not doubtful or time.monotonic() - self._checked[1] < 1.0:
                return
        self._checked = T, time.monotonic()
        wrong = check_direction(T, frame.camera, frame.points)
        if wrong:
            self._warn(wrong, throttle_duration_sec=10.0)
            self.statuses["extrinsics"] = Status("extrinsics", WARN, wrong)
        else:
            self.statuses["extrinsics"] = Status("extrinsics", OK, "Known, and they look right.")


def _age(seconds: float) -> str:
    """A time span in words: 3 minutes, 2.5 hours, 15.2 years."""
    for unit, size in (("years", 365.25 * 86400), ("days", 86400.0), ("hours", 3600.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 60:.0f} minutes"
