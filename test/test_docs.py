"""The documentation: no page is lost, no link leads nowhere, and no cause of a drop lacks an entry."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import yaml
from import_graph import PACKAGE, ROOT

from depth_completion_ros.core import Camera, Frame, SparseDepth
from depth_completion_ros.core.pairing import Pairing

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def _leaves(tree) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    values = tree.values() if isinstance(tree, dict) else tree
    return [leaf for value in values for leaf in _leaves(value)]


def _anchors(text: str) -> set[str]:
    """Of the headings, as MkDocs and GitHub make them."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", h).strip().lower()) for h in headings}


def test_the_site_has_every_page_once():
    nav = yaml.load((ROOT / "mkdocs.yml").read_text(), Loader=yaml.BaseLoader)["nav"]  # noqa: S506, texts alone
    assert sorted(_leaves(nav)) == [page.name for page in PAGES]


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "training" / "README.md", *PAGES], ids=str)
def test_links_lead_somewhere(page):
    links = [link for link in LINK.findall(CODE.sub("", page.read_text())) if "://" not in link]
    for link in links:
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target.read_text()), link
    if page.parent == DOCS:
        assert all((page.parent / link.partition("#")[0]).resolve().is_relative_to(DOCS) for link in links)


def _arguments(launch_file: str) -> set[str]:
    """Those that a launch file takes; it refuses all others."""
    tree = ast.parse((ROOT / "launch" / launch_file).read_text())
    (value,) = [
        n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "ARGUMENTS"
    ]
    return {argument.elts[0].value for argument in value.elts}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=str)
def test_launch_lines_give_arguments_that_the_launch_file_takes(page):
    text = page.read_text().replace("\\\n", " ")
    for file, line in re.findall(r"depth_completion_ros (\w+\.launch\.py)([^\n`]*)", text):
        assert set(re.findall(r"(\w+):=", line)) <= _arguments(file), line


def _causes_in_code() -> set[str]:
    """First arguments of `Drop(...)` and `_Drop(...)` that are texts."""
    causes = set()
    for file in (ROOT / PACKAGE).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            is_drop = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Drop", "_Drop")
            if is_drop and node.args and isinstance(node.args[0], ast.Constant):
                causes.add(node.args[0].value)
    return causes


def test_troubleshooting_has_every_cause_of_a_drop():
    causes = _causes_in_code()
    assert {"no transform", "no camera_info", "completer failed"} <= causes
    of_pairs = set(re.findall(r'"([a-z ]+)"', Pairing.__doc__))
    assert "time jump" in of_pairs
    camera = Camera(K=np.diag([50.0, 50.0, 1.0]), width=20, height=10)
    frame = Frame(camera=camera, points=np.ones((1, 3), np.float32), T_cam_lidar=np.eye(4))
    of_points = set(SparseDepth.from_points(frame).dropped)
    assert "behind camera" in of_points
    text = (DOCS / "troubleshooting.md").read_text()
    assert not [cause for cause in sorted(causes | of_pairs | of_points) if f'"{cause}"' not in text]


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="MkDocs is not installed: make docs")
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "SparseDepth" in (tmp_path / "api.html").read_text()
