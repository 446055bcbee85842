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

USUAL = ("sparse", "inverse_dilation", "linear", "default")
GATE = "min_confidence"


@dataclass(frozen=True, eq=False)
class Depth:
    """One kind of depth.

    Args:
        text: as the user wrote it.
        base: the same without its gate; depths with the same base differ in that alone.
        min_confidence: what is less sure is unknown.
        complete: depth and confidence of a frame, of which `SparseDepth` was measured.
        completer: behind `complete`, where there is one.
    """

    text: str
    base: str
    min_confidence: float
    complete: Callable[[Frame, SparseDepth], Completion]
    completer: Completer | None = None

    @property
    def label(self) -> str:
        """What tables call it, with the gate."""
        return f"{self.base} >= {self.min_confidence:g}" if self.min_confidence > 0 else self.base


def parse_depths(texts: Sequence[str], make_completer: Callable[[str], Completer]) -> list[Depth]:
    """Depths of texts such as `sparse`, `inverse_dilation`, `truth` and `default,min_confidence=0.6`.

    Without `min_confidence` a completer's own limit holds, that of what robots are told; 0 gives all its
    depth.

    Args:
        make_completer: of the text of a completer; called once for each base.

    Raises:
        ValueError: a text given twice, or a limit that is not between 0 and 1.
    """
    completers: dict[str, Completer] = {}
    depths = [_parse(text, completers, make_completer) for text in texts]
    for depth in depths:
        if [other.label for other in depths].count(depth.label) > 1:
            raise ValueError(f"Depth '{depth.label}' is given twice; once is enough.")
    return depths


def _parse(text: str, completers: dict[str, Completer], make_completer) -> Depth:
    _, _, settings = parse_completer(text)
    base = ",".join(part for part in text.split(",") if part.partition("=")[0].strip() != GATE)
    limit = settings.get(GATE)
    if base in NOT_COMPLETED:
        if limit is not None:
            raise ValueError(f"Depth '{base}' has no confidence, so it takes no {GATE}.")
        return Depth(text, base, 0.0, NOT_COMPLETED[base])
    if limit is not None and not (isinstance(limit, (int, float)) and 0 <= limit <= 1):
        raise ValueError(f"Setting '{GATE}' of depth '{text}' is '{limit}'; it must be a number from 0 to 1.")
    if base not in completers:
        completers[base] = make_completer(base)
    made = completers[base]
    return Depth(
        text, base, made.least_confidence if limit is None else float(limit), _completed_by(made), made
    )


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
