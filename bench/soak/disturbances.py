"""What happens to a robot in the field, one thing after the other, drawn from a seed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

CALM_S = 4.0, 10.0
"""Between two disturbances."""
LENGTH_S = 2.0, 8.0
CLOUDS = ("empty", "all NaN", "dense", "few", "malformed")
IMAGES = ("grey", "noise", "of another size", "malformed")
SLOW = Path(__file__).with_name("slow_consumer.py")


class Disturbances:
    """Begins and ends them while the soak spins.

    Attributes:
        number: how often each kind has happened.
        log: when each began, by the clock of `time.monotonic`.
    """

    def __init__(self, robot, seed: int):
        self._robot, self._random = robot, np.random.default_rng(seed)
        self._kinds: dict[str, Callable[[], Callable[[], None]]] = {
            "clouds vary": self._clouds,
            "images vary": self._images,
            "a subscriber comes and goes": self._subscriber,
            "nobody subscribes": self._nobody,
            "the clock jumps": self._clock,
            "the drivers restart": self._restart,
            "a slow consumer": self._slow_consumer,
            "TF is late": self._tf_late,
            "TF is lost": self._tf_lost,
            "the calibration changes": self._calibration,
            "the calibration is absurd": self._absurd,
        }
        self.number: Counter[str] = Counter()
        self.log: list[tuple[float, str]] = []
        self._end: Callable[[], None] | None = None
        self._next = time.monotonic() + 10

    def step(self) -> None:
        """Begin or end one, if it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        if self._end is not None:
            self._end()
            self._end, span = None, CALM_S
        else:
            kind = str(self._random.choice(list(self._kinds)))
            self.number[kind] += 1
            self.log.append((now, kind))
            self._end, span = self._kinds[kind](), LENGTH_S
        self._next = now + self._random.uniform(*span)

    def stop(self) -> None:
        """End the one that goes on."""
        if self._end is not None:
            self._end()
            self._end = None

    def _set(self, name: str, value) -> Callable[[], None]:
        before = getattr(self._robot, name)
        setattr(self._robot, name, value)
        return lambda: setattr(self._robot, name, before)

    def _clouds(self):
        return self._set("clouds", str(self._random.choice(CLOUDS)))

    def _images(self):
        return self._set("images", str(self._random.choice(IMAGES)))

    def _subscriber(self):
        topic = str(self._random.choice(["depth/points", "depth/confidence", "overlay"]))
        self._robot.listen(topic)
        return lambda: self._robot.leave(topic)

    def _nobody(self):
        self._robot.leave("depth/image")
        return lambda: self._robot.listen("depth/image", self._robot._on_depth)

    def _clock(self):
        """Back as in a looping bag, or ahead; by no whole period, so that no stamp comes twice."""
        jump = int(self._random.choice([-60, -20, -2, 30])) * 10**9
        self._robot.shift_ns += jump + int(self._random.integers(1, 1_000_000))
        return lambda: None

    def _restart(self):
        begin = time.monotonic()
        self._robot.connect()
        # Until both sides know each other again, best-effort messages reach nobody.
        self._robot.account.excuse(begin - 1, begin + 5, "the drivers restarted")
        return lambda: None

    def _slow_consumer(self):
        process = subprocess.Popen([sys.executable, str(SLOW)], start_new_session=True)
        return lambda: (process.terminate(), process.wait())

    def _tf_late(self):
        return self._set("tf_delay_s", float(self._random.uniform(0.05, 0.3)))

    def _tf_lost(self):
        return self._set("tf_delay_s", None)

    def _calibration(self):
        self._robot.focal = float(self._random.uniform(0.5, 0.8) * self._robot.camera.width)
        return lambda: None

    def _absurd(self):
        return self._set("focal", float(self._random.choice([1e6, 1e7, 1e-3])))
