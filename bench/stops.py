"""Stops the launch and the demo at random moments: what is left, what is said, how long it takes.

    python bench/stops.py --runs 200 --folder stops

`ros2 launch depth_completion_ros kitti.launch.py` (where there is one, and this package is built and sourced)
and `depth-completion demo`, each with its drive at hand or yet to be made, get signals after 0 to 15 s, as a
person, a supervisor or a script sends them. Counted are

orphans     runs with a process that is alive 10 s after the first signal
tracebacks  runs with "Traceback", or the stacks of an end that hangs, on the console
early       those of them that Python or `ros2` give before they have come to code of this package
longest     seconds from the first signal until no process is left

The console of each run that is not clean is kept in the folder. With a `--seed` the same moments come again.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "test" / "launch"))

from walk import PACKAGE, Walk, command, has_genuine_launch, walk_of  # noqa: E402

from depth_completion_ros.demo.drive import make_demo_drive  # noqa: E402

LATEST_S, LIMIT_S = 15.0, 10.0
FRAMES = 30
COMPLETERS = ("nearest", "linear", "morphological", "default")
INT, TERM = signal.SIGINT, signal.SIGTERM
STOPS = {
    "SIGINT to the group": ((INT, True),),
    "SIGINT to the group, twice": ((INT, True), (INT, True)),
    "SIGINT to the process": ((INT, False),),
    "SIGINT to the process, twice": ((INT, False), (INT, False)),
    "SIGTERM to the process": ((TERM, False),),
}
"""Signals, and whether they go to the process group, as from a terminal."""


@dataclass
class Run:
    """One start and its stop, as it went.

    Attributes:
        moment: seconds from the start to the first signal.
        ended: seconds from the first signal until nothing was left; None where something was.
        is_over: it had ended by itself before the signal.
    """

    way: str
    stop: str
    moment: float
    ended: float | None
    code: int | None
    output: str
    is_over: bool

    @property
    def has_traceback(self) -> bool:
        return "Traceback" in self.output or "Timeout (" in self.output

    @property
    def is_early(self) -> bool:
        """Whether the traceback is that of a program which had not come to this package yet."""
        traceback = self.output.partition("Traceback")[2].partition("KeyboardInterrupt")[0]
        return self.has_traceback and f"/{PACKAGE}/" not in traceback

    @property
    def is_clean(self) -> bool:
        return self.ended is not None and not self.has_traceback


def lines(folder: Path, completer: str) -> dict[str, list[str]]:
    """Command lines by what they are called."""
    demo = [sys.executable, "-c", "from depth_completion_ros.cli import main; main()", "demo"]
    ways = {"demo": [*demo, "--frames", str(FRAMES), "--completer", completer, "--out"]}
    if has_genuine_launch():
        launch = command(f"completer:={completer}", launch_file="kitti.launch.py")
        ways |= {"launch": [*launch, f"out:={folder / 'out'}"]}
    return ways


def once(way: str, stop: str, moment: float, gap: float, completer: str, folder: Path) -> Run:
    """Start, send the signals, and wait until nothing is left."""
    kind, _, drive = way.partition(", ")
    line = lines(folder, completer)[kind]
    fresh = folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    here = fresh if drive else folder / "kept"
    here.mkdir(parents=True, exist_ok=True)
    if kind == "demo":
        line.append(str(here / "demo"))
    with walk_of(folder, line, cache=here) as it:
        time.sleep(moment)
        is_over = it.process.poll() is not None
        since = time.monotonic()
        for number, (what, is_group) in enumerate(STOPS[stop]):
            time.sleep(gap if number else 0)
            send(it, what, is_group)
        left = it.left()
        while left and time.monotonic() - since < LIMIT_S:
            time.sleep(0.05)
            it.process.poll()
            left = it.left()
        ended = None if left else time.monotonic() - since
        code = None if left else it.wait()
        return Run(way, stop, moment, ended, code, it.output, is_over)


def send(it: Walk, what: signal.Signals, is_group: bool) -> None:
    """A signal; none where the process is gone."""
    try:
        if is_group:
            os.killpg(it.process.pid, what)
        else:
            it.process.send_signal(what)
    except ProcessLookupError:
        pass


def table(runs: list[Run]) -> str:
    """A row for each way and stop, and one for all."""
    rows = [("", "stop", "runs", "orphans", "tracebacks", "early", "longest s")]
    groups = {(run.way, run.stop): [] for run in sorted(runs, key=lambda run: (run.way, run.stop))}
    for run in runs:
        groups[run.way, run.stop].append(run)
    for (way, stop), some in [*groups.items(), (("all", ""), runs)]:
        longest = max((run.ended for run in some if run.ended is not None), default=0.0)
        counts = [len(some), sum(run.ended is None for run in some), sum(run.has_traceback for run in some)]
        counts.append(sum(run.is_early for run in some))
        rows.append((way, stop, *map(str, counts), f"{longest:.1f}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)


def main() -> int:
    """Exit code 0 where every run was clean but for what comes early, and none took above 5 s."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path("stops"))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    folder = given.folder.absolute()
    print("Making the drive that is kept.", flush=True)
    make_demo_drive(folder / "kept" / PACKAGE, frames=FRAMES)
    shutil.copytree(folder / "kept" / PACKAGE, folder / "kept" / "demo" / "drive", dirs_exist_ok=True)
    signal.signal(INT, signal.default_int_handler)  # else children of a script's background job ignore it
    signal.signal(TERM, lambda *_: sys.exit(143))  # so that the one that runs is cleaned up
    os.environ.setdefault("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
    # Those at hand are stopped thrice as often as those that are to be made.
    ways = [kind + drive for kind in lines(folder, "") for drive in 3 * [""] + [", drive not made yet"]]
    draw = random.Random(given.seed)
    runs: list[Run] = []
    for number in count():
        if len(runs) == given.runs:
            break
        way, stop = ways[number % len(ways)], draw.choice(list(STOPS))
        moment, gap, completer = draw.uniform(0, LATEST_S), draw.uniform(0, 1), draw.choice(COMPLETERS)
        run = once(way, stop, moment, gap, completer, folder)
        if run.is_over:
            continue
        runs.append(run)
        took = "something is left" if run.ended is None else f"{run.ended:.1f} s"
        state = "" if run.is_clean else ", early traceback" if run.is_early else ", NOT CLEAN"
        print(
            f"{number:3d} {way}, {completer}, {stop} at {moment:.2f} s: {took}, {run.code}{state}", flush=True
        )
        if not run.is_clean or (run.ended or 0) > 5:
            (folder / f"{number:03d}.txt").write_text(run.output)
    print(table(runs))
    good = all((run.is_clean or run.is_early) and (run.ended or 99) <= 5 for run in runs)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
