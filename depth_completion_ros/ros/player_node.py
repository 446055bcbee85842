"""Node `player`: any data set or bag that `open_reader` opens, as the live topics of a robot.

Publishers, with the stamps of the data:
    image (rgb8), camera_info, points (PointCloud2 with intensity and ring where known),
    ground_truth (32FC1, where known), /clock, and where tf2 can be imported /tf_static and, for data
    with ego motion, /tf with the LiDAR in odom

With `realtime` false a frame is played once the one before has ended: completed, or dropped for a cause,
as the completion node tells on depth/frames.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header

from ..core import Frame, depth_to_points, invert
from ..core.frame import FIXED_FRAME
from ..core.geometry import matrix_to_quaternion
from ..data.bag.message_fields import points_array
from ..data.messages import check_stamp
from ..data.reader import open_reader
from . import conversions, qos
from .outcomes import listen
from .parameters.node import NodeParameters
from .process.run import run
from .wheels import packages

FIRST_STAMP_NS = 1_000_000_000
"""Where the time of data without stamps begins; zero means 'not stamped' in ROS."""
LAST_TIME_NS = 2**62
"""Later than all stamps there are."""
SETTLE_S = 0.5
"""How long to wait once the first subscribers are there, for the others that start with them."""
LINGER_S = 1.5
"""How long /clock goes on after the last message, so that listeners can finish."""


class PlayerNode(Node):
    """Plays frames at their own times; see the module for the topics.

    Args:
        feed: gives the frame to publish in place of one that was read.
        on_played: called with the stamp of the image and the frame that was read, before it is published.
        is_over: whether the frame with this stamp has ended; by what the completion node tells when None.
        may_begin: whether those are there that are waited for beside the subscribers.

    Attributes:
        played: frames published so far.
        ended: whether everything is played (never, with `loop`).
        ended_at: since when, monotonic seconds; None before.
        finished: whether the clock has gone on long enough after that.
        trouble: why playing ended too early, as a sentence; empty where it did not.

    Raises:
        ValueError, FileNotFoundError: a parameter or the data cannot be used; one sentence.
    """

    def __init__(
        self,
        *,
        feed: Callable[[Frame], Frame] = lambda frame: frame,
        on_played: Callable[[int, Frame], None] = lambda stamp, frame: None,
        is_over: Callable[[int], bool] | None = None,
        may_begin: Callable[[], bool] = lambda: True,
        **options,
    ):
        super().__init__("player", **options)
        self.settings = s = NodeParameters(self, "player").values
        if not s.data:
            raise ValueError("Parameter 'data' is empty; it must be the path of a data set or bag.")
        self._reader = open_reader(s.data, **({"fixed_frame": s.fixed_frame} if s.fixed_frame else {}))
        self.played = 0
        self.ended = self.finished = False
        self.trouble = ""
        self._feed, self._on_played, self._others_are_there = feed, on_played, may_begin
        self._over: set[int] = set()  # stamps of frames that have ended
        self._in_flight: int | None = None  # stamp of the frame that must end before the next, since when
        self._in_flight_since = 0.0
        self._is_over = is_over or self._over.__contains__
        self._attended = is_over is not None  # by a session, which knows when it is over
        profile = qos.output_profile(s)
        self._image = self.create_publisher(Image, "image", profile)
        self._info = self.create_publisher(CameraInfo, "camera_info", profile)
        self._points = self.create_publisher(PointCloud2, "points", profile)
        self._truth = self.create_publisher(Image, "ground_truth", profile)
        self._clock_topic = self.create_publisher(Clock, "/clock", 10) if s.clock else None
        self._tf = self._tf_static = None
        if packages.tf2:
            self._tf = packages.tf2.TransformBroadcaster(self)
            self._tf_static = packages.tf2.StaticTransformBroadcaster(self)
        self._T_sent: np.ndarray | None = None
        self._frames: Iterator[Frame] = iter(self._reader)
        self._index = 0  # of the frame in this round
        self._unstamped = 0  # frames without a stamp, of all rounds
        self._last_image = 0
        self._shift_ns = 0
        self._events: deque[tuple[int, Callable[[], None]]] = deque()
        self._now_ns = self._last_stamp = 0
        self._last_tick: float | None = None
        self.ended_at: float | None = None
        self._wait_until = time.monotonic() + s.wait_for_subscribers
        if not s.realtime and is_over is None:
            listen(self, lambda outcome: self._over.add(outcome.stamp))
        self._load()
        if not self._events:
            raise ValueError(f"There is no frame to play in '{s.data}' ({self._reader.describe()}).")
        self.get_logger().info(f"Playing {self._reader.describe()}.")
        self._timer = self.create_timer(1 / s.clock_rate, self._tick, clock=qos.steady_clock())

    def _tick(self) -> None:
        now = time.monotonic()
        if self._last_tick is None:
            if not self._may_begin(now):
                return
            self._now_ns = self._events[0][0]
        else:
            passed = round((now - self._last_tick) * self.settings.rate * 1e9)
            self._now_ns = max(self._now_ns, min(self._now_ns + passed, self._latest_time(now)))
        self._last_tick = now
        self._publish_clock()
        while self._events and self._events[0][0] <= self._now_ns:
            self._events.popleft()[1]()
            if not self._events:
                self._hold(now)
                self._load()
                if self._in_flight is not None:
                    return
        if not self._events and self._in_flight is None:
            self._at_end(now)

    def _latest_time(self, now: float) -> int:
        """How far the clock may go on: not past a frame that is still to be published, or must wait."""
        holds = self._holds(now)
        if self.settings.realtime or not self._events:
            return LAST_TIME_NS
        return self._events[0][0] - 1 if holds else self._events[-1][0]

    def _may_begin(self, now: float) -> bool:
        """Whether those that are waited for are there, or the wait is over; none of them is an error."""
        missing = self._without_subscriber()
        if not missing and self._others_are_there():
            self._wait_until = min(self._wait_until, now + SETTLE_S)
        if now < self._wait_until:
            return False
        limit = self.settings.wait_for_subscribers
        if limit and missing:
            self._give_up(f"Nobody subscribed to {missing} within {limit:.0f} s.")
        return not self.trouble

    def _hold(self, now: float) -> None:
        """Let the next frame wait for the one that was just published."""
        if not self.settings.realtime:
            self._in_flight, self._in_flight_since = self._last_image, now

    def _holds(self, now: float) -> bool:
        """Whether the frame that was published last has not ended yet."""
        if self._in_flight is None:
            return False
        if self._is_over(self._in_flight):
            self._over.discard(self._in_flight)
            self._in_flight = None
            return False
        if not self._image.get_subscription_count():
            self._give_up(f"Nobody subscribes to {self._image.topic_name} any more.")
            return True
        limit = self.settings.frame_timeout
        if now - self._in_flight_since > limit:
            self._give_up(f"The completion node told nothing of frame {self.played} within {limit:g} s.")
        return True

    def _give_up(self, sentence: str) -> None:
        self.trouble = sentence
        self.get_logger().error(sentence)
        self.ended = self.finished = True
        self.exit_code, self.ended_at = 1, time.monotonic()
        self._timer.cancel()

    def _at_end(self, now: float) -> None:
        if self.settings.loop and self.ended_at is None:
            if self._now_ns < self._last_stamp + 1e9 / self.settings.frame_rate:
                return
            if self._index == 1:  # a still: its stamp goes on, as one stamp again and again says nothing
                self._shift_ns += round(1e9 / self.settings.frame_rate)
            self._frames, self._index = iter(self._reader), 0
            self._load()
            if self._events:
                self._now_ns = self._events[0][0]
                return
        if self.ended_at is None:
            self.ended_at, self.ended = now, True
            self.get_logger().info(f"Played {self.played} frames.")
        elif now - self.ended_at > LINGER_S and not self._attended:
            self.finished = True

    def _without_subscriber(self) -> str:
        """The topics that are waited for and have no subscriber yet."""
        publishers = {
            "image": self._image,
            "camera_info": self._info,
            "points": self._points,
            "ground_truth": self._truth,
        }
        topics = self.settings.wait_topics
        return ", ".join(topic for topic in topics if not publishers[topic].get_subscription_count())

    def _publish_clock(self) -> None:
        if self._clock_topic is not None:
            message = Clock()
            message.clock.sec, message.clock.nanosec = divmod(self._now_ns, 10**9)
            self._clock_topic.publish(message)

    # Frames to messages --------------------------------------------------------------------------

    def _load(self) -> None:
        """Read the next frame that can be played, and put its messages in order of their stamps."""
        while not self._events:
            if self.settings.max_frames and self._index >= self.settings.max_frames:
                return
            try:
                frame = next(self._frames, None)
                _check_stamps(frame)
            except (ValueError, OSError) as error:
                self.get_logger().error(f"Reading stops after {self._index} frames: {error}")
                return
            if frame is None:
                return
            self._index += 1
            if frame.camera is None or frame.image is None:
                self.get_logger().warning(f"Frame {frame.name} has no camera or image; it is left out.")
                continue
            self._events.extend(sorted(self._messages(frame), key=lambda event: event[0]))
            self._last_stamp = self._events[-1][0]

    def _messages(self, frame: Frame) -> list[tuple[int, Callable[[], None]]]:
        s, read = self.settings, frame
        frame = self._feed(frame)
        if frame.stamp_image is None:
            stamp = FIRST_STAMP_NS + round(self._unstamped * 1e9 / s.frame_rate)
            self._unstamped += 1
        else:
            stamp = frame.stamp_image + self._shift_ns
        stamp_points = stamp if frame.stamp_points is None else frame.stamp_points + self._shift_ns
        camera_header = _header(stamp, frame.frame_id or s.camera_frame)
        cloud, lidar_frame = _cloud(frame), s.lidar_frame
        if frame.points is None:
            lidar_frame = camera_header.frame_id
        image = conversions.rgb_message(frame.image, camera_header)
        info = conversions.camera_info_message(frame.camera, camera_header)
        points = conversions.cloud_message(cloud, _header(stamp_points, lidar_frame))
        truth = None
        if s.ground_truth and frame.ground_truth is not None:
            truth = conversions.depth_message(frame.ground_truth, camera_header)

        def publish_image():
            self._last_image = stamp
            self._on_played(stamp, read)
            self._send_extrinsics(frame.T_cam_lidar, camera_header, lidar_frame)
            self._send_pose(frame.T_world_lidar_at_image, camera_header, lidar_frame)
            self._info.publish(info)
            self._image.publish(image)
            if truth is not None:
                self._truth.publish(truth)
            self.played += 1

        def publish_points():
            self._send_pose(frame.T_world_lidar, points.header, lidar_frame)
            self._points.publish(points)

        return [(stamp, publish_image), (stamp_points, publish_points)]

    def _send_extrinsics(self, T_cam_lidar: np.ndarray | None, header: Header, lidar_frame: str) -> None:
        if self._tf_static is None or T_cam_lidar is None or np.array_equal(T_cam_lidar, self._T_sent):
            return
        # The camera hangs from the LiDAR, which hangs from odom where its motion is known.
        parent = Header(stamp=header.stamp, frame_id=lidar_frame)
        self._tf_static.sendTransform(_transform(invert(T_cam_lidar), parent, header.frame_id))
        self._T_sent = T_cam_lidar

    def _send_pose(self, T_world_lidar: np.ndarray | None, header: Header, lidar_frame: str) -> None:
        if self._tf is not None and T_world_lidar is not None:
            parent = Header(stamp=header.stamp, frame_id=FIXED_FRAME)
            self._tf.sendTransform(_transform(T_world_lidar, parent, lidar_frame))


def _check_stamps(frame: Frame | None) -> None:
    """A ValueError where a stamp of a frame cannot be told to ROS."""
    for time_ns in () if frame is None else (frame.stamp_image, frame.stamp_points):
        if time_ns is not None:
            check_stamp(time_ns, f"Frame {frame.name}")


def _transform(T_parent_child: np.ndarray, header: Header, child_frame: str):
    from geometry_msgs.msg import TransformStamped

    message = TransformStamped(header=header, child_frame_id=child_frame)
    move, turn = message.transform.translation, message.transform.rotation
    move.x, move.y, move.z = map(float, T_parent_child[:3, 3])
    turn.x, turn.y, turn.z, turn.w = map(float, matrix_to_quaternion(T_parent_child[:3, :3]))
    return message


def _header(stamp_ns: int, frame_id: str) -> Header:
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 10**9)
    return header


def _cloud(frame: Frame) -> np.ndarray:
    """Points of a frame with intensity and ring where known; of its sparse depth if it has no points."""
    points = frame.points
    if points is None:
        depth = np.zeros(frame.size, np.float32) if frame.sparse_depth is None else frame.sparse_depth
        points = depth_to_points(depth, frame.camera)
    return points_array(points, frame.rings, frame.point_times)


def main() -> int:
    """Play until the end of the data or a signal."""
    return run(PlayerNode)


if __name__ == "__main__":
    sys.exit(main())
