"""The tables of all parameters; plain data, so that documentation can be made without ROS."""

from __future__ import annotations

from ...core.sparse import LIDAR_MIN_RANGE
from .lidars import FURTHER_LIDARS
from .network import NETWORK
from .parameter import Parameter
from .session import SESSION
from .shared import (
    EXTRINSICS,
    MAX_IMAGE_PIXELS,
    QOS,
    RANGE,
    RELIABILITY,
    SCORED_DEPTH,
    STALE,
    SYNC,
    metres,
    region,
)

COMPLETION = (
    Parameter(
        "autostart",
        True,
        "Configure and activate at start; false leaves that to a lifecycle manager.",
    ),
    Parameter(
        "image_transport",
        "raw",
        "Subscribe `image` as it is, or its compressed form on `image/compressed`.",
        choices=("raw", "compressed"),
    ),
    Parameter(
        "measured_input",
        "points",
        "What the range sensor sends: clouds on `points`, or, of RGB-D, ToF or SfM, images of depth of the "
        "camera's own view on `measured_depth` or `measured_depth/compressedDepth`.",
        choices=("points", "depth", "compressed_depth"),
    ),
    *FURTHER_LIDARS,
    Parameter("rectified", False, "Whether the image is rectified: then P of the CameraInfo is the camera."),
    Parameter(
        "camera_info_file",
        "",
        "Camera where there is no CameraInfo: camera_info YAML of ROS, camchain of Kalibr, calib.json, or "
        "YAML of OpenCV. `camera_info` is not subscribed then.",
    ),
    *QOS,
    *SYNC,
    Parameter(
        "image_rate",
        0.0,
        "Rate of the images where it is known; a pair then need not wait for the next image to be "
        "sure of the nearest. 0 for unknown.",
        minimum=0.0,
        maximum=1000.0,
        unit="Hz",
    ),
    Parameter(
        "without_partner",
        "drop",
        "What becomes of images while there are no clouds, and of clouds while there are no images. drop: "
        "nothing. complete: images are completed without points, a guess of confidence 0 that is unknown "
        "unless `min_confidence` is 0; clouds are completed without image (by `linear` where `completer` "
        "needs one), with the stamp of the cloud and the frame of the camera. The diagnostic `frames` counts "
        "both and warns.",
        choices=("drop", "complete"),
    ),
    Parameter(
        "partner_timeout",
        1.0,
        "With `without_partner` complete: how long images must go on without a cloud, or clouds without an "
        "image, until they are completed alone. Longer than the time between two messages of either.",
        minimum=0.05,
        maximum=60.0,
        unit="s",
    ),
    MAX_IMAGE_PIXELS,
    Parameter("sync_queue", 30, "Messages of each input that may wait for a partner.", 2, 1000),
    Parameter(
        "sync_memory",
        512,
        "How much of each input may wait for a partner, whatever `sync_queue`.",
        minimum=1,
        maximum=1_000_000,
        unit="MiB",
    ),
    Parameter(
        "frame_queue",
        2,
        "Pairs that may wait for the completer; a newer pair replaces the oldest.",
        minimum=1,
        maximum=1000,
    ),
    *EXTRINSICS,
    Parameter(
        "fixed_frame",
        "",
        "Frame that does not move, such as odom, through which points are moved from the cloud's "
        "stamp to the image's; empty for none. Needs `extrinsics_source` tf.",
    ),
    Parameter(
        "deskew",
        "auto",
        "Whether the motion of the LiDAR during a scan is taken out, by `fixed_frame` and the times of the "
        "points (fields time, t, timestamp, time_stamp, offset_time). auto: where both are there, else scans "
        "are taken as of one moment; on: what cannot be deskewed is dropped. The diagnostic `deskew` counts.",
        choices=("auto", "on", "off"),
    ),
    Parameter(
        "calibration_check_period",
        1.0,
        "How often a frame is looked at for whether the edges of points and image fit together, which takes "
        "some 40 ms of one core and is told by the diagnostic `calibration`; 0 for never.",
        minimum=0.0,
        maximum=3600.0,
        unit="s",
        live=True,
    ),
    *RANGE,
    metres(
        "lidar_min_range",
        LIDAR_MIN_RANGE,
        "Points nearer to the LiDAR than this are left out: beams without return arrive as (0, 0, 0). Clouds "
        "must be in the frame of the LiDAR for this. The Livox Mid-360 measures from 0.1 m on.",
        100.0,
    ),
    Parameter(
        "robot_box",
        [0.0],
        "What the robot itself fills, whose points are left out: x y z of the lower and of the upper corner. "
        "A single number for no box.",
        unit="m",
        lengths=(1, 6),
    ),
    Parameter(
        "robot_frame",
        "",
        "Frame of `robot_box`, such as base_link, from /tf; empty for that of the LiDAR.",
    ),
    region("Part of the image whose measurements are fed to the completer"),
    Parameter(
        "filter_see_through",
        True,
        "Drop far points that show through nearer surfaces, as LiDAR and camera sit apart.",
        live=True,
    ),
    Parameter("filter_isolated", False, "Drop points that no neighbour supports.", live=True),
    Parameter("completer", "default", "Name of the completer; `depth-completion completers` lists them."),
    *NETWORK,
    Parameter(
        "temporal",
        "off",
        "blend: each completion is blended with those before it, by the motion in `fixed_frame`, where they "
        "agree and no measurement contradicts, so that depth flickers less (see docs/temporal.md). The "
        "diagnostic `temporal` counts.",
        choices=("off", "blend"),
    ),
    Parameter(
        "min_confidence",
        -1.0,
        "Depth less sure than this is made unknown in all outputs; 0 publishes every guess, -1 takes the "
        "completer's own limit (0.5 of the default, see docs/confidence.md).",
        minimum=-1.0,
        maximum=1.0,
        live=True,
    ),
    Parameter(
        "max_step",
        0.0,
        "Edges are made unknown in all outputs: pixels around which, within 7 x 7, the farthest depth is "
        "farther than the nearest by more than this share of it. 0.1 takes most of what would stand in free "
        "space out of a map (see docs/slam.md); 0 keeps edges. What is thinner than these 7 pixels, such as "
        "poles and wires, disappears too, measured pixels included: not for what looks out for obstacles.",
        minimum=0.0,
        maximum=10.0,
        live=True,
    ),
    Parameter(
        "cloud_stride",
        2,
        "Every how many pixels, in both directions, `depth/points` has a point.",
        minimum=1,
        maximum=64,
        live=True,
    ),
    STALE,
    Parameter(
        "failures_until_error",
        5,
        "Failures of the completer in a row after which diagnostics report an error.",
        minimum=1,
        maximum=1000,
        live=True,
    ),
)

PLAYER = (
    Parameter("data", "", "Data set or bag to play: anything that `open_reader` opens."),
    Parameter("rate", 1.0, "Speed of playing; 1 is as recorded.", minimum=0.01, maximum=100.0, live=True),
    Parameter(
        "realtime",
        True,
        "Play as a sensor does, whoever keeps up; false: play a frame when the completion node is done "
        "with the one before, at most at `rate`.",
    ),
    Parameter(
        "frame_timeout",
        300.0,
        "How long a frame may take before playing is given up, where `realtime` is false.",
        minimum=0.1,
        maximum=86400.0,
        unit="s",
    ),
    Parameter(
        "loop", False, "Begin again at the end; stamps of the data then jump back, as in a looping bag."
    ),
    Parameter(
        "frame_rate",
        10.0,
        "Frames a second of data that has no stamps of its own.",
        minimum=0.01,
        maximum=1000.0,
        unit="Hz",
    ),
    Parameter("max_frames", 0, "Play only so many frames; 0 for all.", minimum=0, maximum=1000000),
    Parameter(
        "wait_for_subscribers",
        0.0,
        "How long to wait at most for subscribers to `wait_topics`, without which nothing is played; "
        "0 plays at once.",
        minimum=0.0,
        maximum=3600.0,
        unit="s",
    ),
    Parameter(
        "wait_topics",
        ["image", "camera_info", "points"],
        "The topics that must have a subscriber before playing begins, within `wait_for_subscribers`.",
        choices=("image", "camera_info", "points", "ground_truth"),
        lengths=(1, 2, 3, 4),
    ),
    Parameter("clock", True, "Publish /clock."),
    Parameter("clock_rate", 100.0, "How often /clock is published.", minimum=1.0, maximum=1000.0, unit="Hz"),
    Parameter("ground_truth", True, "Publish the true depth of data that has it."),
    Parameter(
        "qos_output_reliability",
        "best_effort",
        "Reliability of the topics played; drivers of sensors offer best effort.",
        choices=RELIABILITY,
    ),
    Parameter("qos_output_depth", 10, "Messages that may wait in each output.", minimum=1, maximum=1000),
    Parameter("camera_frame", "camera", "frame_id of images of data that does not tell it."),
    Parameter("lidar_frame", "lidar", "frame_id of clouds."),
    Parameter(
        "fixed_frame",
        "",
        "Frame of a bag, such as odom, in which its /tf knows the motion of the LiDAR, to be played as "
        "well; empty for none. Data sets with ego motion need no name.",
    ),
)

EVALUATION = (
    Parameter(
        "mode",
        "ground_truth",
        "Score against the topic `ground_truth`, or hide part of the LiDAR from the completion node "
        "(which then subscribes to `points_kept`) and score on that.",
        choices=("ground_truth", "hide"),
    ),
    Parameter(
        "hide",
        "random",
        "What to hide: a random share of the points, or every n-th laser ring.",
        choices=("random", "rings"),
    ),
    Parameter("hide_share", 0.5, "Share of the points hidden when `hide` is random.", 0.01, 0.99),
    Parameter(
        "hide_every",
        2,
        "When `hide` is rings: of so many neighbouring rings one is kept, the topmost first.",
        minimum=2,
        maximum=64,
    ),
    Parameter("seed", 0, "Seed of what is hidden at random.", minimum=0, maximum=2**31 - 1),
    *QOS,
    *SYNC,
    *EXTRINSICS,
    *SCORED_DEPTH,
    region("Part of the image that is scored"),
    Parameter(
        "waiting_memory",
        512,
        "How much may wait for its partner: depth and truth of one stamp, and as much again of clouds. What "
        "is too much is dropped, the oldest first, and counted.",
        minimum=1,
        maximum=1_000_000,
        unit="MiB",
    ),
    Parameter(
        "waiting_time",
        60.0,
        "How long a message may wait for its partner.",
        minimum=0.1,
        maximum=86400.0,
        unit="s",
    ),
    MAX_IMAGE_PIXELS,
    Parameter("report", "", "JSON file written at the end with the metrics of all frames; empty for none."),
    STALE,
)

TABLES = {"completion": COMPLETION, "player": PLAYER, "evaluation": EVALUATION, "session": SESSION}
