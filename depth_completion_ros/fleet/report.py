"""What a fleet has done and what not: `fleet.json`, `fleet.md`; `run.json` has what differs between runs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from ..core.safe.files import write_text
from ..evaluation.report import table
from .run import FleetRun


def write_report(run: FleetRun, out: Path) -> Path:
    """Write the files of the report, all but `run.json` the same for the same data; path of `fleet.md`."""
    frames: Counter[str] = Counter()
    given: Counter[str] = Counter()
    left_out: dict[str, Counter[str]] = {}
    for stretch, outcome in run.outcomes:
        frames[stretch.drive] += stretch.frames
        given[stretch.drive] += (outcome.content or {}).get("frames", 0)
        left_out.setdefault(stretch.drive, Counter()).update(outcome.skipped)
    drives = [
        {
            "drive": drive.name or drive.path.name,
            "frames": frames[drive.name],
            "done": given[drive.name],
            "left_out": dict(sorted(left_out.get(drive.name, Counter()).items())),
        }
        for drive in run.drives
    ]
    content = {"drives": drives, "failures": [asdict(failure) for failure in run.failures]}
    write_text(out / "fleet.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    rate = sum(given.values()) / run.seconds if run.seconds else 0.0
    told = {
        "workers": run.workers,
        "workers_lost": run.lost,
        "stretches": len(run.outcomes),
        "stretches_done_before": run.resumed,
        "seconds": round(run.seconds, 3),
        "frames_per_second": round(rate, 3),
    }
    write_text(out / "run.json", json.dumps(told, indent=1) + "\n")
    write_text(out / "fleet.md", _markdown(run, drives))
    return out / "fleet.md"


def _markdown(run: FleetRun, drives: list[dict]) -> str:
    done = sum(drive["done"] for drive in drives)
    parts = [f"# {done} frames of {len(drives)} drives"]
    if run.failures:
        parts.append("## Failures")
        for cause, group in groupby(run.failures, key=lambda failure: failure.cause):
            each = list(group)
            lines = [f"- {failure.where}: {failure.sentence}" for failure in each]
            parts += [f"### {cause} ({len(each)})", "\n".join(lines)]
    if skipped := run.skipped():
        lines = [f"- {count} x {cause}" for cause, count in sorted(skipped.items())]
        parts += ["## Left out by the readers", "\n".join(lines)]
    rows = [
        [drive["drive"], str(drive["frames"]), str(drive["done"]), str(sum(drive["left_out"].values()))]
        for drive in drives
    ]
    parts += ["## Drives", table(("drive", "frames", "done", "left out"), rows, left=1)]
    return "\n\n".join(parts) + "\n"


def failure_sentence(run: FleetRun) -> str | None:
    """What failed, by cause, in one sentence; None where nothing did."""
    if not run.failures:
        return None
    causes = Counter(failure.cause for failure in run.failures)
    listed = ", ".join(f"{count} x {cause}" for cause, count in causes.items())
    first = run.failures[0]
    return f"Not all was done ({listed}), the first of {first.where or 'the drive'}: {first.sentence}"


def lost_sentences(lost: int) -> list[str]:
    """That so many workers were lost; none where none was."""
    return [f"{lost} workers were lost; others did their work."] if lost else []
