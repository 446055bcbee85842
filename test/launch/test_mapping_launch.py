"""mapping.launch.py says what is missing before it starts anything."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("psutil", reason="psutil is not installed")

from test_kitti_launch import genuine  # noqa: E402
from walk import walk  # noqa: E402


@genuine
@pytest.mark.parametrize(
    ("arguments", "package", "words"),
    [
        (
            ["mapper:=rtabmap"],
            "rtabmap_launch",
            "mapper:=rtabmap needs the package rtabmap_launch, which is not",
        ),
        (["mapper:=nvblox"], "nvblox_ros", "-isaac-ros-nvblox"),
        (["mappr:=nvblox"], "", "Argument 'mappr' is unknown; did you mean 'mapper'?"),
        (["mapper:=octomap"], "", "Valid options are: ('rtabmap', 'nvblox')"),
        (["params:=/no/such/file.yaml"], "", "There is no parameter file at '/no/such/file.yaml'."),
    ],
)
def test_what_is_missing_is_told_before_anything_starts(tmp_path, arguments, package, words):
    from ament_index_python.packages import get_packages_with_prefixes

    if package in get_packages_with_prefixes():
        pytest.skip(f"{package} is here")
    with walk(tmp_path, *arguments, launch_file="mapping.launch.py") as it:
        assert it.wait() == 1
    assert words in it.output and "process started" not in it.output
