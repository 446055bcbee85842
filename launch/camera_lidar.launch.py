"""Dense depth from the camera and the LiDAR of your own robot.

ros2 launch depth_completion_ros camera_lidar.launch.py \
        image:=/camera/image_raw points:=/velodyne_points
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from depth_completion_ros.ros.process.launching import (
    ask_to_end,
    hear_every_interrupt,
    is_on_command_line,
    process_options,
    refuse_unknown_arguments,
    require_package,
    require_parameter_file,
)
from depth_completion_ros.ros.transport import profile_environment

PACKAGE = "depth_completion_ros"
CONFIG = PathJoinSubstitution([FindPackageShare(PACKAGE), "config"])
BOOL = ("true", "false")

ARGUMENTS = (
    ("image", "/camera/image_raw", "Topic of the camera's images, raw or rectified.", None),
    ("camera_info", "", "Topic of the camera's CameraInfo; empty for the one beside the image.", None),
    ("points", "/points", "Topic of the LiDAR's PointCloud2.", None),
    ("image_transport", "raw", "Whether images come as they are, or compressed.", ("raw", "compressed")),
    (
        "rectified",
        "",
        "Whether the images are rectified: true, false; empty for what the parameter file says.",
        ("", *BOOL),
    ),
    (
        "params",
        "",
        "Parameter file of the completion node; empty for completion.yaml of this package. The "
        "arguments below, where given, go before it.",
        None,
    ),
    ("completer", "", "Name of the completer; empty for that of the parameter file.", None),
    (
        "weights",
        "",
        "File or stored name of a network's weights; empty for those that the parameter file names.",
        None,
    ),
    ("device", "", "Device of a network: auto, cpu, cuda; empty for that of the parameter file.", None),
    (
        "extrinsics",
        "",
        "Calibration file with the LiDAR's place before the camera; empty for the source that the "
        "parameter file names, which is TF when nothing is said.",
        None,
    ),
    ("namespace", "", "Namespace of the node and its outputs, such as the robot's.", None),
    ("use_sim_time", "false", "Take the time from /clock, for simulation and bags.", BOOL),
    (
        "autostart",
        "true",
        "Configure and activate the node at start; false leaves that to a lifecycle manager.",
        BOOL,
    ),
    ("rviz", "false", "Show inputs and outputs in RViz.", BOOL),
    ("rviz_frame", "base_link", "Fixed frame of RViz.", None),
)


def check(given: Callable[[str], str]) -> None:
    """Refuse, before anything is started, what could only fail later."""
    refuse_unknown_arguments([name for name, *_ in ARGUMENTS], __file__)
    if given("params"):
        require_parameter_file(given("params"), "completion")
    if given("extrinsics") and not Path(given("extrinsics")).expanduser().is_file():
        raise FileNotFoundError(f"There is no calibration file at '{given('extrinsics')}'.")
    if given("rviz") == "true":
        require_package("rviz2", "rviz:=true")


def nodes(context: LaunchContext) -> list:
    """RViz, and the completion node with only those parameters overridden that were given."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    check(given)
    image = given("image").rstrip("/")
    beside = f"{image.rsplit('/', 1)[0]}/camera_info" if "/" in image else "camera_info"
    parameters = {name: ParameterValue(given(name) == "true") for name in ("use_sim_time", "autostart")}
    parameters["image_transport"] = given("image_transport")
    texts = [name for name in ("completer", "weights", "device") if given(name)]
    parameters |= {name: ParameterValue(given(name), value_type=str) for name in texts}
    if given("rectified"):
        parameters["rectified"] = given("rectified") == "true"
    if given("extrinsics"):
        parameters |= {"extrinsics_source": "file", "extrinsics_file": given("extrinsics")}
    completion = Node(
        package=PACKAGE,
        executable="completion_node",
        exec_name="completion_node",
        name="completion",
        namespace=given("namespace"),
        parameters=[given("params") or PathJoinSubstitution([CONFIG, "completion.yaml"]), parameters],
        remappings=[
            ("image", image),
            ("camera_info", given("camera_info") or beside),
            ("points", given("points")),
        ],
        output="screen",
        **process_options(),
    )
    # The topics of the RViz file begin with a slash; relative names follow the namespace again.
    outputs = ("depth/points", "depth/image", "overlay")
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        namespace=given("namespace"),
        arguments=[
            "-d",
            PathJoinSubstitution([CONFIG, "depth_completion.rviz"]),
            "-f",
            LaunchConfiguration("rviz_frame"),
        ],
        parameters=[{"use_sim_time": parameters["use_sim_time"]}],
        remappings=[
            ("/image", image),
            ("/points", given("points")),
            *((f"/{topic}", topic) for topic in outputs if given("namespace")),
        ],
        output="log",
    )
    actions = [*ask_to_end(completion), completion, *([rviz] if given("rviz") == "true" else [])]
    if is_on_command_line(__file__):  # a robot's own launch file decides for itself
        actions.insert(0, RegisterEventHandler(OnProcessExit(target_action=completion, on_exit=ended)))
    return actions


def ended(event, context: LaunchContext) -> None:
    """The launch ends with the node, and fails with it."""
    if not context.is_shutdown:
        raise RuntimeError(
            f"The completion node ended with code {event.returncode}; the reason stands above."
        )


def generate_launch_description() -> LaunchDescription:
    """The completion node and, when asked for, RViz."""
    hear_every_interrupt(__file__)
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)
        for name, default, description, choices in ARGUMENTS
    ]
    # The drivers' own processes need this profile too where they do not run from this launch file.
    profile = [SetEnvironmentVariable(name, value) for name, value in profile_environment().items()]
    return LaunchDescription([*arguments, *profile, OpaqueFunction(function=nodes)])
