"""What is packaged agrees with what is there."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from xml.etree import ElementTree as ET

import pytest
from import_graph import PACKAGE, ROOT, files, imports_of

MODULES = files(ROOT / PACKAGE)


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
    return ET.parse(ROOT / "package.xml").getroot()


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
        found.imported.split(".")[0] for file in files(*ours) for found in imports_of(file) if found.imported
    }
    known = {"launch", "launch_ros", "rclpy", "message_filters", "tf2_ros"}
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
    for name in ("mspn_lite", "efficient_spn"):
        assert (tmp_path / PACKAGE / "completion" / name / f"{name}.safetensors").is_file()
    assert (tmp_path / PACKAGE / "completion" / "efficient_spn" / "efficient_spn.onnx").is_file()
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
    """Topics of the three nodes; rclpy need not be there."""
    from depth_completion_ros.core import Metrics
    from depth_completion_ros.evaluation.outputs import OUTPUTS

    inputs = {"/image", "/points", "/camera_info", "/ground_truth", "/diagnostics"}
    outputs = {f"/{output.topic}" for output in OUTPUTS}
    return inputs | outputs | {f"/metrics/{name}" for name in Metrics.__dataclass_fields__}
