"""Published protocols by name: where the data is, what is fed, what is scored, and the papers' numbers."""

from . import depthlab, marigold_dc, psd
from .benchmark import METRICS, Benchmark, Format, Published
from .feeds import Feed, parse_feed
from .score import BenchmarkScore, comparison_table, listing, score

BENCHMARKS = {b.name: b for paper in (psd, depthlab, marigold_dc) for b in paper.BENCHMARKS}
"""All of them by name, `paper:set`."""


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of a name; case does not matter.

    Raises:
        ValueError: a name that there is none of.
    """
    found = {known.lower(): benchmark for known, benchmark in BENCHMARKS.items()}.get(name.lower())
    if found is None:
        paper = name.partition(":")[0].lower()
        near = [known for known in BENCHMARKS if known.startswith(f"{paper}:")] or list(BENCHMARKS)
        raise ValueError(f"Benchmark '{name}' is unknown; it must be one of {', '.join(near)}.")
    return found


__all__ = [
    "BENCHMARKS",
    "METRICS",
    "Benchmark",
    "BenchmarkScore",
    "Feed",
    "Format",
    "Published",
    "comparison_table",
    "find_benchmark",
    "listing",
    "parse_feed",
    "score",
]
