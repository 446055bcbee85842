"""Plays a KITTI drive, or any data set or bag that can be read, completes its depth, and shows how it went.

ros2 launch depth_completion_ros kitti.launch.py                 # the demo drive, made on the spot
ros2 launch depth_completion_ros kitti.launch.py data:=2011_09_26/2011_09_26_drive_0005_sync rviz:=true

It ends with the data, with a table, and with exit code 0 only where every frame was completed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit, OnShutdown
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from depth_completion_ros.ros.process.launching import (
    ask_to_end,
    hear_every_interrupt,
    process_options,
    refuse_unknown_arguments,
    require_package,
)
from depth_completion_ros.ros.transport import profile_environment

if TYPE_CHECKING:
    from depth_completion_ros.demo.plan import Plan

PACKAGE = "depth_completion_ros"
CONFIG = PathJoinSubstitution([FindPackageShare(PACKAGE), "config"])
BOOL = ("true", "false")
DEMO_FRAMES, DEMO_SEED = 30, 0

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
    (
        "weights",
        "",
        "File or stored name of a network's weights; empty for the shipped ones, or for random ones where "
        "none are shipped.",
        None,
    ),
    ("settings", "", "Settings of this completer alone, such as steps=4,strength=1 of depthlab.", None),
    ("prior", "", "Name or path of a network's depth prior; empty for none.", None),
    ("device", "auto", "Device of a network: auto, cpu, cuda, cuda:1 ...", None),
    ("precision", "auto", "Of a network: auto, float32, bfloat16, float16.", None),
    ("allow_noncommercial", "false", "Take weights whose licence forbids commercial use.", BOOL),
    (
        "params",
        "",
        "Parameter file of the completion node; empty for completion.yaml of this package. The arguments "
        "here go before it.",
        None,
    ),
    (
        "realtime",
        "false",
        "Play as a sensor does, whoever keeps up. false: a frame is played when the one before is completed, "
        "so that none is lost and every completer is scored on the same frames.",
        BOOL,
    ),
    ("rate", "1.0", "Speed of playing; 1 is as recorded.", None),
    ("max_frames", "0", "Play only so many frames; 0 for all.", None),
    (
        "evaluate",
        "false",
        "Refuse data that cannot be scored. Where the data has true depth, the score is shown anyway.",
        BOOL,
    ),
    (
        "protocol",
        "",
        "What is fed and scored, as in `depth-completion evaluate`: truth, truth:lines=N, lines:N, hide:K; "
        "empty for truth where the data has it, else, with evaluate:=true, hide:2.",
        None,
    ),
    ("filters", "see-through", "Filters on the points: see-through, isolated, all or none.", None),
    ("max_range", "inf", "Feed only what was measured at most so far in front of the camera, metres.", None),
    (
        "max_depth",
        "",
        "Score only where the truth is at most so far, metres; empty for all of it, on the demo drive 80.",
        None,
    ),
    (
        "region",
        "",
        "Score only inside left,top,right,bottom; empty for the whole image, on the demo drive for what is "
        "below the topmost scan line.",
        None,
    ),
    ("out", "", "Folder of the page and the report; empty for one beside the data.", None),
    ("report", "", "JSON file for counts and scores; empty for report.json in the folder.", None),
    ("rviz", "false", "Show inputs and outputs in RViz.", BOOL),
)
OF_PLAN = tuple(name for name, *_ in ARGUMENTS if name not in ("bag", "rviz"))


def plan_of(context: LaunchContext) -> tuple[Plan, bool]:
    """What the arguments ask for, checked, and whether RViz is wanted."""
    from depth_completion_ros.demo.plan import Plan

    refuse_unknown_arguments([name for name, *_ in ARGUMENTS], __file__)
    given = {name: LaunchConfiguration(name).perform(context) for name, *_ in ARGUMENTS}
    if given["data"] and given["bag"]:
        raise ValueError("Both 'data' and 'bag' are given; give one of them.")
    words: dict[str, object] = {name: given[name] for name in OF_PLAN}
    words["data"] = given["data"] or given["bag"]
    words |= {name: given[name] == "true" for name, *_, choices in ARGUMENTS if choices and name in OF_PLAN}
    for name, kind in (("rate", float), ("max_frames", int)):
        try:
            words[name] = kind(given[name])
        except ValueError:
            raise ValueError(f"Argument {name} is '{given[name]}'; it must be a number.") from None
    plan = Plan(**words)
    plan.check()
    rviz = given["rviz"] == "true"
    if rviz:
        require_package("rviz2", "rviz:=true")
    return plan, rviz


def begin(context: LaunchContext) -> list:
    """The nodes; before them the demo drive, where that is to be played."""
    from depth_completion_ros.demo.plan import demo_folder, drive_command

    plan, rviz = plan_of(context)
    if plan.data:
        return nodes(plan, rviz)
    drive = ExecuteProcess(
        cmd=drive_command(demo_folder(), DEMO_FRAMES, DEMO_SEED),
        name="demo_drive",
        output="screen",
        output_format="{line}",
        **process_options(),
    )

    def made(event, context):
        if context.is_shutdown:
            return None
        if event.returncode:
            raise RuntimeError("The demo drive could not be made; the reason stands above.")
        return nodes(plan, rviz)

    return [RegisterEventHandler(OnProcessExit(target_action=drive, on_exit=made)), *ask_to_end(drive), drive]


def nodes(plan: Plan, rviz: bool) -> list:
    """Completion node, session and RViz; all end with the session, or with the completion node."""
    prepared = plan.prepared()
    parameters = {
        name: ParameterValue(value, value_type=str) if isinstance(value, str) else value
        for name, value in prepared.completion_parameters().items()
    }
    completion = Node(
        package=PACKAGE,
        executable="completion_node",
        exec_name="completion_node",
        name="completion",
        parameters=[
            plan.params or PathJoinSubstitution([CONFIG, "completion.yaml"]),
            parameters | {"use_sim_time": True},
        ],
        output="screen",
        output_format="{line}",
        **process_options(),
    )
    session = Node(
        package=PACKAGE,
        executable="session_node",
        exec_name="session_node",
        parameters=[
            {
                name: ParameterValue(value, value_type=str) if isinstance(value, str) else value
                for name, value in prepared.session_parameters().items()
            }
        ],
        output="screen",
        output_format="{line}",
        **process_options(),
    )
    look = "RViz shows it" if rviz else "To look at it live: rviz:=true, or any viewer of /depth/image"
    return [
        LogInfo(msg=f"Playing {plan.path}. {look}."),
        RegisterEventHandler(OnProcessExit(target_action=completion, on_exit=completion_ended)),
        RegisterEventHandler(OnProcessExit(target_action=session, on_exit=session_ended)),
        *ask_to_end(completion, session),
        completion,
        session,
        *([rviz_node()] if rviz else []),
    ]


def rviz_node() -> Node:
    """RViz with the view of this package."""
    return Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", PathJoinSubstitution([CONFIG, "depth_completion.rviz"])],
        parameters=[{"use_sim_time": True}],
        output="log",
    )


def completion_ended(event, context: LaunchContext) -> None:
    """The completer must not go before the session."""
    if not context.is_shutdown:
        raise RuntimeError(f"The completion node ended with code {event.returncode} before all was played.")


def session_ended(event, context: LaunchContext):
    """The launch ends with the session, and as it did."""
    if event.returncode == 0:
        return EmitEvent(event=Shutdown(reason="all frames are completed"))
    if context.is_shutdown:
        return None
    raise RuntimeError("Not all went as it should; the reason stands above.")


def stopped(event, context: LaunchContext) -> None:
    """Who stops the launch does not get exit code 0."""
    if event.due_to_sigint:
        raise RuntimeError("Stopped before the end.")


def generate_launch_description() -> LaunchDescription:
    """Player, completion node and, when asked for, RViz."""
    hear_every_interrupt(__file__)  # before the imports that take a second
    # As the first handler that comes it is the last one called: what it raises keeps none from its work.
    stop = RegisterEventHandler(OnShutdown(on_shutdown=stopped))
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)
        for name, default, description, choices in ARGUMENTS
    ]
    profile = [SetEnvironmentVariable(name, value) for name, value in profile_environment().items()]
    return LaunchDescription([stop, *arguments, *profile, OpaqueFunction(function=begin)])
