"""A lane around a block, and how a car drives along it: slower in turns, with stops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_STEP_M = 0.25
ACCELERATION = 2.2  # m/s^2, speeding up; a car brakes a little harder
BRAKING = 2.8
SIDEWAYS = 3.0


class Circuit:
    """A closed lane of four straights and four quarter circles, about the origin.

    Counter-clockwise it begins with the straight along +x at y = -half_y; clockwise with that at y = half_y.

    Args:
        half_x, half_y: from the middle to the straights, metres.
        radius: of the turns.
        clockwise: the other way round.
    """

    def __init__(self, half_x: float, half_y: float, radius: float, clockwise: bool = False):
        self.radius, self.clockwise = radius, clockwise
        self._half = half_x, half_y
        straights = 2 * (half_x - radius), 2 * (half_y - radius)
        self._ends = np.cumsum([straights[0], np.pi / 2 * radius, straights[1], np.pi / 2 * radius] * 2)

    @property
    def length(self) -> float:
        """Of one lap, metres."""
        return float(self._ends[-1])

    def turns_at(self, s: np.ndarray) -> np.ndarray:
        """Whether the places s (metres along) are in a turn, bool."""
        return np.searchsorted(self._ends, s % self.length, side="right") % 2 == 1

    def at(self, s: float) -> tuple[float, float, float]:
        """x, y and heading (radians, growing from lap to lap) at s metres along; any number."""
        lap, along = divmod(float(s), self.length)
        piece = int(np.searchsorted(self._ends, along, side="right"))
        along -= self._ends[piece - 1] if piece else 0.0
        quarter, in_turn = divmod(piece, 2)
        # In the frame of the quarter the straight runs along +x at y = -across; a left turn follows.
        half, across = self._half if quarter % 2 == 0 else self._half[::-1]
        x, y, heading = along - (half - self.radius), -across, 0.0
        if in_turn:
            heading = along / self.radius
            x = half - self.radius + self.radius * np.sin(heading)
            y = -across + self.radius * (1 - np.cos(heading))
        turned = quarter * np.pi / 2
        c, s_ = np.cos(turned), np.sin(turned)
        x, y, heading = c * x - s_ * y, s_ * x + c * y, heading + turned + 2 * np.pi * lap
        return (x, -y, -heading) if self.clockwise else (x, y, heading)


class Pace:
    """Distance along a circuit by time: every lap alike, accelerations as in a calm drive.

    Args:
        speed: on straights, m/s.
        stops: places in metres along and the seconds that the car stands there.
    """

    def __init__(self, circuit: Circuit, speed: float, stops: Sequence[tuple[float, float]] = ()):
        self._length = circuit.length
        s, step = np.linspace(0, self._length, int(self._length / _STEP_M), endpoint=False, retstep=True)
        limit = np.where(circuit.turns_at(s), min(np.sqrt(SIDEWAYS * circuit.radius), speed), speed)
        waits = np.zeros(len(s))
        for place, seconds in stops:
            index = int(round(place / step)) % len(s)
            limit[index], waits[index] = 0.0, seconds
        v = _reachable(limit, step)
        s, v = np.append(s, self._length), np.append(v, v[0])
        # Each place counts twice, when the car comes and when it goes.
        stays = np.append(waits, 0.0)
        moves = np.append(0.0, 2 * np.diff(s) / (v[:-1] + v[1:]))
        self._t = np.cumsum(np.stack([moves, stays], axis=1).ravel())
        self._s, self._v = np.repeat(s, 2), np.repeat(v, 2)

    @property
    def lap_s(self) -> float:
        """Seconds of a lap."""
        return float(self._t[-1])

    def distance(self, time: float) -> float:
        """Metres along since time 0, at a time in seconds; any number."""
        lap, t = divmod(time, self.lap_s)
        after = int(np.clip(np.searchsorted(self._t, t, side="right"), 1, len(self._t) - 1))
        (t0, t1), (s0, s1), (v0, v1) = (a[after - 1 : after + 1] for a in (self._t, self._s, self._v))
        # Between two places the acceleration is constant.
        share = (t - t0) / max(t1 - t0, 1e-9)
        inside = (t1 - t0) * (v0 * share + (v1 - v0) * share**2 / 2)
        return float(lap * self._length + s0 + min(inside, s1 - s0))


def _reachable(limit: np.ndarray, step_m: float) -> np.ndarray:
    """Speeds under the limits along a closed lane that braking and speeding up allow."""
    v = np.tile(limit, 3)
    for order, strength in ((range(1, len(v)), ACCELERATION), (range(len(v) - 2, -1, -1), BRAKING)):
        back = 1 if strength == ACCELERATION else -1
        for i in order:
            v[i] = min(v[i], np.sqrt(v[i - back] ** 2 + 2 * strength * step_m))
    return v[len(limit) : 2 * len(limit)]
