"""ORB-SLAM3 as a program of its own, fed through a pipe (Campos et al., T-RO 2021).

It is under the GPL, so the package never imports it: `programs/orbslam3_rgbd.py` does, run by this Python or
by another one that has `orbslam3-python`.
"""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core import Camera, invert
from ..core.safe.files import write_text
from .trajectory import Trajectory

PROGRAM = Path(__file__).parent / "programs" / "orbslam3_rgbd.py"
INSTALL = (
    'pip install "depth-completion-ros[slam]" into a Python 3.11, for which there are wheels; with another '
    "Python, name one that has orbslam3-python by --python"
)
SILENCE_S = 120.0
TRACKED = "OK"
"""Of the states of tracking, the only one in which a pose is told."""
BASELINE_M, FAR_BASELINES = 0.14, 700.0
"""Virtual baseline, and beyond how many of them a point is far (97 m), as RGB-L has it for KITTI."""
VIEWER = {
    "KeyFrameSize": 0.05, "KeyFrameLineWidth": 1.0, "GraphLineWidth": 0.9, "PointSize": 2.0,
    "CameraSize": 0.08, "CameraLineWidth": 3.0, "ViewpointX": 0.0, "ViewpointY": -0.7, "ViewpointZ": -1.8,
    "ViewpointF": 500.0, "imageViewScale": 1.0,
}  # fmt: skip


class SlamFailed(ChildProcessError):
    """The program did not start, or ended before its last frame; one sentence."""


@dataclass(eq=False)
class SlamRun:
    """What came of one run.

    Args:
        states: of the tracking after each frame: `TRACKED`, `RECENTLY_LOST`, `LOST`, `NOT_INITIALIZED` ...
        track_ms: time of the tracking of each frame, without the mapping that follows.
        rested: whether the mapping had come to rest when the frame after was fed.
        trajectory: of the camera, in the frame of the first pose; only frames that were tracked.
    """

    states: list[str] = field(default_factory=list)
    track_ms: list[float] = field(default_factory=list)
    rested: list[bool] = field(default_factory=list)
    trajectory: Trajectory | None = None

    @property
    def maps(self) -> int:
        """Maps begun: frames tracked exactly at the origin. All but the first one follow a loss."""
        return int((self.trajectory.poses == np.eye(4)).all(axis=(1, 2)).sum())


def settings_text(camera: Camera, rate_hz: float) -> str:
    """Settings file of ORB-SLAM3 for a rectified camera and depth in metres; features as RGB-L for KITTI."""
    K = camera.K
    values = {
        "File.version": '"1.0"', "Camera.type": '"PinHole"',
        "Camera1.fx": K[0, 0], "Camera1.fy": K[1, 1], "Camera1.cx": K[0, 2], "Camera1.cy": K[1, 2],
        "Camera1.k1": 0.0, "Camera1.k2": 0.0, "Camera1.p1": 0.0, "Camera1.p2": 0.0,
        "Camera.width": camera.width, "Camera.height": camera.height,
        "Camera.fps": max(1, round(rate_hz)), "Camera.RGB": 1,
        "Stereo.b": BASELINE_M, "Stereo.ThDepth": FAR_BASELINES, "RGBD.DepthMapFactor": 1.0,
        "ORBextractor.nFeatures": 2000, "ORBextractor.scaleFactor": 1.2, "ORBextractor.nLevels": 8,
        "ORBextractor.iniThFAST": 12, "ORBextractor.minThFAST": 7,
        **{f"Viewer.{name}": value for name, value in VIEWER.items()},
    }  # fmt: skip
    lines = (
        f"{name}: {float(value)!r}" if isinstance(value, float) else f"{name}: {value}"
        for name, value in values.items()
    )
    return "%YAML:1.0\n\n" + "\n".join(lines) + "\n"


def run_orbslam3(
    frames: Iterable[tuple[int, np.ndarray, np.ndarray]],
    camera: Camera,
    vocabulary: Path,
    folder: Path,
    python: str = sys.executable,
    rate_hz: float = 10.0,
) -> SlamRun:
    """Run ORB-SLAM3 once over all frames, each fed when the mapping of the one before has come to rest.

    Args:
        frames: stamp in nanoseconds, grey image uint8 H x W, depth float32 H x W in metres, NaN unknown.
        camera: of the images, rectified.
        folder: for its settings and what it prints (`orbslam3.log`).
        python: of the program.

    Raises:
        SlamFailed: it cannot be imported or does not start, crashes, or says nothing for two minutes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings, log = folder / "orbslam3.yaml", folder / "orbslam3.log"
    write_text(settings, settings_text(camera, rate_hz))
    with log.open("wb") as output:
        program = _start([python, str(PROGRAM), str(vocabulary), str(settings)], output)
        try:
            return _feed(program, frames, camera, log)
        finally:
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout):
                with suppress(OSError):  # what was not read any more
                    pipe.close()


def _start(command: list[str], output) -> subprocess.Popen:
    try:
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, start_new_session=True
        )
    except OSError as error:
        raise SlamFailed(f"'{command[0]}' cannot be run ({error.strerror}), so there is no SLAM.") from None


def _feed(program: subprocess.Popen, frames, camera: Camera, log: Path) -> SlamRun:
    run, first = SlamRun(), None
    _answer(program, log, "at its start")
    stamps = []
    _send(program, f"{camera.width} {camera.height}\n".encode())
    for stamp, grey, depth in frames:
        first = stamp if first is None else first
        where = f"at frame {len(stamps) + 1}"
        known = np.where(np.isfinite(depth), depth, np.float32(0)).astype("<f4")
        _send(program, f"{(stamp - first) / 1e9:.9f}\n".encode(), np.ascontiguousarray(grey), known)
        answer = _answer(program, log, where)
        stamps.append(stamp)
        run.states.append(answer["state"])
        run.track_ms.append(answer["ms"])
        run.rested.append(answer["rested"])
    program.stdin.close()
    poses = _answer(program, log, "at its end")["trajectory"]
    run.trajectory = _trajectory(poses, np.array(stamps, np.int64), run.states)
    return run


def _trajectory(poses: list[list[float]], stamps: np.ndarray, states: list[str]) -> Trajectory:
    """Of lines `seconds since the first frame, 16 numbers of T_cam_world`, frames that were lost left out."""
    seconds = (stamps - stamps[0]) / 1e9 if len(stamps) else stamps
    at = [int(np.abs(seconds - pose[0]).argmin()) for pose in poses]
    tracked = {
        index: invert(np.reshape(pose[1:], (4, 4)))
        for index, pose in zip(at, poses, strict=True)
        if states[index] == TRACKED
    }
    return Trajectory.of(stamps[list(tracked)], list(tracked.values()))


def _send(program: subprocess.Popen, *parts) -> None:
    """Write to a program; one that has ended is noticed when its answer is read."""
    with suppress(OSError):
        for part in parts:
            program.stdin.write(part)
        program.stdin.flush()


def _answer(program: subprocess.Popen, log: Path, where: str) -> dict:
    ready, _, _ = select.select([program.stdout], [], [], SILENCE_S)
    if not ready:
        raise SlamFailed(f"ORB-SLAM3 said nothing for {SILENCE_S:.0f} s {where}; its output is in '{log}'.")
    line = program.stdout.readline()
    if not line:
        code = program.wait()
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        raise SlamFailed(f"ORB-SLAM3 ended {how} {where}; its output is in '{log}'.")
    answer = json.loads(line)
    if "error" in answer:
        missing = "cannot be imported" in answer["error"]
        raise SlamFailed(f"{answer['error']}{f': {INSTALL}' if missing else ''}.")
    return answer
