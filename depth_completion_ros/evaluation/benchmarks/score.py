"""Scores completers on a benchmark with the runner of every evaluation, papers' numbers beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...completion import Completer, Completion
from ...core import Frame, Metrics, compute_metrics
from ...core.region import region_mask
from ..protocols import Settings
from ..report import median_runtimes_ms
from ..runner import EvaluationResult, Watcher, evaluate
from .benchmark import METRICS, Benchmark
from .feeds import Feed

LEAST = 1e-6
"""Metres that a clipped prediction is never below."""
SCORED_ON = "truth"
"""Protocol of the runner: a frame comes with what is fed and what is scored."""


@dataclass(eq=False)
class BenchmarkScore:
    """All that a benchmark found out.

    Args:
        evaluation: as of any other data.
        known: completer to its errors where depth was fed, mean over frames; empty where those are scored.
    """

    benchmark: Benchmark
    feed: Feed
    evaluation: EvaluationResult
    known: dict[str, Metrics]


class Clipped(Completer):
    """A completer whose depth is brought into a range before it is scored."""

    def __init__(self, completer: Completer, least: float, most: float):
        self.name, self.completer = completer.name, completer
        self.least, self.most = max(least, LEAST), most

    def complete(self, image, sparse, camera=None, name="") -> Completion:
        completion = self.completer.complete(image, sparse, camera, name)
        return replace(completion, depth=np.clip(completion.depth, self.least, self.most))


def score(
    benchmark: Benchmark,
    feed: Feed,
    frames: Iterable[Frame],
    completers: Mapping[str, Completer],
    watch: Watcher | None = None,
) -> BenchmarkScore:
    """Run completers over the frames of a benchmark.

    Args:
        feed: what is fed, the benchmark's own or another.
        frames: as `Benchmark.open` reads them.
        completers: by name.
        watch: as of `evaluate`.

    Raises:
        ValueError: no frame has anything to feed and to score.
    """
    if benchmark.clip:
        completers = {name: Clipped(one, *benchmark.within) for name, one in completers.items()}
    fed_too: dict[str, list[Metrics]] = {}

    def note(index, frame, trial, protocol, completions) -> None:
        if benchmark.only_unknown:
            known = np.where(region_mask(trial.feed.depth.shape, benchmark.region), trial.feed.depth, 0)
            for name, completion in completions.items():
                fed_too.setdefault(name, []).append(compute_metrics(completion.depth, known))
        if watch is not None:
            watch(index, frame, trial, protocol, completions)

    fed = (benchmark.frame_to_score(frame, feed) for frame in frames)
    title = f"{benchmark.name}, fed {feed.text}"
    settings = Settings(see_through=False)  # what a paper feeds is fed as it is
    result = evaluate(fed, completers, [SCORED_ON], settings, name=title, watch=note)
    return BenchmarkScore(benchmark, feed, result, {n: Metrics.mean(many) for n, many in fed_too.items()})


def comparison_table(found: BenchmarkScore) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the benchmark's own metrics: what was measured here, then what was published."""
    benchmark, result = found.benchmark, found.evaluation
    headings = ["method", "numbers", *(METRICS[key][0] for key in benchmark.metrics)]
    headings += [f"known: {METRICS[key][0]}" for key in benchmark.metrics if found.known]
    headings += ["frames", "points fed", "coverage", "ms"]
    median = median_runtimes_ms(result)
    cells = []
    for mean in result.means():
        values = metric_cells(benchmark, mean.metrics)
        values += metric_cells(benchmark, found.known[mean.completer]) if found.known else []
        rest = [str(mean.frames), f"{mean.points_fed:.0f}", f"{mean.metrics.coverage:.1%}"]
        elapsed = f"{median[mean.protocol, mean.completer]:.1f}"
        cells.append([mean.completer, "measured here", *values, *rest, elapsed])
    empty = len(headings) - 2 - len(benchmark.metrics)
    if found.feed.text in benchmark.feeds:
        for row in benchmark.published:
            cells.append([row.method, f"published: {row.source}", *row.values, *[""] * empty])
    return headings, cells


def metric_cells(benchmark: Benchmark, metrics: Metrics) -> list[str]:
    """The benchmark's metrics as texts in its units."""
    cells = []
    for key in benchmark.metrics:
        _, name, factor, pattern = METRICS[key]
        value = factor * getattr(metrics, name)
        cells.append(pattern.format(value) if math.isfinite(value) else "")
    return cells


def remarks(found: BenchmarkScore) -> list[str]:
    """What keeps the numbers from being those of the paper, a sentence each."""
    benchmark, result = found.benchmark, found.evaluation
    sentences = [benchmark.note] if benchmark.note else []
    if result.frames != benchmark.images:
        sentences.append(f"These are {result.frames} frames; {benchmark.name} has {benchmark.images}.")
    if found.feed.text not in benchmark.feeds:
        fed = " or ".join(benchmark.feeds)
        sentences.append(f"Fed is {found.feed.text}; the benchmark feeds {fed}.")
    elif found.feed.kind not in ("files", "shuffled"):
        sentences.append("What is fed is drawn by this package, as the draw of the paper is not published.")
    if benchmark.camera != "pinhole":
        sentences.append(
            f"Rays are those of a {benchmark.camera} camera, so no camera is told to completers."
        )
    if benchmark.network.get("rate", 1.0) < 1:
        sentences.append(
            f"PSD's own run hands depth in space to a random {benchmark.network['rate']:.0%} of the pixels "
            "of this set; the completer psd does so to all."
        )
    return sentences


def scored_text(benchmark: Benchmark) -> str:
    """What is scored, in a few words."""
    least, most = benchmark.within
    parts = ["unknown pixels" if benchmark.only_unknown else "all truth"]
    if least > 0.01 or math.isfinite(most):
        bounds = ([f"{least:g} m <"] if least > 0.01 else []) + ["truth"]
        parts.append(" ".join(bounds + ([f"< {most:g} m"] if math.isfinite(most) else [])))
    if benchmark.region is not None:
        parts.append(f"region {','.join(map(str, benchmark.region))}")
    return ", ".join(parts) + (", clipped" if benchmark.clip else "")


def listing(benchmarks: Iterable[Benchmark]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of a table of benchmarks, with the first of the published rows."""
    headings = ["benchmark", "fed", "images", "size", "scored", "metrics", "published"]
    cells = []
    for benchmark in benchmarks:
        first = benchmark.published[0] if benchmark.published else None
        row = [benchmark.name, " or ".join(benchmark.feeds), str(benchmark.images), benchmark.size]
        row += [scored_text(benchmark), ", ".join(METRICS[key][0] for key in benchmark.metrics)]
        cells.append([*row, f"{first.method}: {' / '.join(first.values)} ({first.source})" if first else ""])
    return headings, cells
