"""The measures of a street."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Plan:
    """Measures of a street, metres from its middle.

    Args:
        road: half of the carriageway; `parking`: where parked cars stand, or 0; `kerb`: its height.
        walk: where the pavement begins and ends; `cross`: range of x of a cross street, or None.
    """

    road: float
    parking: float
    walk: tuple[float, float]
    kerb: float
    cross: tuple[float, float] | None
    suburb: bool
    corner: float = 0.0
    half: float = 62.0
    lots: list[float] = field(default_factory=list)
