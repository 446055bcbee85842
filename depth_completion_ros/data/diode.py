"""DIODE: dense scans of a survey LiDAR, indoors and outdoors."""

from __future__ import annotations

from pathlib import Path

from .listed import Layout, Listed

K = 886.81, 927.06, 512.0, 384.0
"""Focal lengths and centre of the camera that the authors render with, pixels."""
PARTS = ("indoors", "outdoor")


class Diode(Listed):
    """Frames of `val` or `train`; the scan, where its mask says that it is valid, is `ground_truth`.

    Args:
        part: `indoors` or `outdoor`; both when None.
    """

    layout = "{indoors,outdoor}/<scene>/<scan>/{*.png,*_depth.npy,*_depth_mask.npy}, below val if there"

    def __init__(self, path: Path, *, part: str | None = None):
        if part is not None and part not in PARTS:
            raise ValueError(f"Option part is '{part}'; DIODE has {' and '.join(PARTS)}.")
        files = Layout(
            frames=f"{part or '*door*'}/*/*/*.png",
            truth="{base}_depth.npy",
            mask="{base}_depth_mask.npy",
            K=K,
        )
        super().__init__(path / "val" if (path / "val").is_dir() else path, files, f"diode_{part or 'all'}")

    @classmethod
    def can_read(cls, path: Path) -> bool:
        patterns = (f"{above}{part}/scene_*/scan_*" for above in ("", "val/") for part in PARTS)
        return path.is_dir() and any(next(path.glob(pattern), None) is not None for pattern in patterns)
