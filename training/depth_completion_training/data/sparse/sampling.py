"""Sparse depth of every kind that a network meets, drawn from a frame whose depth is known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from depth_completion_training.simulation.frame_file import SimulatedFrame, StoredScan
from depth_completion_training.simulation.lidar.corners import corners


def scan_depth(scan: StoredScan, shape: tuple[int, int], *, filtered: bool, kept=None) -> np.ndarray:
    """Sparse depth of a stored scan, float32 H x W metres, 0 where not measured.

    Args:
        shape: height and width.
        filtered: leave out what the see-through filter takes for hidden.
        kept: bool N, points to take; None for all.
    """
    chosen = ~scan.hidden if filtered else np.ones(len(scan.z), bool)
    if kept is not None:
        chosen &= kept
    sparse = np.zeros(shape, np.float32)
    sparse.ravel()[scan.pixel[chosen]] = scan.z[chosen]
    return sparse


def every_line(line: np.ndarray, step: int, first: int) -> np.ndarray:
    """Mask of every `step`-th line from `first` on, counted from the top: 64 lines to 32, 16, 8, 4.

    Lines without a point in the image count too, as the lines of a sensor lie evenly.
    """
    return (line >= first) & ((line - first) % step == 0)


def some_lines(line: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Mask of `count` lines at random among those that have points (all if there are fewer).

    MSPN (CVPR 2024) trains with 4 to 64 such lines.
    """
    there = np.unique(line)
    return np.isin(line, rng.permutation(there)[:count])


def random_points(depth: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Depth at `count` pixels at random among those whose depth is known (all if there are fewer)."""
    known = _known(depth)
    chosen = known if count >= known.size else rng.choice(known, count, replace=False, shuffle=False)
    return _at(depth, chosen)


def grid_points(depth: np.ndarray, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Depth on a grid of cells `pitch` pixels wide, one point in each: a time-of-flight array.

    A cell of such a sensor tells one depth of all that it sees: here that of any of its pixels, put
    at its centre. Along an edge it may thus be that of either side.
    """
    height, width = depth.shape
    top, left = rng.uniform(0, pitch, 2)
    v, u = np.arange(top, height - 0.5, pitch), np.arange(left, width - 0.5, pitch)
    cells = np.stack(np.meshgrid(v, u, indexing="ij"), axis=-1).reshape(-1, 2)
    seen = np.rint(cells + rng.uniform(-0.5, 0.5, cells.shape) * pitch).astype(np.int32)
    seen = np.clip(seen, 0, (height - 1, width - 1))
    place = np.rint(cells).astype(np.int32)
    z = depth[seen[:, 0], seen[:, 1]]
    good = np.isfinite(z) & (z > 0)
    sparse = np.zeros(depth.shape, np.float32)
    sparse[place[good, 0], place[good, 1]] = z[good]
    return sparse


def holes(depth: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Dense depth with `count` rectangles cut out, each up to two thirds as high and wide as the image."""
    sparse = np.where(np.isfinite(depth), depth, np.float32(0))
    size = np.array(depth.shape)
    for _ in range(count):
        extent = np.maximum(1, size * np.exp(rng.uniform(np.log(0.05), np.log(0.67), 2))).astype(int)
        top, left = rng.integers(0, size - extent + 1)
        sparse[top : top + extent[0], left : left + extent[1]] = 0
    return sparse


def add_noise(sparse: np.ndarray, share: float, rng: np.random.Generator) -> None:
    """Put normal noise with a deviation of `share` of the depth on the measured points, in place."""
    hit = np.flatnonzero(sparse)
    factor = 1 + np.float32(share) * rng.standard_normal(hit.size, dtype=np.float32)
    sparse.ravel()[hit] *= np.maximum(factor, np.float32(0.2))


def add_outliers(sparse: np.ndarray, share: float, rng: np.random.Generator) -> None:
    """Make a share of the measured points wrong, in place: moved along their ray, by up to five times."""
    hit = np.flatnonzero(sparse)
    hit = hit[rng.random(hit.size) < share]
    sparse.ravel()[hit] *= np.exp(rng.uniform(-np.log(5), np.log(5), hit.size)).astype(np.float32)


def _known(depth: np.ndarray) -> np.ndarray:
    return np.flatnonzero((depth > 0) & np.isfinite(depth))


def _at(depth: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    sparse = np.zeros(depth.shape, np.float32)
    sparse.ravel()[pixels] = depth.ravel()[pixels]
    return sparse


@dataclass(frozen=True)
class SparseSampler:
    """Draws the sparse depth of one sample: `sampler(frame, rng)` gives float32 H x W metres, 0 not measured.

    The default asks for LiDAR most of the time, as that is what robots bring, and for everything else
    often enough to be at home there.

    Args:
        scan, points, grid, corner, hole: how often each kind is drawn; they need not add up to 1.
            Stored scan of a simulated sensor; pixels at random; low resolution time of flight;
            corners as visual SLAM knows them; dense depth with holes.
        filtered: share of the scans without what the see-through filter takes out. The node applies
            it; without it a network also learns to doubt points.
        thinned: share of the scans of which only every 2nd, 4th, 8th or 16th line is taken.
        exact: share of the scans whose points are replaced by the true depth of their pixels, as of a
            sensor without noise, calibrated without a fault. Without such, a network trusts none.
        fewest_points, most_points: at random and at corners; the number is log-uniform.
        pitch: least and greatest width of a grid's cell in pixels, log-uniform.
        noisy, noise: share of the samples of points, grids and holes that get noise, and its
            greatest deviation as a share of the depth. Scans and corners have their own.
        nothing: share of the samples without a single point.
        spoilt, outliers: share of all samples that get outliers, and the greatest share of them.

    Raises:
        ValueError: a share that is not allowed, or nothing to draw.
    """

    scan: float = 0.6
    points: float = 0.18
    grid: float = 0.08
    corner: float = 0.07
    hole: float = 0.07
    filtered: float = 0.8
    thinned: float = 0.45
    exact: float = 0.0
    fewest_points: int = 1
    most_points: int = 3000
    pitch: tuple[float, float] = (4.0, 40.0)
    noisy: float = 0.5
    noise: float = 0.02
    nothing: float = 0.0
    spoilt: float = 0.08
    outliers: float = 0.1
    _kinds: tuple[str, ...] = field(
        default=("scan", "points", "grid", "corner", "hole"), init=False, repr=False
    )

    def __post_init__(self):
        shares = "filtered", "thinned", "exact", "noisy", "noise", "nothing", "spoilt", "outliers"
        for name in (*self._kinds, *shares):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"Sampler's {name} is {value}; it must be from 0 to 1.")
        if not sum(getattr(self, name) for name in self._kinds) > 0:
            raise ValueError(f"Sampler has nothing to draw; one of {', '.join(self._kinds)} must be above 0.")
        if not 1 <= self.fewest_points <= self.most_points:
            raise ValueError(
                f"Sampler's fewest_points is {self.fewest_points}; it must be from 1 to its most_points, "
                f"{self.most_points}."
            )
        if not 1 <= self.pitch[0] <= self.pitch[1]:
            raise ValueError(
                f"Sampler's pitch is {self.pitch}; it must be two numbers from 1 on, the lesser first."
            )

    def __call__(self, frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
        """Sparse depth of a frame; a frame without points of a scan gets points at random instead."""
        if rng.random() < self.nothing:
            return np.zeros(frame.depth.shape, np.float32)
        weights = np.array([getattr(self, name) for name in self._kinds])
        kind = self._kinds[rng.choice(len(weights), p=weights / weights.sum())]
        sparse = getattr(self, f"_draw_{kind}")(frame, rng)
        if not sparse.any():
            sparse = self._draw_points(frame, rng)
        if kind in ("points", "grid", "hole") and rng.random() < self.noisy:
            add_noise(sparse, self.noise * rng.random() ** 2, rng)
        if rng.random() < self.spoilt:
            add_outliers(sparse, rng.uniform(0, self.outliers), rng)
        return sparse

    def _draw_scan(self, frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
        filled = [scan for scan in frame.scans if len(scan.z)]
        if not filled:
            return np.zeros(frame.depth.shape, np.float32)
        scan = filled[rng.integers(len(filled))]
        kept = self._thin(scan.line, rng) if rng.random() < self.thinned else None
        sparse = scan_depth(scan, frame.depth.shape, filtered=rng.random() < self.filtered, kept=kept)
        if self.exact and rng.random() < self.exact:
            sparse = np.where((sparse > 0) & np.isfinite(frame.depth), frame.depth, np.float32(0))
        return sparse

    def _thin(self, line: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which points of a scan to keep: some of its lines, or of one without lines some points."""
        lines = int(line.max()) + 1
        if lines < 4:
            return rng.random(len(line)) < np.exp(rng.uniform(np.log(1 / 16), 0))
        if rng.random() < 0.25:
            return some_lines(line, int(rng.integers(min(4, lines), lines + 1)), rng)
        steps = [step for step in (2, 4, 8, 16) if lines // step >= 4] or [2]
        step = int(rng.choice(steps))
        return every_line(line, step, int(rng.integers(step)))

    def _draw_points(self, frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
        return random_points(frame.depth, self._count(rng), rng)

    def _draw_grid(self, frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
        return grid_points(frame.depth, float(np.exp(rng.uniform(*np.log(self.pitch)))), rng)

    def _draw_corner(self, frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
        return corners(frame.image, frame.depth, self._count(rng), rng)

    def _draw_hole(self, frame: SimulatedFrame, rng: np.random.Generator) -> np.ndarray:
        sparse = holes(frame.depth, int(rng.integers(1, 6)), rng)
        if rng.random() < 0.5:  # nothing comes back from afar
            known = frame.depth[np.isfinite(frame.depth) & (frame.depth > 0)]
            if known.size:
                sparse[sparse > np.quantile(known[::7], rng.uniform(0.4, 1))] = 0
        return sparse

    def _count(self, rng: np.random.Generator) -> int:
        fewest, beyond = np.log([self.fewest_points, self.most_points + 1])
        return int(np.exp(rng.uniform(fewest, beyond)))
