"""Parameters of the completion node for LiDARs beyond the first."""

from __future__ import annotations

from .parameter import Parameter

FURTHER_LIDARS = (
    Parameter(
        "more_points",
        "",
        "Topics of further LiDARs with commas between them, whose clouds are added to those of `points`, "
        "each by its own frame in `extrinsics_source` (tf or file); empty for none.",
    ),
    Parameter(
        "more_points_time_offsets",
        [0.0],
        "Added to the stamps of further LiDARs: one for each of `more_points`, or one for all.",
        minimum=-1e10,
        maximum=1e10,
        unit="s",
        lengths=(1, 2, 3, 4, 5, 6),
    ),
    Parameter(
        "more_points_slack",
        0.1,
        "Largest difference between the stamps of a cloud of a further LiDAR and one of `points`; a frame "
        "without such a cloud is completed all the same, which the diagnostic `more points` counts.",
        minimum=0.0,
        maximum=10.0,
        unit="s",
    ),
)
