"""The depth that SLAM or a map is given: what was measured, a completion of it, or the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..completion import Completer, Completion
from ..completion.classical.morphological import DIAMOND
from ..completion.interface import Source
from ..completion.spec import parse_completer
from ..core import Frame, SparseDepth
from ..core.filters import edges

USUAL = ("sparse", "inverse_dilation", "linear", "default")
GATE, EDGES = "min_confidence", "max_step"


@dataclass(frozen=True, eq=False)
class Depth:
    """One kind of depth.

    Args:
        base: its text without gates; depths with the same base differ in these alone.
        min_confidence: what is less sure is unknown.
        max_step: where the farthest depth of a window is farther than the nearest one by more than this share
            of it, depth is unknown: an edge, where one pixel beside is another surface. None to keep edges.
        complete: depth and confidence of a frame, of which `SparseDepth` was measured.
        completer: behind `complete`, where there is one.
    """

    base: str
    min_confidence: float
    max_step: float | None
    complete: Callable[[Frame, SparseDepth], Completion]
    completer: Completer | None = None

    @property
    def label(self) -> str:
        """What tables call it, with its gates."""
        sure = f" >= {self.min_confidence:g}" if self.completer is not None else ""
        return f"{self.base}{sure}" + ("" if self.max_step is None else f", step {self.max_step:g}")

    def gated(self, depth: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """The depth (float32 H x W, NaN unknown) that passes the gates; NaN elsewhere."""
        unsure = (
            ~(confidence >= self.min_confidence) if self.min_confidence > 0 else np.zeros(depth.shape, bool)
        )
        if self.max_step is not None:
            unsure |= edges(depth, self.max_step)
        return np.where(unsure, np.float32(np.nan), depth)


def parse_depths(texts: Sequence[str], make_completer: Callable[[str], Completer]) -> list[Depth]:
    """Depths of texts such as `sparse`, `inverse_dilation`, `truth` and `default,min_confidence=0.6`.

    Without `min_confidence` a completer's own limit holds, that of what robots are told; 0 gives all its
    depth. `max_step=0.1` leaves out edges, also of the truth.

    Args:
        make_completer: of the text of a completer; called once for each base.

    Raises:
        ValueError: a depth given twice, or a limit that is not allowed.
    """
    completers: dict[str, Completer] = {}
    depths = [_parse(text, completers, make_completer) for text in texts]
    for depth in depths:
        if [other.label for other in depths].count(depth.label) > 1:
            raise ValueError(f"Depth '{depth.label}' is given twice; once is enough.")
    return depths


def _parse(text: str, completers: dict[str, Completer], make_completer) -> Depth:
    _, _, settings = parse_completer(text)
    base = ",".join(part for part in text.split(",") if part.partition("=")[0].strip() not in (GATE, EDGES))
    limit, step = settings.get(GATE), settings.get(EDGES)
    if limit is not None and not (isinstance(limit, (int, float)) and 0 <= limit <= 1):
        raise ValueError(f"Setting '{GATE}' of depth '{text}' is '{limit}'; it must be a number from 0 to 1.")
    if step is not None and not (isinstance(step, (int, float)) and step > 0):
        raise ValueError(f"Setting '{EDGES}' of depth '{text}' is '{step}'; it must be a number above 0.")
    if base in NOT_COMPLETED:
        if limit is not None:
            raise ValueError(f"Depth '{base}' has no confidence, so it takes no {GATE}.")
        return Depth(base, 0.0, step, NOT_COMPLETED[base])
    if base not in completers:
        completers[base] = make_completer(base)
    made = completers[base]
    least = made.least_confidence if limit is None else float(limit)
    return Depth(base, least, step, _completed_by(made), made)


def _completed_by(completer: Completer) -> Callable[[Frame, SparseDepth], Completion]:
    return lambda frame, sparse: completer.complete(frame.image, sparse, frame.camera, frame.name)


def _as_it_is(depth: np.ndarray, source: Source) -> Completion:
    """Depth, 0 where unknown, with full confidence."""
    known = depth > 0
    return Completion(
        np.where(known, depth, np.float32(np.nan)).astype(np.float32),
        known.astype(np.float32),
        np.where(known, np.uint8(source), np.uint8(Source.UNKNOWN)),
    )


def sparse_depth(frame: Frame, sparse: SparseDepth) -> Completion:
    """What was measured and nothing else."""
    return _as_it_is(sparse.depth, Source.MEASURED)


def inverse_dilation(frame: Frame, sparse: SparseDepth) -> Completion:
    """Each pixel takes the nearest depth measured within a diamond of 5 x 5 pixels around it.

    Dilation of inverted depth as RGB-L feeds it to ORB-SLAM3 (Sauerbeck et al., arXiv 2212.02085), with the
    kernel that its authors give for KITTI.
    """
    far = np.float32(np.inf)
    nearest = cv2.erode(np.where(sparse.depth > 0, sparse.depth, far), DIAMOND, borderValue=float("inf"))
    return _as_it_is(np.where(np.isfinite(nearest), nearest, np.float32(0)), Source.PROPAGATED)


def true_depth(frame: Frame, sparse: SparseDepth) -> Completion:
    """The ground truth.

    Raises:
        ValueError: the frame has none.
    """
    if frame.ground_truth is None:
        raise ValueError(f"Frame {frame.name} has no ground truth, so depth 'truth' cannot be had.")
    return _as_it_is(frame.ground_truth, Source.MEASURED)


NOT_COMPLETED = {"sparse": sparse_depth, "inverse_dilation": inverse_dilation, "truth": true_depth}
