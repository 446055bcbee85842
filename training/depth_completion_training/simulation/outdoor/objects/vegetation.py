"""Trees, bushes, hedges, grass and rocks, each standing on z = 0."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.demo.scene.mesh import Mesh, body, join, loft, tube
from depth_completion_ros.demo.scene.objects import cards

from ...surface import Surface
from ..shapes import bars, pick, scaled

GREEN = ((0.06, 0.12, 0.03), (0.09, 0.14, 0.03), (0.045, 0.09, 0.03), (0.10, 0.13, 0.05), (0.05, 0.10, 0.05))
AUTUMN = ((0.30, 0.15, 0.03), (0.35, 0.22, 0.04), (0.25, 0.06, 0.03), (0.16, 0.13, 0.04))
_LEAF_RAD = 0.07
"""Angle that the edge of a leaf near a camera may fill; larger ones look like cut paper."""
_MOST_SPLIT, _MOST_ADDED = 4, 50_000
BARKS = ((0.13, 0.10, 0.075), (0.08, 0.065, 0.05), (0.2, 0.17, 0.14), (0.5, 0.48, 0.44))


def tree(rng: np.random.Generator, kind: str, height: float, leaves: int, tone=None) -> Mesh:
    """A tree of a kind: round, tall, bare, fir, palm; `leaves` cards, larger the fewer there are."""
    tone = pick(rng, GREEN) if tone is None else tone
    if kind == "fir":
        return _fir(rng, height, leaves, tone)
    if kind == "palm":
        return _palm(rng, height, tone)
    spread = 0.22 if kind == "tall" else rng.uniform(0.35, 0.6)
    wood, tips = _wood(rng, height, spread, 0 if leaves < 400 else 2 if kind == "bare" else 1)
    if kind == "bare":
        return wood
    owner = rng.integers(len(tips), size=leaves)
    spread = height * (0.06 if kind == "tall" else 0.1)
    outward = _directions(rng, leaves)
    position = tips[owner] + outward * (spread * rng.uniform(0.1, 1.0, leaves) ** 0.5)[:, None] * (1, 1, 0.8)
    size = leaf_size(height * (0.55 if kind == "tall" else 0.8), leaves) * rng.uniform(0.6, 1.5, leaves)
    return join(wood, cards(rng, position, size, outward, _tones(rng, tone, leaves)))


def leaf_size(extent: float, leaves: int) -> float:
    """Size of cards, metres, so that a crown of some extent looks about equally dense with any number."""
    return float(np.clip(0.95 * extent / np.sqrt(leaves), 0.03, 0.8))


def _wood(rng, height: float, spread: float, detail: int) -> tuple[Mesh, np.ndarray]:
    """Trunk, branches and twigs; and the points N x 3 about which leaves grow.

    Args:
        detail: 0 for a tree far away, 1 for one in leaf, 2 for a bare one.
    """
    bark = {"material": Surface.BARK, "colour": np.array(pick(rng, BARKS)) * rng.uniform(0.7, 1.2)}
    thick = height * rng.uniform(0.012, 0.024)
    fork = rng.uniform(0.2, 0.42)
    level = np.array([-0.3 / height, 0.02, 0.12, fork, 0.6, 0.8, 0.95])
    sway = np.cumsum(rng.normal(0, 0.012, (7, 2)), axis=0) * height
    sway[:3] = sway[2]
    line = np.column_stack([sway - sway[2], level * height])
    trunk = tube(line, thick * np.array([1.6, 1.35, 1.0, 0.85, 0.55, 0.3, 0.08]), (5, 9, 9)[detail], **bark)
    count = int(rng.integers(7, 15))
    at = rng.uniform(fork, 0.85, count)
    start = np.stack([np.interp(at, level, line[:, k]) for k in range(3)], axis=1)
    turn = np.arange(count) * 2.4 + rng.uniform(0, 6)
    reach = height * spread * rng.uniform(0.45, 1.0, count) * (1.15 - at)
    rise = height * rng.uniform(0.05, 0.28, count)
    middle = start + np.stack([np.cos(turn) * reach * 0.55, np.sin(turn) * reach * 0.55, rise * 0.4], axis=1)
    tip = start + np.stack([np.cos(turn) * reach, np.sin(turn) * reach, rise], axis=1)
    r = thick * rng.uniform(0.3, 0.5, count)
    if not detail:
        return join(trunk, bars(start, tip, r, 0.2 * r, 3, **bark)), np.concatenate(
            [tip, middle, tip, line[-2:]]
        )
    parts = [
        trunk,
        bars(start, middle, r, 0.6 * r, 5, **bark),
        bars(middle, tip, 0.6 * r, 0.2 * r, 4, **bark),
    ]
    each = 8 if detail == 2 else 4
    owner = np.repeat(np.arange(count), each)
    along = rng.uniform(0.15, 1.0, len(owner))[:, None]
    root = middle[owner] * (1 - along) + tip[owner] * along
    ends = root + _directions(rng, len(owner)) * (height * rng.uniform(0.04, 0.11, len(owner)))[:, None]
    ends[:, 2] += 0.03 * height
    parts.append(bars(root, ends, np.maximum(0.16 * r[owner], 0.006), 0.004, 3, **bark))
    if detail == 2:
        owner = np.repeat(np.arange(len(ends)), 3)
        finer = ends[owner] + _directions(rng, len(owner)) * (height * 0.045)
        parts.append(bars((root[owner] + ends[owner]) / 2, finer, 0.006, 0.003, 3, **bark))
    return join(*parts), np.concatenate([tip, ends, line[-1:]])


def _fir(rng, height: float, leaves: int, tone) -> Mesh:
    """Conifer: drooping needles in whorls about a straight trunk."""
    bark = {"material": Surface.BARK, "colour": (0.10, 0.07, 0.05)}
    r, clear = height * 0.018, rng.uniform(0.03, 0.2)
    trunk = tube([[0, 0, -0.2], [0, 0, height * 0.5], [0, 0, height]], [r, r * 0.7, 0.01], 7, **bark)
    up = clear + (1 - clear) * (1 - np.sqrt(rng.random(leaves)))
    turn = rng.uniform(0, 2 * np.pi, leaves)
    wide = rng.uniform(0.13, 0.26) * height * (1.03 - up) / (1.03 - clear)
    out = wide * rng.uniform(0.2, 1.0, leaves) ** 0.6
    whorl = np.round(up * 14) / 14 + 0.15 / 14 * rng.normal(size=leaves)
    position = np.stack([np.cos(turn) * out, np.sin(turn) * out, whorl * height - 0.25 * out], axis=1)
    outward = np.stack([np.cos(turn), np.sin(turn), 0.4 + 0 * turn], axis=1)
    size = leaf_size(height * 0.45, leaves) * rng.uniform(0.6, 1.5, leaves)
    dark = np.array(tone) * (0.5, 0.6, 0.75)
    return join(trunk, cards(rng, position, size, outward, _tones(rng, dark, leaves)))


def _palm(rng, height: float, tone) -> Mesh:
    """Palm: a bare trunk with long fronds."""
    lean = rng.normal(0, 0.06, 2) * height
    line = [[0, 0, -0.2], [*lean * 0.3, height * 0.5], [*lean, height]]
    trunk = tube(line, [0.22, 0.15, 0.13], 9, material=Surface.BARK, colour=(0.2, 0.16, 0.11))
    fronds, cuts = int(rng.integers(12, 22)), 9
    turn = np.arange(fronds) * 2.4
    s = np.linspace(0, 1, cuts)
    length = height * rng.uniform(0.25, 0.4, fronds)
    rise = rng.uniform(-0.2, 0.7, fronds)
    out = length[:, None] * s
    z = height + length[:, None] * (rise[:, None] * s - 0.9 * s**2)
    spine = np.stack(
        [lean[0] + np.cos(turn)[:, None] * out, lean[1] + np.sin(turn)[:, None] * out, z], axis=2
    )
    side = np.stack([-np.sin(turn), np.cos(turn), 0 * turn - 0.4], axis=1)[:, None]
    flip = side * (1, 1, -1) * (-1, -1, -1)
    wide = (0.16 * length[:, None] * np.sqrt(s * (1.05 - s) * 4))[:, :-1, None]
    leaves = [
        np.stack(
            [spine[:, :-1], spine[:, 1:], spine[:, :-1] + w * wide + np.diff(spine, axis=1) * 0.8], axis=2
        )
        for w in (side, flip)
    ]
    return join(
        trunk, Mesh.of(np.concatenate(leaves).reshape(-1, 3, 3), Surface.FOLIAGE, np.array(tone) * 1.2)
    )


def bush(rng: np.random.Generator, width: float, height: float, leaves: int, tone=None) -> Mesh:
    """A bush of stems and leaves, round or ragged."""
    tone = pick(rng, GREEN) if tone is None else tone
    lumps = int(rng.integers(2, 6))
    centre = rng.uniform(-0.3, 0.3, (lumps, 3)) * (width, width, 0) + (0, 0, height * 0.45)
    centre[:, 2] *= rng.uniform(0.8, 1.3, lumps)
    outward = _directions(rng, leaves)
    radius = np.array([width * 0.32, width * 0.32, height * 0.45]) * rng.uniform(0.5, 1, (leaves, 1)) ** 0.5
    position = centre[rng.integers(lumps, size=leaves)] + outward * radius
    position[:, 2] = np.abs(position[:, 2])
    size = leaf_size((width + height) / 2, leaves) * rng.uniform(0.5, 1.3, leaves)
    tips = position[:: max(leaves // 14, 1)]
    stems = bars(tips * (0.05, 0.05, 0), tips, 0.012, 0.004, 3, Surface.BARK, (0.12, 0.09, 0.06))
    return join(stems, cards(rng, position, size, outward, _tones(rng, tone, leaves)))


def hedge(
    rng: np.random.Generator, length: float, height: float, width: float, leaves: int, tone=None
) -> Mesh:
    """Clipped hedge along x from 0 to `length`."""
    tone = pick(rng, GREEN) if tone is None else tone
    n = max(int(length / 0.7), 2)
    x = np.linspace(0, length, n)
    wobble = rng.normal(0, 0.03, (n, 4, 2))
    outline = np.array(
        [
            [-width / 2, -0.2],
            [width / 2, -0.2],
            [width / 2 * 0.85, height - 0.06],
            [-width / 2 * 0.85, height - 0.06],
        ]
    )
    ring = outline + wobble
    rings = np.concatenate([np.broadcast_to(x[:, None, None], (n, 4, 1)), ring], axis=2)
    core = Mesh.of(loft(rings).triangles, Surface.FOLIAGE, np.array(tone) * 0.45)
    side = rng.choice([0, 1, 2], leaves, p=[0.38, 0.38, 0.24])
    y = np.where(
        side == 0, -width / 2, np.where(side == 1, width / 2, rng.uniform(-0.5, 0.5, leaves) * width)
    )
    z = np.where(side == 2, height, rng.uniform(0.02, 1, leaves) * height)
    position = np.stack([rng.uniform(0, length, leaves), y, z], axis=1) + rng.normal(0, 0.035, (leaves, 3))
    outward = np.stack([0 * y, np.sign(y) * (side < 2), (side == 2) + 0.3], axis=1)
    size = rng.uniform(0.025, 0.06, leaves) * np.clip(100 * length * height / leaves, 1, 3)
    return join(core, cards(rng, position, size, outward, _tones(rng, tone, leaves)))


def grass(rng: np.random.Generator, blades: int, radius: float, height: float, tone=None) -> Mesh:
    """A tuft of blades, some with seed heads, or reeds when tall."""
    tone = np.array(pick(rng, GREEN) if tone is None else tone)
    foot = rng.normal(0, 0.4, (blades, 2)) * radius
    tall = height * rng.uniform(0.4, 1.0, blades)
    lean = rng.normal(0, 0.3, (blades, 2)) * tall[:, None] + foot * 0.4
    a = np.column_stack([foot, np.full(blades, -0.05)])
    c = np.column_stack([foot + lean, tall])
    turn = rng.uniform(0, np.pi, blades)
    wide = rng.uniform(0.008, 0.022, blades) + height * 0.006
    side = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1) * wide[:, None]
    middle = a + (c - a) * (0.55, 0.55, 0.7)
    middle[:, :2] -= lean * 0.25
    blade = np.stack([a - side, a + side, middle, middle - side * 0.6, middle + side * 0.6, c], axis=1)
    dry = rng.random((blades, 1)) < 0.2
    colour = np.where(dry, (0.28, 0.24, 0.10), tone * 1.2) * rng.uniform(0.6, 1.3, (blades, 1))
    return Mesh.of(blade.reshape(-1, 3, 3), Surface.FOLIAGE, np.repeat(colour, 2, axis=0))


def rock(rng: np.random.Generator, size: float, colour=None) -> Mesh:
    """A boulder of about `size` metres across, sunk a little into the ground."""
    z = np.array([-0.35, 0.0, 0.25, 0.5, 0.7, 0.8]) * size * rng.uniform(0.6, 1.1)
    r = np.array([0.5, 0.55, 0.5, 0.38, 0.2, 0.04]) * size
    rows = np.stack(
        [z, r * rng.uniform(0.8, 1.2), r * rng.uniform(0.6, 1.1), rng.normal(0, 0.04, 6) * size], axis=1
    )
    stone = body(rows, 0.8, 11)
    corner = stone.triangles
    bump = sum(np.sin(corner @ (rng.normal(0, 5.0, 3) / size) + rng.uniform(0, 6)) for _ in range(4))
    moved = corner * (1 + 0.06 * bump[..., None])
    return Mesh.of(
        moved,
        Surface.CONCRETE,
        pick(rng, ((0.3, 0.29, 0.27), (0.42, 0.38, 0.32), (0.2, 0.2, 0.2))) if colour is None else colour,
    )


def flower_box(rng: np.random.Generator, width: float) -> Mesh:
    """A tub with a plant."""
    h = rng.uniform(0.3, 0.7)
    tub = body(
        [(0, width * 0.4, width * 0.4, 0), (h, width * 0.5, width * 0.5, 0)],
        pick(rng, (0.15, 1.0)),
        12,
        material=Surface.CONCRETE,
        colour=(0.4, 0.36, 0.32),
    )
    plant = scaled(bush(rng, width * 1.3, rng.uniform(0.4, 1.2), 160), 1.0)
    return join(tub, plant.at(0, 0, h - 0.05))


def with_finer_leaves(rng: np.random.Generator, mesh: Mesh, eyes: np.ndarray, height: float) -> Mesh:
    """The mesh with several small leaves in place of each that looks large from any of some places.

    Args:
        eyes: N x 3, metres, the ground below cameras.
        height: of the highest camera above it, metres.
    """
    edge = np.linalg.norm(mesh.triangles[:, 1] - mesh.triangles[:, 0], axis=1)
    index = np.flatnonzero((mesh.material == Surface.FOLIAGE) & (edge > _LEAF_RAD) & _are_cards(mesh))
    middle = mesh.triangles[index].mean(axis=1)
    distance = np.full(len(index), np.inf, np.float32)
    for eye in eyes.astype(np.float32):
        way = middle - eye
        way[:, 2] -= np.clip(way[:, 2], 0, height)
        np.minimum(distance, np.sqrt((way * way).sum(axis=1)), out=distance)
    angle = edge[index] / np.maximum(distance, 1.0)
    order = np.argsort(-angle)
    split = np.ceil(angle[order] / _LEAF_RAD).clip(1, _MOST_SPLIT).astype(int)
    large = order[(split > 1) & (np.cumsum(split**2) < _MOST_ADDED)]
    index, middle, split = index[large], middle[large], split[: len(large)]
    each = np.repeat(np.arange(len(index)), split**2)
    index, split = index[each], split[each]
    place = middle[each] + _directions(rng, len(each)) * (0.45 * edge[index] * rng.random(len(each)))[:, None]
    size = edge[index] / 2 / split * rng.uniform(0.7, 1.3, len(each))
    leaves = cards(
        rng, place, size, mesh.normals[index, 0], mesh.colour[index] * rng.uniform(0.8, 1.2, (len(each), 1))
    )
    kept = np.ones(len(edge), bool)
    kept[index] = False
    return join(Mesh(*(part[kept] for part in vars(mesh).values())), leaves)


def _are_cards(mesh: Mesh) -> np.ndarray:
    """Which triangles are loose leaves: those are shaded by the crown's normal, not by their own alone."""
    a, b = mesh.triangles[:, 1] - mesh.triangles[:, 0], mesh.triangles[:, 2] - mesh.triangles[:, 0]
    flat = np.cross(a, b)
    own = np.abs((flat * mesh.normals[:, 0]).sum(axis=1))
    one = (mesh.normals[:, 0] == mesh.normals[:, 1]).all(axis=1)
    return one & (own < 0.999 * np.linalg.norm(flat, axis=1))


def _tones(rng, tone, count: int) -> np.ndarray:
    return np.asarray(tone) * rng.uniform(0.55, 1.35, (count, 1)) * rng.uniform(0.92, 1.08, (count, 3))


def _directions(rng, count: int) -> np.ndarray:
    v = rng.normal(size=(count, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)
