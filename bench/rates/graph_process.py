"""A process of the graph that is measured: one or more of its nodes, as `Graph` of graph.py asks for.

    python bench/rates/graph_process.py playback,completion --drive FOLDER [--handed] [--ros-args ...]

With --handed the nodes of this process hand messages over as Python objects, past DDS. It is here to be
measured: what it gains is in docs/performance.md, and no node of the package does it.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from types import SimpleNamespace

from depth_completion_ros.ros.process.stopping import stop

stop.take_signals()  # before anything slow is imported

from robot import Handover, Playback, Rectify, read_frames  # noqa: E402

from depth_completion_ros.ros.completion_node import CompletionNode  # noqa: E402
from depth_completion_ros.ros.inputs import topics  # noqa: E402
from depth_completion_ros.ros.process.run import run  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nodes")
    parser.add_argument("--drive", required=True)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--handed", action="store_true")
    given, ros_arguments = parser.parse_known_args()
    handover = Handover() if given.handed else None
    if handover is not None:
        # The completion node subscribes by `message_filters.Subscriber` alone.
        topics.message_filters = SimpleNamespace(Subscriber=handover.subscriber)
    makers = {
        "completion": CompletionNode,
        "rectify": partial(Rectify, handover),
        "playback": lambda: Playback(read_frames(given.drive, given.frames), handover),
    }
    run(*(makers[name] for name in given.nodes.split(",")), args=[sys.argv[0], *ros_arguments])


if __name__ == "__main__":
    main()
