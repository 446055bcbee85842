"""Runs completers over frames under protocols and collects their errors."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..completion import Completer, Completion, create_completer
from ..completion.registry import options_of
from ..completion.spec import parse_completer
from ..core import Frame, Metrics, compute_metrics
from .confidence import ConfidenceScore, score_confidence, score_reliability
from .over_time import Blends
from .protocols import CannotServe, Protocol, Settings, Trial, parse_protocol
from .structure import StructureMetrics, compute_structure

RANGE_EDGES = (0, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, float("inf"))
"""Metres; errors are also averaged between each two of them."""
PLACES = (9, 16)
"""Rows and columns of the coarse grid over the image in which errors are also averaged."""

Watcher = Callable[[int, Frame, Trial, Protocol, dict[str, Completion]], None]


@dataclass(frozen=True)
class Row:
    """Errors of one completer on one frame under one protocol, mean over the seeds.

    Args:
        points_fed: measured pixels that the completer saw.
        told: errors of what robots are told: depth at least as sure as the completer's
            `least_confidence`.
    """

    frame: str
    protocol: str
    completer: str
    points_fed: float
    metrics: Metrics
    told: Metrics


@dataclass(frozen=True)
class Mean:
    """Mean over the frames of a protocol, each frame counting alike."""

    protocol: str
    completer: str
    frames: int
    points_fed: float
    metrics: Metrics
    told: Metrics


@dataclass(eq=False)
class EvaluationResult:
    """All that an evaluation found out; equal for equal input, but for `runtimes_ms`.

    Args:
        name: what was evaluated on.
        protocols, completers: in the order asked for.
        without_points: number of frames that no filter applies to, as they bring images of depth.
        sizes: heights and widths of the frames that were scored.
        damage: why reading ended before the data did, as a sentence; None where it did not.
        skipped: (frame, protocol, reason) of the frames that cannot serve a protocol.
        left_out: number of frames that the reader could not give, by cause; for whoever reads to fill in.
        by_range: (protocol, completer) to sum of |error| in metres and number of pixels between
            `RANGE_EDGES`, 2 x bins, over all frames.
        by_place: the same in each cell of a grid of `PLACES` over the image, 2 x rows x columns.
        reliability: (protocol, completer) to sum of `confidence.reliability`, 3 x bins, over all completions.
        runtimes_ms: (frame, protocol, completer, milliseconds) of every completion, in order.
        confidence: (frame, protocol, completer, score) of every completion with something to score;
            empty unless asked for.
        structure: (frame, protocol, completer, scores of shape) of every completion; empty unless asked for.
        over_time: completions that were blended with those before, and those that were not by why; empty
            unless asked for.
    """

    name: str
    protocols: list[Protocol]
    completers: list[str]
    settings: Settings
    frames: int = 0
    without_points: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)
    damage: str | None = None
    rows: list[Row] = field(default_factory=list)
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    by_range: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    by_place: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    reliability: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    runtimes_ms: list[tuple[str, str, str, float]] = field(default_factory=list)
    confidence: list[tuple[str, str, str, ConfidenceScore]] = field(default_factory=list)
    structure: list[tuple[str, str, str, StructureMetrics]] = field(default_factory=list)
    over_time: Counter[str] = field(default_factory=Counter)

    def means(self) -> list[Mean]:
        """One mean for each protocol and completer that some frame could serve."""
        means = []
        for protocol in self.protocols:
            for completer in self.completers:
                key = (protocol.text, completer)
                rows = [row for row in self.rows if (row.protocol, row.completer) == key]
                if rows:
                    fed = float(np.mean([row.points_fed for row in rows]))
                    metrics, told = (
                        Metrics.mean([getattr(row, which) for row in rows]) for which in ("metrics", "told")
                    )
                    means.append(Mean(*key, len(rows), fed, metrics, told))
        return means

    def confidence_means(self) -> dict[tuple[str, str], ConfidenceScore]:
        """(protocol, completer) to the mean score of confidence, in the order asked for."""
        scores: dict[tuple[str, str], list[ConfidenceScore]] = {}
        for _, protocol, completer, score in self.confidence:
            scores.setdefault((protocol, completer), []).append(score)
        keys = ((protocol.text, completer) for protocol in self.protocols for completer in self.completers)
        return {key: ConfidenceScore.mean(scores[key]) for key in keys if key in scores}

    def structure_means(self) -> dict[tuple[str, str], StructureMetrics]:
        """(protocol, completer) to the mean scores of shape, in the order asked for."""
        scores: dict[tuple[str, str], list[StructureMetrics]] = {}
        for _, protocol, completer, score in self.structure:
            scores.setdefault((protocol, completer), []).append(score)
        keys = ((protocol.text, completer) for protocol in self.protocols for completer in self.completers)
        return {key: StructureMetrics.mean(scores[key]) for key in keys if key in scores}

    def reliability_means(self) -> dict[tuple[str, str], np.ndarray]:
        """(protocol, completer) to the mean of `confidence.reliability` over all completions, 3 x bins."""
        return {key: sums / sums[0].sum() for key, sums in self.reliability.items()}

    def skip_counts(self) -> dict[tuple[str, str], int]:
        """(protocol, reason) to number of frames."""
        return dict(Counter((protocol, reason) for _, protocol, reason in self.skipped))


def evaluate(
    frames: Iterable[Frame],
    completers: Sequence[str | Completer] | Mapping[str, Completer],
    protocols: Sequence[str],
    settings: Settings | None = None,
    name: str = "",
    watch: Watcher | None = None,
    confidence: bool = False,
    structure: bool = False,
    temporal: bool = False,
) -> EvaluationResult:
    """Score completers on frames; the same metrics every run.

    Args:
        frames: a reader, or any iterable of frames.
        completers: texts for `completer_from_text`, completers, or completers by name.
        protocols: texts for `parse_protocol`.
        name: what the report calls the frames.
        watch: called after every trial with the index of the frame, the frame, the trial, the
            protocol and the completions by name; only for the first seed of a random protocol.
        confidence: score it too.
        structure: score the shape too, see `evaluation.structure`.
        temporal: blend each completion with those of the frames before, see `completion.temporal`.

    Raises:
        ValueError: an unknown protocol or completer, one named twice, or no frame that can serve
            any of the protocols.
    """
    made = _by_name(completers)
    name = name or getattr(frames, "name", "") or "the frames"
    result = new_result(name, protocols, list(made), settings)
    score_frames(frames, made, result, watch, confidence, set(), structure, Blends() if temporal else None)
    if not result.rows:
        raise ValueError(nothing_served(result))
    return result


def new_result(
    name: str, protocols: Sequence[str], completers: list[str], settings: Settings | None = None
) -> EvaluationResult:
    """A result of no frame yet; raises as `evaluate`."""
    parsed = [parse_protocol(text) for text in protocols]
    _refuse_twice("Protocol", [protocol.text for protocol in parsed])
    return EvaluationResult(name, parsed, completers, settings or Settings())


def score_frames(
    frames: Iterable[Frame],
    completers: Mapping[str, Completer],
    result: EvaluationResult,
    watch: Watcher | None,
    confidence: bool,
    warm: set[str],
    structure: bool = False,
    blends: Blends | None = None,
) -> None:
    """Add the scores of frames to a result; see `evaluate`.

    Args:
        warm: names of the completers that have run before, which others do once untimed; is added to.
        blends: with the frames before; None for each frame of its own.
    """
    for index, frame in enumerate(frames):
        result.frames += 1
        result.without_points += frame.points is None
        for protocol in result.protocols:
            try:
                _run(result, index, frame, protocol, completers, warm, watch, confidence, structure, blends)
            except CannotServe as error:
                result.skipped.append((frame.name, protocol.text, str(error)))
    if blends is not None:
        result.over_time = blends.counts


def _run(result, index, frame, protocol, completers, warm, watch, confidence, structure, blends) -> None:
    """All seeds and completers on one frame under one protocol."""
    metrics: dict[str, list[Metrics]] = {name: [] for name in completers}
    told: dict[str, list[Metrics]] = {name: [] for name in completers}
    fed = []
    for seed in range(result.settings.seeds if protocol.is_random else 1):
        trial = protocol.trial(frame, result.settings, seed)
        fed.append(trial.feed.count)
        result.sizes.add(trial.truth.shape)
        completions = {}
        for name, completer in completers.items():
            if name not in warm:  # the first call also pays for imports and allocations
                completer.complete(frame.image, trial.feed, frame.camera, frame.name)
                completer.forget()
                warm.add(name)
            start = time.perf_counter()
            completion = completer.complete(frame.image, trial.feed, frame.camera, frame.name)
            if blends is not None:
                completion = blends.apply((protocol.text, name, seed), frame, trial.feed, completion)
            elapsed_ms = 1e3 * (time.perf_counter() - start)
            result.runtimes_ms.append((frame.name, protocol.text, name, elapsed_ms))
            metrics[name].append(compute_metrics(completion.depth, trial.truth))
            sure = completion.above(completer.least_confidence)
            told[name].append(compute_metrics(sure.depth, trial.truth))
            key = (protocol.text, name)
            _add(result.by_range, key, error_by_range(completion.depth, trial.truth))
            _add(result.by_place, key, error_by_place(completion.depth, trial.truth))
            _add(result.reliability, key, score_reliability(completion, trial.truth))
            completions[name] = completion
            score = score_confidence(completion, trial.feed, trial.truth) if confidence else None
            if score is not None:
                result.confidence.append((frame.name, protocol.text, name, score))
            if structure:
                shape = compute_structure(completion.depth, trial.truth, frame.camera, sure.depth)
                result.structure.append((frame.name, protocol.text, name, shape))
        if watch is not None and seed == 0:
            watch(index, frame, trial, protocol, completions)
    for name in completers:
        means = Metrics.mean(metrics[name]), Metrics.mean(told[name])
        result.rows.append(Row(frame.name, protocol.text, name, float(np.mean(fed)), *means))


def _add(sums: dict, key: tuple[str, str], value: np.ndarray | None) -> None:
    if value is not None:
        sums[key] = sums.get(key, 0) + value


class FramesUntilError:
    """Frames that end, instead of with an error, after the last one that could be read.

    Args:
        needs_some: an error before the first frame is raised.

    Attributes:
        damage: the error; None as long as there is none.
    """

    def __init__(self, frames: Iterable[Frame], needs_some: bool = True):
        self._frames, self._needs_some = frames, needs_some
        self.damage: Exception | None = None

    def __iter__(self) -> Iterator[Frame]:
        some = False
        try:
            for frame in self._frames:
                some = True
                yield frame
        except Exception as error:
            if self._needs_some and not some:
                raise
            self.damage = error


def error_by_place(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Sum of |error| in metres and number of pixels in each cell of a grid, 2 x rows x columns (`PLACES`)."""
    v, u = np.nonzero(_known(prediction, truth))
    (rows, columns), (height, width) = PLACES, truth.shape
    cell = v * rows // height * columns + u * columns // width
    error = np.abs(prediction[v, u].astype(np.float64) - truth[v, u])
    sums = (np.bincount(cell, weights, rows * columns) for weights in (error, None))
    return np.stack(list(sums)).reshape(2, rows, columns)


def error_by_range(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Sum of |error| in metres and number of pixels, 2 x bins of the true depth (`RANGE_EDGES`)."""
    known = _known(prediction, truth)
    d, t = prediction[known].astype(np.float64), truth[known].astype(np.float64)
    bins = np.digitize(t, RANGE_EDGES) - 1
    size = len(RANGE_EDGES) - 1
    return np.stack([np.bincount(bins, np.abs(d - t), size), np.bincount(bins, minlength=size)])


def _known(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return (truth > 0) & np.isfinite(prediction) & (prediction > 0)


def completer_from_text(text: str, **options) -> Completer:
    """A completer from a text such as `linear:depth` (see `parse_completer`); `create_completer` options."""
    name, variant, settings = parse_completer(text)
    return create_completer(name, variant=variant, **options | settings)


def make_completers(texts: Iterable[str], **options) -> dict[str, Completer]:
    """Completers by their texts (see `parse_completer`).

    Args:
        options: for `create_completer`. Each goes to the completers that take it; one that none takes
            goes to all, to be refused.
    """
    takes = {text: options_of(parse_completer(text)[0]) for text in texts}
    by_some = set().union(*takes.values())
    made = {}
    for text, names in takes.items():
        given = {name: value for name, value in options.items() if name in names or name not in by_some}
        made[text] = completer_from_text(text, **given)
    return made


def _by_name(completers) -> dict[str, Completer]:
    if isinstance(completers, Mapping):
        return dict(completers)
    names = [entry if isinstance(entry, str) else entry.name for entry in completers]
    _refuse_twice("Completer", names)
    return {
        name: completer_from_text(entry) if isinstance(entry, str) else entry
        for name, entry in zip(names, completers, strict=True)
    }


def _refuse_twice(what: str, names: list[str]) -> None:
    if not names:
        raise ValueError(f"No {what.lower()} is given; at least one is needed.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} '{twice[0]}' is given twice; once is enough.")


def nothing_served(result: EvaluationResult) -> str:
    """Why no frame could be scored, as a sentence."""
    if not result.frames:
        return f"There is no frame in {result.name}."
    reasons = "; ".join(
        f"{protocol}: {reason} ({count} of {result.frames})"
        for (protocol, reason), count in result.skip_counts().items()
    )
    return f"No frame of {result.name} can serve the protocols asked for: {reasons}."
