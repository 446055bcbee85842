"""Stamps, and cameras of `sensor_msgs/CameraInfo`."""

from __future__ import annotations

import numpy as np

from depth_completion_ros.core import Camera

LAST_STAMP_NS = 2**31 * 10**9


def stamp_ns(header) -> int:
    """Stamp of a `std_msgs/Header` in nanoseconds."""
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def check_stamp(time_ns: int, what: str) -> None:
    """A ValueError for a time that no stamp of ROS can hold, whose seconds are 31 bits."""
    if not 0 <= time_ns < LAST_STAMP_NS:
        raise ValueError(f"{what} has the stamp {time_ns} ns; stamps of ROS are from 1970 to 2038.")


def decode_camera_info(msg, rectified: bool = False) -> Camera:
    """Camera of a `sensor_msgs/CameraInfo`: its region of interest after binning, as its images are.

    Args:
        rectified: take P and no distortion, for images that were rectified; else K and D.

    Raises:
        ValueError: what no camera can have, such as the zeros or the absurd focal length of one that is not
            calibrated.
    """
    if rectified:
        K = np.asarray(msg.p, np.float64).reshape(3, 4)[:, :3]
        camera = Camera(msg.width, msg.height, K)
    else:
        K = np.asarray(msg.k, np.float64).reshape(3, 3)
        camera = Camera(msg.width, msg.height, K, msg.distortion_model, msg.d)
    camera.check_plausible()
    roi = msg.roi
    if roi.width and roi.height:
        camera = camera.cropped(roi.x_offset, roi.y_offset, roi.width, roi.height)
    if msg.binning_x > 1 or msg.binning_y > 1:
        binning_x, binning_y = max(msg.binning_x, 1), max(msg.binning_y, 1)
        width, height = camera.width // binning_x, camera.height // binning_y
        # Pixels left over at the end are not binned.
        camera = camera.cropped(0, 0, width * binning_x, height * binning_y).resized(width, height)
    return camera
