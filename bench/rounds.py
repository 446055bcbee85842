"""Bring-up and shutdown again and again: does anything stay behind?

    python bench/rounds.py --rounds 1000 --starts 300 [--out rounds.json]

A round makes a context of rclpy and a completion node in it, configures and activates it, completes a frame
in every tenth, and takes all down. A start is a process of the node that a signal ends at a random moment of
its first seconds, SIGINT or SIGTERM. Prints memory after each tenth of the rounds, file descriptors, threads
and shared memory at the first and last round, and how starts ended.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
os.environ.setdefault("ROS_DOMAIN_ID", "95")

import numpy as np
import rclpy
from rclpy.parameter import Parameter

from depth_completion_ros.core.safe.files import write_text
from depth_completion_ros.ros.completion_node import CompletionNode
from depth_completion_ros.ros.conversions import camera_info_message, depth_message, rgb_message
from depth_completion_ros.ros.transport import use_large_message_profile

WARM = 20
"""Rounds before the first that is compared."""
PARAMETERS = {"completer": "nearest", "measured_input": "depth"}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser("rounds", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    use_large_message_profile()
    result = {"rounds": rounds(given.rounds), "starts": starts(given.starts, given.seed)}
    text = json.dumps(result, indent=1)
    print(text)
    if given.out:
        write_text(given.out, text + "\n")


def rounds(number: int) -> dict:
    """What the process holds after the first rounds and after the last."""
    held, completed = [], 0
    for at in range(WARM + number):
        context = rclpy.Context()
        rclpy.init(args=[], context=context)
        given = [Parameter(name, value=value) for name, value in PARAMETERS.items()]
        node = CompletionNode(context=context, parameter_overrides=given)
        if at % 10 == 0:
            completed += complete_one(node)
        node.destroy_node()
        context.try_shutdown()
        del node, context
        gc.collect()
        held.append(holdings())
    first, last = held[WARM - 1], held[-1]
    keys = ("memory MiB", "descriptors", "threads", "shared memory files")
    tenths = [memory for memory, *_ in held[WARM - 1 :: max(number // 10, 1)]]
    return {"number": number, "frames completed": completed, "memory MiB after each tenth": tenths} | {
        key: [before, after] for key, before, after in zip(keys, first, last, strict=True)
    }


def complete_one(node: CompletionNode) -> int:
    """Hand a frame to the node as its subscriptions would; 1 where it is completed."""
    from std_msgs.msg import Header

    from depth_completion_ros.core import Camera

    header = Header(frame_id="camera")
    header.stamp.sec = 1000
    camera = Camera(64, 48, [[50, 0, 32], [0, 50, 24], [0, 0, 1]])
    node._outputs.wanted = lambda topic: topic == "depth/image"
    node._cameras.add(camera_info_message(camera, header))
    depth = np.zeros((48, 64), np.float32)
    depth[::4, ::4] = 5
    node._on_pair(rgb_message(np.zeros((48, 64, 3), np.uint8), header), depth_message(depth, header))
    end = time.monotonic() + 10
    while node._worker.pending and time.monotonic() < end:
        time.sleep(0.002)
    return node.counters.snapshot().completed


def holdings() -> tuple[float, int, int, int]:
    """Memory, file descriptors and threads of this process, and its files in shared memory."""
    status = Path("/proc/self/status").read_text().splitlines()
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
    shared = sum("/dev/shm/" in line for line in Path("/proc/self/maps").read_text().splitlines())
    return round(memory, 1), len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), shared


def starts(number: int, seed: int) -> dict:
    """How so many processes ended that a signal met at a random moment."""
    random = np.random.default_rng(seed)
    ends: Counter[str] = Counter()
    slowest = 0.0
    for _ in range(number):
        command = [sys.executable, "-m", "depth_completion_ros.ros.process.start", "completion_node"]
        command += ["--ros-args", "-p", "completer:=nearest"]
        kind = signal.Signals(random.choice([signal.SIGINT, signal.SIGTERM]))
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "preexec_fn": hold_sigint_off}
        with subprocess.Popen(command, text=True, **pipes) as process:
            time.sleep(random.uniform(0, 6))
            sent = time.monotonic()
            process.send_signal(kind)
            try:
                _, said = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:  # it was not up when SIGINT came; launch sends SIGTERM then
                process.terminate()
                _, said = process.communicate(timeout=120)
            slowest = max(slowest, time.monotonic() - sent)
        trace = ", traceback" if "Traceback" in said else ""
        ends[f"{kind.name}: code {process.returncode}{trace}"] += 1
    return {"number": number, "ends": dict(ends), "slowest end s": round(slowest, 2)}


def hold_sigint_off() -> None:
    """In the child, as launch does: Python itself answers SIGINT with a traceback until the node takes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
