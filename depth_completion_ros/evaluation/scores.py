"""Scores of frames without end: sums in memory, single frames on disk where they are wanted."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections import deque
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from ..core import Metrics
from ..core.safe.files import whole_file

NAMES = tuple(field.name for field in fields(Metrics))
RECENT = 100


class RunningScores:
    """Mean over all frames added; memory does not grow with their number.

    Args:
        folder: where an unnamed file keeps each frame for `rows` as JSON, about 300 bytes; None to keep none.

    Attributes:
        recent: stamp and metrics of the last frames.
        trouble: why frames could not be kept, as a sentence; empty where they were.
    """

    def __init__(self, folder: Path | None = None):
        self.recent: deque[tuple[int, Metrics]] = deque(maxlen=RECENT)
        self.trouble = ""
        self._count = self._whole = 0  # frames; bytes of them that are kept whole
        self._sums, self._known = np.zeros(len(NAMES)), np.zeros(len(NAMES), np.int64)
        self._kept = None if folder is None else tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __len__(self) -> int:
        return self._count

    def add(self, stamp: int, metrics: Metrics) -> None:
        """Take the metrics of a frame, by the stamp of its image in nanoseconds."""
        values = np.array([getattr(metrics, name) for name in NAMES], np.float64)
        finite = np.isfinite(values)
        self._sums += np.where(finite, values, 0)
        self._known += finite
        self._count += 1
        self.recent.append((stamp, metrics))
        if self._kept is not None and not self.trouble:
            try:
                # As it will stand in the report, which a node that ends after days has seconds to write.
                row = json.dumps({"stamp": stamp} | _without_nan(metrics))
                text = f"{',' if self._count > 1 else ''}\n    {row}".encode()
                self._kept.write(text)
                self._kept.flush()
                self._whole += len(text)
            except OSError as error:
                self.trouble = f"From frame {self._count} on, frames could not be kept: {error}."

    def mean(self) -> Metrics | None:
        """Mean as of `Metrics.mean`, `pixels` being the sum; None before the first frame."""
        if not self._count:
            return None
        with np.errstate(invalid="ignore"):
            means = dict(zip(NAMES, (self._sums / self._known).tolist(), strict=True))
        return Metrics(**means | {"pixels": int(self._sums[NAMES.index("pixels")])})

    def rows(self) -> Iterator[tuple[int, Metrics]]:
        """Stamp and metrics of each frame that was kept, in order."""
        if self._kept is None:
            return
        self._kept.seek(0)
        for line in self._kept:
            if text := line.strip().removesuffix(b","):
                row = json.loads(text)
                stamp = row.pop("stamp")
                yield stamp, Metrics(**{name: math.nan if x is None else x for name, x in row.items()})

    def write_json(self, path: str | Path, content: dict[str, object]) -> None:
        """Write a JSON file of some content, `mean` and `per_frame`, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        mean = self.mean()
        head = json.dumps(content | {"mean": _without_nan(mean) if mean else None}, indent=2)
        with whole_file(path) as unfinished, unfinished.open("wb") as file:
            file.write(f'{head.removesuffix("}").rstrip()},\n  "per_frame": ['.encode())
            if self._kept is not None:
                end = file.tell() + self._whole
                self._kept.seek(0)
                shutil.copyfileobj(self._kept, file)
                file.seek(end)
                file.truncate()
            file.write(b"\n  ]\n}\n")


def _without_nan(metrics: Metrics) -> dict[str, float | None]:
    """Metrics for JSON, which has no NaN."""
    values = {name: getattr(metrics, name) for name in NAMES}
    return {name: None if math.isnan(value) else value for name, value in values.items()}
