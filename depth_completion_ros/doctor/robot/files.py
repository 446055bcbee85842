"""A parameter file, a start script and what is to be filled in, for a robot."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from ...core.safe.files import write_text
from ..finding import Finding
from .found import Robot

PARAMETERS, START, EXTRINSICS, CAMERA = "completion.yaml", "start.sh", "extrinsics.yaml", "camera.yaml"
NEITHER = (
    "Neither ros2 nor completion_node is found: source ROS 2, or activate the environment of the package."
)


def write_robot(robot: Robot, findings: Iterable[Finding], folder: Path) -> list[str]:
    """Write the files of a robot into a folder.

    Args:
        findings: of the doctor; warnings and errors become comments of the parameter file.

    Returns:
        sentences that say what is still missing.

    Raises:
        FileExistsError: one of the files is there; nothing is written then.
    """
    folder = folder.absolute()
    there = [name for name in (PARAMETERS, START, EXTRINSICS) if (folder / name).exists()]
    if there:
        raise FileExistsError(f"'{folder / there[0]}' is there already; choose another folder or remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    missing, arguments = [], dict(robot.arguments)
    parameters = dict(robot.parameters)
    if robot.needs_camera:
        parameters["camera_info_file"] = (str(folder / CAMERA), "nobody publishes CameraInfo")
        missing.append(
            f"{CAMERA}: calibration of the camera, such as `cameracalibrator` of camera_calibration writes."
        )
    if robot.needs_extrinsics:
        write_text(folder / EXTRINSICS, _extrinsics(robot))
        arguments["extrinsics"] = EXTRINSICS
        missing.append(
            f"{EXTRINSICS}: where the LiDAR is, as TF does not tell it; fill it in, or publish TF and take "
            f"`extrinsics` out of {START}."
        )
    write_text(folder / PARAMETERS, _parameters(parameters, findings))
    arguments["params"] = PARAMETERS
    write_text(folder / START, _start(arguments))
    (folder / START).chmod(0o755)
    return missing


def _parameters(parameters: dict[str, tuple[object, str]], findings: Iterable[Finding]) -> str:
    lines = ["# What differs from the defaults of the completion node.", "/**:", "  ros__parameters:"]
    for name, (value, why) in parameters.items():
        lines += [f"    # {why}", f"    {name}: {_yaml(value)}"]
    if not parameters:
        lines[-1] += " {}"
    told = [f for f in findings if f.level != "ok"]
    lines += ["", "# What `depth-completion doctor` says:"]
    lines += [f"# {f.level}: {f.subject}: {line}" for f in told for line in f.sentence.splitlines()]
    lines += [] if told else ["# nothing is wrong"]
    return "\n".join(lines) + "\n"


def _yaml(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def _start(arguments: dict[str, str]) -> str:
    """A script that finds its files beside itself, and starts the node where there is no `ros2` too."""
    given = [f"{name}:={_quoted(value)}" for name, value in arguments.items()]
    launch = " \\\n    ".join(
        ["exec ros2 launch depth_completion_ros camera_lidar.launch.py", *given, '"$@"']
    )
    node = " \\\n        ".join(["exec completion_node --ros-args", *_of_node(arguments), '"$@"'])
    return (
        '#!/bin/sh\nhere=$(cd "$(dirname "$0")" && pwd)\n'
        "if ! command -v ros2 >/dev/null; then  # as in an environment with the wheels of ROS 2\n"
        f"    command -v completion_node >/dev/null || {{ echo '{NEITHER}' >&2; exit 1; }}\n"
        f"    {node}\nfi\n{launch}\n"
    )


def _of_node(arguments: dict[str, str]) -> list[str]:
    """Arguments of the launch file as those of the node that it starts."""
    image = arguments["image"]
    beside = f"{image.rsplit('/', 1)[0]}/camera_info"
    topics = {
        "image": image,
        "camera_info": arguments.get("camera_info", beside),
        "points": arguments["points"],
    }
    words = [f"--params-file {_quoted(arguments['params'])}"]
    words += [f"-r {name}:={_quoted(topic)}" for name, topic in topics.items()]
    if "image_transport" in arguments:
        words.append(f"-p image_transport:={arguments['image_transport']}")
    if "extrinsics" in arguments:
        words += ["-p extrinsics_source:=file", f"-p extrinsics_file:={_quoted(arguments['extrinsics'])}"]
    return words


def _quoted(value: str) -> str:
    return f'"$here"/{value}' if value in (PARAMETERS, EXTRINSICS) else shlex.quote(value)


def _extrinsics(robot: Robot) -> str:
    """A stub that is refused until it is filled in: a guess would become wrong depth."""
    return (
        "# x_parent = matrix @ x_child; the parent is the optical frame: x right, y down, z forward.\n"
        f"parent: {robot.camera_frame or 'camera_optical_frame'}\n"
        f"child: {robot.lidar_frame or 'lidar'}\n"
        "translation: [x, y, z]             # metres\n"
        "quaternion: [x, y, z, w]\n"
    )
