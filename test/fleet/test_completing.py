"""Completed frames as files: their names, and what cannot be written."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros import Frame, create_completer
from depth_completion_ros.core.filters import edges
from depth_completion_ros.fleet.completing import Files, complete_frames


def completed_names(names, folder, **files) -> list[str]:
    """Names in the files of frames without a camera that have these names."""
    frames = [Frame(camera=None, sparse_depth=np.ones((4, 4), np.float32), name=name) for name in names]
    return complete_frames(frames, create_completer("nearest"), folder, Files(preview=False, **files)).names


def test_frame_names_that_are_paths_make_flat_unique_files(tmp_path):
    assert completed_names(("a/b 1", "a_b_1", "//"), tmp_path) == ["a_b_1", "a_b_1_2", "frame"]
    assert len(list(tmp_path.glob("depth_*.png"))) == 3


def test_edges_are_sought_in_the_whole_depth_before_confidence_cuts_it(tmp_path):
    measured = np.zeros((40, 60), np.float32)
    measured[::4, ::3] = 5.0
    measured[::4, 30::3] = 10.0
    frame = Frame(camera=None, sparse_depth=measured, name="step")
    completer = create_completer("linear")
    every = completer(frame)
    limit = float(np.median(every.confidence[edges(every.depth, 0.1)]))
    files = Files(npy=True, preview=False, min_confidence=limit, max_step=0.1)
    complete_frames([frame], completer, tmp_path, files)
    depth = np.load(tmp_path / "depth_step.npy")
    np.testing.assert_array_equal(depth, every.without_edges(0.1).above(limit).depth)
    assert np.isfinite(every.above(limit).without_edges(0.1).depth).sum() > np.isfinite(depth).sum() > 0


def test_a_frame_without_camera_cannot_become_a_cloud(tmp_path):
    with pytest.raises(ValueError, match="Frame phone has no camera matrix"):
        completed_names(("phone",), tmp_path, cloud=True)
