"""Runs ORB-SLAM3 in RGB-D mode on frames from standard input.

python orbslam3_rgbd.py VOCABULARY SETTINGS

Reads a line `WIDTH HEIGHT` and then, per frame, a line with the stamp in seconds, H x W bytes of grey image
and H x W float32 of depth (metres, 0 unknown). Writes one line of JSON first ({"ready": true}), one per frame
({"state": ..., "ms": ...}) and, when the input ends, one with the trajectory: {"trajectory": [[stamp, 16
numbers of the 4 x 4 from world to camera], ...]}. What goes wrong at the start is one line {"error": ...}.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

REST_S, REST_SHARE, PATIENCE_S = 0.04, 0.05, 0.6
"""Mapping is at rest when all other threads together run, or wait for a core to run on, for less than this
share of so many seconds, twice, or after `PATIENCE_S`, six times what a frame of 10 Hz would leave it. Waiting
counts: on a busy machine a thread with much to do hardly runs."""


def main(vocabulary: str, settings: str) -> None:
    # ORB-SLAM3 prints much to standard output; answers keep the real one for themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(**values) -> None:
        answers.write(json.dumps(values) + "\n")

    try:
        import orbslam3
    except ImportError as error:
        answer(error=f"orbslam3-python cannot be imported by {sys.executable} ({error})")
        return
    system = orbslam3.System(vocabulary, settings, orbslam3.Sensor.RGBD)
    system.set_use_viewer(False)
    if system.initialize() is False:
        answer(error=f"ORB-SLAM3 does not start with the settings '{settings}'")
        return
    answer(ready=True)
    states = orbslam3.TrackingState
    names = {state: name for name, state in states.names.items()}
    source = sys.stdin.buffer
    width, height = map(int, source.readline().split())
    while line := source.readline():
        grey = np.frombuffer(_read(source, width * height), np.uint8).reshape(height, width)
        depth = np.frombuffer(_read(source, 4 * width * height), np.float32).reshape(height, width)
        begin = time.perf_counter()
        system.process_image_rgbd(np.repeat(grey[..., None], 3, axis=2), depth.copy(), float(line))
        elapsed = time.perf_counter() - begin
        _wait_for_mapping()
        answer(state=names[system.get_tracking_state()], ms=1e3 * elapsed)
    points = system.get_trajectory_points()
    answer(trajectory=[[float(stamp), *map(float, pose.ravel())] for stamp, pose in points])
    # Some builds crash while they shut down; nothing is left to be lost.
    answers.flush()
    os._exit(0)


def _read(source, count: int) -> bytes:
    data = source.read(count)
    if len(data) < count:
        sys.exit("The input ended within a frame.")
    return data


def _wait_for_mapping() -> None:
    """Until the mapping threads have done what the frame gave them to do."""
    end, resting = time.monotonic() + PATIENCE_S, 0
    while resting < 2 and time.monotonic() < end:
        before, start = _busy_s(), time.monotonic()
        time.sleep(REST_S)
        share = (_busy_s() - before) / (time.monotonic() - start)
        resting = resting + 1 if share < REST_SHARE else 0


def _busy_s() -> float:
    """Seconds that the other threads have run or waited for a core so far, as Linux counts them."""
    if not Path("/proc/self/schedstat").exists():  # a kernel that does not count the waiting
        return time.process_time()
    total = 0
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            running, waiting, _ = map(int, (task / "schedstat").read_text().split())
            total += running + waiting if int(task.name) != threading.get_native_id() else 0
    return total / 1e9


if __name__ == "__main__":
    main(*sys.argv[1:])
