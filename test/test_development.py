"""What docs/development.md shows works: a network, a reader, an operator, each by one file and one line."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from import_graph import PACKAGE, ROOT

TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")


@pytest.fixture
def added(tmp_path):
    """Follows a section of the page in a copy of the package, and runs a program with it."""

    def add(title: str, program: str) -> list[str]:
        shutil.copytree(
            ROOT / PACKAGE, tmp_path / PACKAGE, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
        _follow(title, tmp_path)
        command = [sys.executable, "-c", program]
        environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return add


def _follow(title: str, folder: Path) -> None:
    page = (ROOT / "docs" / "development.md").read_text()
    section = page.split(f"\n## {title}\n")[1].split("\n## ")[0]
    path = folder / re.search(r"1\. One file, `([^`]+)`", section)[1]
    file, *line = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    path.parent.mkdir(exist_ok=True)
    path.write_text(file)
    if line:
        table, target = re.search(r"2\. One line in `(\w+)` of `([^`]+)`", section).groups()
        before = (folder / target).read_text()
        after = re.sub(rf"^({table}\b.*\{{\n)", lambda found: found[1] + line[0], before, flags=re.MULTILINE)
        assert after != before
        (folder / target).write_text(after)


@TORCH
def test_a_network_is_added_by_one_file_and_one_line(added):
    printed = added(
        "Add a network",
        """
import numpy as np
from depth_completion_ros import SparseDepth, create_completer, list_completers
completer = create_completer("toy", device="cpu", strength=0.5)
image = np.random.default_rng(0).integers(256, size=(32, 48, 3), dtype=np.uint8)
sparse = SparseDepth.from_depth(np.eye(32, 48) * 5)
completion = completer(image, sparse)
inferred = completion.depth[sparse.depth == 0]
print("toy" in list_completers(), *completion.depth.shape, (inferred > 0).all(), inferred.std() > 0)
""",
    )
    assert printed == ["True", "32", "48", "True", "True"]


def test_a_reader_is_added_by_one_file_and_one_line(added, tmp_path):
    printed = added(
        "Add a reader",
        """
from pathlib import Path
import cv2, numpy as np
from depth_completion_ros.data import open_reader
rig = Path("rig")
for folder in ("left", "right", "scan"):
    (rig / folder).mkdir(parents=True)
np.savetxt(rig / "my_rig.txt", [[50, 0, 24], [0, 50, 16], [0, 0, 1]])
for name in "ab":
    cv2.imwrite(f"rig/right/{name}.png", np.full((32, 48, 3), ord(name), np.uint8))
np.save(rig / "scan" / "b.npy", np.ones((7, 3), np.float32))
reader = open_reader(rig, side="right")
frames = list(reader)
image, points = frames[0].image, frames[0].points
print(len(reader), len(frames), image[0, 0, 0], *points.shape, sum(reader.skipped.values()))
""",
    )
    assert printed == ["2", "1", str(ord("b")), "7", "3", "1"]


@TORCH
def test_an_operator_is_added_by_one_file(added):
    printed = added(
        "Add an operator",
        """
import torch
from depth_completion_ros.ops.box_mean import box_mean
x = torch.tensor([[1.0, 2.0, float("nan")], [3.0, 4.0, 5.0], [float("nan")] * 3])[None, None]
print(*(round(value, 3) for value in box_mean(x, 3)[0, 0, :, 1].tolist()))
""",
    )
    assert printed == ["3.0", "3.0", "4.0"]


def test_every_file_that_the_page_names_exists():
    page = (ROOT / "docs" / "development.md").read_text()
    prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    paths = set(re.findall(r"`([\w/]+(?:/|\.(?:py|md|cpp|toml|yaml)))`", prose))
    added = set(re.findall(r"1\. One file, `([^`]+)`", prose))
    assert len(paths) > 20
    there = {f"/{file.relative_to(ROOT).as_posix()}" for file in ROOT.rglob("*") if ".venv" not in file.parts}
    missing = {path for path in paths - added if not any(f.endswith(f"/{path.rstrip('/')}") for f in there)}
    assert missing == set()
