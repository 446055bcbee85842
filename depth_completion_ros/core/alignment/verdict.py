"""From the scores of hypotheses to a verdict: how far apart, how sure, or too little structure to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

ANGLES = np.deg2rad(np.linspace(-5, 5, 61))
"""Yaw or pitch of a hypothesis, radians."""
_ROLLS = np.deg2rad([0.5, 1, 1.5, 2, 3, 4])
_SHIFTS_M = (0.2, 0.4, 0.8, 1.2, 1.6)
POSES = np.array(
    [
        (0.0, 0.0),
        *((sign * roll, 0.0) for roll in _ROLLS for sign in (-1, 1)),
        *((0.0, sign * shift) for shift in _SHIFTS_M for sign in (-1, 1)),
    ]
)
"""Roll (radians) and shift along the view (metres) of a hypothesis; the first is neither."""
SECTORS = 16
"""Upright strips of the image, each taken for a witness of its own."""

MIN_SECTORS = 5
SURE = 2.5
"""Standard errors by which a statement must differ from chance."""
TOLERANCE = np.deg2rad(0.3)
"""An error up to this size is not told apart from none."""
MAX_ERROR = np.deg2rad(0.5)
"""With a larger standard error nothing is said of yaw or pitch."""


ENOUGH_FRAMES = 5
"""On fewer frames nobody should be alarmed."""


class Scores:
    """How well hypotheses fit a frame, or the sums of it over frames.

    Args:
        focal: focal length of the images, pixels.
        scale: pixels of the images to one of `motion`.

    Attributes:
        score: 2 (axes) x SECTORS x POSES x ANGLES.
        frames, edges: numbers looked at, those that have faded too.
    """

    def __init__(self, focal: float = 1.0, scale: float = 1.0):
        self.focal, self._scale = focal, scale
        self.score = np.zeros((2, SECTORS, len(POSES), len(ANGLES)))
        self.frames = self.edges = 0
        self._moment = np.zeros((2, 3, 3))
        self._weight = np.zeros(2)

    def add_edges(self, axis: int, by_sector: np.ndarray, weight: np.ndarray, per_unit: np.ndarray) -> None:
        """Add edges along an axis: scores SECTORS x hypotheses, weights N, `motion` N x 3."""
        self.score[axis] += by_sector.reshape(self.score.shape[1:])
        self._moment[axis] += np.einsum("n,ni,nj->ij", weight, per_unit, per_unit)
        self._weight[axis] += weight.sum()
        self.edges += len(weight)

    def add(self, frame: Scores, keep: float) -> None:
        """Add those of a frame; what is there fades to a share `keep`."""
        for name in ("score", "_moment", "_weight"):
            setattr(self, name, keep * getattr(self, name) + getattr(frame, name))
        self.frames += 1
        self.edges += frame.edges
        self.focal, self._scale = frame.focal, frame._scale

    def pixels(self, turns: np.ndarray, pose: np.ndarray) -> float:
        """Root mean square of the pixels by which yaw and pitch (radians) and a pose move the edges."""
        squares = 0.0
        for axis, turn in enumerate(turns):
            h = np.array([turn, *pose])
            squares += float(h @ self._moment[axis] @ h) / max(self._weight[axis], 1e-9)
        return float(np.sqrt(max(squares, 0.0)) * self._scale)


@dataclass(frozen=True)
class Alignment:
    """What frames tell of the calibration between LiDAR and camera.

    Args:
        state: "aligned"; "apart"; or "unclear", where the scene has too little structure to tell.
        sentence: the same in words, with the numbers.
        pixels, error: how far outlines of the scan are from those of the image, root mean square, and
            the standard error of it.
        yaw, pitch, roll: degrees by which the points would have to turn about the camera's axes (to the
            right, down, clockwise) to fit; 0 where they need not.
        shift: metres that they would have to go ahead.
        frames, edges: numbers looked at.
    """

    state: Literal["aligned", "apart", "unclear"]
    sentence: str
    pixels: float = float("nan")
    error: float = float("nan")
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift: float = 0.0
    frames: int = 0
    edges: int = 0

    @property
    def is_alarming(self) -> bool:
        """Whether the two are apart, seen on enough frames."""
        return self.state == "apart" and self.frames >= ENOUGH_FRAMES


def judge(scores: Scores) -> Alignment:
    """The verdict on the frames so far.

    Sectors of the image are the witnesses: an offset that the other sectors find must fit better in
    each sector than none does, by a mean of SURE standard errors over the sectors (cross-validation).
    """
    filled = np.flatnonzero(scores.score.any(axis=(0, 2, 3)))
    if len(filled) < MIN_SECTORS:
        return _unclear(scores, f"edges of depth are in {len(filled)} of {SECTORS} strips of the image only")
    own = scores.score[:, filled]
    pose = _pose(own)
    own = own[:, :, pose]
    turns, errors, sure = (np.array(part) for part in zip(*map(_turn, own), strict=True))
    found = np.where(sure > SURE, turns, 0.0)
    fits = [_at(curves, np.full(len(filled), turn)) for curves, turn in zip(own, found, strict=True)]
    pixels = scores.pixels(found, POSES[pose])
    if _t(fits[0] + fits[1]) < SURE:
        return _unclear(scores, "edges of depth and of the image agree nowhere")
    if pixels > np.tan(TOLERANCE) * scores.focal:
        error = scores.pixels(np.where(found, errors, 0), POSES[0])
        return _apart(scores, found, POSES[pose], pixels, error)
    error = scores.pixels(errors, POSES[0])
    for name, turn, spread, fit in zip(("yaw", "pitch"), turns, errors, fits, strict=True):
        if spread > MAX_ERROR or abs(turn) > 2 * TOLERANCE or _t(fit) < SURE:
            return _unclear(
                scores, f"the edges that would tell of {name} are too few or contradict each other"
            )
    pixels = scores.pixels(turns, POSES[0])
    sentence = f"Edges of depth lie on image edges, to {pixels:.1f} pixels (standard error {error:.1f})."
    return Alignment("aligned", sentence, pixels, error, frames=scores.frames, edges=scores.edges)


def _pose(own: np.ndarray) -> int:
    """Index of the roll or shift that is sure to fit better than none, 0 if none is.

    Args:
        own: 2 x sectors x POSES x ANGLES.
    """
    total = own.sum(axis=1)
    best = int(total.max(axis=-1).sum(axis=0).argmax())
    others = total[:, None] - own
    poses = others.max(axis=-1).sum(axis=0).argmax(axis=-1)
    at = np.arange(own.shape[1])
    gain = np.zeros(len(at))
    for axis in (0, 1):
        turn = others[axis].argmax(axis=-1)
        gain += own[axis, at, poses, turn[at, poses]] - own[axis, at, 0, turn[at, 0]]
    return best if _t(gain) > SURE else 0


def _turn(curves: np.ndarray) -> tuple[float, float, float]:
    """Best yaw or pitch, its standard error (jackknife over sectors), and how sure it is not 0.

    Args:
        curves: sectors x ANGLES.
    """
    total, number = curves.sum(axis=0), len(curves)
    others = np.array([_peak(total - curve) for curve in curves])
    error = np.sqrt((number - 1) / number * np.sum((others - others.mean()) ** 2))
    gain = _at(curves, others) - _at(curves, np.zeros(number))
    return _peak(total), float(error), _t(gain)


def _t(values: np.ndarray) -> float:
    """Mean over its standard error."""
    return float(values.mean() / (values.std(ddof=1) / np.sqrt(len(values)) + 1e-9))


def _peak(curve: np.ndarray) -> float:
    """Angle at which a curve is highest, by a parabola through the three values around it."""
    at = int(curve.argmax())
    if not 0 < at < len(curve) - 1:
        return float(ANGLES[at])
    before, top, after = curve[at - 1 : at + 2]
    bend = before - 2 * top + after
    return float(ANGLES[at] + (0.5 * (before - after) / bend if bend < 0 else 0) * (ANGLES[1] - ANGLES[0]))


def _at(curves: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Each curve at its own angle."""
    return np.array([np.interp(angle, ANGLES, curve) for angle, curve in zip(angles, curves, strict=True)])


def _unclear(scores: Scores, why: str) -> Alignment:
    sentence = f"Too little structure to tell: {why} ({scores.edges} edges, frames: {scores.frames})."
    return Alignment("unclear", sentence, frames=scores.frames, edges=scores.edges)


def _apart(scores: Scores, turns: np.ndarray, pose: np.ndarray, pixels: float, error: float) -> Alignment:
    yaw, pitch, roll = np.rad2deg([*turns, pose[0]])
    words = {"yaw": yaw, "pitch": pitch, "roll": roll}
    by = [f"{name} {value:+.1f} degrees" for name, value in words.items() if value]
    by += [f"{pose[1]:+.1f} m along the view (a time offset, where the robot drives)"] * bool(pose[1])
    sentence = (
        f"Edges of depth are {pixels:.1f} pixels (standard error {error:.1f}) from image edges; points "
        f"moved by {', '.join(by)} would fit. Check the calibration and the stamps."
    )
    if scores.frames < ENOUGH_FRAMES:
        sentence += f" So far only {scores.frames} of {ENOUGH_FRAMES} frames that it takes to be sure."
    numbers = {"yaw": float(yaw), "pitch": float(pitch), "roll": float(roll), "shift": float(pose[1])}
    return Alignment("apart", sentence, pixels, error, **numbers, frames=scores.frames, edges=scores.edges)
