"""Completed frames as files: their names, and what cannot be written."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros import Frame, create_completer
from depth_completion_ros.fleet.completing import Files, complete_frames


def completed_names(names, folder, **files) -> list[str]:
    """Names in the files of frames without a camera that have these names."""
    frames = [Frame(camera=None, sparse_depth=np.ones((4, 4), np.float32), name=name) for name in names]
    return complete_frames(frames, create_completer("nearest"), folder, Files(preview=False, **files)).names


def test_frame_names_that_are_paths_make_flat_unique_files(tmp_path):
    assert completed_names(("a/b 1", "a_b_1", "//"), tmp_path) == ["a_b_1", "a_b_1_2", "frame"]
    assert len(list(tmp_path.glob("depth_*.png"))) == 3


def test_a_frame_without_camera_cannot_become_a_cloud(tmp_path):
    with pytest.raises(ValueError, match="Frame phone has no camera matrix"):
        completed_names(("phone",), tmp_path, cloud=True)
