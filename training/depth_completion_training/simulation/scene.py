"""A simulated scene: triangles, light, and where a robot may stand in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh

_NIGHT, _DUSK = 0.06, 0.08  # shares of outdoor scenes


@dataclass(frozen=True, eq=False)
class Light:
    """The light in a scene; colours are linear RGB, reflectance 1 in light 1 is about white.

    Args:
        sun: unit direction towards the sun (3,), or None.
        sun_light, sky_light, ground_light: (3,), from the sun, from above and from below.
        haze: (3,), colour that far objects fade to.
        haze_m: metres in which light falls to 1 / e; inf for none.
        lamps: float32 L x 6, position in metres and RGB light at 1 m; may be empty.
        sky_seed: of the clouds.
        overcast: share of the sky that clouds cover, 0 to 1.
    """

    sun: np.ndarray | None
    sun_light: np.ndarray
    sky_light: np.ndarray
    ground_light: np.ndarray
    haze: np.ndarray
    haze_m: float
    lamps: np.ndarray
    sky_seed: int
    overcast: float

    @staticmethod
    def outdoor(rng: np.random.Generator) -> Light:
        """Light of a day, a dusk or a night; street lamps are the scene's to add (`replace`)."""
        kind = rng.random()
        night, dusk = kind < _NIGHT, _NIGHT <= kind < _NIGHT + _DUSK
        overcast = float(rng.choice([rng.uniform(0, 0.25), rng.uniform(0.25, 0.8), 1.0], p=[0.4, 0.35, 0.25]))
        height = rng.uniform(0.02, 0.12) if dusk else np.sin(np.deg2rad(rng.uniform(12, 75)))
        turn = rng.uniform(0, 2 * np.pi)
        side = np.sqrt(1 - height**2)
        sun = _row([side * np.cos(turn), side * np.sin(turn), height])
        warmth = np.exp(-4 * height)
        sunlight = _row([3.1, 2.8 - 0.8 * warmth, 2.4 - 1.6 * warmth]) * np.float32(1.1 - 0.5 * warmth)
        clear, grey = _row([0.34, 0.42, 0.58]), _row([0.95, 0.98, 1.02])
        strength = rng.uniform(0.8, 1.3)
        sky = (clear + (grey - clear) * overcast) * strength
        if night:
            sky, strength = _row([0.030, 0.036, 0.055]) * rng.uniform(0.5, 2.0), 0.05
        elif dusk:
            sky = (sky * [0.75, 0.65, 0.75]).astype(np.float32) * np.float32(0.5)
        ground = sky * _row([0.45, 0.38, 0.30]) * np.float32(1 if night else rng.uniform(0.6, 1.4))
        haze = (_row([0.72, 0.79, 0.88]) * (1 - overcast) + _row([0.86, 0.88, 0.90]) * overcast) * strength
        if dusk:
            haze = haze * _row([0.9, 0.62, 0.5])
        misty = rng.random() < 0.15
        return Light(
            sun=None if night or overcast > 0.92 else sun,
            sun_light=sunlight * np.float32((1 - 0.6 * overcast) * strength),
            sky_light=sky.astype(np.float32),
            ground_light=ground.astype(np.float32),
            haze=haze.astype(np.float32),
            haze_m=float(rng.uniform(50, 250) if misty else np.exp(rng.uniform(np.log(300), np.log(3000)))),
            lamps=np.zeros((0, 6), np.float32),
            sky_seed=int(rng.integers(2**31)),
            overcast=overcast,
        )

    @staticmethod
    def indoor(rng: np.random.Generator, lamps: np.ndarray) -> Light:
        """Light of a room: lamps at L x 3 positions, some of them off, and what comes through windows.

        Raises:
            ValueError: positions that are not L x 3.
        """
        lamps = np.asarray(lamps, np.float32)
        if lamps.ndim != 2 or lamps.shape[1] != 3:
            raise ValueError(f"Lamp positions have shape {lamps.shape}; they must be L x 3.")
        warm = rng.uniform(0, 1, (len(lamps), 1)).astype(np.float32) ** 2
        if rng.random() < 0.7:
            warm = np.broadcast_to(rng.uniform(0, 1), warm.shape).astype(np.float32)
        tint = _row([1.0, 0.97, 0.95]) * (1 - warm) + _row([1.0, 0.78, 0.52]) * warm
        power = np.exp(rng.uniform(np.log(1.0), np.log(5.0), (len(lamps), 1)))
        power = power * (rng.random((len(lamps), 1)) < 0.8)
        day = rng.random() < 0.6
        turn, height = rng.uniform(0, 2 * np.pi), np.sin(np.deg2rad(rng.uniform(15, 55)))
        side = np.sqrt(1 - height**2)
        fill = np.float32(np.exp(rng.uniform(np.log(0.12), np.log(0.6))))
        return Light(
            sun=_row([side * np.cos(turn), side * np.sin(turn), height]) if day else None,
            sun_light=_row([3.0, 2.7, 2.3]) * np.float32(rng.uniform(0.3, 1.0) if day else 0),
            sky_light=_row([1.0, 0.97, 0.93]) * fill,
            ground_light=_row([0.85, 0.78, 0.70]) * fill,
            haze=_row([0.8, 0.8, 0.8]),
            haze_m=float("inf"),
            lamps=np.concatenate([lamps, (power * tint).astype(np.float32)], axis=1),
            sky_seed=int(rng.integers(2**31)),
            overcast=float(rng.random()),
        )


def _row(values) -> np.ndarray:
    return np.asarray(values, np.float32)


@dataclass(eq=False)
class Scene:
    """One made-up place, world z up.

    Args:
        mesh: triangles in metres; its material is a `Surface`, its colour linear reflectance.
        light: what lights it.
        viewpoints: float64 N x 4: x, y, z of the ground below the robot and the heading in radians in
            which there is something to see; nothing stands within 0.6 m of them.
        seed: of its textures.
        indoor: whether it is a room.
        scale: least and greatest height of a camera above the ground, metres (street 0.3 to 3, room
            0.15 to 1.9, tabletop 0.05 to 0.4).

    Raises:
        ValueError: no triangles, or viewpoints that are not N x 4 with N > 0.
    """

    mesh: Mesh
    light: Light
    viewpoints: np.ndarray
    seed: int
    indoor: bool
    scale: tuple[float, float]

    def __post_init__(self):
        if not len(self.mesh.triangles):
            raise ValueError("The scene has no triangles.")
        self.viewpoints = np.asarray(self.viewpoints, np.float64)
        if self.viewpoints.ndim != 2 or self.viewpoints.shape[1] != 4 or not len(self.viewpoints):
            raise ValueError(f"The viewpoints have shape {self.viewpoints.shape}; they must be N x 4, N > 0.")
