"""The demonstration: real nodes in processes of their own, over real DDS, on a drive we make."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import cv2
import numpy as np

from ..core import Frame, SparseDepth
from ..core.visual import colourise_depth, error_map, label, overlay_sparse
from ..data.messages import decode_depth_image, stamp_ns
from ..data.reader import open_reader
from ..ros.transport import use_large_message_profile
from .drive import make_demo_drive

COMPLETERS = ("nearest", "linear", "morphological", "default")
DRIVE_RATE = 10.0
SCORED_DEPTH_M = 80.0
NAMESPACE = "/depth_completion_demo"
START_LIMIT_S, END_LIMIT_S = 30.0, 20.0


def run_demo(
    frames: int = 40,
    seed: int = 0,
    out: str | Path = "demo",
    completers: Sequence[str] = COMPLETERS,
    rate: float = 10.0,
) -> int:
    """Play the demo drive through the live nodes once for each completer, and show how it went.

    Prints a table and writes into `out`: the drive (kept for the next time), `results.json` and a
    picture for each completer (image, sparse overlay, dense depth, error).

    Args:
        rate: frames a second; the drive was recorded at 10.

    Returns:
        exit code: 0, or 1 with a sentence printed when a node did not start or finish.
    """
    try:
        _run(frames, seed, Path(out), completers, rate)
    except (RuntimeError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(frames: int, seed: int, out: Path, completers: Sequence[str], rate: float) -> None:
    out.mkdir(parents=True, exist_ok=True)
    print(f"Making a drive of {frames} frames in {out / 'drive'} (or taking the one there) ...", flush=True)
    drive = make_demo_drive(out / "drive", frames=frames, seed=seed)
    example = _middle_frame(drive)
    # A robot on the same network must not notice; a domain that the user chose stays.
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    use_large_message_profile()
    results: dict = {"frames": frames, "seed": seed, "rate": rate, "completers": {}}
    for name in completers:
        print(f"Playing it through '{name}' ...", flush=True)
        results["completers"][name], stamp, depth = _run_one(name, drive, example, out, rate)
        shown = next(frame for frame in open_reader(drive) if frame.stamp_image == stamp)
        _write_picture(out / f"{name}.png", name, shown, depth)
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    _print_table(results)
    print(f"Pictures and results.json are in {out.resolve()}")


def _middle_frame(drive: Path) -> Frame:
    reader = open_reader(drive)
    frames = (frame for index, frame in enumerate(reader) if index == len(reader) // 2)
    return next(frames)


def _seen_by_lidar(frame: Frame) -> list[int]:
    """The image below the topmost scan lines; what is above, no completer without a prior can know."""
    rows = np.nonzero(SparseDepth.from_points(frame).depth)[0]
    top = int(np.percentile(rows, 1))
    return [0, top, frame.camera.width, frame.camera.height]


def _run_one(name: str, drive: Path, example: Frame, out: Path, rate: float):
    """Play the drive through one completer; its results, and stamp and depth near the example."""
    report = out / f"{name}_metrics.json"
    report.unlink(missing_ok=True)
    extrinsics = np.asarray(example.T_cam_lidar, np.float64).ravel().tolist()
    with _watcher(example.stamp_image) as watcher, ExitStack() as processes:
        for node, parameters in {
            "completion": {
                "completer": name,
                "extrinsics_source": "parameter",
                "extrinsics": extrinsics,
            },
            "evaluation": {
                "report": str(report),
                "qos_input_reliability": "reliable",
                "region": _seen_by_lidar(example),
                "max_depth": SCORED_DEPTH_M,
            },
        }.items():
            processes.enter_context(_node(node, parameters))
        watcher.wait(watcher.is_connected, START_LIMIT_S, "the completion node did not start")
        player = processes.enter_context(
            _node(
                "player",
                {
                    "data": str(drive),
                    "rate": rate / DRIVE_RATE,
                    "wait_for_subscribers": START_LIMIT_S,
                    "wait_topics": ["image", "camera_info", "points", "ground_truth"],
                    "qos_output_reliability": "reliable",
                },
            )
        )
        limit = START_LIMIT_S + 60 + 2 * len(open_reader(drive)) / rate
        watcher.wait(lambda: player.poll() is not None, limit, "the player did not end")
        watcher.forget_statuses()
        watcher.wait(watcher.is_idle, END_LIMIT_S, "the completion node did not finish its frames")
        statuses, shown = watcher.statuses, watcher.shown
    if shown is None:
        raise RuntimeError(f"The demo got no depth from completer '{name}'.")
    return _results(statuses, json.loads(report.read_text())), *shown


@contextmanager
def _node(name: str, parameters: dict):
    """A node in a process of its own, ended as Ctrl-C would end it."""
    command = [sys.executable, "-m", f"depth_completion_ros.ros.{name}_node", "--ros-args"]
    command += ["-r", f"__ns:={NAMESPACE}", "--log-level", "warn"]
    for key, value in parameters.items():
        text = f'"{value}"' if isinstance(value, str) else value
        command += ["-p", f"{key}:={text}"]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _watcher(stamp: int):
    """A `_Watcher` with rclpy around it."""
    import rclpy
    from rclpy.context import Context

    context = Context()
    rclpy.init(args=[], context=context)
    watcher = _Watcher(context, stamp)
    try:
        yield watcher
    finally:
        watcher.close()
        rclpy.try_shutdown(context=context)


class _Watcher:
    """Looks at what the nodes publish, in this process.

    Attributes:
        statuses: values of /diagnostics by the name of the status.
        shown: stamp and depth (H x W metres) of the image nearest in time to the given stamp.
    """

    def __init__(self, context, stamp: int):
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.node import Node
        from sensor_msgs.msg import Image

        self.statuses: dict[str, dict[str, str]] = {}
        self.shown: tuple[int, np.ndarray] | None = None
        self._stamp = stamp
        self._state: tuple = ()
        self._state_since = 0.0
        self._node = Node("demo", namespace=NAMESPACE, context=context)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._node.create_subscription(Image, "depth/image", self._on_depth, 10)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)

    def _on_diagnostics(self, message) -> None:
        for status in message.status:
            self.statuses[status.name.split("/")[-1]] = {v.key: v.value for v in status.values}

    def _on_depth(self, message) -> None:
        stamp = stamp_ns(message.header)
        if self.shown is None or abs(stamp - self._stamp) < abs(self.shown[0] - self._stamp):
            self.shown = stamp, decode_depth_image(message)

    def is_connected(self) -> bool:
        """Whether the completion node reaches both the evaluation node and this one."""
        return self.statuses.get("completion: outputs", {}).get("depth/image") == "2"

    def forget_statuses(self) -> None:
        """Wait for new diagnostics from here on."""
        self.statuses.clear()

    def is_idle(self) -> bool:
        """Whether every frame taken in has ended, and scoring has not moved for two reports."""
        frames, scores = (self.statuses.get(n) for n in ("completion: frames", "evaluation: metrics"))
        if frames is None or scores is None:
            return False
        dropped = sum(int(v) for k, v in frames.items() if k.startswith("dropped: "))
        state = frames["frames"], frames["completed"], scores["frames"]
        if state != self._state:
            self._state, self._state_since = state, time.monotonic()
        still = time.monotonic() - self._state_since > 2.2
        return still and int(frames["frames"]) == int(frames["completed"]) + dropped

    def wait(self, condition, limit_s: float, otherwise: str) -> None:
        """Spin until a condition holds; RuntimeError after so many seconds."""
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"The demo stops: {otherwise} within {limit_s:.0f} s.")
            self._executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self._node.destroy_node()


def _results(statuses: dict[str, dict[str, str]], report: dict) -> dict:
    frames = statuses["completion: frames"]
    lost = {
        key.split(": ")[1]: int(value)
        for key, value in frames.items()
        if key.startswith(("dropped: ", "unpaired: ")) and int(value)
    }
    return {
        "images_in": int(statuses["completion: input image"]["received"]),
        "clouds_in": int(statuses["completion: input points"]["received"]),
        "completed": int(frames["completed"]),
        "dropped": lost,
        "latency_ms": {p: float(frames[f"latency {p} (ms)"]) for p in ("p50", "p95", "p99")},
        "frames_scored": report["frames"],
        "metrics": report["mean"],
    }


def _print_table(results: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    title = (
        f"Live nodes on the demo drive, {results['rate']:g} frames a second; scored on the true depth up "
        f"to {SCORED_DEPTH_M:g} m below the topmost scan line"
    )
    table = Table(title=title)
    columns = ("completer", "frames in", "completed", "dropped", "p50 ms", "p95 ms", "p99 ms")
    metrics = {"RMSE mm": "rmse_mm", "MAE mm": "mae_mm", "iRMSE 1/km": "irmse_per_km"}
    metrics |= {"iMAE 1/km": "imae_per_km", "REL": "rel", "delta 1.25": "delta1", "coverage": "coverage"}
    for column in (*columns, *metrics):
        table.add_column(column, justify="left" if column in ("completer", "dropped") else "right")
    for name, r in results["completers"].items():
        dropped = ", ".join(f"{cause}: {number}" for cause, number in r["dropped"].items()) or "0"
        cells = [name, str(r["images_in"]), str(r["completed"]), dropped]
        cells += [f"{value:.1f}" for value in r["latency_ms"].values()]
        table.add_row(*cells, *(_number((r["metrics"] or {}).get(key)) for key in metrics.values()))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _write_picture(path: Path, name: str, frame: Frame, depth: np.ndarray) -> None:
    """Image, sparse overlay, dense depth and error of a frame, one above the other."""
    sparse = SparseDepth.from_points(frame).depth
    rows = [
        label(frame.image, "image"),
        label(overlay_sparse(frame.image, sparse), f"LiDAR, {np.count_nonzero(sparse)} pixels"),
        label(colourise_depth(depth), f"depth by {name}"),
    ]
    if frame.ground_truth is not None:
        predicted = np.where(depth > 0, depth, np.float32(np.nan))
        rows.append(label(error_map(predicted, frame.ground_truth), "error, red is 2 m and more"))
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])
