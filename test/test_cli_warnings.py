"""What the commands tell of data that can be read but looks wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from test_cli import run, write_frame


@pytest.mark.parametrize("command", ["complete", "convert"])
def test_a_transform_that_looks_inverted_is_told(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    write_frame(tmp_path / "frames" / "one", 6.0)
    calib = tmp_path / "frames" / "one" / "calib.json"
    content = json.loads(calib.read_text())
    content["T_cam_lidar"] = np.linalg.inv(np.array(content["T_cam_lidar"], float)).tolist()
    calib.write_text(json.dumps(content))
    options = ["--out", "out", "-c", "nearest"] if command == "complete" else ["out"]
    _, _, stderr = run(command, "frames", *options)
    assert stderr.count("Warning: one: The camera-from-LiDAR transform looks inverted") == 1
