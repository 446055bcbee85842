"""Maps from completed depth: the completion node, and RTAB-Map or nvblox on its outputs.

ros2 launch depth_completion_ros mapping.launch.py mapper:=rtabmap \
        image:=/camera/image_rect points:=/velodyne_points
ros2 launch depth_completion_ros mapping.launch.py mapper:=nvblox \
        image:=/camera/image_rect points:=/velodyne_points odom_frame:=odom

Both take images without distortion, so `image` is the rectified one. What each asks of its inputs, and how
that is tested, is in docs/mapping_inputs.md.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from depth_completion_ros.ros.process.launching import (
    process_options,
    refuse_unknown_arguments,
    require_package,
    require_parameter_file,
)

PACKAGE = "depth_completion_ros"
BOOL = ("true", "false")
WAITING = "30"  # images that wait for their depth, in RTAB-Map: a second at 30 Hz

ARGUMENTS = (
    ("mapper", "rtabmap", "What makes the map.", ("rtabmap", "nvblox")),
    ("image", "/camera/image_rect", "Topic of the camera's rectified images; rgb8 for nvblox.", None),
    ("camera_info", "", "Topic of the camera's CameraInfo; empty for the one beside the image.", None),
    ("points", "/points", "Topic of the LiDAR's PointCloud2.", None),
    ("rectified", "true", "The image is rectified; false for a camera without distortion.", BOOL),
    ("params", "", "Parameter file of the completion node; empty for completion.yaml of this package.", None),
    ("completer", "", "Name of the completer; empty for that of the parameter file.", None),
    (
        "weights",
        "",
        "File or name of a network's weights; empty for those that the parameter file names.",
        None,
    ),
    ("device", "", "Device of a network: auto, cpu, cuda; empty for that of the parameter file.", None),
    ("extrinsics", "", "Calibration file of LiDAR and camera; empty for TF, or as params says.", None),
    ("frame_id", "base_link", "Frame of the robot, from which TF knows the camera.", None),
    (
        "odom_frame",
        "",
        "Frame of odometry in TF; empty for RTAB-Map's own visual odometry, and for odom with nvblox.",
        None,
    ),
    ("rtabmap_args", "", "Arguments of RTAB-Map, such as --delete_db_on_start.", None),
    ("rtabmap_viz", "false", "Show RTAB-Map's own window.", BOOL),
    ("nvblox_params", "", "Parameter file of nvblox; empty for its defaults.", None),
    ("use_sim_time", "false", "Take the time from /clock, for simulation and bags.", BOOL),
)
_OF_COMPLETION = ("image", "camera_info", "points", "rectified", "params", "completer", "weights")
OF_COMPLETION = (*_OF_COMPLETION, "device", "extrinsics", "use_sim_time")


def check(given: Callable[[str], str]) -> None:
    """Refuse, before anything is started, what could only fail later."""
    refuse_unknown_arguments([name for name, *_ in ARGUMENTS], __file__)
    if given("params"):
        require_parameter_file(given("params"), "completion")
    if given("mapper") == "rtabmap":
        require_package("rtabmap_launch", "mapper:=rtabmap")
    else:
        require_package("nvblox_ros", "mapper:=nvblox", "isaac-ros-nvblox")
    file = given("nvblox_params")
    if file and not Path(file).expanduser().is_file():
        raise FileNotFoundError(f"There is no parameter file of nvblox at '{file}'.")


def start(context: LaunchContext) -> list:
    """The completion node and the mapper; each has its launch configurations to itself."""

    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    check(given)
    file = PathJoinSubstitution([FindPackageShare(PACKAGE), "launch", "camera_lidar.launch.py"])
    arguments = [(name, given(name)) for name in OF_COMPLETION]
    completion = IncludeLaunchDescription(PythonLaunchDescriptionSource(file), launch_arguments=arguments)
    mapper = rtabmap(given) if given("mapper") == "rtabmap" else nvblox(given)
    return [GroupAction([action], forwarding=False) for action in (completion, mapper)]


def rtabmap(given: Callable[[str], str]) -> IncludeLaunchDescription:
    """RTAB-Map by its own launch file: registered depth, stamps that are equal to the nanosecond."""
    odom = given("odom_frame")
    arguments = {
        "rgb_topic": given("image"),
        "depth_topic": "/depth/image",
        "camera_info_topic": "/depth/camera_info",
        "frame_id": given("frame_id"),
        "approx_sync": "false",
        "topic_queue_size": WAITING,
        "queue_size": WAITING,
        "qos": "2",  # takes a camera that offers best effort, and one that is reliable
        "visual_odometry": "false" if odom else "true",
        "odom_frame_id": odom,
        "args": given("rtabmap_args"),
        "rtabmap_viz": given("rtabmap_viz"),
        "use_sim_time": given("use_sim_time"),
    }
    file = PathJoinSubstitution([FindPackageShare("rtabmap_launch"), "launch", "rtabmap.launch.py"])
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(file), launch_arguments=arguments.items())


def nvblox(given: Callable[[str], str]) -> Node:
    """nvblox on depth in millimetres, in which unknown is 0; its colours take the camera of the depth too."""
    parameters: list = [str(Path(given("nvblox_params")).expanduser())] if given("nvblox_params") else []
    parameters.append(
        {
            "global_frame": given("odom_frame") or "odom",
            "map_clearing_frame_id": given("frame_id"),
            "num_cameras": 1,
            "use_lidar": False,
            "use_sim_time": given("use_sim_time") == "true",
        }
    )
    return Node(
        package="nvblox_ros",
        executable="nvblox_node",
        name="nvblox_node",
        parameters=parameters,
        remappings=[
            ("camera_0/depth/image", "/depth/image_mm"),
            ("camera_0/depth/camera_info", "/depth/camera_info"),
            ("camera_0/color/image", given("image")),
            ("camera_0/color/camera_info", "/depth/camera_info"),
        ],
        output="screen",
        **process_options(),
    )


def generate_launch_description() -> LaunchDescription:
    """The completion node and a mapper."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)
        for name, default, description, choices in ARGUMENTS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])
