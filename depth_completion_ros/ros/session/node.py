"""Node `session`: plays data through a completion node, and says and shows how it went.

It holds the player, so that it knows each frame with its truth; the completion node is another process,
reached over the topics of any robot. Every second a line, in the end a table, a report and a page.
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from ...core import Frame, compute_metrics
from ...core.geometry import transform_points
from ...core.safe.files import write_text
from ...data.messages import decode_depth_image, stamp_ns
from ...data.reader import open_reader
from .. import outcomes, qos
from ..diagnostics import ERROR
from ..parameters.node import NodeParameters
from ..player_node import PlayerNode
from ..process.run import run
from ..wheels import packages
from ..worker import Worker
from . import console
from .ledger import COMPLETED, Ledger
from .page import Page
from .scoring import Scoring

SILENCE_S = 10.0
"""How long the last frames may take once all are played, beyond the slowest one before."""
DEPTH_LIMIT_S = 15.0
"""How long the depth of a frame that was told to be completed may take."""
MEMORY_BYTES = 1 << 30
"""Of the frames that wait for their depth; the oldest of more are not scored."""


class SessionNode(Node):
    """Plays data and keeps account of each frame; see the module.

    Attributes:
        ledger: what became of each frame.
        exit_code: 0 once every frame was completed, the files are written and the table is printed.

    Raises:
        ValueError, OSError: a parameter cannot be used; one sentence.
    """

    def __init__(self, **options):
        super().__init__("session", **options)
        self.settings = s = NodeParameters(self, "session").values
        self.ledger = Ledger()
        self.finished, self.exit_code = False, 1
        self._scoring = Scoring(s)
        self._page = Page(s.out) if s.out else None
        self._report = Path(s.report) if s.report else (Path(s.out) / "report.json" if s.out else None)
        self._frames: dict[int, Frame] = {}  # played, and not settled yet
        self._depths: dict[int, np.ndarray] = {}  # come, and not told to be completed yet
        self._told: dict[int, float] = {}  # told to be completed, when, and without depth so far
        self._worker = Worker(self._judge, self._on_judge_failed, size=1000)
        self._completer, self._connected = "", False
        self._last = self._begin = time.monotonic()
        self._progress: deque[tuple[float, int]] = deque(maxlen=5)  # when, and how many were completed
        self._last_change, self._last_count = self._begin, 0
        self.create_subscription(Image, "depth/image", self._on_depth, qos.profile("reliable", 20))
        outcomes.listen(self, self._on_outcome)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self._timer = self.create_timer(0.1, self._look, clock=qos.steady_clock())

    def make_player(self) -> PlayerNode:
        """The player of this session, which shares its process."""
        s = self.settings
        given = {
            "data": s.data,
            "rate": s.rate,
            "realtime": s.realtime,
            "max_frames": s.max_frames,
            "frame_timeout": s.frame_timeout,
            "wait_for_subscribers": s.start_timeout,
            "qos_output_reliability": "best_effort" if s.realtime else "reliable",
            "ground_truth": False,
        }
        try:
            self._total = len(open_reader(s.data))
            self._total = min(self._total, s.max_frames) if s.max_frames else self._total
            self.player = PlayerNode(
                feed=self._feed,
                on_played=self._on_played,
                is_over=self._is_over,
                may_begin=lambda: self._connected,
                namespace=self.get_namespace(),
                use_global_arguments=False,
                parameter_overrides=[Parameter(name, value=value) for name, value in given.items()],
                context=self.context,
            )
        except BaseException:
            self._worker.stop()
            raise
        return self.player

    # What is played ------------------------------------------------------------------------------

    def _feed(self, frame: Frame) -> Frame:
        """What the completion node gets: the points that the protocol feeds."""
        fed = self._scoring.fed(frame)
        if packages.tf2 is None and frame.T_image_points is not None:
            # Nobody could tell the node of the motion between cloud and image, so it is taken out here.
            points = fed.points.copy()
            points[:, :3] = transform_points(frame.T_image_points, points[:, :3])
            fed = replace(fed, points=points)
        return fed

    def _on_played(self, stamp: int, frame: Frame) -> None:
        self.ledger.play(stamp, frame.name)
        self._frames[stamp] = frame
        while len(self._frames) > 1 and self._held_bytes() > MEMORY_BYTES:
            oldest = next(iter(self._frames))
            self._told.pop(oldest, None)
            self._depths.pop(oldest, None)
            self._give_up(oldest, "more frames wait for their depth than memory is kept for")
        if not self._progress:
            self._progress.append((time.monotonic(), 0))

    def _is_over(self, stamp: int) -> bool:
        entry = self.ledger.entries[stamp]
        return entry.is_settled

    # What comes back -----------------------------------------------------------------------------

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        prefix = f"{self.get_namespace().strip('/')}/completion: ".lstrip("/")
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if status.name == prefix + "life cycle":
                self._completer = values.get("completer", self._completer)
                if status.level[0] == ERROR:
                    self._fail(status.message)
            elif status.name == prefix + "outputs":
                self._connected = int(values.get("depth/image", 0)) > 0

    def _on_depth(self, message: Image) -> None:
        stamp = stamp_ns(message.header)
        if stamp not in self._frames:
            return
        was_told = self._told.pop(stamp, None) is not None
        try:
            depth = decode_depth_image(message)
        except ValueError as error:
            self._give_up(stamp, f"its depth cannot be decoded: {error}")
            return
        if was_told:
            self._worker.put((stamp, depth))
        else:
            self._depths[stamp] = depth

    def _on_outcome(self, outcome: outcomes.Outcome) -> None:
        stamp = outcome.stamp
        entry = self.ledger.entries.get(stamp)
        if entry is None or entry.outcome is not None:
            return
        self.ledger.end(stamp, outcome.cause, outcome.latency_ms)
        depth = self._depths.pop(stamp, None)
        if outcome.cause != COMPLETED:
            self._frames.pop(stamp, None)
        elif stamp not in self._frames:
            return  # given up before
        elif depth is not None:
            self._worker.put((stamp, depth))
        else:
            self._told[stamp] = time.monotonic()

    def _give_up(self, stamp: int, why: str) -> None:
        """Score a frame no more; what becomes of it is still told."""
        self.ledger.entries[stamp].unscored = why
        self._frames.pop(stamp, None)

    # Scoring and drawing, in the worker's thread -------------------------------------------------

    def _begin_to_judge(self) -> None:
        """Start the worker; in real time only once all is played, lest it take the completer's time.

        A drive whose frames fill half of `MEMORY_BYTES` is judged while it is played all the same.
        """
        if not self.settings.realtime or self.player.ended or self._held_bytes() > MEMORY_BYTES // 2:
            self._worker.start()

    def _held_bytes(self) -> int:
        return sum(map(_bytes, list(self._frames.values())))

    def _judge(self, item: tuple[int, np.ndarray]) -> None:
        stamp, depth = item
        entry, frame = self.ledger.entries[stamp], self._frames.pop(stamp)
        number = list(self.ledger.entries).index(stamp)
        metrics, truth, why_not = None, None, self._scoring.none
        if self._scoring.is_wanted:
            truth, why_not = self._scoring.truth(frame)
            if truth is not None:
                metrics = compute_metrics(depth, truth)
                if not metrics.pixels:
                    metrics, why_not = None, "no pixel has both a truth and a depth"
        if self._page is not None and self._is_shown(number):
            caption = frame.name or str(stamp)
            if metrics is not None:
                caption += f", RMSE {metrics.rmse_mm:.0f} mm, MAE {metrics.mae_mm:.0f} mm"
            self._page.add(frame, self._scoring.fed(frame), depth, truth, caption)
        entry.metrics, entry.unscored = metrics, None if metrics is not None else why_not

    def _is_shown(self, number: int) -> bool:
        """Whether the page shows this frame: so many, evenly spaced."""
        total, wanted = self._total, min(self.settings.images, self._total)
        return number * wanted // total != (number - 1) * wanted // total

    def _on_judge_failed(self, item, error: Exception) -> None:
        self.ledger.entries[item[0]].unscored = f"scoring failed: {type(error).__name__}: {error}"
        self._frames.pop(item[0], None)

    # How it goes ---------------------------------------------------------------------------------

    def _look(self) -> None:
        """Ten times a second: has it ended, and is it time for a line?"""
        if self.finished:
            return
        now = time.monotonic()
        self._begin_to_judge()
        if self.player.trouble:
            self._fail(self.player.trouble, told=True)
            return
        for stamp in [s for s, since in self._told.items() if now - since > DEPTH_LIMIT_S]:
            del self._told[stamp]
            self._give_up(stamp, "its depth did not arrive")
        if self.player.ended and self._is_settled(now):
            self._end()
        elif now - self._last >= 1.0:
            self._say(now)

    def _is_settled(self, now: float) -> bool:
        """Whether nothing more will come of the frames that were played."""
        settled = sum(entry.is_settled for entry in self.ledger.entries.values())
        if settled == len(self.ledger.entries):
            return True
        if settled != self._last_count:
            self._last_count, self._last_change = settled, now
        slowest = max((e.latency_ms or 0 for e in self.ledger.entries.values()), default=0) / 1e3
        if now - max(self._last_change, self._last_played) < SILENCE_S + 3 * slowest:
            return False
        self.ledger.end_the_rest("nothing was told of it: lost on the way, or the node is stuck")
        return all(entry.is_settled for entry in self.ledger.entries.values())

    @property
    def _last_played(self) -> float:
        return self.player.ended_at or time.monotonic()

    def _say(self, now: float) -> None:
        if not self.ledger.entries:
            waited = now - self._begin
            if self._last == self._begin or waited % 5 < 1.0:
                print(f"Waiting for the completion node, {waited:.0f} s so far ...", flush=True)
        else:
            self._progress.append((now, self.ledger.count(COMPLETED)))
            (before, then), (_, done) = self._progress[0], self._progress[-1]
            rate = (done - then) / max(now - before, 1e-3)
            print(console.progress_line(self.ledger, self._total, rate), flush=True)
        self._last = now

    def _end(self) -> None:
        """Write report and page, print the table."""
        self.finished = True
        self._timer.cancel()
        fault = self.ledger.fault(self.settings.realtime)
        try:
            files = self._write()
        except OSError as error:
            self._fail(f"The results cannot be written: {error}")
            return
        print(console.table(self.ledger, self._completer, self._scoring.described, files), flush=True)
        if self.settings.again and self.ledger.scored:
            print(f"The same scores without ROS: {self.settings.again}", flush=True)
        if fault:
            self._fail(fault)
        else:
            self.exit_code = 0

    def _write(self) -> dict[str, Path]:
        files: dict[str, Path] = {}
        if self._report is not None:
            content = {
                "completer": self._completer,
                "data": self.settings.data,
                "protocol": self.settings.protocol,
                "realtime": self.settings.realtime,
                "scored_on": self._scoring.described,
                "images": self._page.images if self._page is not None else {},
            }
            write_text(self._report, json.dumps(content | self.ledger.report(), indent=2) + "\n")
            files["report"] = self._report
        if self._page is not None:
            text = console.table(self.ledger, self._completer, self._scoring.described, files)
            title = f"Depth by {self._completer} on {Path(self.settings.data).name}"
            files = {"page": self._page.write(title, text.strip("-\n"))} | files
        return files

    def _fail(self, sentence: str, told: bool = False) -> None:
        """End with a sentence and exit code 1."""
        self.finished, self.exit_code = True, 1
        self._timer.cancel()
        if not told:
            print(sentence, file=sys.stderr, flush=True)

    def destroy_node(self) -> None:
        """Stop scoring, and go."""
        self._worker.stop(1.0)
        if not self.finished and self.ledger.entries:
            done, total = self.ledger.count(COMPLETED), len(self.ledger.entries)
            print(f"Stopped early: {done} of {total} frames that were played are completed.", flush=True)
        super().destroy_node()


def _bytes(frame: Frame) -> int:
    """Memory of what a frame holds."""
    held = (frame.image, frame.points, frame.sparse_depth, frame.ground_truth)
    return sum(array.nbytes for array in held if array is not None)


def main() -> int:
    """Play, and end with the table; exit code 0 only where every frame was completed."""
    session: SessionNode

    def make_session() -> SessionNode:
        nonlocal session
        session = SessionNode()
        return session

    def make_player() -> PlayerNode:
        return session.make_player()

    return run(make_session, make_player, interrupted_code=1)


if __name__ == "__main__":
    sys.exit(main())
