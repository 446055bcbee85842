"""What the triangles of a simulated scene are made of."""

from __future__ import annotations

from enum import IntEnum

from depth_completion_ros.demo.scene.mesh import Material

_MORE = (
    "WOOD", "FABRIC", "TILES", "CARPET", "METAL", "SCREEN", "POSTER", "CURTAIN", "SKIN", "CLOTH", "CONCRETE",
    "MIRROR", "SOIL",
)  # fmt: skip

Surface = IntEnum("Surface", [material.name for material in Material] + list(_MORE), start=0, module=__name__)
Surface.__doc__ = """Material of a triangle: those of the demo drive, by the same numbers, and more.

It decides the texture, the gloss and what a LiDAR gets back. Scenes pass it wherever the demo drive's
meshes take a `Material`.
"""
