"""With packages of apt alone, those of package.xml, classical completion works; what lacks is told.

Packages that pip alone brings are all that the package imports and package.xml does not name. They are hidden
in processes of their own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
from import_graph import PACKAGE, ROOT, files, imports_of

from depth_completion_ros.completion.registry import STANDS_IN

BROUGHT_BY = {"python3-opencv": "cv2", "ros2launch": "ament_index_python", "rclpy": "rcl_interfaces"}
"""Modules by keys of package.xml whose name is another one."""


@cache
def pip_only() -> frozenset[str]:
    """What the package imports, in functions too, and apt does not bring."""
    keys = {e.text for e in ET.parse(ROOT / "package.xml").getroot() if e.tag.endswith("depend")}
    apt = {key.removeprefix("python3-") for key in keys} | {BROUGHT_BY.get(key, key) for key in keys}
    imported = {
        found.imported.split(".")[0]
        for file in files(ROOT / PACKAGE)
        for found in imports_of(file)
        if found.imported
    }
    return frozenset(imported - apt - {PACKAGE} - sys.stdlib_module_names)


def run(code: str, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess:
    """Run code in a Python that has the packages of apt alone."""
    start = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'test')!r}]\n"
        f"from without_packages import hide; hide({sorted(pip_only())!r})\n"
    )
    command = [sys.executable, "-c", start + code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


def command(*arguments: object) -> subprocess.CompletedProcess:
    return run("from depth_completion_ros.cli import main; main()", *arguments)


@pytest.fixture
def frame(tmp_path):
    """An image and sparse depth of a wall 8 m away."""
    sparse = np.zeros((60, 90), np.uint16)
    sparse[::6, ::6] = 8 * 256
    cv2.imwrite(str(tmp_path / "sparse.png"), sparse)
    cv2.imwrite(str(tmp_path / "image.png"), np.full((60, 90, 3), 90, np.uint8))
    return tmp_path / "image.png", "--sparse", tmp_path / "sparse.png"


def test_what_pip_alone_brings_is_known():
    assert {"onnxruntime", "torch", "open3d", "rosbags", "safetensors", "fsspec"} <= pip_only()
    assert not pip_only() & {"numpy", "cv2", "yaml", "typer", "rich", "rclpy", "sensor_msgs", "matplotlib"}


def test_hidden_packages_are_as_if_they_were_not_there():
    done = run(
        "from importlib.util import find_spec\n"
        "print([name for name in ('torch', 'onnxruntime', 'numpy') if find_spec(name)])\n"
        "try: import rosbags.rosbag2\n"
        "except ModuleNotFoundError as error: print(error.name)"
    )
    assert done.stdout.split("\n")[:2] == ["['numpy']", "rosbags"], done.stderr


@pytest.mark.parametrize("completer", ["nearest", "linear", "morphological"])
def test_classical_completers_complete(frame, tmp_path, completer):
    done = command("complete", *frame, "-c", completer, "-o", tmp_path / "out", "--npy")
    assert done.returncode == 0 and done.stderr == ""
    depth = cv2.imread(str(tmp_path / "out" / "depth_image.png"), cv2.IMREAD_UNCHANGED)
    assert (depth > 0).mean() > 0.8 and abs(np.median(depth[depth > 0]) / 256 - 8) < 0.01


def test_default_is_linear_and_says_so(frame, tmp_path):
    for completer in ("default", "linear"):
        done = command("complete", *frame, "-c", completer, "-o", tmp_path / completer)
        assert done.returncode == 0
        assert done.stderr.strip() == (STANDS_IN if completer == "default" else "")
    depths = [(tmp_path / name / "depth_image.png").read_bytes() for name in ("default", "linear")]
    assert depths[0] == depths[1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("-c", "efficient_spn"), "needs the Python package 'onnxruntime'.*: pip install onnxruntime."),
        (("-c", "mspn_lite"), r"needs the Python package 'torch'.*'depth_completion_ros\\[torch\\]'"),
        (("--weights", "my_robot"), "needs the Python package 'onnxruntime'.*takes no weights"),
        (("--device", "cuda"), "needs the Python package 'onnxruntime'.*runs on the CPU"),
    ],
)
def test_what_only_a_network_can_do_is_refused_in_a_sentence(frame, tmp_path, options, sentence):
    done = command("complete", *frame, *options, "-o", tmp_path / "out")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert re.search(sentence.replace("\\\\", "\\"), " ".join(done.stderr.split())), done.stderr


def test_doctor_tells_what_is_missing():
    done = command("doctor", "--json")
    assert done.returncode in (0, 1) and done.stderr == ""
    findings = {found["subject"]: found for found in json.loads(done.stdout)}
    assert findings["default"] == {"level": "warning", "subject": "default", "sentence": STANDS_IN}


def test_bags_are_refused_in_a_sentence(tmp_path):
    (tmp_path / "drive.mcap").write_bytes(b"\x89MCAP0\r\n" + bytes(100))
    done = command("complete", tmp_path / "drive.mcap", "-c", "linear", "-o", tmp_path / "out")
    assert done.returncode == 2 and "pip install rosbags" in done.stderr and "Traceback" not in done.stderr
