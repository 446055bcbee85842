"""How each surface of one scene looks: which patterns, how big, how strong, how glossy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...surface import Surface as S
from ..arrays import columns
from .atlas import Atlas
from .patterns import OWN_COLOURS
from .tiling import SIDE

VARIANTS = 3
_NUMBERS = 16  # images of each kind that scenes draw from
_ANY_PATTERN = 0.06  # share of looks that are anything at all, so that a network cannot learn by heart
_LYING = (S.PAVING, S.WOOD, S.FABRIC, S.CARPET, S.TILES, S.ASPHALT, S.CLOTH)
_ALIKE = (S.ASPHALT, S.PAVING, S.GRASS, S.FOLIAGE, S.BARK, S.SOIL, S.ROOF, S.CARPET)


@dataclass(frozen=True)
class Range:
    """What the look of a surface is drawn from.

    Args:
        kinds: patterns, more often drawn when named more often.
        size: least and greatest side of one repeat, metres.
        contrast: least and greatest; 1 is the pattern as it is.
        stains: kinds of the second, larger pattern.
        gloss: greatest reflectance head on, and at grazing angles.
        rough: greatest spread of mirrored rays.
        infrared: reflectance at 905 nm, and its share against the mean of the colour.
        own: chance that the pattern's colours stand in for the triangle's.
    """

    kinds: str
    size: tuple[float, float]
    contrast: tuple[float, float]
    stains: str = "stains noise"
    gloss: tuple[float, float] = (0.0, 0.0)
    rough: float = 0.3
    infrared: tuple[float, float] = (0.5, 0.5)
    own: float = 0.0


_NEVER_ANYTHING = (S.GLASS, S.MIRROR, S.SCREEN, S.REFLECTOR)
_ANYTHING = "weave stripes plaid checks blobs speckle poster bricks tiles cells planks leaves noise"
_CLOTH = "weave weave stripes plaid checks blobs folds noise speckle poster"
RANGES = {
    S.PLAIN: Range(
        "noise stains speckle noise stains brushed blobs stripes", (0.3, 3), (0.05, 0.5), own=0.03
    ),
    S.ASPHALT: Range("asphalt", (0.8, 2.5), (0.6, 1.3), infrared=(0.18, 0.6)),
    S.PAVING: Range("tiles bricks cells tiles", (0.5, 3), (0.4, 1.2), "stains noise", infrared=(0.3, 0.5)),
    S.GRASS: Range(
        "blades blades noise leaves", (0.4, 2), (0.6, 1.3), "noise stains", (0, 0), 0.3, (0.55, 0.8)
    ),
    S.PLASTER: Range("noise stains grain grain speckle", (0.3, 3), (0.03, 0.4), infrared=(0.5, 0.4)),
    S.BRICK: Range("bricks bricks bricks tiles", (0.7, 1.6), (0.6, 1.4), infrared=(0.4, 0.4)),
    S.ROOF: Range("shingles shingles tiles", (1.2, 3), (0.6, 1.3), infrared=(0.3, 0.5)),
    S.GLASS: Range("noise", (1, 3), (0, 0.2), gloss=(0.3, 0.85), rough=0.004, infrared=(0.06, 1)),
    S.FOLIAGE: Range("leaves leaves blades", (0.4, 1.6), (0.5, 1.0), "noise", infrared=(0.55, 0.85)),
    S.BARK: Range("bark", (0.4, 1.2), (0.6, 1.2), infrared=(0.4, 0.6)),
    S.PAINT: Range(
        "noise stains stains blobs", (0.5, 3), (0, 0.15), "stains", (0.08, 0.55), 0.03, (0.3, 0.3)
    ),
    S.RUBBER: Range("noise brushed", (0.2, 0.8), (0.1, 0.5), gloss=(0, 0.05), infrared=(0.06, 0.9)),
    S.REFLECTOR: Range("noise", (0.5, 1), (0, 0.1), infrared=(1.0, 1.0)),
    S.WOOD: Range(
        "planks planks planks noise brushed", (0.4, 2.5), (0.3, 1.2), gloss=(0.03, 0.3), rough=0.12
    ),
    S.FABRIC: Range(_CLOTH, (0.1, 0.8), (0.2, 1), gloss=(0, 0), infrared=(0.6, 0.7), own=0.3),
    S.TILES: Range("tiles tiles checks speckle", (0.3, 1.6), (0.4, 1.1), "stains", (0.05, 0.5), 0.06),
    S.CARPET: Range(
        "blades weave noise plaid stripes blobs", (0.4, 2), (0.2, 1), infrared=(0.6, 0.7), own=0.2
    ),
    S.METAL: Range(
        "brushed brushed noise stains", (0.3, 1.5), (0.1, 0.7), "stains", (0.35, 0.6), 0.2, (0.5, 0.6)
    ),
    S.SCREEN: Range("poster page noise", (0.4, 1.2), (1, 1), "noise", (0.05, 0.4), 0.01, (0.05, 1), own=0.7),
    S.POSTER: Range("poster poster page blobs stripes", (0.5, 1.4), (1, 1), "noise", (0, 0.1), 0.05, own=1),
    S.CURTAIN: Range("folds folds folds stripes weave", (0.4, 1.6), (0.4, 1.1), "folds stripes", own=0.1),
    S.SKIN: Range("noise", (0.1, 0.5), (0.05, 0.3), "noise", (0, 0.05), infrared=(0.6, 0.9)),
    S.CLOTH: Range(_CLOTH, (0.1, 1), (0.1, 0.8), "folds noise", infrared=(0.6, 0.7), own=0.15),
    S.CONCRETE: Range(
        "noise speckle stains tiles", (0.6, 4), (0.2, 0.8), "stains blobs", infrared=(0.35, 0.5)
    ),
    S.MIRROR: Range("noise", (1, 2), (0, 0.05), "noise", (0.85, 0.95), 0.003, (0.02, 1)),
    S.SOIL: Range("noise cells speckle blades", (0.5, 3), (0.4, 1.3), "noise stains", infrared=(0.3, 0.6)),
}  # fmt: skip
_FINE_M = 0.02  # rays that stand for more do not see the fine grain
LAYERS = 3  # pattern, stains, fine grain


# A number in [-0.5, 0.5) for each ray, evenly mixed.
_DITHER = (np.mod(np.arange(2**15) * 0.618034, 1) - 0.5).astype(np.float32)


class Looks:
    """The looks of one scene, VARIANTS of each surface; look number = surface * VARIANTS + variant.

    Args:
        seed: of the scene.
        used: numbers of the looks that the scene has.
        small: whether the scene is a table top, whose objects are small.
    """

    def __init__(self, seed: int, used: np.ndarray, small: bool = False):
        self._names: dict[tuple[str, int], int] = {}
        count = len(S) * VARIANTS
        # of each layer: cosine and sine by repeats a metre, shift u and v, place in the atlas, level
        self._layers = np.zeros((LAYERS, 6, count), np.float32)
        self._weights = np.zeros((5, count), np.float32)  # own, base, gain, base and gain of the stains
        self.gloss = np.zeros((3, count), np.float32)  # head on, grazing, roughness
        self.glows = np.zeros(count, bool)
        self._infrared = np.zeros((2, count), np.float32)
        rng = np.random.default_rng([seed, 2501])
        self._extent = rng.uniform(0.25, 0.5) if small else 1.0
        self._numbers = rng.integers(_NUMBERS, size=3)  # of the stains, which may be the same everywhere
        for look in np.unique(used).tolist():
            self._draw(np.random.default_rng([seed, 2502, look]), look, S(look // VARIANTS))
        self._atlas = Atlas(list(self._names))

    def _draw(self, rng, look: int, surface: S) -> None:
        r = RANGES[surface]
        anything = rng.random() < _ANY_PATTERN and surface not in _NEVER_ANYTHING
        kind = str(rng.choice((_ANYTHING if anything else r.kinds).split()))
        size = np.exp(rng.uniform(*np.log(r.size))) * self._extent
        contrast = rng.uniform(*(0.2, 1) if anything else r.contrast)
        turn = rng.choice([0, 0, np.pi / 2, rng.uniform(0, np.pi)]) if surface in _LYING else 0.0
        stain = str(rng.choice(r.stains.split()))
        wide = size * rng.uniform(2.5, 7)
        self._set_layer(rng, 0, look, (kind, int(rng.integers(_NUMBERS))), size, turn)
        self._set_layer(rng, 1, look, (stain, int(rng.choice(self._numbers))), wide, 0.0)
        self._set_layer(
            rng, 2, look, ("noise", int(rng.choice(self._numbers))), size / rng.uniform(4, 9), turn + 0.6
        )
        own = kind in OWN_COLOURS or rng.random() < r.own
        spots = 1.2 * rng.random() ** 2 * min(contrast + 0.3, 1)
        self._weights[:3, look] = (1, 0, 1) if own else (0, 1 - contrast, 2 * contrast)
        self._weights[3:, look] = 1 - spots, 2 * spots
        self.gloss[:, look] = np.multiply([*r.gloss, r.rough], [*rng.uniform(0.2, 1, 2), rng.random()])
        if surface == S.MIRROR:
            self.gloss[:2, look] = r.gloss
        self.glows[look] = rng.random() < 0.6
        level, share = r.infrared
        self._infrared[:, look] = level * rng.uniform(0.8, 1.2) * share, 1 - share

    def _set_layer(self, rng, layer: int, look: int, name: tuple[str, int], size: float, turn: float) -> None:
        place = self._names.setdefault(name, len(self._names))
        c, s = np.cos(turn) / size, np.sin(turn) / size
        self._layers[layer, :, look] = c, s, rng.random(), rng.random(), place, np.log2(SIDE / size)

    def albedo(self, hits, footprint: np.ndarray) -> np.ndarray:
        """Linear RGB reflectance where rays hit, float32 3 x N; finer patterns than footprint N (m) fade."""
        u, v = _axes(hits.points, hits.normals)
        # Sizes are mixed at random between two, as else their borders show as lines.
        grain = np.log2(footprint + np.float32(1e-5)) + np.resize(_DITHER, len(u))
        look = hits.look.astype(np.intp)
        own, base, gain, stain_base, stain_gain = columns(self._weights, look)
        result = hits.colour * (1 - own) + own
        result *= self._layer(0, look, u, v, grain) * gain + base
        result *= self._layer(1, look, u, v, grain) * stain_gain + stain_base
        near = np.flatnonzero(footprint < _FINE_M * self._extent)
        fine = self._layer(2, look[near], u[near], v[near], grain[near])[0]
        gain = gain[near] * (1 - own[near] * np.float32(0.8)) * np.float32(0.7)
        result[:, near] *= 1 + (fine - np.float32(0.5)) * gain
        return np.clip(result, 0.005, 0.9, out=result)

    def _layer(self, layer, look, u, v, grain):
        c, s, du, dv, place, level = columns(self._layers[layer], look)
        return self._atlas.look_up(place, c * u + s * v + du, c * v - s * u + dv, grain + level)

    def infrared(self, hits, footprint: np.ndarray) -> np.ndarray:
        """Reflectance at about 905 nm, float32 N in [0, 1]: of the material, and of the colour's mean."""
        level, share = columns(self._infrared, hits.look)
        seen = self.albedo(hits, footprint)
        texture = seen.mean(axis=0) / np.maximum(hits.colour.mean(axis=0), np.float32(0.02))
        return np.clip(level * np.clip(texture, 0.6, 1.5) + share * seen.mean(axis=0), 0, 1)


def _axes(points: np.ndarray, normals: np.ndarray):
    """Coordinates in the surface: along the two axes that the normal is least along; walls upright."""
    x, y, z = points
    size = np.abs(normals)
    flat = size[2] > 0.71
    return np.where(flat | (size[1] >= size[0]), x, y), np.where(flat, y, -z)


def variants(material: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Look numbers uint8 T of triangles: objects of one surface in other colours have other patterns."""
    code = np.round(colour * 60).astype(np.int64) @ np.array([7, 31, 101])
    single = np.isin(material, _ALIKE)
    return (material * np.uint8(VARIANTS) + np.where(single, 0, code % VARIANTS)).astype(np.uint8)
