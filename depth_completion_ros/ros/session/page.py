"""A page that shows frames as they were completed: image, LiDAR points, depth and error."""

from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template

import cv2
import numpy as np

from ...core import Frame, SparseDepth
from ...core.safe.files import write_bytes, write_text
from ...core.visual import colourise_depth, error_map, label, overlay_sparse, sampled, shrunk_sparse

PANEL_WIDTH = 760
"""Pixels across one of the panels, at most."""
ERROR_LIMIT_M = 2.0
FILE = "index.html"


class Page:
    """Writes an image a frame, and in the end a page that plays them; needs a browser alone to be seen.

    Args:
        folder: made where it is not there; images of an earlier page in it are removed.
        period_ms: between two frames.

    Raises:
        OSError: the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path, period_ms: int = 150):
        self._folder = Path(folder)
        self._images = self._folder / "images"
        self._period_ms = period_ms
        self._frames: list[dict[str, str]] = []
        self._range: tuple[float, float] | None = None
        self._images.mkdir(parents=True, exist_ok=True)
        for old in (self._folder / FILE, *self._images.glob("*.jpg")):
            old.unlink(missing_ok=True)

    def add(
        self, frame: Frame, fed: Frame, depth: np.ndarray, truth: np.ndarray | None, caption: str
    ) -> None:
        """Draw one frame.

        Args:
            frame, fed: as it was read, and as it was fed.
            depth: H x W metres, NaN where unknown.
            truth: what is scored, H x W metres, 0 for nothing; None where nothing is.
        """
        file = self._images / f"{len(self._frames):04d}.jpg"
        drawn = self._draw(frame, fed, depth, truth)[..., ::-1]
        write_bytes(file, cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())
        self._frames.append({"file": f"images/{file.name}", "name": frame.name, "caption": caption})

    @property
    def images(self) -> dict[str, str]:
        """Name of each frame that was drawn, to its file relative to the folder."""
        return {frame["name"]: frame["file"] for frame in self._frames}

    def write(self, title: str, table: str) -> Path:
        """Write the page and return its path."""
        text = Template(Path(__file__).with_name(FILE.replace("index", "page")).read_text()).substitute(
            title=html.escape(title),
            table=html.escape(table),
            frames=json.dumps(self._frames),
            period=self._period_ms,
        )
        path = self._folder / FILE
        write_text(path, text)
        return path

    def _draw(self, frame: Frame, fed: Frame, depth: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
        sparse = SparseDepth.from_points(fed).depth
        if self._range is None and np.any(sparse):  # one scale for all frames, or colours flicker
            self._range = tuple(np.percentile(sparse[sparse > 0], (1, 99)))
        near, far = self._range or (1.0, 80.0)
        step = -(-frame.image.shape[1] // PANEL_WIDTH)
        small = cv2.resize(frame.image, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
        points = overlay_sparse(small, shrunk_sparse(sparse, step, small.shape[:2]), near, far)
        dense = colourise_depth(sampled(depth, step, small.shape[:2]), near, far)
        panels = [
            label(small, "image"),
            label(points, f"LiDAR, {np.count_nonzero(sparse)} pixels measured"),
            label(dense, f"depth, {near:.0f} m bright to {far:.0f} m dark"),
            _error(depth, truth, step, small.shape[:2]),
        ]
        return np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])])


def _error(depth: np.ndarray, truth: np.ndarray | None, step: int, shape: tuple[int, int]) -> np.ndarray:
    if truth is None:
        return label(np.zeros((*shape, 3), np.uint8), "no true depth to compare with")
    shown = np.where(depth > 0, depth, np.float32(np.nan))
    shown = error_map(sampled(shown, step, shape), sampled(truth, step, shape), ERROR_LIMIT_M)
    return label(shown, f"error where it is scored, red is {ERROR_LIMIT_M:g} m and more")
