"""Hours of work under everything that happens to a robot, with the account of every image.

    make soak                    # an hour; HOURS=8 COMPLETER=nearest for others
    python bench/soak --hours 0.1 --completer nearest

A robot publishes images, CameraInfo, clouds, TF and /clock; a completion node and an evaluation node work
on them, a player and a second completion node beside them, each in a process of its own. Clouds and images
vary, subscribers come and go, the clock jumps, drivers restart, a consumer is slow, TF is late or lost, and
the calibration changes. Writes soak.md, soak.json and soak.png: memory, file descriptors, threads and shared
memory over time, and what became of each image. Exit code 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", "96")

import rclpy
from disturbances import Disturbances
from listener import Listener
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from report import grows, growth, write
from robot import Robot
from watch import Process, Watch

from depth_completion_ros.core.safe.files import write_text
from depth_completion_ros.ros.transport import use_large_message_profile

SAMPLE_S = 5.0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser("soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--completer", default="default")
    parser.add_argument("--rate", type=float, default=10.0, help="Hz")
    parser.add_argument("--size", type=int, nargs=2, default=(621, 188), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("soak"), help="folder for the report")
    given = parser.parse_args()
    use_large_message_profile()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        processes = start(given, Path(folder))
        result, samples = run(given, processes)
    found = write(result, samples, given.out)
    for sentence in found or ["Nothing is wrong."]:
        print(sentence)
    print(f"Report: {given.out / 'soak.md'}")
    return 1 if found else 0


def start(given: argparse.Namespace, data: Path) -> list[Process]:
    """All nodes, each in a process of its own."""
    live = {
        "use_sim_time": True,
        "completer": given.completer,
        "warm_up_size": list(given.size),
        "calibration_timeout": 0.2,
    }
    scored = {"use_sim_time": True, "report": str(given.out.resolve() / "evaluation.json")}
    played = {"data": str(write_frames(data)), "loop": True, "clock": False, "frame_rate": 2.0}
    beside = ("__ns:=/played", "/tf_static:=/played/tf_static", "/tf:=/played/tf")
    return [
        Process("completion", "completion_node", live, given.out),
        Process("evaluation", "evaluation_node", scored, given.out),
        Process("player", "player_node", played, given.out, beside),
        Process("completion_of_player", "completion_node", {"completer": "nearest"}, given.out, beside),
    ]


def write_frames(folder: Path) -> Path:
    """Three frame folders for the player."""
    import cv2
    import numpy as np

    for number in range(3):
        frame = folder / f"frame_{number}"
        frame.mkdir()
        text = (
            '{"kind": "lidar", "width": 160, "height": 96, "image": "image.png", "points": "points.bin", '
            '"K": [[100, 0, 80], [0, 100, 48], [0, 0, 1]], '
            '"T_cam_lidar": [[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]}'
        )
        write_text(frame / "calib.json", text)
        random = np.random.default_rng(number)
        cv2.imwrite(str(frame / "image.png"), random.integers(0, 256, (96, 160, 3), dtype=np.uint8))
        points = random.uniform((5, -5, -2, 0), (15, 5, 2, 1), (2000, 4)).astype(np.float32)
        points.tofile(frame / "points.bin")
    return folder


def run(given: argparse.Namespace, processes: list[Process]) -> tuple[dict, dict]:
    """Spin the robot for so long; the result and the samples."""
    # Ctrl-C is to end the loop, not the context in which the robot is publishing.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    robot = Robot(given.rate, *given.size, given.seed)
    listener = Listener(robot.account)
    executor = SingleThreadedExecutor()
    executor.add_node(robot)
    spin(executor, 120, until=lambda: robot.is_connected)
    if not robot.is_connected:
        listener.stop()
        sys.exit(f"The completion node did not come up: {processes[0].log[-500:]}")
    watch, disturbances = Watch(processes), Disturbances(robot, given.seed)
    begin = last = time.monotonic()
    end = begin + 3600 * given.hours
    try:
        while (now := time.monotonic()) < end and processes[0].is_alive:
            executor.spin_once(timeout_sec=0.05)
            disturbances.step()
            if now - last > SAMPLE_S:
                watch.sample()
                last = now
    except KeyboardInterrupt:
        print("Ended early.", file=sys.stderr)
    disturbances.stop()
    spin(executor, 5)
    before = robot.account.depths
    spin(executor, 60, until=lambda: robot.account.depths > before)  # long, as the machine may be busy
    good = robot.account.depths > before
    robot.rest()
    spin(executor, 3)  # diagnostics tell how many images have arrived
    spin(executor, 20, until=lambda: robot.account.is_settled)
    listener.stop()
    alive = {process.name: process.is_alive for process in processes}
    robot.account.close()
    held = {process.name: summary(process, watch, alive[process.name]) for process in processes}
    result = {
        "completer": given.completer,
        "rate": given.rate,
        "size": list(given.size),
        "minutes": (time.monotonic() - begin) / 60,
        "published": robot.account.published,
        "depths": robot.account.depths,
        "fates": dict(robot.account.fates),
        "received by the node": robot.account.received,
        "slowest word s": round(robot.account.slowest_word, 2),
        "unheard at minute": [round((moment - begin) / 60, 2) for moment in robot.account.unheard[:100]],
        "words missed at minute": [[round((at - begin) / 60, 2), n] for at, n in robot.account.missed[:100]],
        "disturbances": dict(disturbances.number),
        "disturbances at minute": [[round((at - begin) / 60, 2), kind] for at, kind in disturbances.log],
        "good at the end": good,
        "processes": held,
        "evaluation": evaluation(given.out / "evaluation.json"),
    }
    robot.destroy_node()
    rclpy.shutdown()
    return result, watch.samples


def evaluation(report: Path) -> dict[str, int]:
    """What the evaluation node counted, which has ended."""
    if not report.is_file():
        return {}
    said = json.loads(report.read_text())
    counts = {what: sum(said[what].values()) for what in ("not_completed", "unscored")}
    return {"scored": said["frames"]} | counts


def spin(executor, seconds: float, until=lambda: False) -> None:
    """Spin for so long, or until a condition holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        executor.spin_once(timeout_sec=0.05)


def summary(process: Process, watch: Watch, alive: bool) -> dict:
    """What a process held, and how it ended."""
    code = process.stop() if alive else process._popen.returncode
    samples = watch.samples[process.name]
    values = {quantity: [value for _, value in pairs] for quantity, pairs in samples.items()}
    memory, in_use = (values.get(quantity, [0.0]) for quantity in ("memory", "in use"))
    return {
        "alive": alive,
        "exit code": code,
        "tracebacks": process.log.count("Traceback"),
        "memory": [memory[len(memory) // 2], memory[-1], max(memory)],
        "in use": [in_use[len(in_use) // 2], in_use[-1], max(in_use)],
        "growth MiB/h": growth(samples["memory"]) if len(memory) > 1 else 0.0,
        "grows": len(memory) > 1 and grows(samples["memory"]),
        "descriptors": [values.get("descriptors", [0])[len(memory) // 2], values.get("descriptors", [0])[-1]],
        "threads": [values.get("threads", [0])[len(memory) // 2], values.get("threads", [0])[-1]],
    }


if __name__ == "__main__":
    sys.exit(main())
