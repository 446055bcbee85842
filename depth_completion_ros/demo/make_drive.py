"""Makes the demo drive, with a line now and then, in a process of its own.

python -m depth_completion_ros.demo.make_drive FOLDER FRAMES SEED
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ..ros.process.stopping import stop

SAY_EVERY_S = 5.0


class Progress:
    """Says every few seconds how much of a drive is made; to be called as `progress` of `make_demo_drive`."""

    def __init__(self):
        self._begin = self._first = self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told < SAY_EVERY_S and 1 < done < total:
            return
        self._told = now
        if done == 1:  # of which most was the scene, so that it tells nothing of the others
            self._first, ending = now, f"after {now - self._begin:.0f} s"
        elif done < total:
            ending = f"about {(now - self._first) / (done - 1) * (total - done):.0f} s left"
        else:
            ending = f"done in {now - self._begin:.0f} s"
        print(f"Making the demo drive: {done} of {total} frames, {ending}", flush=True)


def make_drive_into(folder: Path, progress=None, **recipe) -> Path:
    """`make_demo_drive`, but where another drive is in the folder, that one stays.

    Raises:
        FileExistsError: another drive is there.
    """
    from .drive import MARKER, VERSION, Recipe, make_demo_drive, recipe_of
    from .drive.files import DATE, DRIVE

    drive = folder / DATE / DRIVE
    there = recipe_of(drive)
    if there not in (None, {"version": VERSION, **Recipe(**recipe).changes()}):
        raise FileExistsError(f"'{drive}' is another drive, see its {MARKER}; choose another folder.")
    return make_demo_drive(folder, progress=progress, **recipe)


def main(folder: str, frames: int, seed: int) -> int:
    """Make the drive, or take the one that is there; exit code 1 with a sentence where it cannot be made."""
    stop.take_signals()
    with stop.importing(exit_code=1):  # a drive that is half made is made anew the next time
        from .drive import MARKER, make_demo_drive
        from .drive.files import DATE, DRIVE

        if not (Path(folder) / DATE / DRIVE / MARKER).is_file():
            print(f"Making a demo drive of {frames} frames, once: it will be taken again.", flush=True)
        try:
            make_demo_drive(folder, frames=frames, seed=seed, progress=Progress())
        except (ValueError, OSError, ImportError) as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
