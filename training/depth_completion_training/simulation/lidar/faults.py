"""What goes wrong between a beam and the depth that is made of it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from depth_completion_ros.core.geometry import rigid


@dataclass(frozen=True)
class Faults:
    """Faults of a range sensor and of the rig that carries it.

    Args:
        dropout: share of the returns that are lost whatever they come from.
        dark: energy at which half of the returns are lost; 1 comes back from a white surface that
            faces the sensor at two thirds of its range. 0 loses none.
        noise: times the noise of the pattern.
        quantum: step in which ranges are told, metres; 0 for none.
        mixed: share of the beams at edges that are followed over their whole width.
        pulse: metres; surfaces of one beam that lie closer than this come back as one, between them.
        ghosts: share of the beams on mirrors and panes that return something from behind them.
        outliers: share of the beams that return early, from rain, dust or an insect.
        rotation_deg, translation: standard deviation about and along each axis by which the
            extrinsics that are believed are wrong; degrees, metres.
        motion: standard deviation of the way, metres, by which the sensor had moved on along its x
            while the image was taken (time error); it turns by `motion_deg` too.

    Raises:
        ValueError: a share outside 0 to 1, or a negative value.
    """

    dropout: float = 0.07
    dark: float = 0.015
    noise: float = 1.0
    quantum: float = 0.002
    mixed: float = 0.5
    pulse: float = 0.5
    ghosts: float = 0.15
    outliers: float = 0.0
    rotation_deg: float = 0.1
    translation: float = 0.01
    motion: float = 0.01
    motion_deg: float = 0.03

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"Fault {field.name} is {value}; it must be a number of 0 or more.")
            if field.name in ("dropout", "mixed", "ghosts", "outliers") and value > 1:
                raise ValueError(f"Fault {field.name} is {value}; it is a share, from 0 to 1.")

    @staticmethod
    def none() -> Faults:
        """A perfect sensor on a perfect rig."""
        return Faults(**{field.name: 0.0 for field in fields(Faults)})

    @staticmethod
    def random(rng: np.random.Generator) -> Faults:
        """Faults of one recording, from careful to careless."""
        rain = rng.random() < 0.06
        moves = rng.random() < 0.4
        return Faults(
            dropout=float(rng.choice([rng.uniform(0, 0.1), rng.uniform(0.1, 0.6)], p=[0.8, 0.2])),
            dark=float(np.exp(rng.uniform(np.log(0.002), np.log(0.06)))),
            noise=float(rng.uniform(0.3, 1.5)),
            quantum=float(rng.choice([0.001, 0.002, 0.004, 0.01])),
            mixed=float(rng.uniform(0, 1)),
            pulse=float(np.exp(rng.uniform(np.log(0.1), np.log(1.0)))),
            ghosts=float(rng.uniform(0, 0.3)),
            outliers=float(10 ** rng.uniform(-3.5, -1.8)) if rain else 0.0,
            rotation_deg=float(rng.uniform(0.02, 0.2)),
            translation=float(rng.uniform(0.001, 0.015)),
            motion=float(rng.uniform(0, 0.05)) if moves else 0.0,
            motion_deg=float(rng.uniform(0, 0.15)) if moves else 0.0,
        )

    def believed(self, T_cam_lidar: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The transform 4 x 4 that the rig takes for `T_cam_lidar`: wrongly calibrated, a little late."""
        turn = rng.normal(0, np.deg2rad(self.rotation_deg), 3)
        wrong = rigid(cv2.Rodrigues(turn)[0], rng.normal(0, 1, 3) * self.translation)
        yaw = np.array([0.0, 0.0, rng.normal() * np.deg2rad(self.motion_deg)])
        moved = rigid(cv2.Rodrigues(yaw)[0], np.array([rng.normal() * self.motion, 0.0, 0.0]))
        return wrong @ T_cam_lidar @ moved
