"""Lifecycle node `completion`: camera and LiDAR in, dense depth out.

Subscribers:
    image (sensor_msgs/Image) or image/compressed (sensor_msgs/CompressedImage)
    camera_info (sensor_msgs/CameraInfo), points (sensor_msgs/PointCloud2) and those of `more_points`,
    /tf, /tf_static
    measured_depth (sensor_msgs/Image) or measured_depth/compressedDepth in place of points

Publishers, all with stamp and frame_id of the image (`without_partner` complete: of the cloud's stamp where
images have failed):
    depth/image (32FC1 metres, NaN unknown), depth/image_mm (16UC1), depth/camera_info,
    depth/points (PointCloud2, coloured), depth/confidence (32FC1), depth/source (mono8),
    sparse_depth/image (32FC1), overlay (rgb8), depth/frames (what became of each image), /diagnostics
"""

from __future__ import annotations

import sys
import time
import traceback
from functools import partial

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn

from ..core import Box, Frame, SparseDepth
from ..data.calibration.camera_file import CameraFile, read_camera_file
from ..data.messages import stamp_ns
from ..evaluation.outputs import CompletedFrame
from . import qos
from .diagnostics import (
    ERROR,
    NO_SUBSCRIBER,
    OK,
    Counters,
    DiagnosticsPublisher,
    Status,
    frames_status,
    publishers_of,
    stream_statuses,
    totals,
)
from .diagnostics.stages import COMPLETER, FILTER, PUBLISH, Stages, true_cause
from .extrinsics import Extrinsics
from .inputs.alignment import CalibrationMonitor
from .inputs.camera import Cameras
from .inputs.drop import Drop
from .inputs.frames import LiveFrames, Pair
from .inputs.more_points import further_topics
from .inputs.silence import SilenceLog
from .inputs.topics import Inputs
from .live import LiveCompleter, completer_of
from .outcomes import OutcomePublisher
from .parameters.node import NodeParameters
from .process.run import run
from .process.stopping import FRAME_LIMIT_S
from .publishers import Outputs
from .temporal import LiveTemporal
from .worker import Worker

SMALL_IMAGE = 64, 96
"""Height and width of a warm-up where `warm_up_size` is not given: all kernels, little memory."""
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class CompletionNode(LifecycleNode):
    """Wires topics to the completer; see the module for the topics.

    Callbacks only hand messages over; everything that takes time is done by one worker thread.

    Attributes:
        settings: values of the parameters.
        counters: pairs taken in, completed, and dropped by cause.

    Raises:
        ValueError: a parameter given at start is not allowed.
    """

    def __init__(self, **options):
        super().__init__("completion", **options)
        self._set_up = False
        self._active = False
        self._trouble: str | None = None
        jump = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False)
        self._jump = self.get_clock().create_jump_callback(jump, post_callback=self._on_clock_jump)
        self.counters = Counters()
        self.settings = NodeParameters(self, "completion", locked=lambda: self._set_up).values
        self._reported = self.counters.snapshot(), {}, 0
        self._state = "Unconfigured."
        self._silence = SilenceLog(self.get_logger())
        self._outcomes = OutcomePublisher(self)
        self._diagnostics = DiagnosticsPublisher(self, self._collect)
        if self.settings.autostart:
            self._start()

    # From messages to messages -------------------------------------------------------------------

    def _on_pair(self, image, points) -> None:
        """Hand a pair to the worker, in the executor's thread."""
        self.counters.begin()
        more = self._inputs.more.near(stamp_ns(points.header)) if points is not None else ()
        replaced = self._worker.put(Pair(image, points, time.monotonic(), more))
        if replaced is not None:
            self._drop(replaced, "replaced by a newer frame", self._stages.sentence)

    def _on_unpaired(self, image, cause: str) -> None:
        sentence = "It was not paired with a cloud; see `slack`, `image_time_offset` and the stamps."
        self._outcomes.dropped(image.header, cause, sentence)

    def _work(self, pair: Pair) -> None:
        """Messages to a frame, the frame to depth, depth to messages, in the worker's thread.

        Raises:
            Drop: the pair cannot be completed.
        """
        if not self._outputs.any_wanted:
            raise Drop(NO_SUBSCRIBER, "Nobody subscribes to any output, so nothing is computed.")
        with self._stages.frame(time.monotonic() - pair.taken):
            frame = self._frames.frame_of(pair)
            completed = self._complete(frame, pair.lacks)
            with self._stages.measure(PUBLISH):
                self._outputs.publish(pair.header(frame), completed)
        latency_s = time.monotonic() - pair.taken
        self.counters.complete(latency_s, pair.lacks)
        if pair.image is not None:
            self._outcomes.completed(pair.image.header, latency_s)
        if not pair.lacks:
            self._monitor.look(frame, others_wait=self._worker.pending > 1)

    def _complete(self, frame: Frame, lacks: str) -> CompletedFrame:
        """Points to sparse depth, and that to dense depth where anybody wants it."""
        s = self.settings
        with self._stages.measure(FILTER):
            sparse = SparseDepth.from_points(
                frame,
                min_depth=s.min_range,
                max_depth=s.max_range,
                lidar_min_range=s.lidar_min_range,
                region=tuple(s.region) if any(s.region) else None,
                see_through=s.filter_see_through,
                isolated=s.filter_isolated,
            )
        self._frames.judge(frame, sparse, lacks)
        completion = None
        if self._outputs.completion_wanted:
            with self._stages.measure(COMPLETER):
                completion = self._live.complete(frame, sparse)
        return CompletedFrame(frame, sparse, completion, s.cloud_stride)

    def _on_work_failed(self, pair: Pair, error: Exception) -> None:
        if not self.context.ok():
            self.counters.drop("deactivated")
        elif isinstance(error, Drop):
            self._drop(pair, error.cause, str(error))
        else:
            self._drop(pair, "unexpected failure", "".join(traceback.format_exception(error)))

    def _drop(self, pair: Pair, cause: str, sentence: str) -> None:
        now = self._count_dropped(pair, cause, sentence)
        if cause == NO_SUBSCRIBER:
            self.get_logger().info(sentence, throttle_duration_sec=60.0)
        elif now:
            number = self.counters.snapshot().dropped[cause]
            self.get_logger().warning(f"Frame dropped ({number} so far), {cause}: {sentence}")

    def _count_dropped(self, pair: Pair, cause: str, sentence: str = "") -> bool:
        if pair.image is not None:
            self._outcomes.dropped(pair.image.header, cause, sentence)
        return self.counters.drop(cause)

    def _on_clock_jump(self, jump) -> None:
        if self._active:
            self._inputs.pairing.reset("time jump")
            self._on_time_jump()

    def _on_time_jump(self) -> None:
        self.get_logger().info(
            "Time jumped back; what was before is forgotten, transforms that move too.",
            throttle_duration_sec=10.0,
        )
        self._extrinsics.clear()
        self._inputs.more.forget()
        self._cameras.forget()

    # Life cycle ----------------------------------------------------------------------------------

    def _start(self) -> None:
        try:
            if self.trigger_configure() == SUCCESS:
                self.trigger_activate()
        except BaseException:  # a signal: nobody else knows the node yet
            self.destroy_node()
            raise

    def on_configure(self, state) -> TransitionCallbackReturn:
        """Make completer, extrinsics and outputs; FAILURE with a sentence in the log if one cannot be."""
        s = self.settings
        try:
            completer = completer_of(s)
            camera_file = self._camera_file()
            if len(s.robot_box) != 1:
                Box(s.robot_box[:3], s.robot_box[3:])
            self._further = further_topics(s)
            self._extrinsics = Extrinsics(self, s)
        except Exception as error:
            return self._fail("configured", error)
        self._completer = completer  # only now: a node that is not configured holds no network
        self._trouble = None
        for sentence in self._completer.warnings:
            self.get_logger().warning(sentence)
        topic, log = self.resolve_topic_name("image"), self.get_logger()
        tell = partial(log.info, throttle_duration_sec=1.0)  # two cameras may share a topic
        self._cameras = Cameras(s.rectified, tell, file=camera_file, image_topic=topic, warn=log.warning)
        self._outputs = Outputs(self, qos.output_profile(s))
        warn, now_ns = self.get_logger().warning, lambda: self.get_clock().now().nanoseconds
        self._stages = Stages()
        self._frames = LiveFrames(s, self._cameras, self._extrinsics, now_ns, warn, self._stages)
        self._temporal = LiveTemporal(s, self._frames.camera_pose)
        self._live = LiveCompleter(s, completer, warn, self._temporal)
        try:
            self._warm_up()
        except Exception as error:
            self._extrinsics.close()
            self._outputs.close()
            return self._fail("configured", error)
        self._monitor = CalibrationMonitor(s)
        self._worker = Worker(self._work, self._on_work_failed, s.frame_queue)
        self._set_up = True
        self._state = "Inactive."
        return SUCCESS

    def _camera_file(self) -> CameraFile | None:
        path = self.settings.camera_info_file
        return read_camera_file(path, self.resolve_topic_name("image")) if path else None

    def _warm_up(self) -> None:
        """Compile kernels, load libraries and set memory up now rather than at the first frame."""
        width, height = self.settings.warm_up_size
        if bool(width) != bool(height):
            raise ValueError(
                f"parameter 'warm_up_size' is {width}, {height}; both must be above 0, or both 0."
            )
        if not width:
            if self.settings.compiled:
                return  # which is for one size, and takes minutes
            height, width = self._completer.only_size or SMALL_IMAGE
        begin = time.monotonic()
        self._live.warm_up(height, width)
        seconds = time.monotonic() - begin
        self.get_logger().info(
            f"Warmed '{self._completer.name}' up at {width} x {height} in {seconds:.1f} s."
        )

    def on_activate(self, state) -> TransitionCallbackReturn:
        """Subscribe, and begin to work."""
        self._completer.forget()
        self._temporal.forget()
        taken = self._cameras.add, self._on_pair, self._on_time_jump, self._on_unpaired
        try:
            self._inputs = Inputs(self, self.settings, *taken, self._further)
        except Exception as error:  # of which rclpy says nothing
            return self._fail("activated", error)
        self._worker.start()
        self._active, self._trouble = True, None
        image, points = (stream.topic for stream in list(self._inputs.streams.values())[:2])
        self.get_logger().info(
            f"Completing with '{self._completer.name}': {image} + {points} -> "
            f"{self.resolve_topic_name('depth/image')}"
        )
        return super().on_activate(state)

    def on_deactivate(self, state) -> TransitionCallbackReturn:
        """Unsubscribe, finish the frame at hand, and drop those that wait."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state) -> TransitionCallbackReturn:
        """Let go of completer, extrinsics and outputs."""
        self._release()
        self._state = "Unconfigured."
        return SUCCESS

    def on_shutdown(self, state) -> TransitionCallbackReturn:
        """End from whichever state."""
        self._stop()
        self._release()
        self._state = "Finalized."
        return SUCCESS

    def on_error(self, state) -> TransitionCallbackReturn:
        """Back to unconfigured after a transition that failed unexpectedly."""
        self._stop()
        return self.on_cleanup(state)

    def destroy_node(self) -> None:
        """Stop the worker before the publishers go, and wait for its frame, but not for minutes."""
        self._stop(FRAME_LIMIT_S)
        self._release()
        self._jump.unregister()
        super().destroy_node()
        # rclpy leaves this to the end of Python, which need not come: the handle of the node would stay, and
        # with it the shared memory of DDS.
        self._state_machine.destroy_when_not_in_use()

    def _fail(self, done: str, error: Exception) -> TransitionCallbackReturn:
        self._trouble = f"The node cannot be {done}: {error}"
        self.get_logger().error(self._trouble)
        self.get_logger().debug(traceback.format_exc())
        return FAILURE

    def _stop(self, limit_s: float | None = None) -> None:
        if not self._active:
            return
        self._active = False
        self._inputs.close()
        for pair in self._worker.stop(limit_s):
            self._count_dropped(pair, "deactivated")
        self.get_logger().info(totals(self.counters.snapshot(), self._inputs.pairing.dropped))

    def _release(self) -> None:
        if self._set_up:
            self._set_up = False
            self._extrinsics.close()
            self._outputs.close()
            self._completer = self._live = self._worker = None  # the memory of a network is free again

    # Diagnostics ---------------------------------------------------------------------------------

    def _collect(self) -> list[Status]:
        if not self._active:
            level = ERROR if self._trouble else OK
            return [Status("life cycle", level, self._trouble or self._state)]
        statuses = [Status("life cycle", OK, "Active.", {"completer": self._completer.name})]
        streams, stale_after = self._inputs.streams.values(), self.settings.stale_after
        statuses += stream_statuses(self, streams, stale_after)
        self._silence.judge(streams, partial(publishers_of, self), stale_after)
        counts, unpaired = self.counters.snapshot(), dict(self._inputs.pairing.dropped)
        before, unpaired_before, lost_before = self._reported
        lost = self._inputs.lost
        why = partial(true_cause, stages=self._stages, lost=lost - lost_before)
        statuses.append(frames_status(counts, before, unpaired, unpaired_before, why))
        statuses.append(self._stages.status)
        self._reported = counts, unpaired, lost
        frames = [*self._frames.statuses.values(), self._frames.deskew.status, self._frames.more.status]
        frames += [*self._extrinsics.statuses, self._temporal.status]
        return [*statuses, *self._outputs.statuses, *frames, self._monitor.status, self._live.status]


def main() -> int:
    """Run the node until a signal ends it."""
    return run(CompletionNode)


if __name__ == "__main__":
    sys.exit(main())
