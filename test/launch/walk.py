"""Runs what a person runs: `ros2 launch` where there is one, else the same nodes by subprocess."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

PACKAGE = "depth_completion_ros"
MARK = "DEPTH_COMPLETION_TEST"
LIMIT_S = 240
PLAY = """
import sys
from depth_completion_ros.demo.plan import Plan
from depth_completion_ros.demo.processes import play
from depth_completion_ros.ros.transport import use_large_message_profile
use_large_message_profile()
words = dict(word.split(":=", 1) for word in sys.argv[1:])
given = {name: value == "true" if value in ("true", "false") else value for name, value in words.items()}
given["rate"] = float(given.get("rate", 1))
plan = Plan(**given)
try:
    plan.check()
    sys.exit(play(plan.prepared(), log_level="info"))
except (ValueError, OSError, RuntimeError) as error:
    sys.exit(str(error))
"""


def has_genuine_launch() -> bool:
    """Whether `ros2 launch` is there, and finds this package."""
    if shutil.which("ros2") is None:
        return False
    try:
        import launch_ros  # noqa: F401
        from ament_index_python.packages import get_package_share_directory

        return (Path(get_package_share_directory(PACKAGE)) / "launch" / "kitti.launch.py").is_file()
    except (ImportError, LookupError):
        return False


def command(*arguments: str, launch_file: str) -> list[str]:
    """The command line for arguments `name:=value`."""
    if has_genuine_launch():
        return ["ros2", "launch", PACKAGE, launch_file, *arguments]
    return [sys.executable, "-c", PLAY, *arguments]


@dataclass
class Walk:
    """A command that runs, or ran.

    Attributes:
        mark: value of `MARK` in the environment of all its processes.
    """

    process: subprocess.Popen
    log: Path
    mark: str

    @property
    def output(self) -> str:
        """What a person has read so far."""
        return self.log.read_text(errors="replace")

    def wait(self) -> int:
        """Wait for the end, but not for ever; its exit code."""
        return self.process.wait(LIMIT_S)

    def wait_for(self, words: str) -> None:
        """Wait until a person can read some words."""
        deadline = time.monotonic() + LIMIT_S
        while words not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)

    def left(self) -> list[psutil.Process]:
        """Processes of the command that are alive."""
        return [p for p in psutil.process_iter() if _mark_of(p) == self.mark]

    def wait_until_nothing_is_left(self) -> bool:
        """Whether all processes of the command end within half a minute."""
        deadline = time.monotonic() + 30
        while self.left() and time.monotonic() < deadline:
            self.process.poll()
            time.sleep(0.05)
        return not self.left()


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def walk(folder: Path, *arguments: str, launch_file: str = "kitti.launch.py"):
    """Start a launch in a session of its own; in the end nothing of it is left."""
    return walk_of(folder, command(*arguments, launch_file=launch_file))


@contextmanager
def walk_of(folder: Path, line: list[str], cache: Path | None = None) -> Iterator[Walk]:
    """The same for any command line.

    Args:
        cache: where the demo drive is kept; in the folder when None.
    """
    log, mark = folder / "console.txt", f"{os.getpid()}-{time.monotonic_ns()}"
    environment = os.environ | {
        MARK: mark,
        "XDG_CACHE_HOME": str(cache or folder / "cache"),
        "ROS_LOG_DIR": str(folder / "log"),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    # `ros2 launch` does otherwise where its input is no terminal.
    terminal, keyboard = os.openpty()
    with log.open("w") as console:
        process = subprocess.Popen(
            line,
            stdin=keyboard,
            stdout=console,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            cwd=folder,
        )
    it = Walk(process, log, mark)
    try:
        yield it
    finally:
        for left in it.left():
            left.kill()
        process.wait()
        os.close(terminal)
        os.close(keyboard)
