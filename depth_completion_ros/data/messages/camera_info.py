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
            calibrated, or a region of interest that is not inside the image.
    """
    if rectified:
        K = np.asarray(msg.p, np.float64).reshape(3, 4)[:, :3]
        if not K.any():
            raise ValueError("CameraInfo has a P of zeros, which is the camera of rectified images.")
        camera = Camera(msg.width, msg.height, K)
    else:
        K = np.asarray(msg.k, np.float64).reshape(3, 3)
        camera = Camera(msg.width, msg.height, K, msg.distortion_model, msg.d)
    camera.check_plausible()
    roi = msg.roi
    if roi.width and roi.height:
        if roi.x_offset + roi.width > msg.width or roi.y_offset + roi.height > msg.height:
            raise ValueError(
                f"CameraInfo is of {msg.width} x {msg.height} pixels, but its region of interest of "
                f"{roi.width} x {roi.height} begins at {roi.x_offset}, {roi.y_offset}; size and K must be of "
                "the whole sensor."
            )
        camera = camera.cropped(roi.x_offset, roi.y_offset, roi.width, roi.height)
    if msg.binning_x > 1 or msg.binning_y > 1:
        binning_x, binning_y = max(msg.binning_x, 1), max(msg.binning_y, 1)
        width, height = camera.width // binning_x, camera.height // binning_y
        # Pixels left over at the end are not binned.
        camera = camera.cropped(0, 0, width * binning_x, height * binning_y).resized(width, height)
    return camera


def doubt_of_rectified(msg, topic: str, rectified: bool, source: str = "its CameraInfo") -> str | None:
    """A sentence where the name of an image topic speaks against how its images are read; else None.

    `image_rect` and `image_rect_color` are the names of image_proc for images whose camera is P.

    Args:
        msg: `sensor_msgs/CameraInfo` of the images.
        topic: of the images, with or without the transport at its end.
        rectified: whether they are taken for rectified.
        source: what the camera is from, as the sentence calls it.
    """
    name = next((part for part in reversed(topic.split("/")) if not part.startswith("compressed")), "")
    P = np.asarray(msg.p, np.float64).reshape(3, 4)[:, :3]
    differ = any(msg.d) or (P.any() and not np.allclose(P, np.asarray(msg.k).reshape(3, 3), rtol=1e-3))
    if "rect" in name and not rectified and differ:
        return (
            f"The name of {topic} says rectified, yet K and the distortion of {source} are taken, "
            "which are of the raw image and differ from P; set rectified: true."
        )
    if "raw" in name and rectified and differ:
        return (
            f"The name of {topic} says raw, yet its images are taken for rectified, with P of {source} "
            "and no distortion; set rectified: false if they are raw."
        )
    return None
