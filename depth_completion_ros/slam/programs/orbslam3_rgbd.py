"""Runs ORB-SLAM3 in RGB-D mode on frames from standard input.

python orbslam3_rgbd.py VOCABULARY SETTINGS

Reads a line `WIDTH HEIGHT` and then, per frame, a line with the stamp in seconds, H x W bytes of grey image
and H x W float32 of depth (metres, 0 unknown). Writes one line of JSON first ({"ready": true}), one per frame
({"state": ..., "ms": ..., "rested": ...}) and, when the input ends, one with the trajectory: {"trajectory":
[[stamp, 16 numbers of the 4 x 4 from world to camera], ...]}. What goes wrong at the start is one line
{"error": ...}.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

LOOK_S, NAPS, QUIET_S = 0.02, 2, 0.001
"""Mapping is looked at so often. It is at rest when each thread that ran since a look has gone to sleep so
many times by itself, as one that waits for work does every few milliseconds, and none ran for longer than
`QUIET_S`. Time itself says nothing: on a busy machine a thread with much to do hardly runs, and one without
waits for a core as well."""
PATIENCE_S, LONGEST_S = 0.6, 30.0
"""No longer is waited once a thread has run for the first, six times what a frame of 10 Hz would leave it,
or the second has passed. Running time, so that as much is mapped on a busy machine as on an idle one."""


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
        rested = wait_for_mapping()
        answer(state=names[system.get_tracking_state()], ms=1e3 * elapsed, rested=rested)
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


def wait_for_mapping() -> bool:
    """Wait until the other threads have done what the frame gave them to do; whether they have."""
    start, end = _look(), time.monotonic() + LONGEST_S
    since = start
    while time.monotonic() < end:
        time.sleep(LOOK_S)
        now = _look()
        if any(now[thread].ran_s - since.get(thread, NEW).ran_s > QUIET_S for thread in now):
            since = now
        elif all(now[thread].rested_since(since.get(thread, NEW)) for thread in now):
            return True
        if any(now[thread].ran_s - start.get(thread, NEW).ran_s > PATIENCE_S for thread in now):
            return False
    return False


class Look(NamedTuple):
    """A thread: seconds that it has run, how often it went to sleep by itself, and whether it sleeps."""

    ran_s: float
    naps: int
    asleep: bool

    def rested_since(self, before: Look) -> bool:
        return self.naps - before.naps >= NAPS or (self.asleep and self.ran_s == before.ran_s)


NEW = Look(0.0, 0, False)


def _look() -> dict[str, Look]:
    """The other threads of this process, as Linux counts them."""
    looks = {}
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) == threading.get_native_id():
            continue
        with suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines())
            asleep, naps = status["State"].startswith("S"), int(status["voluntary_ctxt_switches"])
            looks[task.name] = Look(_ran_s(task), naps, asleep)
    return looks


def _ran_s(task: Path) -> float:
    """Seconds that a thread has run."""
    if (task / "schedstat").exists():
        return int((task / "schedstat").read_text().split()[0]) / 1e9
    fields = (task / "stat").read_text().rpartition(")")[2].split()  # a kernel that counts in ticks alone
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main(*sys.argv[1:])
