"""Entry points of the nodes: signals first, then the imports that take seconds.

python -m depth_completion_ros.ros.process.start completion_node --ros-args ...
"""

from __future__ import annotations

import sys
from importlib import import_module

from .stopping import stop

NODES = {
    "completion_node": "completion_node",
    "player_node": "player_node",
    "evaluation_node": "evaluation_node",
    "session_node": "session.node",
}
"""Modules by the names of the executables."""
ROOM = __package__.rpartition(".")[0]


def start(name: str) -> int:
    """Run a node by the name of its executable; its exit code."""
    stop.take_signals()
    with stop.importing(exit_code=1 if name == "session_node" else 0):  # its code says that all was completed
        main = import_module(f"{ROOM}.{NODES[name]}").main
    return main()


def completion_node() -> int:
    """Entry point."""
    return start("completion_node")


def player_node() -> int:
    """Entry point."""
    return start("player_node")


def evaluation_node() -> int:
    """Entry point."""
    return start("evaluation_node")


def session_node() -> int:
    """Entry point."""
    return start("session_node")


if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in NODES:
        sys.exit(f"Give the node to start: one of {', '.join(NODES)}.")
    sys.exit(start(sys.argv.pop(1)))
