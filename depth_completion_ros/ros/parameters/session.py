"""Parameters of the session node, which plays data through a completion node and says how it went."""

from __future__ import annotations

from .parameter import Parameter

SESSION = (
    Parameter("data", "", "Data set or bag to play: anything that `open_reader` opens."),
    Parameter("rate", 1.0, "Speed of playing; 1 is as recorded.", minimum=0.01, maximum=100.0),
    Parameter(
        "realtime",
        False,
        "Play as a sensor does, whoever keeps up; false: play a frame when the completion node is done "
        "with the one before, at most at `rate`.",
    ),
    Parameter("max_frames", 0, "Play only so many frames; 0 for all.", minimum=0, maximum=1000000),
    Parameter(
        "start_timeout",
        300.0,
        "How long the completion node may take to be there, active and connected.",
        minimum=1.0,
        maximum=86400.0,
        unit="s",
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
        "protocol",
        "",
        "What is fed and what it is scored on, as in `depth-completion evaluate`: truth, truth:lines=N, "
        "lines:N, hide:K; empty for no score.",
    ),
    Parameter("see_through", True, "Whether the completion node filters points that show through."),
    Parameter("isolated", False, "Whether it filters points that no neighbour supports."),
    Parameter(
        "max_range", 0.0, "What it feeds at most in front of the camera; 0 for all.", 0.0, 100000.0, "m"
    ),
    Parameter("max_depth", 0.0, "Truth beyond is not scored; 0 for all.", 0.0, 100000.0, "m"),
    Parameter(
        "region",
        [0, 0, 0, 0],
        "Part of the image that is scored: left, top, right, bottom (exclusive); all zero for all of it.",
        minimum=0,
        unit="pixels",
        lengths=(4,),
    ),
    Parameter(
        "out",
        "",
        "Folder for a page with image, LiDAR, depth and error, made where it is not there; empty for none.",
    ),
    Parameter("images", 40, "Frames, evenly spaced, that the page shows at most.", minimum=1, maximum=10000),
    Parameter(
        "report",
        "",
        "JSON file with the counts, and the scores of all frames; empty for report.json in `out`.",
    ),
    Parameter("again", "", "Command that gives the same scores offline, for the console; empty for none."),
)
