"""Parameters that several nodes have."""

from __future__ import annotations

from ...core.safe.limits import IMAGE_PIXELS
from .parameter import Parameter

RELIABILITY = ("best_effort", "reliable")

QOS = (
    Parameter(
        "qos_input_reliability",
        "best_effort",
        "Reliability of the input subscriptions; best effort accepts every publisher (REP 2003).",
        choices=RELIABILITY,
    ),
    Parameter("qos_input_depth", 10, "Messages that may wait in each input.", minimum=1, maximum=1000),
    Parameter(
        "qos_output_reliability",
        "reliable",
        "Reliability of the outputs; reliable serves every subscriber.",
        choices=RELIABILITY,
    ),
    Parameter("qos_output_depth", 5, "Messages that may wait in each output.", minimum=1, maximum=1000),
)

SYNC = (
    Parameter(
        "slack",
        0.05,
        "Largest difference between the stamps of a cloud and its image, inclusive.",
        minimum=0.0,
        maximum=10.0,
        unit="s",
    ),
    Parameter(
        "image_time_offset",
        0.0,
        "Added to image stamps before they are compared with those of clouds, whatever the clocks (37 for a "
        "LiDAR in TAI and a camera in UTC); outputs keep the image's stamp.",
        minimum=-1e10,
        maximum=1e10,
        unit="s",
    ),
)

EXTRINSICS = (
    Parameter(
        "extrinsics_source",
        "tf",
        "Where the transform from LiDAR to camera comes from: /tf, a calibration file, or the "
        "parameter `extrinsics`.",
        choices=("tf", "file", "parameter"),
    ),
    Parameter(
        "extrinsics_file",
        "",
        "Calibration file when `extrinsics_source` is file (KITTI text, calib.json, YAML).",
    ),
    Parameter(
        "extrinsics",
        [0.0],
        "T_cam_lidar when `extrinsics_source` is parameter: x y z qx qy qz qw, or 16 numbers row by "
        "row of the matrix with x_cam = T x_lidar, or its first 12. A single number means not given.",
        lengths=(1, 7, 12, 16),
    ),
    Parameter(
        "calibration_timeout",
        0.1,
        "How long a frame waits for a transform or CameraInfo that is late.",
        minimum=0.0,
        maximum=10.0,
        unit="s",
    ),
)


MAX_IMAGE_PIXELS = Parameter(
    "max_image_pixels",
    IMAGE_PIXELS.usual,
    "Images, depth images and cameras that say they are larger are dropped before memory is taken for them.",
    minimum=1,
    maximum=1_000_000_000,
    unit="pixels",
    live=True,
)


def metres(name: str, default: float, description: str, maximum: float, **more) -> Parameter:
    return Parameter(name, default, description, 0.0, maximum, "m", live=True, **more)


RANGE = (
    metres(
        "min_range",
        0.1,
        "What was measured nearer in front of the camera is not fed to the completer.",
        1000.0,
        formerly=("min_depth",),
    ),
    metres(
        "max_range",
        1000.0,
        "What was measured farther in front of the camera is not fed to the completer.",
        100000.0,
        formerly=("max_depth",),
    ),
)

SCORED_DEPTH = (
    metres("min_depth", 0.1, "Nearer truth is not scored.", 1000.0),
    metres("max_depth", 1000.0, "Farther truth is not scored.", 100000.0),
)


def region(what: str) -> Parameter:
    return Parameter(
        "region",
        [0, 0, 0, 0],
        f"{what}: left, top, right, bottom (right and bottom exclusive); all zero for the whole image.",
        minimum=0,
        unit="pixels",
        lengths=(4,),
        live=True,
    )


STALE = Parameter(
    "stale_after",
    2.0,
    "An input without a message for so long is reported as silent.",
    minimum=0.1,
    maximum=3600.0,
    unit="s",
    live=True,
)
