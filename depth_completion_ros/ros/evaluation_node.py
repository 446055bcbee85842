"""Node `evaluation`: scores the depth of the completion node while it runs.

Mode `ground_truth`:  depth/image is compared with the topic ground_truth of the same stamp.
Mode `hide`:          points are received, part of them is hidden and the rest published as
                      points_kept, which the completion node subscribes to as its points; its depth is
                      scored on the hidden ones.

Publishers:
    metrics/<name> (std_msgs/Float32, one value a frame): rmse_mm, mae_mm, irmse_per_km, imae_per_km,
    rel, delta1, delta2, delta3, pixels, coverage; /diagnostics with the mean of all frames

Frames that the completion node drops are counted by cause, as a mean over fewer frames is another mean.
"""

from __future__ import annotations

import array
import sys
import traceback
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Float32

from ..core import Frame, compute_metrics
from ..core.region import region_mask
from ..data.messages import decode_camera_info, decode_depth_image, decode_points, rings_from_top, stamp_ns
from ..data.messages.rows import row_stride
from ..evaluation.protocols import held_out
from ..evaluation.scores import NAMES, RunningScores
from . import qos
from .diagnostics import OK, WARN, DiagnosticsPublisher, Status, Stream, stream_statuses
from .extrinsics import Extrinsics
from .inputs.backlog import Backlog, message_bytes
from .inputs.drop import Drop
from .outcomes import COMPLETED, Outcome, listen
from .parameters.node import NodeParameters
from .process.run import run
from .process.stopping import FRAME_LIMIT_S
from .worker import Worker

KEEP = 100
"""Pairs that may wait to be scored."""
MOST_CAUSES = 50
"""Under which another node may have its frames counted."""
TOLD_EARLY = 1000
"""Frames that are remembered as dropped until their truth comes, which may be later than the word of them."""


class EvaluationNode(Node):
    """Scores depth against the truth or against hidden points; see the module for the topics.

    Attributes:
        scores: of all frames.
        exit_code: 1 where the report could not be written.
        unscored: frames and clouds that could not be scored, by cause.
        not_completed: frames that never got a depth, by the cause that the completion node tells.
        missed: outcomes that the completion node has told, but which did not arrive.

    Raises:
        ValueError, FileNotFoundError: a parameter cannot be used; one sentence.
    """

    def __init__(self, **options):
        super().__init__("evaluation", **options)
        self.exit_code = 0
        self.unscored: Counter[str] = Counter()
        self.not_completed: Counter[str] = Counter()
        self.missed = 0
        self._dropped: OrderedDict[int, None] = OrderedDict()  # by stamp, those whose truth is still to come
        self._worker = Worker(self._score, self._on_failed, KEEP)
        self._extrinsics: Extrinsics | None = None
        self._streams: dict[str, Stream] = {}
        self.settings = s = NodeParameters(self, "evaluation").values
        if s.report and not Path(s.report).absolute().parent.is_dir():
            raise ValueError(f"Parameter 'report' is '{s.report}'; its folder must be there already.")
        self.scores = RunningScores(Path(s.report).absolute().parent if s.report else None)
        limits = s.waiting_memory << 20, s.waiting_time
        self._waiting: Backlog[dict[str, object]] = Backlog(*limits)
        self._clouds: Backlog[tuple[PointCloud2, np.ndarray]] = Backlog(*limits)
        self._random = np.random.default_rng(s.seed)
        self._hides = s.mode == "hide"
        if self._hides:
            self._extrinsics = Extrinsics(self, s)
        self._kept = self.create_publisher(PointCloud2, "points_kept", qos.output_profile(s))
        self._metrics = {name: self.create_publisher(Float32, f"metrics/{name}", 10) for name in NAMES}
        self._worker.start()
        self._listen("depth", Image, "depth/image")
        if self._hides:
            self._listen("camera_info", CameraInfo, "depth/camera_info")
            self._listen("points", PointCloud2, "points", self._on_points)
        else:
            self._listen("truth", Image, "ground_truth")
        listen(self, self._on_outcome, self._on_missed)
        self._diagnostics = DiagnosticsPublisher(self, self._collect)

    def _listen(self, name: str, kind: type, topic: str, callback=None) -> None:
        stream = self._streams[name] = Stream(name, self.resolve_topic_name(topic), kind)

        def on_message(message):
            stream.message()
            (callback or (lambda m: self._on_part(name, m)))(message)

        def on_mismatch(policy):
            stream.mismatch = policy
            self.get_logger().warning(
                f"A publisher of {stream.topic} offers an incompatible QoS ({policy}); nothing arrives."
            )

        events = qos.subscription_events(on_mismatch)
        profile = qos.input_profile(self.settings)
        self.create_subscription(kind, topic, on_message, profile, event_callbacks=events)

    # Inputs --------------------------------------------------------------------------------------

    def _on_part(self, name: str, message) -> None:
        """Hand over what belongs to one image once both halves are there."""
        stamp = stamp_ns(message.header)
        if name == "truth" and stamp in self._dropped:
            del self._dropped[stamp]  # its frame is counted
            return
        parts = (self._waiting.pop(stamp) or {}) | {name: message}
        size = sum(map(message_bytes, parts.values()))
        if len(parts) < 2:
            for alone in self._waiting.put(stamp, parts, size):
                self.unscored[f"{next(iter(alone))} without partner of the same stamp"] += 1
        elif (
            self._worker.pending * size > self._waiting.max_bytes
            or self._worker.put((stamp, parts)) is not None
        ):
            self.unscored["scoring is too slow"] += 1

    def _on_outcome(self, outcome: Outcome) -> None:
        if outcome.cause == COMPLETED:
            return
        is_new = outcome.cause not in self.not_completed and len(self.not_completed) >= MOST_CAUSES
        self.not_completed["other causes" if is_new else outcome.cause] += 1
        if self._waiting.pop(outcome.stamp) is None:  # its truth will find no depth
            self._dropped[outcome.stamp] = None
            if len(self._dropped) > TOLD_EARLY:
                self._dropped.popitem(last=False)

    def _on_missed(self, number: int) -> None:
        self.missed += number

    def _on_points(self, message) -> None:
        """Publish the cloud without what is hidden, in its own layout."""
        try:
            kept = self._keep(message)
            selected = select_points(message, kept)
        except ValueError as error:
            self._count("cloud cannot be hidden", str(error))
            return
        self._clouds.put(stamp_ns(message.header), (message, kept), message_bytes(message) + len(kept))
        self._kept.publish(selected)

    def _keep(self, message) -> np.ndarray:
        s = self.settings
        cloud = decode_points(message)
        if s.hide == "random":
            return self._random.random(len(cloud.points)) >= s.hide_share
        if cloud.rings is None:
            names = ", ".join(field.name for field in message.fields)
            raise ValueError(f"The cloud has no field ring to hide by, only {names}.")
        return rings_from_top(cloud.rings, cloud.points) % s.hide_every == 0

    # Scoring, in the worker's thread -------------------------------------------------------------

    def _score(self, item: tuple[int, dict]) -> None:
        stamp, parts = item
        depth = decode_depth_image(parts["depth"], self.settings.max_image_pixels)
        if self._hides:
            truth = self._hidden(stamp, parts)
        else:
            truth = decode_depth_image(parts["truth"], self.settings.max_image_pixels)
        metrics = compute_metrics(depth, truth, self._scored(truth))
        if not metrics.pixels:
            raise Drop("nothing to score", "No pixel has both a truth and a depth.")
        self.scores.add(stamp, metrics)
        for name, publisher in self._metrics.items():
            publisher.publish(Float32(data=float(getattr(metrics, name))))

    def _scored(self, truth: np.ndarray) -> np.ndarray:
        """Mask of the pixels within the limits of depth and region."""
        s = self.settings
        inside = region_mask(truth.shape, s.region if any(s.region) else None)
        return inside & (truth >= s.min_depth) & (truth <= s.max_depth)

    def _hidden(self, stamp: int, parts: dict) -> np.ndarray:
        """Depth of the hidden points at pixels that no kept one hits; none that shows through."""
        s, header = self.settings, parts["depth"].header
        wanted = stamp + round(s.image_time_offset * 1e9)
        found = self._clouds.nearest(wanted)
        if found is None or abs(found[0] - wanted) > s.slack * 1e9:
            raise Drop("no cloud near the image", "No cloud was received within `slack` of the image.")
        nearest, (message, kept) = found
        points = decode_points(message).points
        T_cam_lidar, _ = self._extrinsics.of_frame(header.frame_id, message.header.frame_id, wanted, nearest)
        camera = decode_camera_info(parts["camera_info"])
        return held_out(Frame(camera=camera, points=points, T_cam_lidar=T_cam_lidar), kept)

    def _on_failed(self, item, error: Exception) -> None:
        if isinstance(error, Drop):
            self._count(error.cause, str(error))
        elif isinstance(error, ValueError):
            self._count("message cannot be used", str(error))
        elif self.context.ok():
            self._count("unexpected failure", "".join(traceback.format_exception(error)))

    def _count(self, cause: str, sentence: str) -> None:
        self.unscored[cause] += 1
        if self.unscored[cause] == 1:
            self.get_logger().warning(f"Not scored, {cause}: {sentence}")

    # Results -------------------------------------------------------------------------------------

    def _collect(self) -> list[Status]:
        statuses = stream_statuses(self, self._streams.values(), self.settings.stale_after)
        mean = self.scores.mean()
        values: dict[str, object] = {"frames": len(self.scores)}
        values |= {f"unscored: {cause}": n for cause, n in self.unscored.items()}
        values |= {f"not completed: {cause}": n for cause, n in self.not_completed.items()}
        values |= {"outcomes that did not arrive": self.missed} if self.missed else {}
        if mean is None:
            level = WARN if self.unscored else OK
            return [*statuses, Status("metrics", level, "No frame scored yet.", values)]
        values |= {name: f"{getattr(mean, name):.6g}" for name in NAMES}
        return [*statuses, Status("metrics", OK, self._summary(), values)]

    def _summary(self) -> str:
        """The score so far in a sentence, with how many frames it lacks."""
        mean = self.scores.mean()
        if mean is None:
            sentence = "No frame scored."
        else:
            score = f"RMSE {mean.rmse_mm:.0f} mm, MAE {mean.mae_mm:.0f} mm"
            sentence = f"{score} over {len(self.scores)} frames."
        for what, counts in (("not completed", self.not_completed), ("not scored", self.unscored)):
            if counts:
                causes = ", ".join(f"{cause} ({n})" for cause, n in counts.most_common())
                sentence += f" {counts.total()} {what}: {causes}."
        if self.missed:
            sentence += f" The outcomes of {self.missed} frames did not arrive."
        return sentence

    def write_report(self) -> None:
        """Write the JSON file of the parameter `report`, if there is one."""
        if not self.settings.report:
            return
        content = {
            "mode": self.settings.mode,
            "frames": len(self.scores),
            "unscored": dict(self.unscored),
            "not_completed": dict(self.not_completed),
            "outcomes_missed": self.missed,
        }
        trouble = self.scores.trouble
        try:
            self.scores.write_json(self.settings.report, content)
        except OSError as error:
            trouble = f"The report cannot be written: {error}"
        if trouble:
            self.exit_code = 1
            self.get_logger().error(trouble)

    def destroy_node(self) -> None:
        """Stop scoring, write the report, and go."""
        self._worker.stop(FRAME_LIMIT_S)
        if self._extrinsics is not None:
            self._extrinsics.close()
        if self._streams:  # else it was never set up
            alone = sum("truth" in parts for parts in self._waiting.items)
            if alone:
                self.not_completed["nothing was told of it"] += alone
            self.get_logger().info(self._summary())
            self.write_report()
        super().destroy_node()


def select_points(message: PointCloud2, kept: np.ndarray) -> PointCloud2:
    """A cloud with only the points of a mask, in the same layout, as one row."""
    if not kept.size:
        return PointCloud2(header=message.header, height=1, fields=message.fields, is_dense=message.is_dense)
    data = np.frombuffer(message.data, np.uint8)
    row = message.width * message.point_step
    row_step = row_stride(message.height, row, message.row_step, data.size, "PointCloud2")
    shape = (message.height, message.width, message.point_step)
    strides = (row_step, message.point_step, 1)
    points = np.ndarray(shape, np.uint8, data, 0, strides).reshape(-1, message.point_step)[kept]
    selected = array.array("B")
    selected.frombytes(points.data)
    return PointCloud2(
        header=message.header,
        height=1,
        width=len(points),
        fields=message.fields,
        is_bigendian=message.is_bigendian,
        point_step=message.point_step,
        row_step=len(points) * message.point_step,
        is_dense=message.is_dense,
        data=selected,
    )


def main() -> int:
    """Score until a signal ends it."""
    return run(EvaluationNode)


if __name__ == "__main__":
    sys.exit(main())
