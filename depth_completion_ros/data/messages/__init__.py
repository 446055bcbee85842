"""Decoding of ROS messages into arrays, for live messages and for those of a bag alike.

Only attribute names are used, so that messages of rclpy and of `rosbags` both fit. Arrays may share
memory with the message and be read-only.
"""

from .camera_info import check_stamp, decode_camera_info, doubt_of_rectified, stamp_ns
from .cloud import Cloud, decode_points, rings_from_top
from .depth import DEPTH_ENCODINGS, decode_depth_image, decode_sparse_depth, depth_size
from .image import IMAGE_ENCODINGS, decode_compressed_image, decode_image, image_size
from .times import TIME_FIELDS, decode_times

__all__ = [
    "DEPTH_ENCODINGS",
    "IMAGE_ENCODINGS",
    "TIME_FIELDS",
    "Cloud",
    "check_stamp",
    "decode_camera_info",
    "decode_compressed_image",
    "decode_depth_image",
    "decode_image",
    "decode_points",
    "decode_sparse_depth",
    "decode_times",
    "depth_size",
    "doubt_of_rectified",
    "image_size",
    "rings_from_top",
    "stamp_ns",
]
