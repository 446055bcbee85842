"""Light that comes back from where rays end."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.caster import dot

from ..surface import Surface
from .arrays import column, columns
from .sky import outside, sky
from .world import Hits, World

_LAMPS = 4  # the strongest that are counted in one view
_SHADOWING = 2  # of them, those that throw shadows; the sun counts as one
_BULB_M = 0.25  # what is nearer to a lamp is part of it
_MIRRORS_FROM = 0.05  # less than this share of mirrored light is not followed


class Shader:
    """Shades what one camera sees of a world.

    Args:
        world: the world.
        lamps: float32 L x 6, those that count here, the strongest first.
        pixel: radians that a ray stands for.
        rng: of the roughness of mirrors.
    """

    def __init__(self, world: World, lamps: np.ndarray, pixel: float, rng: np.random.Generator):
        self._world, self._light, self._lamps = world, world.scene.light, lamps
        self._pixel, self._rng = pixel, rng

    def light(self, hits: Hits, directions: np.ndarray, open_sky=1.0, bounces: int = 1) -> np.ndarray:
        """Light along N rays, float32 3 x N.

        Args:
            directions: 3 x N, the rays' own.
            open_sky: N or one number, share of the light from around that reaches the point.
            bounces: how often mirrored rays are followed.
        """
        length = np.sqrt(dot(directions, directions))
        view = directions / length
        seen = np.isfinite(hits.distance)
        if seen.all():
            return self._of_surfaces(hits, view, length, open_sky, bounces)
        result = np.empty_like(view)
        index, empty = np.flatnonzero(seen), np.flatnonzero(~seen)
        result[:, empty] = sky(self._light, view[:, empty])
        if len(index):
            open_sky = open_sky[index] if np.ndim(open_sky) else open_sky
            result[:, index] = self._of_surfaces(
                hits.chosen(index), columns(view, index), length[index], open_sky, bounces
            )
        return result

    def _of_surfaces(self, hits: Hits, view, length, open_sky, bounces: int) -> np.ndarray:
        distance = hits.distance * length
        cosine = -dot(hits.normals, view)
        footprint = distance * np.float32(self._pixel) / np.sqrt(np.clip(cosine, 0.02, 1))
        albedo = self._world.looks.albedo(hits, footprint)
        light = self._around(hits) * open_sky
        self._add_sun(light, hits, shadows=bounces > 0)
        self._add_lamps(light, hits, shadows=bounces > 0)
        light *= albedo
        self._add_own_light(light, albedo, hits, view)
        self._add_mirrored(light, hits, view, cosine, bounces)
        if np.isfinite(self._light.haze_m):
            clear = np.exp(distance * np.float32(-1 / self._light.haze_m))
            light *= clear
            light += column(self._light.haze) * (1 - clear)
        return light

    def _around(self, hits: Hits) -> np.ndarray:
        """Light of the sky from above and off the ground from below."""
        up = hits.normals[2] * np.float32(0.5) + np.float32(0.5)
        below = column(self._light.ground_light)
        return below + (column(self._light.sky_light) - below) * up

    def _add_sun(self, light, hits: Hits, shadows: bool) -> None:
        """Direct light; leaves also let some through from behind."""
        if self._light.sun is None:
            return
        sun = column(self._light.sun)
        facing = dot(hits.normals, sun)
        leaves = hits.material == Surface.FOLIAGE
        facing = np.where(leaves, 0.55 * np.abs(facing) + 0.2, facing).astype(np.float32)
        lit = np.flatnonzero(facing > 0)
        if shadows or self._world.scene.indoor:
            lit = lit[
                ~self._world.blocked(columns(hits.points, lit), columns(hits.normals, lit), sun, sun=True)
            ]
        light[:, lit] += facing[lit] * column(self._light.sun_light)

    def _add_lamps(self, light, hits: Hits, shadows: bool) -> None:
        for number, lamp in enumerate(self._lamps):
            way = lamp[:3, None] - hits.points
            square = dot(way, way)
            bulb = square < _BULB_M**2
            shine = dot(way, hits.normals) / (np.sqrt(square) * (square + np.float32(0.02)))
            shine = np.where(bulb, 1 / (square + np.float32(0.02)), np.maximum(shine, 0))
            if shadows and number < _SHADOWING - (self._light.sun is not None):
                lit = np.flatnonzero((shine > 0.01) & ~bulb)
                up_to_bulb = columns(way, lit) * (1 - _BULB_M / np.sqrt(square[lit]))
                dark = self._world.blocked(
                    columns(hits.points, lit), columns(hits.normals, lit), up_to_bulb, far=1.0
                )
                shine[lit[dark]] = 0
            light += shine * lamp[3:, None]

    def _add_own_light(self, light, albedo, hits: Hits, view) -> None:
        """Screens that are on, and windows: from within they show the day, from without lamps at night."""
        scene, look = self._world.scene, hits.look
        screen = np.flatnonzero((hits.material == Surface.SCREEN) & self._world.looks.glows[look])
        light[:, screen] += albedo[:, screen] * np.float32(1.2)
        if self._world.small:
            return
        pane = (hits.material == Surface.GLASS) & (np.abs(hits.normals[2]) < 0.3)
        if scene.indoor:
            pane = np.flatnonzero(pane)
            light[:, pane] += outside(self._light, view[:, pane])
        elif self._light.sky_light.mean() < 0.12:
            pane = np.flatnonzero(pane & self._world.looks.glows[look])
            light[:, pane] += np.float32([[0.9], [0.65], [0.35]])

    def _add_mirrored(self, light, hits: Hits, view, cosine, bounces: int) -> None:
        """What glass, paint, metal, screens and polished floors mirror; Fresnel as Schlick has it."""
        head_on, grazing, rough = columns(self._world.looks.gloss, hits.look)
        share = head_on + (grazing - head_on) * np.square(np.square(1 - np.clip(cosine, 0, 1)))
        index = np.flatnonzero(share > _MIRRORS_FROM)
        if not len(index) or not bounces:
            return
        chosen, share, cosine = hits.chosen(index), share[index], cosine[index]
        mirrored = columns(view, index) + 2 * cosine * chosen.normals
        mirrored += self._rng.standard_normal(mirrored.shape, dtype=np.float32) * rough[index]
        origin = chosen.points + chosen.normals * np.float32(0.004)
        there = self._world.cast(origin, mirrored)
        seen = self.light(there, mirrored, bounces=bounces - 1)
        if self._light.sun is not None and not self._world.scene.indoor:
            glint = np.isinf(there.distance) & (dot(mirrored, column(self._light.sun)) > 0.995)
            seen += glint * np.float32(6)
        light[:, index] += share * (seen - light[:, index])


def lamps_for(world: World, points: np.ndarray) -> np.ndarray:
    """The lamps of a world that shine most on points 3 x N, the strongest first; float32 L x 6."""
    lamps = world.scene.light.lamps
    if not len(lamps) or not points.shape[1]:
        return lamps[:0]
    square = ((lamps[:, :3, None] - points[None]) ** 2).sum(axis=1)
    strength = (1 / (square + 0.1)).mean(axis=1) * lamps[:, 3:].sum(axis=1)
    order = np.argsort(-strength)[:_LAMPS]
    return lamps[order[strength[order] > 1e-4]]
