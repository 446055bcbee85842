"""Plays a KITTI drive, or any data set or bag that can be read, and completes its depth live.

ros2 launch depth_completion_ros kitti.launch.py                 # the demo drive, made on the spot
ros2 launch depth_completion_ros kitti.launch.py data:=2011_09_26/2011_09_26_drive_0005_sync rviz:=true
"""

from __future__ import annotations

import os
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    TimerAction,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from depth_completion_ros.data import open_reader
from depth_completion_ros.ros.transport import profile_environment

PACKAGE = "depth_completion_ros"
CONFIG = PathJoinSubstitution([FindPackageShare(PACKAGE), "config"])
BOOL = ("true", "false")
OF_COMPLETER = ("completer", "variant", "weights", "prior", "device", "precision")

ARGUMENTS = (
    (
        "data",
        "",
        "Folder of a KITTI raw drive or any other data set that can be read; empty, with no bag given, "
        "for a demo drive made on the spot.",
        None,
    ),
    ("bag", "", "rosbag2 folder or file to play in place of a data set.", None),
    ("completer", "default", "Name of the completer.", None),
    ("variant", "", "Variant of the completer; empty for its usual one.", None),
    ("weights", "", "File or stored name of a network's weights; empty for random ones.", None),
    ("prior", "", "Name or path of a network's depth prior; empty for none.", None),
    ("device", "auto", "Device of a network: auto, cpu, cuda, cuda:1 ...", None),
    ("precision", "auto", "Of a network: auto, float32, bfloat16, float16.", None),
    ("allow_noncommercial", "false", "Take weights whose licence forbids commercial use.", BOOL),
    (
        "evaluate",
        "false",
        "Score the depth: against the true depth where the data has it, else against points hidden "
        "from the completer.",
        BOOL,
    ),
    ("report", "", "JSON file for the scores at the end; empty for none.", None),
    ("rviz", "false", "Show inputs and outputs in RViz.", BOOL),
    ("rate", "1.0", "Speed of playing; 1 is as recorded.", None),
)


def demo_drive() -> Path:
    """The demo drive in the user's cache, made when it is not there yet."""
    from depth_completion_ros.demo.drive import make_demo_drive

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return make_demo_drive(cache / PACKAGE)


def source(data: str, bag: str) -> Path:
    """What to play."""
    if data and bag:
        raise ValueError("Both 'data' and 'bag' are given; give one of them.")
    return Path(data or bag).expanduser().absolute() if data or bag else demo_drive()


def has_true_depth(path: Path) -> bool:
    """Whether the first frame comes with its true depth."""
    first = next(iter(open_reader(path)), None)
    if first is None:
        raise ValueError(f"'{path}' holds not one frame.")
    return first.ground_truth is not None


def nodes(context: LaunchContext) -> list:
    """Completion, evaluation and player; the end of the player ends all."""
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    path = source(given["data"], given["bag"])
    evaluate = given["evaluate"] == "true"
    hide = evaluate and not has_true_depth(path)
    clock = {"use_sim_time": True}
    completion = Node(
        package=PACKAGE,
        executable="completion_node",
        name="completion",
        parameters=[
            PathJoinSubstitution([CONFIG, "completion.yaml"]),
            clock
            | {name: ParameterValue(given[name], value_type=str) for name in OF_COMPLETER}
            | {"allow_noncommercial": given["allow_noncommercial"] == "true"},
        ],
        remappings=[("points", "points_kept")] if hide else [],
        output="screen",
    )
    evaluation = Node(
        package=PACKAGE,
        executable="evaluation_node",
        name="evaluation",
        parameters=[
            PathJoinSubstitution([CONFIG, "evaluation.yaml"]),
            clock | {"mode": "hide" if hide else "ground_truth", "report": given["report"]},
        ],
        output="screen",
    )
    player = Node(
        package=PACKAGE,
        executable="player_node",
        name="player",
        parameters=[
            PathJoinSubstitution([CONFIG, "player.yaml"]),
            {
                "data": str(path),
                "rate": ParameterValue(float(given["rate"])),
                "wait_for_subscribers": 30.0,
                "wait_topics": [
                    "image",
                    "camera_info",
                    "points",
                    *(["ground_truth"] if evaluate and not hide else []),
                ],
            },
        ],
        output="screen",
    )
    end = OnProcessExit(target_action=player, on_exit=EmitEvent(event=Shutdown(reason="played to the end")))
    return [
        LogInfo(msg=f"Playing {path}"),
        RegisterEventHandler(end),
        completion,
        # The player waits for subscribers of its own topics only; completion and evaluation need time
        # to find each other too, or the first frames go without a score.
        *([evaluation, TimerAction(period=3.0, actions=[player])] if evaluate else [player]),
    ]


def generate_launch_description() -> LaunchDescription:
    """Player, completion node and, when asked for, evaluation and RViz."""
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", PathJoinSubstitution([CONFIG, "depth_completion.rviz"])],
        parameters=[{"use_sim_time": True}],
        condition=IfCondition(LaunchConfiguration("rviz")),
        output="log",
    )
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)
        for name, default, description, choices in ARGUMENTS
    ]
    profile = [SetEnvironmentVariable(name, value) for name, value in profile_environment().items()]
    return LaunchDescription([*arguments, *profile, OpaqueFunction(function=nodes), rviz])
