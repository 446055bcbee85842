"""A benchmark as data: which images, what is fed, what is scored and how, and what papers report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...core import Frame
from ...core.region import Region, region_mask
from ...data.listed import Layout, Listed
from ...data.reader import Reader, reader_class
from .feeds import Feed, parse_feed, without_background

METRICS = {
    "rmse_mm": ("RMSE mm", "rmse_mm", 1, "{:.0f}"),
    "mae_mm": ("MAE mm", "mae_mm", 1, "{:.0f}"),
    "rmse_m": ("RMSE m", "rmse_mm", 1e-3, "{:.3f}"),
    "mae_m": ("MAE m", "mae_mm", 1e-3, "{:.3f}"),
    "irmse_per_km": ("iRMSE 1/km", "irmse_per_km", 1, "{:.2f}"),
    "imae_per_km": ("iMAE 1/km", "imae_per_km", 1, "{:.2f}"),
    "rel_percent": ("AbsRel %", "rel", 100, "{:.2f}"),
    "delta1_percent": ("δ1 %", "delta1", 100, "{:.2f}"),
    "delta2_percent": ("δ2 %", "delta2", 100, "{:.2f}"),
    "delta3_percent": ("δ3 %", "delta3", 100, "{:.2f}"),
}
"""Metrics of benchmarks: heading, name in `Metrics`, factor and format."""


@dataclass(frozen=True)
class Published:
    """Numbers that a paper reports.

    Args:
        method: what was measured; `(...)` behind it says under which conditions.
        values: in the order of the benchmark's metrics, as the paper writes them.
        source: paper and table.
    """

    method: str
    values: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Format:
    """A reader of `depth_completion_ros.data` and its options."""

    name: str
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Benchmark:
    """One data set under one protocol.

    Args:
        name: `paper:set`.
        data: where the files are.
        download: what to get from where, as the end of a sentence that names the folder.
        images: number of frames.
        size: width x height as a text, as sets have images of several sizes.
        feeds: texts for `parse_feed` under which the published numbers hold; the first is the default.
        metrics: keys of `METRICS`.
        within: metres that the scored truth is more than and less than.
        clip: whether predictions are clipped to `within` before they are scored.
        only_unknown: whether pixels that are fed are left out of the score.
        region: left, top, right, bottom (right and bottom exclusive) inside which is scored.
        bottom: height and width that frames are cut to, at the bottom in the middle.
        resized: height and width that frames are brought to, corners on corners.
        foreground: height of the window and metres of `without_background`, applied to what is fed.
        camera: how pixels become rays: `pinhole`, or what `Camera` cannot say, which a network may know.
        network: settings that the paper's network has for this set alone, by the names of the completer's
            options where it has them.
        published: rows to set beside ours.
        note: what a reader must know.
    """

    name: str
    data: Layout | Format
    download: str
    images: int
    size: str
    feeds: tuple[str, ...]
    metrics: tuple[str, ...]
    within: tuple[float, float] = (0.0, float("inf"))
    clip: bool = False
    only_unknown: bool = False
    region: Region | None = None
    bottom: tuple[int, int] | None = None
    resized: tuple[int, int] | None = None
    foreground: tuple[int, float] | None = None
    camera: str = "pinhole"
    network: dict = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    note: str = ""

    def open(self, folder: str | Path, feed: Feed) -> Reader:
        """The reader of the frames as they are stored.

        Raises:
            FileNotFoundError: what is needed is not there; the sentence says what to download.
        """
        folder, data = Path(folder).expanduser(), self._data_for(feed)
        try:
            if not folder.is_dir():
                raise FileNotFoundError(f"There is no folder '{folder}'.")
            if isinstance(data, Layout):
                return Listed(folder, data, self.name)
            reader = reader_class(data.name)
            if not reader.can_read(folder):
                raise FileNotFoundError(f"'{folder}' does not hold {reader.layout}.")
            return reader(folder, **data.options)
        except (FileNotFoundError, ValueError) as error:  # as the options are ours, files are what is wrong
            reason = str(error).rstrip(".")
            raise FileNotFoundError(f"{self.name} needs its data ({reason}): {self.download}.") from None

    def _data_for(self, feed: Feed) -> Layout | Format:
        """Where the files are, with the pattern that is fed, or without a measurement where that is drawn."""
        sparse = self.data.sparse if isinstance(self.data, Layout) else None
        if feed.folder and "{pattern}" not in (sparse or ""):
            raise ValueError(f"{self.name} has one measurement; feed it with 'files', not '{feed.text}'.")
        if sparse is None:
            return self.data
        if feed.kind != "files":
            return replace(self.data, sparse=None)
        pattern = feed.folder or parse_feed(self.feeds[0]).folder or ""
        return replace(self.data, sparse=sparse.replace("{pattern}", pattern))

    def frame_to_score(self, frame: Frame, feed: Feed) -> Frame:
        """A frame whose `sparse_depth` is what is fed and whose `ground_truth` is what is scored."""
        if frame.ground_truth is None:
            return frame  # which cannot be scored, as the runner says
        if self.bottom is not None:
            frame = cut_to_bottom(frame, *self.bottom)
        if self.resized is not None:
            frame = resized(frame, *self.resized)
        least, most = self.within
        truth = frame.ground_truth
        truth = np.where((truth > least) & (truth < most), truth, np.float32(0))
        fed = feed.draw(frame, truth)
        if self.foreground is not None:
            fed = without_background(fed, *self.foreground)
        scored = region_mask(truth.shape, self.region)
        if self.only_unknown:
            scored &= fed == 0
        return replace(frame, sparse_depth=fed, ground_truth=np.where(scored, truth, np.float32(0)))


def cut_to_bottom(frame: Frame, height: int, width: int) -> Frame:
    """The bottom of a frame, in the middle; all of a frame that is no larger."""
    rows, columns = frame.size
    height, width = min(height, rows), min(width, columns)
    top, left = rows - height, (columns - width) // 2
    camera = frame.camera and frame.camera.cropped(left, top, width, height)
    return _planes(frame, camera, lambda plane, _: plane[top:, left : left + width])


def resized(frame: Frame, height: int, width: int) -> Frame:
    """A frame at another size, without a camera: bilinear with corners on corners, sparse depth nearest."""

    def change(plane: np.ndarray, name: str) -> np.ndarray:
        if name == "sparse_depth":
            rows, columns = (
                np.arange(n) * old // n for n, old in zip((height, width), plane.shape, strict=True)
            )
            return plane[rows[:, None], columns]
        mixed = _stretched(_stretched(plane, 0, height), 1, width)
        return np.rint(mixed).astype(np.uint8) if plane.dtype == np.uint8 else mixed

    return _planes(frame, None, change)


def _stretched(plane: np.ndarray, axis: int, size: int) -> np.ndarray:
    """A plane with so many rows or columns, the first and the last where they were."""
    at = np.linspace(0, plane.shape[axis] - 1, size)
    before = np.floor(at).astype(np.intp)
    after = np.minimum(before + 1, plane.shape[axis] - 1)
    share = np.expand_dims((at - before).astype(np.float32), [i for i in range(plane.ndim) if i != axis])
    return plane.take(before, axis) * (1 - share) + plane.take(after, axis) * share


def _planes(frame: Frame, camera, change) -> Frame:
    """A frame with another camera and every plane changed."""
    planes = {name: getattr(frame, name) for name in ("image", "sparse_depth", "ground_truth")}
    changed = {
        n: None if plane is None else np.ascontiguousarray(change(plane, n)) for n, plane in planes.items()
    }
    return replace(frame, camera=camera, **changed)
