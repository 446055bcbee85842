"""What a report of SLAM says beside its table."""

from __future__ import annotations

import numpy as np
import pytest

from depth_completion_ros.slam.depths import parse_depths
from depth_completion_ros.slam.orbslam3 import SlamRun
from depth_completion_ros.slam.page import write_slam_html
from depth_completion_ros.slam.reference import GROUND_TRUTH, Reference
from depth_completion_ros.slam.report import write_slam_report
from depth_completion_ros.slam.run import DepthResult, SlamResult
from depth_completion_ros.slam.trajectory import Trajectory

pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra report)")


@pytest.mark.parametrize(
    ("rested", "sentence"),
    [
        ([[True, True, False], [False, True, True]], "Mapping was cut off after 2 of 6 frames."),
        ([[True, True, True]], None),
    ],
)
def test_it_says_after_how_many_frames_mapping_was_cut_off_where_it_was(rested, sentence, tmp_path):
    poses = np.repeat(np.eye(4)[None], 3, axis=0)
    poses[:, 0, 3] = range(3)
    way = Trajectory.of([0, 10**8, 2 * 10**8], list(poses))
    runs = [SlamRun(["OK"] * 3, [5.0] * 3, each, way) for each in rested]
    files = [way.write(tmp_path / f"{number}.tum") for number in range(len(runs))]
    (depth,) = parse_depths(["sparse"], lambda text: None)
    found = DepthResult(depth, runs, files=files, scores=[None] * len(runs))
    result = SlamResult("drive", 3, "all", Reference(way, GROUND_TRUTH), [found])
    texts = [
        path.read_text()
        for path in (
            write_slam_report(result, tmp_path / "out"),
            write_slam_html(result, tmp_path / "out" / "a.html"),
        )
    ]
    assert all((sentence or "Medians over the runs") in text for text in texts)
    assert sentence or not any("cut off" in text for text in texts)
