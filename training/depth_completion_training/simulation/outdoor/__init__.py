"""Outdoor worlds: streets, squares, alleys, highways, car parks, yards, parks, fields, tunnels."""

from __future__ import annotations

from .worlds import FAMILIES, make_outdoor

__all__ = ["FAMILIES", "make_outdoor"]
