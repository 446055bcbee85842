"""Messages of the classes of `rosbags`, to be written into a bag."""

from __future__ import annotations

import cv2
import numpy as np

from depth_completion_ros.core import Camera
from depth_completion_ros.core.geometry import matrix_to_quaternion

POINT_TYPE_CODES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 8}

_STORE = None


def typestore():
    """Message types of the newest distribution that `rosbags` knows."""
    global _STORE
    if _STORE is None:
        from rosbags.typesys import Stores, get_typestore

        _STORE = get_typestore(Stores.LATEST)
    return _STORE


def new_message(message_type: str, **fields):
    """A message such as `std_msgs/msg/Header` with all its fields."""
    return typestore().types[message_type](**fields)


def header_message(stamp_ns: int, frame_id: str):
    """`std_msgs/Header`."""
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    stamp = new_message("builtin_interfaces/msg/Time", sec=sec, nanosec=nanosec)
    return new_message("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def image_message(image: np.ndarray, encoding: str, stamp_ns: int, frame_id: str):
    """`sensor_msgs/Image` of an array H x W or H x W x channels that fits the encoding."""
    image = np.ascontiguousarray(image)
    return new_message(
        "sensor_msgs/msg/Image",
        header=header_message(stamp_ns, frame_id),
        height=image.shape[0],
        width=image.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=image.strides[0],
        data=image.view(np.uint8).ravel(),
    )


def compressed_image_message(image: np.ndarray, image_format: str, stamp_ns: int, frame_id: str):
    """`sensor_msgs/CompressedImage`, `png` or `jpeg`, of uint8 H x W x 3 RGB."""
    suffix = {"png": ".png", "jpeg": ".jpg"}[image_format]
    _, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return new_message(
        "sensor_msgs/msg/CompressedImage",
        header=header_message(stamp_ns, frame_id),
        format=f"rgb8; {image_format} compressed bgr8",
        data=data.ravel(),
    )


def camera_info_message(camera: Camera, stamp_ns: int, frame_id: str):
    """`sensor_msgs/CameraInfo`; P is K, which is right for a rectified image."""
    P = np.zeros((3, 4))
    P[:, :3] = camera.K
    window = new_message(
        "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    D = camera.D
    if not D.size:
        # Programs that rectify expect the coefficients even where all are zero.
        D = np.zeros({"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}[camera.distortion_model])
    return new_message(
        "sensor_msgs/msg/CameraInfo",
        header=header_message(stamp_ns, frame_id),
        height=camera.height,
        width=camera.width,
        distortion_model=camera.distortion_model,
        d=D.copy(),
        k=camera.K.flatten(),
        r=np.eye(3).ravel(),
        p=P.ravel(),
        binning_x=0,
        binning_y=0,
        roi=window,
    )


def points_message(points: np.ndarray, rings: np.ndarray | None, stamp_ns: int, frame_id: str):
    """`sensor_msgs/PointCloud2` of N x 3 or N x 4 (with intensity) points and their rings (uint16)."""
    names = ("x", "y", "z", "intensity")[: points.shape[1]]
    fields = [(name, "<f4") for name in names] + ([("ring", "<u2")] if rings is not None else [])
    offsets = [4 * at for at in range(len(fields))]
    layout = {
        "names": [name for name, _ in fields],
        "formats": [kind for _, kind in fields],
        "offsets": offsets,
        "itemsize": 4 * len(fields),
    }
    cloud = np.zeros(len(points), layout)
    for at, name in enumerate(names):
        cloud[name] = points[:, at]
    if rings is not None:
        cloud["ring"] = rings
    return cloud_message(cloud, stamp_ns, frame_id)


def cloud_message(cloud: np.ndarray, stamp_ns: int, frame_id: str):
    """`sensor_msgs/PointCloud2` of a structured array; a field `rgb` of uint32 is sent as float32."""
    fields = []
    for name in cloud.dtype.names:
        dtype, offset = cloud.dtype.fields[name][:2]
        code = 7 if name == "rgb" else POINT_TYPE_CODES[dtype.str[1:]]
        field = {"name": name, "offset": offset, "datatype": code, "count": 1}
        fields.append(new_message("sensor_msgs/msg/PointField", **field))
    return new_message(
        "sensor_msgs/msg/PointCloud2",
        header=header_message(stamp_ns, frame_id),
        height=1,
        width=len(cloud),
        fields=fields,
        is_bigendian=False,
        point_step=cloud.dtype.itemsize,
        row_step=cloud.nbytes,
        data=np.ascontiguousarray(cloud).view(np.uint8).ravel(),
        is_dense=False,
    )


def transform_message(parent: str, child: str, T_parent_child: np.ndarray, stamp_ns: int):
    """`geometry_msgs/TransformStamped` of a 4 x 4."""
    vector = dict(zip("xyz", map(float, T_parent_child[:3, 3]), strict=True))
    quaternion = dict(zip("xyzw", map(float, matrix_to_quaternion(T_parent_child)), strict=True))
    return new_message(
        "geometry_msgs/msg/TransformStamped",
        header=header_message(stamp_ns, parent),
        child_frame_id=child,
        transform=new_message(
            "geometry_msgs/msg/Transform",
            translation=new_message("geometry_msgs/msg/Vector3", **vector),
            rotation=new_message("geometry_msgs/msg/Quaternion", **quaternion),
        ),
    )
