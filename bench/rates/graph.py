"""The graph that is measured: its processes, what they cost, and a monitor that hears what comes out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from figures import Run
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from robot import PLAY, PLAYED
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64MultiArray

from depth_completion_ros.data.messages import stamp_ns
from depth_completion_ros.ros import qos
from depth_completion_ros.ros.process.stopping import PARENT

START_LIMIT_S, END_LIMIT_S = 60.0, 3.0
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Graph:
    """Processes of nodes, started with this object and ended by `close`.

    Args:
        processes: names of the nodes of each, such as ("playback", "completion").
        drive: what is played.
        completer: of the completion node.
        handed: whether the nodes of a process hand messages over past DDS.
    """

    def __init__(self, processes, drive: Path, completer: str, handed: bool, frames: int, log: Path):
        rectifies = any("rectify" in nodes for nodes in processes)
        parameters = {"completion:completer": completer, "playback:distorted": rectifies}
        remaps = {"completion:image": "image_rect" if rectifies else "image_raw"}
        if rectifies:
            remaps["completion:camera_info"] = "rect/camera_info"
        words = ["--ros-args", "--log-level", "warn"]
        words += [w for k, v in parameters.items() for w in ("-p", f"{k}:={json.dumps(v)}")]
        words += [w for k, v in remaps.items() for w in ("-r", f"{k}:={v}")]
        self._processes, self._log = {}, log.open("a")
        for nodes in processes:
            command = [sys.executable, str(Path(__file__).with_name("graph_process.py")), ",".join(nodes)]
            command += ["--drive", str(drive), "--frames", str(frames)]
            self._processes["+".join(nodes)] = subprocess.Popen(
                [*command, *(["--handed"] if handed else []), *words],
                stderr=self._log,
                stdout=self._log,
                env=os.environ | {PARENT: str(os.getpid())},
            )
        self.monitor = Monitor()

    def play(self, rate: float, seconds: float) -> Run:
        """Play for some seconds, and what came out."""
        before = self._cpu()
        run = self.monitor.play(rate, max(round(rate * seconds), 3))
        run.cpu_s = {name: after - before[name] for name, after in self._cpu().items()}
        return run

    def _cpu(self) -> dict[str, float]:
        """Seconds that cores have worked for each process so far."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise SystemExit(f"The process of {name} has ended with code {process.returncode}.")
        return {name: _worked(process.pid) for name, process in self._processes.items()}

    def memory_mib(self) -> float:
        """Memory of all processes; what they share counts once."""
        return sum(_proportional_kib(process.pid) for process in self._processes.values()) / 1024

    def close(self) -> None:
        self.monitor.close()
        for process in self._processes.values():
            process.send_signal(signal.SIGINT)
        for process in self._processes.values():
            process.wait(30)
        self._log.close()


def _worked(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _proportional_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


class Monitor(Node):
    """Notes when the depth of each stamp arrives, in a thread of its own."""

    def __init__(self):
        super().__init__("monitor")
        self._ends, self._arrived, self._told = threading.Event(), {}, None
        self.stages: dict[str, float] = {}
        self._order = self.create_publisher(Float64MultiArray, PLAY, 10)
        self.create_subscription(Image, "depth/image", self._on_depth, qos.profile("reliable", 10))
        self.create_subscription(CameraInfo, "depth/camera_info", lambda m: None, qos.profile("reliable", 10))
        self.create_subscription(Float64MultiArray, PLAYED, self._on_played, 10)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def wait_for_graph(self) -> None:
        """Until a frame has come through."""
        deadline = time.monotonic() + START_LIMIT_S
        while self.play(10, 3, limit_s=0.5).received < 3:
            if time.monotonic() > deadline:
                raise SystemExit(f"The graph gives no depth within {START_LIMIT_S:.0f} s.")

    def play(self, rate: float, count: int, limit_s: float = END_LIMIT_S) -> Run:
        self._arrived, self._told = {}, None
        deadline = time.monotonic() + START_LIMIT_S
        while not self._order.get_subscription_count():
            if time.monotonic() > deadline:
                raise SystemExit("The playback is not there.")
            time.sleep(0.05)
        self._order.publish(Float64MultiArray(data=[rate, float(count)]))
        deadline = time.monotonic() + 3 * count / rate + START_LIMIT_S
        while self._told is None:
            if time.monotonic() > deadline:
                raise SystemExit("The playback does not end.")
            time.sleep(0.02)
        sent, first, last = self._told
        deadline = time.monotonic() + limit_s
        while len(self._arrived) < sent and time.monotonic() < deadline:
            time.sleep(0.02)
        return Run(rate, int(sent), last - first, dict(self._arrived))

    def close(self) -> None:
        self._ends.set()
        self._thread.join()
        self.destroy_node()

    def _spin(self) -> None:
        executor = SingleThreadedExecutor()
        executor.add_node(self)
        while not self._ends.is_set():
            executor.spin_once(timeout_sec=0.1)
        executor.shutdown()

    def _on_depth(self, message: Image) -> None:
        self._arrived[stamp_ns(message.header)] = time.time_ns()

    def _on_played(self, message: Float64MultiArray) -> None:
        self._told = tuple(message.data)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith("completion: latency"):
                self.stages = {pair.key: float(pair.value) for pair in status.values}
