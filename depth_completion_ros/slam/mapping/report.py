"""The table, the files and the plots of maps."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from ...core.safe.files import write_text
from ...evaluation.report import table
from .run import MappingResult
from .score import NEAR_M, WIDE_M, MapScore

EXPLANATION = (
    f"Accuracy is the share of the points of the fused surface within {100 * NEAR_M:.0f} or "
    f"{100 * WIDE_M:.0f} cm of the true one, completeness the share of the true surface within as much of "
    "the fused one, F their harmonic mean. Phantom is the share of the occupied cells that were seen to be "
    "empty (free space turned into obstacle), and their volume. Of the cells with a true surface, missed are "
    "those that the map calls free with nothing occupied beside them, unknown those it knows nothing of."
)


def map_table(result: MappingResult) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the table, a row a depth."""
    distances = [f"{100 * limit:.0f} cm" for limit in (NEAR_M, WIDE_M)]
    headings = ["depth", "points", *(f"{what} {at}" for at in distances for what in ("acc.", "compl.", "F"))]
    headings += ["phantom", "phantom m³", "missed", "unknown"]
    return headings, [[each.depth.label, str(len(each.points)), *_cells(each.score)] for each in result.maps]


def _cells(score: MapScore) -> list[str]:
    surfaces = [
        value
        for surface in (score.near, score.wide)
        for value in (surface.accuracy, surface.completeness, surface.f_score)
    ]
    cells = ["-" if value is None else f"{value:.1%}" for value in surfaces]
    return [
        *cells,
        f"{score.phantom:.1%}",
        f"{score.phantom_m3:.1f}",
        f"{score.told_free:.2%}",
        f"{score.not_known:.1%}",
    ]


def write_map_report(result: MappingResult, out: Path) -> Path:
    """Write `report.md`, `map.json` and the plots into a folder; return the first."""
    from .plot import plot_gates, plot_maps

    out.mkdir(parents=True, exist_ok=True)
    plots = [plot_maps(result, out / "maps.png"), *plot_gates(result, out / "gates.png")]
    write_text(out / "map.json", json.dumps(_content(result), indent=1) + "\n")
    settings = result.settings
    exact = "the exact surface" if result.truth.surface is not None else "the depth of the protocol's truth"
    parts = [
        f"# Maps of {result.name}",
        f"{result.frames} frames; protocol {result.fed}; up to {settings.max_range:g} m; voxels of the "
        f"surface {settings.voxel:g} m, cells of the occupancy grid {settings.cell:g} m. Poses: "
        f"{result.reference.name}. Truth: {exact}.",
        table(*map_table(result)),
        EXPLANATION,
        *(f"![{plot.stem}]({plot.name})" for plot in plots),
    ]
    report = out / "report.md"
    write_text(report, "\n\n".join(parts) + "\n")
    return report


def _content(result: MappingResult) -> dict:
    """All numbers for programs."""
    maps = [
        {
            "depth": each.depth.base,
            "min_confidence": each.depth.min_confidence,
            "max_step": each.depth.max_step,
            "points": len(each.points),
            **asdict(each.score),
            "near_f": each.score.near.f_score,
            "wide_f": each.score.wide.f_score,
        }
        for each in result.maps
    ]
    return {
        "name": result.name,
        "frames": result.frames,
        "protocol": result.fed,
        "poses": result.reference.name,
        "exact_surface": result.truth.surface is not None,
        **asdict(result.settings),
        "maps": maps,
    }
