"""VOID: handheld RGB-D indoors, with the points that visual-inertial odometry tracked."""

from __future__ import annotations

from pathlib import Path

from .listed import Layout, Listed

DENSITIES = (150, 500, 1500)
SPLITS = ("test", "train")


class Void(Listed):
    """Frames of `void_release`; the tracked points come as `sparse_depth`.

    Args:
        density: number of points, 150, 500 or 1500.
        split: `test`, 800 frames of 8 sequences, or `train`.
    """

    layout = "void_release: void_{150,500,1500}/{test_image.txt,data/<sequence>/{image,sparse_depth,...}}"

    def __init__(self, path: Path, *, density: int = 1500, split: str = "test"):
        if density not in DENSITIES:
            raise ValueError(f"Option density is {density!r}; VOID has {', '.join(map(str, DENSITIES))}.")
        if split not in SPLITS:
            raise ValueError(f"Option split is '{split}'; VOID has {' and '.join(SPLITS)}.")
        folder = f"void_{density}/data/{{above}}"
        files = Layout(
            # Paths in the lists start at a folder of the authors, but end as those here.
            frames=f"void_{density}/{split}_image.txt",
            image=f"{folder}/image/{{stem}}.png",
            sparse=f"{folder}/sparse_depth/{{stem}}.png",
            truth=f"{folder}/ground_truth/{{stem}}.png",
            K=f"{folder}/K.txt",
        )
        super().__init__(path, files, f"void_{density}_{split}")

    @classmethod
    def can_read(cls, path: Path) -> bool:
        return any((path / f"void_{density}" / "data").is_dir() for density in DENSITIES)
