"""The ROS packages that have no wheels: the genuine one where it works, else a small equivalent.

    from .packages import message_filters, cv_bridge, point_cloud2, tf_transformations, tf2

Each is looked for when it is first asked for. A genuine package that can be imported but fails at
the calls used here (cv_bridge of ROS 1, or built for another NumPy) counts as absent. `tf2` is None
where not even its messages are there; `report` says why.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np


def _try_message_filters(module) -> None:
    seen = []
    head = module.SimpleFilter()
    head.registerCallback(lambda *output: seen.append(output), "argument")
    head.signalMessage("message")
    if seen != [("message", "argument")] or not callable(module.Subscriber):
        raise RuntimeError("its filters do not call back")


def _try_cv_bridge(module) -> None:
    bridge = module.CvBridge()
    for encoding, shape, dtype in (
        ("32FC1", (1, 2), np.float32),
        ("16UC1", (1, 2), np.uint16),
        ("mono8", (1, 2), np.uint8),
        ("rgb8", (1, 2, 3), np.uint8),
    ):
        image = np.ones(shape, dtype)
        message = bridge.cv2_to_imgmsg(image, encoding)
        if message.encoding != encoding or bytes(message.data) != image.tobytes():
            raise RuntimeError(f"it does not convert {encoding}")


def _try_point_cloud2(module) -> None:
    from sensor_msgs.msg import PointField
    from std_msgs.msg import Header

    fields = [PointField(name="x", offset=0, datatype=PointField.FLOAT32, count=1)]
    points = np.ones(2, [("x", "f4")])
    if bytes(module.create_cloud(Header(), fields, points).data) != points.tobytes():
        raise RuntimeError("it does not convert points")


def _try_tf_transformations(module) -> None:
    quaternion = module.quaternion_from_matrix(np.diag([1.0, -1.0, -1.0, 1.0]))
    if not np.allclose(np.abs(quaternion), (1, 0, 0, 0)):
        raise RuntimeError("its quaternions are not x, y, z, w")
    module.quaternion_matrix(quaternion)


def _try_tf2(module) -> None:
    from rclpy.time import Time

    try:
        module.Buffer().lookup_transform("a", "b", Time())
    except module.TransformException:
        return
    raise RuntimeError("it knows transforms it was never told")


class _Package(NamedTuple):
    genuine: str
    equivalent: str
    try_out: Callable[[ModuleType], None]


_PACKAGES = {
    "message_filters": _Package("message_filters", "message_filters", _try_message_filters),
    "cv_bridge": _Package("cv_bridge", "cv_bridge", _try_cv_bridge),
    "point_cloud2": _Package("sensor_msgs_py.point_cloud2", "point_cloud2", _try_point_cloud2),
    "tf_transformations": _Package("tf_transformations", "tf_transformations", _try_tf_transformations),
    "tf2": _Package("tf2_ros", "tf2", _try_tf2),
}


def __getattr__(name: str) -> Any:
    if name not in _PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _find(name)[0]


def report() -> dict[str, str]:
    """Name of each genuine package to "genuine 4.1", "equivalent: why" or "absent: why"."""
    return {package.genuine.split(".")[0]: _find(name)[1] for name, package in _PACKAGES.items()}


def reason(name: str) -> str:
    """The same for one attribute of this module, as `tf2`."""
    return _find(name)[1]


@cache
def _find(name: str) -> tuple[ModuleType | None, str]:
    package = _PACKAGES[name]
    try:
        module = importlib.import_module(package.genuine)
        package.try_out(module)
        return module, f"genuine {_version(package.genuine.split('.')[0])}".strip()
    except ImportError as error:
        why = str(error)
    except Exception as error:  # a broken package may fail in any way
        why = f"the installed one is broken ({type(error).__name__}: {error})"
    why = " ".join(why.split())
    try:
        module = importlib.import_module(f"{__package__}.equivalents.{package.equivalent}")
        return module, f"equivalent: {why}"
    except ImportError as error:
        return None, f"absent: {why}; and no equivalent ({error})"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
