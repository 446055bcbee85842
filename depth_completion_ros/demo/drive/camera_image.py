"""What the camera sees: the image and the true depth of every pixel."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.core import Camera

from ..scene.caster import Hits, Snapshot, dot
from ..scene.mesh import Material
from ..scene.textures import albedo, noise

# Directions and colours stand as columns, for arrays of 3 x N.
SUN = np.array([[-0.4993], [0.3795], [0.7789]], np.float32)
SUN_LIGHT = np.array([[3.10], [2.75], [2.25]], np.float32)
SKY_LIGHT = np.array([[0.34], [0.42], [0.56]], np.float32)
GROUND_LIGHT = np.array([[0.17], [0.15], [0.13]], np.float32)
HAZE = np.array([[0.72], [0.79], [0.88]], np.float32)
HAZE_M = 650.0
EXPOSURE = 1.25
_WITHIN_PIXEL = ((-0.32, -0.22), (0.32, 0.22))  # samples besides the centre, pixels
_PORTION = 30_000


def render(snapshot: Snapshot, camera: Camera, T_world_cam: np.ndarray, rng: np.random.Generator):
    """Image uint8 H x W x 3 RGB and depth float32 H x W, metres along z at pixel centres, 0 = sky.

    Pixels that differ from a neighbour are the mean of three rays.
    """
    size = camera.height, camera.width
    x, y = (part.ravel() for part in camera.rays)
    rays = np.stack([x, y, np.ones_like(x)])
    image, depth = _look(snapshot, rays, T_world_cam, camera)
    rough = np.flatnonzero(_uneven(image.reshape(3, *size)))
    for du, dv in _WITHIN_PIXEL:
        shift = np.array([[du / camera.K[0, 0]], [dv / camera.K[1, 1]], [0]], np.float32)
        image[:, rough] += _look(snapshot, rays[:, rough] + shift, T_world_cam, camera)[0]
    image[:, rough] /= 1 + len(_WITHIN_PIXEL)
    depth[np.isinf(depth)] = 0
    return _developed(image.T.reshape(*size, 3), rng), depth.reshape(size)


def _look(snapshot: Snapshot, rays: np.ndarray, T_world_cam: np.ndarray, camera: Camera):
    """Display values 3 x N and depth N along rays with z = 1, in portions that fit the cache."""
    R, origin = T_world_cam[:3, :3].astype(np.float32), T_world_cam[:3, 3]
    pixel = float(1 / camera.K[0, 0])
    tones, depth = np.empty_like(rays), np.empty(rays.shape[1], np.float32)
    for start in range(0, rays.shape[1], _PORTION):
        part = slice(start, start + _PORTION)
        directions = R @ rays[:, part]
        hits = snapshot.cast(origin, directions)
        tones[:, part] = _tone(shade(snapshot, hits, directions, pixel))
        depth[part] = hits.distance
    return tones, depth


def _uneven(image: np.ndarray) -> np.ndarray:
    """Pixels of an image 3 x H x W that differ visibly from a neighbour, bool H x W."""
    grey = image.mean(axis=0)
    marked = np.zeros(grey.shape, bool)
    down, right = np.abs(np.diff(grey, axis=0)) > 0.10, np.abs(np.diff(grey, axis=1)) > 0.10
    marked[1:] |= down
    marked[:-1] |= down
    marked[:, 1:] |= right
    marked[:, :-1] |= right
    return marked


def _tone(light: np.ndarray) -> np.ndarray:
    """Light to display values in [0, 1]: soft shoulder, then gamma."""
    return (1 - np.exp(-EXPOSURE * light)) ** np.float32(1 / 2.2)


def _developed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sensor noise and 8 bits."""
    grain = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(1.3)
    return np.clip(image * 255 + grain + 0.5, 0, 255).astype(np.uint8)


def shade(snapshot: Snapshot, hits: Hits, directions: np.ndarray, pixel: float) -> np.ndarray:
    """Light that comes back along N rays, float32 3 x N; `pixel` is the angle of one pixel."""
    length = np.sqrt(dot(directions, directions))
    view = directions / length
    light = np.empty_like(view)
    seen = np.isfinite(hits.distance)
    index, empty = np.flatnonzero(seen), np.flatnonzero(~seen)
    light[:, empty] = sky(view[:, empty])
    hits, view = hits.chosen(index), view[:, index]
    distance = hits.distance * length[index]
    cosine = -dot(hits.normals, view)
    surface = albedo(hits, distance * pixel / np.clip(cosine, 0.08, 1))
    colour = surface * (_sun(snapshot, hits) + _ambient(snapshot, hits))
    _add_gloss(colour, hits, view, cosine)
    fog = np.exp(distance / -HAZE_M)
    light[:, index] = colour * fog + HAZE * (1 - fog)
    return light


def _sun(snapshot: Snapshot, hits: Hits) -> np.ndarray:
    """Direct light; leaves also let some through from behind."""
    facing = dot(hits.normals, SUN)
    facing = np.where(hits.material == Material.FOLIAGE, 0.55 * np.abs(facing) + 0.2, facing)
    lit = np.flatnonzero(facing > 0)
    dark = snapshot.blocked(hits.points[:, lit], hits.normals[:, lit], SUN[:, 0], np.inf)
    facing[lit[dark]] = 0
    return np.maximum(facing, 0) * SUN_LIGHT


def _ambient(snapshot: Snapshot, hits: Hits) -> np.ndarray:
    """Light of the sky and off the ground, less below cars and other low objects."""
    up = hits.normals[2] * 0.5 + 0.5
    light = SKY_LIGHT * up + GROUND_LIGHT * (1 - up)
    flat = np.flatnonzero(hits.normals[2] > 0.8)
    covered = snapshot.blocked(hits.points[:, flat], hits.normals[:, flat], (0, 0, 1), 1.3)
    light[:, flat[covered]] *= 0.3
    sheltered = snapshot.scene.sheltered
    return light if sheltered is None else sheltered(hits.points, hits.normals, light)


def _add_gloss(colour: np.ndarray, hits: Hits, view: np.ndarray, cosine: np.ndarray) -> None:
    """Mirror images of sky and houses in glass and paint, and the sun's glint."""
    for kind, facing_on, grazing in ((Material.GLASS, 0.10, 0.75), (Material.PAINT, 0.04, 0.45)):
        index = np.flatnonzero(hits.material == kind)
        c = cosine[index]
        mirrored = view[:, index] + 2 * c * hits.normals[:, index]
        fresnel = facing_on + (grazing - facing_on) * (1 - np.clip(c, 0, 1)) ** 4
        glint = 10 * np.clip(dot(mirrored, SUN), 0, 1) ** 180
        colour[:, index] += fresnel * (_surroundings(mirrored) + glint - colour[:, index])


def _surroundings(directions: np.ndarray) -> np.ndarray:
    """What a mirror shows: sky above a row of houses above the road."""
    x, y, elevation = directions
    roofline = 0.45 + 0.06 * noise(x * 6 + 40, y * 6 + 40)
    houses = np.where(elevation > 0, np.array([[0.26], [0.23], [0.20]], np.float32), np.float32(0.12))
    blend = np.clip((elevation - roofline) / 0.05, 0, 1)
    return sky(directions) * blend + houses * (1 - blend)


def sky(directions: np.ndarray) -> np.ndarray:
    """Light of the sky along unit directions: blue above, pale below, thin clouds, glow of the sun."""
    height = np.clip(directions[2], 0, 1)
    pale = np.exp(-5.0 * height)
    light = HAZE * 1.15 * pale + np.array([[0.20], [0.40], [0.85]], np.float32) * (1 - pale)
    x, y = directions[:2] / (height + 0.12)
    octaves = (noise(x * 0.9 * 2**k + 31 * k, y * 1.3 * 2**k + 17 * k) / 1.7**k for k in range(4))
    cloud = np.clip((sum(octaves) - 0.25) * 0.45, 0, 0.85) * np.clip(height * 8, 0, 1)
    light += (np.array([[1.5], [1.5], [1.52]], np.float32) - light) * cloud
    return light + np.clip(dot(directions, SUN), 0, 1) ** 24 * np.array([[0.5], [0.42], [0.3]], np.float32)
