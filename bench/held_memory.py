"""Whether the completion node holds more memory the more frames it has seen: as many as in hours, in minutes.

    python bench/held_memory.py --frames 40000              # nearly 70 minutes at 10 Hz
    python bench/held_memory.py --frames 6000 --faults      # between two good frames one that is dropped
    python bench/held_memory.py --frames 8000 --completer default

Robot and node of the tests, in one process, over DDS; each frame waits for its depth. Rows tell what malloc
has in use (glibc) and how many objects Python looks after, after 500 frames and then at each quarter.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "test" / "ros"), str(ROOT / "bench" / "soak")]

from conftest import Ros  # noqa: E402
from robot import CAMERA, START, STEP, Robot, completion_node, image_message, info_message  # noqa: E402
from robot import points_message as cloud_message  # noqa: E402
from told_node import Mallinfo  # noqa: E402

FIRST = 500


def in_use() -> int:
    """Bytes that malloc has handed out."""
    gc.collect()
    ask = ctypes.CDLL(None).mallinfo2
    ask.restype = Mallinfo
    said = ask()
    return said.uordblks + said.hblkhd


def faults(stamp: int) -> list[dict]:
    """What is dropped, each by another cause: arguments of `Robot.send`."""
    image, cloud = image_message(stamp), cloud_message(stamp)
    image.data = image.data[: len(image.data) // 2]
    cloud.point_step = 1
    larger = replace(CAMERA, width=CAMERA.width + 2)
    uncalibrated = info_message(stamp)
    uncalibrated.k = [0.0] * 9
    return [
        {"image": image},
        {"points": cloud},
        {"info": info_message(stamp, larger)},
        {"info": uncalibrated},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=40000)
    parser.add_argument("--completer", default="nearest")
    parser.add_argument("--faults", action="store_true", help="a dropped frame before each good one")
    given = parser.parse_args()
    ros, sent = Ros(), 0
    robot, node = Robot(ros), completion_node(ros, completer=given.completer)
    robot.connect()

    def play(frames: int) -> None:
        nonlocal sent
        for _ in range(frames):
            stamp = START + sent * STEP
            if given.faults:
                lost = node.counters.snapshot().lost
                kinds = faults(stamp)
                robot.send(stamp, **kinds[sent // 2 % len(kinds)])
                ros.spin_until(lambda lost=lost: node.counters.snapshot().lost > lost)
                sent += 1
                stamp += STEP
            robot.send(stamp)
            robot.wait_for_outputs(1)
            sent += 1
            for messages in robot.received.values():
                messages.clear()

    play(FIRST)
    first = in_use()
    print("| frames completed | dropped | more in use, KiB | objects of Python |\n|---|---|---|---|")
    for quarter in range(5):
        play(given.frames // 4 if quarter else 0)
        counts, more = node.counters.snapshot(), (in_use() - first) / 1024
        print(f"| {counts.completed} | {counts.lost} | {more:.0f} | {len(gc.get_objects())} |", flush=True)
    ros.close()


if __name__ == "__main__":
    main()
