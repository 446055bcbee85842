"""The drive that the tests of the launch play."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def drive(open3d, tmp_path_factory) -> Path:
    """Six small frames of the demo drive."""
    from depth_completion_ros.demo.drive import make_demo_drive

    return make_demo_drive(tmp_path_factory.mktemp("drive"), frames=6, width=414, height=125)


@pytest.fixture(autouse=True)
def own_domain(monkeypatch):
    """Nodes keep to themselves."""
    if "ROS_DOMAIN_ID" not in os.environ:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(1 + os.getpid() % 100))
