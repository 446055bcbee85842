"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """Folder of real camera and LiDAR frames, which lives beside the repository and is not part of it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "frames"
    if not folder.is_dir():
        pytest.skip(f"no real frames at {folder.parent.parent.name}/data/frames beside the repository")
    return folder
