"""What the triangles of a simulated scene are made of."""

from __future__ import annotations

from enum import IntEnum


class Surface(IntEnum):
    """Material of a triangle; the first thirteen are those of the demo drive.

    It decides the texture, the gloss and what a LiDAR gets back. Scenes pass it wherever the demo
    drive's meshes take a `Material`.
    """

    PLAIN = 0
    ASPHALT = 1
    PAVING = 2
    GRASS = 3
    PLASTER = 4
    BRICK = 5
    ROOF = 6
    GLASS = 7
    FOLIAGE = 8
    BARK = 9
    PAINT = 10
    RUBBER = 11
    REFLECTOR = 12
    WOOD = 13
    FABRIC = 14
    TILES = 15
    CARPET = 16
    METAL = 17
    SCREEN = 18
    POSTER = 19
    CURTAIN = 20
    SKIN = 21
    CLOTH = 22
    CONCRETE = 23
    MIRROR = 24
    SOIL = 25
