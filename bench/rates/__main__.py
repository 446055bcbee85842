"""How many frames a second the completion node keeps up with, and what it costs at a fixed rate.

    python bench/rates --drive FOLDER --out rates.json                # rates of nearest, linear, default
    python bench/rates --drive FOLDER --composed --out composed.json  # all nodes in one process, or one each

By the method of ros2_benchmark (github.com/NVIDIA-ISAAC-ROS/ros2_benchmark): messages are played from memory,
a monitor in another process notes which depth arrives when; the largest rate with less than 5 % of the frames
lost is sought by halves, then step by step; there, and at fixed rates, several runs, of which the best and
the worst of each figure are left out. The JSON has the hash of what was played and the configuration.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", "97")

import rclpy
from figures import largest_rate, without_extremes
from graph import Graph
from robot import hash_of, read_frames

from depth_completion_ros import __version__
from depth_completion_ros.ros import transport

APART = (("playback",), ("completion",))
GRAPHS = {
    "a process for each": (APART, False),
    "one process, by DDS": ((("completion", "playback"),), False),
    "one process, handed over": ((("completion", "playback"),), True),
    "rectified, a process for each": ((*APART, ("rectify",)), False),
    "rectified, one process, by DDS": ((("completion", "rectify", "playback"),), False),
    "rectified, one process, handed over": ((("completion", "rectify", "playback"),), True),
}


def measure_rates(given, completer: str) -> dict:
    """The largest rate of a completer, runs at it, and at the fixed rates."""
    found: dict = {"completer": completer}
    with _graph(given, APART, completer, False) as graph:
        best, tried = largest_rate(lambda rate: _said(graph.play(rate, given.seconds)), given.low, given.high)
    found["largest_rate"], found["tried"] = best, [run.figures() for run in tried]
    for rate in dict.fromkeys([best, *given.rates]):
        if not rate:
            continue
        with _graph(given, APART, completer, False) as graph:  # anew, so that stages are of these runs alone
            runs = [_said(graph.play(rate, given.seconds)) for _ in range(given.runs)]
            time.sleep(1.2)  # diagnostics come once a second
            stages = graph.monitor.stages
        found[f"{rate:g} Hz"] = {
            "mean": without_extremes([run.figures() for run in runs]),
            "runs": [run.figures() for run in runs],
            "stages": stages,
        }
    return found


def measure_composed(given, completer: str) -> dict:
    """All graphs at the first fixed rate, in turn, so that a drift of the machine meets all alike."""
    runs: dict[str, list] = {name: [] for name in GRAPHS}
    for _ in range(given.runs):
        for name, (processes, handed) in GRAPHS.items():
            with _graph(given, processes, completer, handed) as graph:
                run = _said(graph.play(given.rates[0], given.seconds), f"{completer}, {name}")
                figures = run.figures() | {"memory_mib": graph.memory_mib()}
            figures["cpu_ms_a_frame"] = 1e3 * sum(run.cpu_s.values()) / run.sent
            runs[name].append(figures)
    graphs = {name: {"mean": without_extremes(each), "runs": each} for name, each in runs.items()}
    return {"completer": completer, "rate": given.rates[0], "graphs": graphs}


class _graph:  # noqa: N801
    def __init__(self, given, processes, completer, handed):
        self._graph = Graph(processes, given.drive, completer, handed, given.frames, given.log)

    def __enter__(self) -> Graph:
        self._graph.monitor.wait_for_graph()
        return self._graph

    def __exit__(self, *_) -> None:
        self._graph.close()


def _said(run, what: str = ""):
    figures = run.figures()
    p50, p95 = (figures.get(f"latency_p{p}_ms", float("nan")) for p in (50, 95))
    print(
        f"{what} {run.rate:6.2f} Hz: {run.received} of {run.sent}, sent at {run.rate_sent:.2f}, "
        f"p50 {p50:.0f}, p95 {p95:.0f} ms",
        flush=True,
    )
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drive", type=Path, required=True, help="what is played")
    parser.add_argument("--frames", type=int, default=20, help="of the drive that are played in turn")
    parser.add_argument("-c", "--completer", action="append")
    parser.add_argument("--composed", action="store_true")
    parser.add_argument("--rates", type=float, nargs="+", default=[10.0], help="fixed rates, Hz")
    parser.add_argument("--low", type=float, default=2.0)
    parser.add_argument("--high", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a run")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.log = Path(tempfile.mkdtemp()) / "nodes.log"
    print(f"What the nodes say is in {given.log}.")
    transport.use_large_message_profile()
    rclpy.init()
    frames = read_frames(str(given.drive), given.frames)
    content = {
        "version": __version__,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
        "threads": os.environ.get("OMP_NUM_THREADS", "one a core"),
        "load_before": os.getloadavg(),
        "input": {"frames": len(frames), "size": frames[0].size, "sha256": hash_of(frames)},
        "points_a_frame": [len(frame.points) for frame in frames],
        "configuration": {k: str(v) if isinstance(v, Path) else v for k, v in vars(given).items()},
    }
    content["results"] = []
    measure = measure_composed if given.composed else measure_rates
    for name in given.completer or ("nearest", "linear", "default"):
        content["results"].append(measure(given, name))
        content["load_after"] = os.getloadavg()
        given.out.write_text(json.dumps(content, indent=1) + "\n")  # also where it is ended early
    rclpy.shutdown()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


if __name__ == "__main__":
    main()
