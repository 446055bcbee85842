"""Makes the demo drive, with a line now and then, in a process of its own.

python -m depth_completion_ros.demo.make_drive FOLDER FRAMES SEED
"""

from __future__ import annotations

import sys
import time

from ..ros.process.stopping import stop


class Progress:
    """Says every second how much of a drive is made; to be called as `progress` of `make_demo_drive`."""

    def __init__(self):
        self._begin = self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told < 1.0 and 1 < done < total:
            return
        self._told = now
        left = (now - self._begin) / done * (total - done)
        ending = f"about {left:.0f} s left" if done < total else f"done in {now - self._begin:.0f} s"
        print(f"Making the demo drive, once: {done} of {total} frames, {ending}", flush=True)


def main(folder: str, frames: int, seed: int) -> int:
    """Make the drive, or take the one that is there; exit code 1 with a sentence where it cannot be made."""
    stop.take_signals()
    with stop.importing(exit_code=1):  # a drive that is half made is made anew the next time
        from .drive import make_demo_drive

        try:
            make_demo_drive(folder, frames=frames, seed=seed, progress=Progress())
        except (ValueError, OSError, ImportError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
