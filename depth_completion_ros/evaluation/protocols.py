"""Evaluation protocols: what of a frame a completer is fed, and what it is scored on.

| text | fed | scored on |
|---|---|---|
| `truth` | the whole measurement | the ground truth |
| `truth:lines=N` | N rings of the scan, evenly spaced from the topmost | the ground truth |
| `lines:N` | N rings of the scan, evenly spaced from the topmost | all other rings |
| `hide:K` | all rings but every K-th | every K-th ring |
| `points:N` | N random points | all other points |
| `share:P` | P per cent of the points, at random | all other points |

A 32-line feed of a 64-line scan is every second ring. Pixels that a fed point hits too are not scored
on hidden points, nor are points that show through a nearer surface, judged on the whole scan.
`points` and `share` draw from the LiDAR hits, or from the ground truth of a frame without LiDAR.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace

import numpy as np

from ..core import Frame, SparseDepth
from ..core.region import Region, check_region, region_mask

PATTERN = re.compile(
    r"(?P<kind>truth)(:lines=(?P<lines>\d+))?"
    r"|(?P<whole>hide|lines|points):(?P<number>\d+)"
    r"|(?P<part>share):(?P<percent>\d+(\.\d+)?)"
)
SENSOR_RINGS = (1, 2, 4, 8, 16, 32, 40, 64, 80, 128)


class CannotServe(ValueError):
    """A frame lacks what a protocol needs; the message says what."""


@dataclass(frozen=True)
class Settings:
    """How frames are fed and scored under every protocol.

    Args:
        see_through, isolated: filters on what is fed.
        max_range: what was measured farther in front of the camera, in metres, is not fed.
        max_depth: truth beyond so many metres is not scored.
        region: left, top, right, bottom in pixels (right and bottom exclusive), outside which nothing is
            scored.
        seeds: random protocols are the mean over so many draws.
    """

    see_through: bool = True
    isolated: bool = False
    max_range: float = float("inf")
    max_depth: float = float("inf")
    region: Region | None = None
    seeds: int = 1

    def __post_init__(self):
        for name, limit in (("range", self.max_range), ("depth", self.max_depth)):
            if not limit > 0:
                raise ValueError(f"Maximum {name} is {limit:g}; it must be positive.")
        if self.seeds < 1:
            raise ValueError(f"Number of seeds is {self.seeds}; it must be 1 or more.")
        if self.region is not None:
            check_region(self.region)


@dataclass(eq=False)
class Trial:
    """One frame under one protocol.

    Args:
        feed: what the completer sees.
        truth: float32 H x W, metres along z, 0 where nothing is scored.
    """

    feed: SparseDepth
    truth: np.ndarray


@dataclass(frozen=True)
class Protocol:
    """One line of the table above; made by `parse_protocol`.

    Args:
        text: as the user wrote it.
        kind: `truth`, `hide`, `lines`, `points` or `share`.
        number: rings, points or per cent; None for `truth` with the whole measurement.
    """

    text: str
    kind: str
    number: float | None = None

    @property
    def is_random(self) -> bool:
        return self.kind in ("points", "share")

    @property
    def series(self) -> tuple[str, str] | None:
        """Name of the family that differs in `number` alone, and what that number counts."""
        families = {
            "truth": ("truth:lines=N", "LiDAR lines fed"),
            "lines": ("lines:N", "LiDAR lines fed"),
            "points": ("points:N", "points fed"),
            "share": ("share:P", "points fed, per cent"),
        }
        return families.get(self.kind) if self.number is not None else None

    def fed(self, frame: Frame) -> Frame:
        """The frame with only the points that are fed, for a completer that projects them itself.

        Raises:
            CannotServe: the frame lacks rings or points; or the protocol feeds pixels rather than points.
        """
        if self.is_random:
            raise CannotServe(f"protocol {self.text} draws pixels, which no LiDAR can leave out")
        if self.number is None:
            return frame
        rings = _scan_with_rings(frame).rings
        return _with_points(frame, _kept(self, rings))

    def trial(self, frame: Frame, settings: Settings = Settings(), seed: int = 0) -> Trial:  # noqa: B008
        """What to feed and what to score.

        Raises:
            CannotServe: the frame lacks rings, points or a truth, or nothing is left of them.
        """
        if self.kind == "truth":
            trial = _on_truth(self, frame, settings)
        elif self.is_random:
            trial = _on_other_points(self, frame, settings, seed)
        else:
            trial = _on_other_rings(self, frame, settings)
        if not trial.feed.count:
            raise CannotServe("no point to feed falls into the image")
        trial.truth = _limit(trial.truth, settings)
        if not trial.truth.any():
            raise CannotServe("nothing is left to score")
        return trial


OTHER_UNIT = 1.5
"""Factor in the median by which truth and measurement of the same pixels differ only in unit or frame."""
FEW_COMMON = 20


def _check_units(feed: SparseDepth, truth: np.ndarray) -> None:
    """CannotServe where the truth contradicts the measurement as a whole."""
    common = (feed.depth > 0) & (truth > 0)
    if np.count_nonzero(common) < FEW_COMMON:
        return
    ratio = float(np.median(truth[common] / feed.depth[common]))
    if not 1 / OTHER_UNIT < ratio < OTHER_UNIT:
        raise CannotServe(
            f"the truth is {ratio:.2g} times the measurement in the median of the same pixels, so one of the "
            "two is in another unit or of another frame"
        )


def parse_protocol(text: str) -> Protocol:
    """A protocol from its text, such as `truth`, `truth:lines=16`, `hide:4`, `lines:16`, `points:500`.

    Raises:
        ValueError: a text that names none, or a number that leaves nothing to feed or to score.
    """
    match = PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"Protocol '{text}' is unknown; it must be truth, truth:lines=N, lines:N, hide:K, points:N "
            "or share:P, with a number for the letter."
        )
    kind = match["kind"] or match["whole"] or match["part"]
    number = match["lines"] or match["number"] or match["percent"]
    if number is None:
        return Protocol(kind, kind)
    value = float(number) if kind == "share" else int(number)
    low, high = {"hide": (2, np.inf), "share": (0, 100)}.get(kind, (1, np.inf))
    if not low <= value < high or value == 0:
        allowed = "more than 0 and less than 100" if kind == "share" else f"{low} or more"
        raise ValueError(f"Protocol '{text}' has the number {value:g}; it must be {allowed}.")
    return Protocol(match[0], kind, value)


# The three ways to serve a protocol --------------------------------------------------------------


def _on_truth(protocol: Protocol, frame: Frame, settings: Settings) -> Trial:
    if frame.ground_truth is None:
        raise CannotServe("it has no ground truth")
    if protocol.number is not None:
        frame = protocol.fed(frame)
    elif frame.points is None and frame.sparse_depth is None:
        raise CannotServe("it has no measurement beside its ground truth")
    feed = _project(frame, settings)
    _check_units(feed, frame.ground_truth)
    return Trial(feed, frame.ground_truth)


def _on_other_rings(protocol: Protocol, frame: Frame, settings: Settings) -> Trial:
    kept = _kept(protocol, _scan_with_rings(frame).rings)
    return Trial(_project(_with_points(frame, kept), settings), held_out(frame, kept))


def _on_other_points(protocol: Protocol, frame: Frame, settings: Settings, seed: int) -> Trial:
    if frame.points is not None:
        hits = SparseDepth.from_points(_scan(frame), see_through=False, isolated=False).depth
        truth = _whole_scan(frame).depth
    elif frame.ground_truth is not None or frame.sparse_depth is not None:
        hits = frame.sparse_depth if frame.ground_truth is None else frame.ground_truth
        truth = hits
    else:
        raise CannotServe("it has neither points nor ground truth")
    candidates = np.flatnonzero((hits > 0) & (hits <= settings.max_range))
    number = protocol.number
    if protocol.kind == "share":
        number = max(1, round(len(candidates) * number / 100))
    if number >= len(candidates):
        raise CannotServe(f"it has {len(candidates)} points in view, so {number} leave none to score")
    random = np.random.default_rng([zlib.crc32(frame.name.encode()), seed])
    chosen = random.choice(candidates, number, replace=False)
    fed = np.zeros_like(hits, np.float32)
    fed.flat[chosen] = hits.flat[chosen]
    rest = np.where(fed > 0, np.float32(0), truth)
    sparse = SparseDepth.from_depth(fed)
    if frame.points is not None:
        focal = float(frame.camera.K[0, 0])
        sparse.filter(focal, see_through=settings.see_through, isolated=settings.isolated)
    return Trial(sparse, rest)


# What they share ---------------------------------------------------------------------------------


def _scan(frame: Frame) -> Frame:
    if frame.points is None:
        raise CannotServe("it has no LiDAR points")
    if frame.camera is None or frame.T_cam_lidar is None:
        raise CannotServe("it has no calibration between camera and LiDAR")
    return frame


def _scan_with_rings(frame: Frame) -> Frame:
    if frame.rings is None:
        raise CannotServe("it has no LiDAR rings")
    if not len(frame.rings):
        raise CannotServe("its scan has no points")
    return _scan(frame)


def _kept(protocol: Protocol, rings: np.ndarray) -> np.ndarray:
    """Mask of the points on the rings that a protocol of rings feeds."""
    if protocol.kind == "hide":
        return rings % protocol.number != protocol.number - 1
    return _evenly_spaced(rings, protocol.number)


def _evenly_spaced(rings: np.ndarray, number: int) -> np.ndarray:
    """Mask of the points on `number` rings, evenly spaced from the topmost."""
    total = sensor_rings(rings)
    if number > total:
        raise CannotServe(f"its scan has {total} rings, fewer than {number}")
    return np.isin(rings, np.arange(number) * total // number)


def sensor_rings(rings: np.ndarray) -> int:
    """How many rings a sensor has, by those of one of its scans, of which some are.

    A scan cut to the view of the camera lacks its lowest rings; the sensor has them none the less.
    """
    seen = int(rings.max()) + 1
    return next((size for size in SENSOR_RINGS if size >= seen), seen)


def held_out(frame: Frame, kept: np.ndarray) -> np.ndarray:
    """Depth of the points that are not fed, at pixels that no fed one hits; none that shows through.

    Args:
        kept: mask of the points of the frame that are fed.

    Returns:
        float32 H x W metres, 0 where there is nothing to score.
    """
    hit = SparseDepth.from_points(_with_points(frame, kept), see_through=False).depth > 0
    return np.where(hit, np.float32(0), _whole_scan(frame).depth)


def _with_points(frame: Frame, kept: np.ndarray) -> Frame:
    each = {name: getattr(frame, name) for name in ("points", "rings", "point_times")}
    return replace(frame, **{name: values[kept] for name, values in each.items() if values is not None})


def _project(frame: Frame, settings: Settings) -> SparseDepth:
    frame = _scan(frame) if frame.points is not None else frame
    return SparseDepth.from_points(
        frame,
        max_depth=settings.max_range,
        see_through=settings.see_through,
        isolated=settings.isolated,
    )


def _whole_scan(frame: Frame) -> SparseDepth:
    """All points as a truth: without those that show through, which no completer could match."""
    return SparseDepth.from_points(frame, see_through=True, isolated=False)


def _limit(truth: np.ndarray, settings: Settings) -> np.ndarray:
    scored = (truth > 0) & (truth <= settings.max_depth) & region_mask(truth.shape, settings.region)
    return np.where(scored, truth, np.float32(0))
