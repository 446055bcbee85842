"""What is packaged agrees with what is there, and rooms import only in one direction."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

PACKAGE = "depth_completion_ros"
ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))

MAY_IMPORT = {
    "core": set(),
    "ops": {"core"},
    "data": {"core"},
    "completion": {"core", "ops"},
    "evaluation": {"core", "ops", "data", "completion"},
    "doctor": {"core", "data"},
    "ros": {"core", "ops", "data", "completion", "evaluation", "doctor"},
}
# The doctor looks into every room when it is called, and imports none of them before.
MAY_IMPORT_WHEN_CALLED = {"doctor": {"completion", "ops", "ros"}}
# All else imports without PyTorch.
NEEDS_TORCH = ("completion.mspn.", "completion.runner.") + tuple(
    f"completion.{folder}.{name}."
    for folder, names in (
        ("depthlab", ("attention", "network", "sampling")),
        ("bpnet", ("layers", "network", "pooling", "propagation", "quick", "refinement")),
        ("marigold_dc", ("guidance", "network")),
        ("mspn_lite", ("conv", "fill", "network", "propagation")),
        ("efficient_spn", ("encoder", "fill", "layers", "network", "onnx_file", "propagation")),
        ("psd", ("alignment", "correction", "diffusion", "guide", "layers", "network", "propagation")),
    )
    for name in names
)


@pytest.fixture(scope="module")
def distribution():
    """What setup.py says."""
    pytest.importorskip("setuptools", reason="setuptools is not installed")
    code = (
        "import json; from distutils.core import run_setup; d = run_setup('setup.py', stop_after='init');"
        "print(json.dumps([d.get_name(), d.get_version(), d.packages, d.data_files, d.package_data, "
        "d.entry_points, d.extras_require]))"
    )
    code = "import setuptools; " + code
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    names = ("name", "version", "packages", "data_files", "package_data", "entry_points", "extras")
    return dict(zip(names, json.loads(output.splitlines()[-1]), strict=True))


@pytest.fixture(scope="module")
def manifest():
    """The root of package.xml."""
    return ElementTree.parse(ROOT / "package.xml").getroot()


# Packaging -----------------------------------------------------------------------------------------


def test_package_xml_and_setup_py_agree(distribution, manifest):
    assert manifest.findtext("name") == distribution["name"] == PACKAGE
    assert manifest.findtext("version") == distribution["version"]
    assert manifest.findtext("license") == "Apache-2.0"
    assert manifest.findtext("export/build_type") == "ament_python"


def test_package_xml_names_every_ros_package_that_is_imported(manifest):
    named = {element.text for element in manifest if element.tag.endswith("depend")}
    ours = [ROOT / "launch", ROOT / PACKAGE / "ros"]
    imported = {
        name.split(".")[0] for folder in ours for file in folder.rglob("*.py") for name in _imports(file)[1]
    }
    known = {"launch", "launch_ros", "rclpy", "message_filters", "cv_bridge", "tf2_ros", "sensor_msgs_py"}
    missing = {n for n in imported if (n in known or n.endswith(("_msgs", "_srvs"))) and n not in named}
    # What every rclpy brings along.
    assert missing - {"rcl_interfaces", "builtin_interfaces"} == set()


def test_colcon_finds_the_tests(distribution):
    assert any(requirement.startswith("pytest") for requirement in distribution["extras"]["test"])


def test_executables_land_where_ros2_run_looks():
    config = (ROOT / "setup.cfg").read_text()
    assert f"$base/lib/{PACKAGE}" in config


def test_every_entry_point_is_a_function(distribution):
    for entry in distribution["entry_points"]["console_scripts"]:
        module, function = entry.split("=")[1].strip().split(":")
        if ".ros." in module and find_spec("rclpy") is None:
            continue
        if module.endswith(".cli") and find_spec("typer") is None:
            continue
        assert callable(getattr(import_module(module), function)), entry


def test_the_nodes_are_executables(distribution):
    names = {entry.split("=")[0].strip() for entry in distribution["entry_points"]["console_scripts"]}
    assert {"completion_node", "player_node", "evaluation_node", "depth-completion"} <= names


def test_the_resource_marker_is_there():
    assert (ROOT / "resource" / PACKAGE).is_file()


def test_every_launch_and_config_file_is_installed(distribution):
    installed = {file for _, files in distribution["data_files"] for file in files}
    there = [*(ROOT / "launch").glob("*.py"), *(ROOT / "config").iterdir()]
    assert {str(file.relative_to(ROOT)) for file in there} <= installed
    assert all((ROOT / file).is_file() for file in installed)


def test_every_folder_of_modules_is_a_package(distribution):
    folders = {".".join(file.parent.relative_to(ROOT).parts) for file in MODULES}
    assert folders == set(distribution["packages"])


def test_what_is_installed_holds_configs_and_profile(distribution, tmp_path):
    commands = ["build_py", "-d", tmp_path, "install_data", "-d", tmp_path]
    subprocess.run(
        [sys.executable, "setup.py", "-q", *map(str, commands)], cwd=ROOT, check=True, capture_output=True
    )
    share = tmp_path / "share" / PACKAGE
    assert (share / "launch" / "kitti.launch.py").is_file()
    assert (share / "config" / "completion.yaml").is_file()
    assert (share / "config" / "depth_completion.rviz").is_file()
    assert (share / "package.xml").is_file()
    assert (tmp_path / PACKAGE / "ros" / "fastdds_profile.xml").is_file()
    assert (tmp_path / PACKAGE / "completion" / "mspn_lite" / "mspn_lite.safetensors").is_file()
    assert (tmp_path / "share/ament_index/resource_index/packages" / PACKAGE).is_file()
    assert not list(tmp_path.rglob("*.pyc"))


# Launch and configuration --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kitti", "camera_lidar"])
def test_launch_files_compile(name):
    file = ROOT / "launch" / f"{name}.launch.py"
    compile(file.read_text(), str(file), "exec")


def test_rviz_shows_topics_that_exist():
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load((ROOT / "config" / "depth_completion.rviz").read_text())
    displays = content["Visualization Manager"]["Displays"]
    shown = {display["Topic"]["Value"] for display in displays if "Topic" in display}
    assert shown and shown <= _topics()


def test_foxglove_shows_topics_that_exist_in_panels_that_are_configured():
    content = json.loads((ROOT / "config" / "foxglove_layout.json").read_text())
    panels = content["configById"]
    assert set(_leaves(content["layout"])) == set(panels)
    images = {panel["imageMode"]["imageTopic"] for name, panel in panels.items() if name.startswith("Image!")}
    plotted = {path["value"].split(".")[0] for path in panels["Plot!metrics"]["paths"]}
    assert images | set(panels["3D!cloud"]["topics"]) | plotted <= _topics()


def _leaves(layout):
    if isinstance(layout, str):
        return [layout]
    return [*_leaves(layout["first"]), *_leaves(layout["second"])]


def _topics() -> set[str]:
    """Topics of the three nodes, from their sources, as rclpy need not be there."""
    inputs = {"/image", "/points", "/camera_info", "/ground_truth", "/diagnostics"}
    tree = ast.parse((ROOT / PACKAGE / "ros" / "publishers.py").read_text())
    outputs = {
        f"/{node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
    }
    from depth_completion_ros.core import Metrics

    return inputs | outputs | {f"/metrics/{name}" for name in Metrics.__dataclass_fields__}


# Imports -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_rooms_import_in_one_direction(file):
    room = file.relative_to(ROOT / PACKAGE).parts[0]
    if room not in MAY_IMPORT:
        return  # the command line and the public names open every door
    first, all_of_them = (
        {name.split(".")[1] for name in names if name.startswith(f"{PACKAGE}.")} for names in _imports(file)
    )
    assert first <= MAY_IMPORT[room] | {room}
    assert all_of_them <= MAY_IMPORT[room] | MAY_IMPORT_WHEN_CALLED.get(room, set()) | {room}


def _imports(file: Path) -> tuple[set[str], set[str]]:
    """Full names of the modules imported at import time, and of all that are ever imported."""
    tree = ast.parse(file.read_text())
    nested = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    place = [*file.relative_to(ROOT).parts[:-1]]
    first, every = set(), set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*place[: len(place) - node.level + 1], node.module or ""]).strip(".")
            base = base if node.level else node.module
            names = [f"{base}.{alias.name}" for alias in node.names]
        every.update(names)
        if node not in nested:
            first.update(names)
    return first, every


@pytest.mark.parametrize("rooms", ["core", "data", "core, data, completion, doctor"])
def test_imports_with_numpy_and_opencv_alone(rooms):
    """In a fresh Python that refuses everything but the standard library, numpy and OpenCV."""
    code = f"""
import importlib, pkgutil, sys

class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in {{"numpy", "cv2", "{PACKAGE}"}} | sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{{name}} is blocked")

sys.meta_path.insert(0, OnlyThese())
import {PACKAGE}
for room in "{rooms}".split(", "):
    room = importlib.import_module("{PACKAGE}." + room)
    for module in pkgutil.walk_packages(room.__path__, room.__name__ + ".", onerror=lambda name: None):
        if not f"{{module.name}}.".removeprefix("{PACKAGE}.").startswith({NEEDS_TORCH!r}):
            importlib.import_module(module.name)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
