"""The tree keeps its shape: rooms import in one direction, nothing in a circle, and nothing grows too large.

The rooms and their order stand once, in the drawing of docs/development.md. All else is read from the tree.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter

import pytest
from import_graph import (
    LIGHT,
    PACKAGE,
    ROOT,
    TRAINING,
    Import,
    files,
    imported_with,
    imports,
    modules,
    room,
)

FILES_IN_A_FOLDER, LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 12, 400, 60


@pytest.fixture(scope="module")
def below() -> dict[str, set[str]]:
    """Each room of the package, and all rooms below it in the drawing."""
    drawing = (ROOT / "docs" / "development.md").read_text().split("```mermaid")[1].split("```")[0]
    arrows = re.findall(r"^ *(\w+) --> (\w+)$", drawing, re.MULTILINE)
    direct = {name: {lower for upper, lower in arrows if upper == name} for arrow in arrows for name in arrow}
    found: dict[str, set[str]] = {}
    for name in TopologicalSorter(direct).static_order():
        found[name] = direct[name].union(*(found[lower] for lower in direct[name]))
    return found


# Direction of imports ------------------------------------------------------------------------------


def test_the_drawing_shows_every_room(below):
    assert set(below) == {room(name) for name in modules() if name.startswith(f"{PACKAGE}.")}


def test_a_room_imports_only_rooms_below_it(below):
    """Not in a function either; only the command line may ask for what the top of the package gives."""
    against = [
        f"{found.importer} imports {found.imported}"
        for found in _within(PACKAGE)
        if room(found.imported) not in below[room(found.importer)]
    ]
    assert against == []


def test_the_package_never_imports_the_training():
    crossing = [
        f"{found.importer} imports {found.imported}"
        for found in imports()
        if found.importer.startswith(PACKAGE) and found.imported.startswith(TRAINING)
    ]
    assert crossing == []


@pytest.mark.parametrize("distribution", [PACKAGE, TRAINING])
def test_no_modules_import_each_other_in_a_circle(distribution):
    """Not by imports inside functions either."""
    graph: dict[str, set[str]] = {}
    for found in imports():
        if found.importer.startswith(distribution) and found.imported in modules():
            graph.setdefault(found.importer, set()).add(found.imported)
    _assert_no_circle(graph)


def test_no_folders_of_the_training_import_each_other_in_a_circle():
    graph: dict[str, set[str]] = {}
    for found in _within(TRAINING):
        graph.setdefault(room(found.importer), set()).add(room(found.imported))
    _assert_no_circle(graph)


def test_only_the_rooms_from_ros_upwards_import_ros(below):
    ros = {"rclpy", "message_filters", "cv_bridge", "sensor_msgs_py", "tf2_ros", "launch", "launch_ros"}
    against = [
        f"{found.importer} imports {found.imported}"
        for found in imports()
        if (found.imported.split(".")[0] in ros or found.imported.split(".")[0].endswith("_msgs"))
        and "ros" not in below.get(room(found.importer), set()) | {room(found.importer)}
    ]
    assert against == []


def _within(distribution: str) -> list[Import]:
    """Imports of one room by another of the same distribution."""
    inside = f"{distribution}."
    return [
        found
        for found in imports()
        if found.importer.startswith(inside)
        and found.imported.startswith(inside)
        and room(found.importer) != room(found.imported)
    ]


def _assert_no_circle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib names each importer behind what it imports.
        pytest.fail("Imported in a circle: " + " <- ".join(error.args[1]))


# What imports without PyTorch and ROS --------------------------------------------------------------


def test_the_core_imports_numpy_and_opencv_alone():
    """In functions too."""
    inside = {found for found in imports() if found.importer.startswith(f"{PACKAGE}.core")}
    assert {found.imported for found in inside if found.imported.split(".")[0] not in LIGHT} == set()


def test_core_data_registry_and_doctor_ask_for_nothing_but_numpy_and_opencv():
    promised = [PACKAGE, f"{PACKAGE}.completion.registry", f"{PACKAGE}.doctor"]
    promised += [name for name in modules() if name.startswith((f"{PACKAGE}.core.", f"{PACKAGE}.data."))]
    heavy = {name: sorted(_heavy(name)) for name in promised}
    assert {name: others for name, others in heavy.items() if others} == {}


def test_all_that_asks_for_nothing_else_imports_with_numpy_and_opencv_alone():
    """In a fresh Python that refuses all but the standard library, numpy and OpenCV."""
    names = [name for name in modules() if name.split(".")[0] == PACKAGE and not _heavy(name)]
    names = [name for name in names if not name.endswith("__main__")]
    code = f"""
import importlib, sys

class OnlyThese:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {{"numpy", "cv2", "{PACKAGE}"}} | sys.stdlib_module_names:
            raise ModuleNotFoundError(f"{{name}} is blocked")

sys.meta_path.insert(0, OnlyThese())
for name in {names!r}:
    importlib.import_module(name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _heavy(name: str) -> set[str]:
    """What must be installed for a module to import, beyond numpy and OpenCV."""
    return {imported.split(".")[0] for imported in imported_with(name)} - LIGHT


# Writing -------------------------------------------------------------------------------------------

WRITES = {"write_text", "write_bytes", "imwrite", "save", "savez", "savefig", "save_file", "tofile"}
"""Names of functions that write files; ours of the same names take the path as their first argument."""
WRITES_AS_IT_LIKES = {
    "depth_completion_ros/core/safe/files.py",
    "depth_completion_ros/ros/wheels/generate_tf2_msgs.py",  # a folder that is thrown away
    "depth_completion_ros/slam/orbslam3.py",  # what a program prints, as it prints it
    "depth_completion_ros/slam/recording.py",  # a folder that is thrown away
}


def test_files_are_written_whole_or_not_at_all():
    """Each call that writes a file is ours, or stands in a `with whole_file(...)`."""
    found = []
    for file in files():
        name = str(file.relative_to(ROOT))
        if name.startswith(("test", "bench")) or name in WRITES_AS_IT_LIKES:
            continue
        tree = ast.parse(file.read_text())
        whole = [node for node in ast.walk(tree) if isinstance(node, ast.With) and _is_whole(node)]
        inside = {id(inner) for node in whole for inner in ast.walk(node)}
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and _writes(node) and id(node) not in inside
        ]
    assert found == []


def _is_whole(node: ast.With) -> bool:
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    return any(isinstance(call.func, ast.Name) and call.func.id == "whole_file" for call in calls)


def _writes(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    opens = call.func.attr == "open" and any(
        isinstance(a, ast.Constant) and str(a.value)[:1] in "wax" for a in call.args[:1]
    )
    return opens or call.func.attr in WRITES


# Sizes ---------------------------------------------------------------------------------------------


def test_no_folder_is_crowded():
    count = Counter(file.parent for file in files() if file.name != "__init__.py")
    crowded = {str(folder.relative_to(ROOT)): n for folder, n in count.items() if n > FILES_IN_A_FOLDER}
    assert crowded == {}


def test_no_file_is_long():
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files()}
    assert {file: n for file, n in lines.items() if n > LINES_OF_A_FILE} == {}


def test_no_function_is_long():
    """But tables. Of a command of the command line its options and its help do not count."""
    long = {}
    for file in files():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = _lines(node, is_command="cli" in file.parts or node.name == "main")
                if lines > LINES_OF_A_FUNCTION:
                    long[f"{file.relative_to(ROOT)}: {node.name}"] = lines
    assert long == {}


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef, is_command: bool) -> int:
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    if not statements or (len(statements) == 1 and isinstance(statements[0], ast.Return)):
        return 0
    return function.end_lineno - (statements[0] if is_command else function).lineno + 1
