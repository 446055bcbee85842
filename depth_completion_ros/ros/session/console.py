"""What a person reads while data is played, and in the end."""

from __future__ import annotations

from collections.abc import Mapping

from .ledger import COMPLETED, Ledger


def progress_line(ledger: Ledger, total: int, rate: float) -> str:
    """The line of a second: frames, rate since the last line, latency, drops."""
    dropped = ledger.dropped
    parts = [f"{ledger.count(COMPLETED):4d} of {total} frames completed", f"{rate:4.1f} a second"]
    latency = ledger.latency_ms()
    if latency:
        parts.append(f"latency p50 {latency['p50']:.0f} ms")
    parts.append(f"dropped {dropped.total()}" + (f" ({causes(dropped)})" if dropped else ""))
    return " | ".join(parts)


def causes(counts: Mapping[str, int]) -> str:
    """`5 replaced by a newer frame, 1 no transform`, the most frequent first."""
    return ", ".join(f"{n} {cause}" for cause, n in sorted(counts.items(), key=lambda item: -item[1]))


def table(ledger: Ledger, completer: str, scored_on: str, files: Mapping[str, object]) -> str:
    """The end: what came in and out, how long it took, how good it is, and where the files are."""
    rows = {
        "completer": completer,
        "frames in": str(len(ledger.entries)),
        "completed": str(ledger.count(COMPLETED)),
        "dropped": causes(ledger.dropped) or "none",
    }
    latency = ledger.latency_ms()
    if latency:
        rows["latency"] = ", ".join(f"{name} {value:.0f} ms" for name, value in latency.items())
    mean = ledger.mean
    if mean:
        rows["RMSE, MAE"] = f"{mean.rmse_mm:.0f} mm, {mean.mae_mm:.0f} mm over {len(ledger.scored)} frames"
        rows["scored on"] = scored_on
    if ledger.unscored:
        rows["not scored"] = causes(ledger.unscored)
    rows |= {name: str(path) for name, path in files.items()}
    width = max(map(len, rows)) + 2
    lines = [f"{name:{width}s}{value}" for name, value in rows.items()]
    rule = "-" * min(100, max(map(len, lines)))
    return "\n".join([rule, *lines, rule])
