"""What is started to play data through a completion node, and with which parameters.

The launch file and `depth-completion demo` both start what stands here, so that they give the same figures.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..core import Frame, SparseDepth
from ..core.region import check_region
from ..data.reader import open_reader
from ..evaluation.protocols import CannotServe, parse_protocol
from ..ros.process.launching import did_you_mean, require_parameter_file

PACKAGE = "depth_completion_ros"
DEMO_DEPTH_M = 80.0
"""How far truth of the demo drive is scored; beyond, the LiDAR measures next to nothing."""
FILTERS = {
    "see-through": (True, False),
    "isolated": (False, True),
    "all": (True, True),
    "none": (False, False),
}
SLACK_S = 0.05
UNLIMITED_M = 100_000.0
"""What the completion node takes for no limit."""


@dataclass(frozen=True)
class Plan:
    """What to play, how, and what to make of it.

    `protocol`, `filters`, `max_range`, `max_depth` and `region` are named, and mean, what they do in
    `depth-completion evaluate`. Where they are not given (empty), so is what they are by default: all that
    was measured, and the whole truth. On the demo drive truth counts up to 80 m, and below the topmost scan
    line, as no completer without a prior can know what is above.

    Args:
        data: data set or bag; empty for the demo drive.
        completer: name, and then what `create_completer` takes beside it.
        evaluate: refuse data that cannot be scored.
        protocol: empty for truth where the data has one, else hide:2.
        realtime: play as a sensor does; else a frame is played when the one before is completed.
        rate: speed of playing; 1 is as recorded.
        out: folder of page and report; empty for one beside the data.
        report: file for the scores; empty for report.json in `out`.
        params: parameter file of the completion node, before which all others go.
    """

    data: str = ""
    completer: str = "default"
    variant: str = ""
    weights: str = ""
    settings: str = ""
    prior: str = ""
    device: str = "auto"
    precision: str = "auto"
    allow_noncommercial: bool = False
    evaluate: bool = False
    protocol: str = ""
    filters: str = "see-through"
    max_range: str = "inf"
    max_depth: str = ""
    region: str = ""
    realtime: bool = False
    rate: float = 1.0
    max_frames: int = 0
    out: str = ""
    report: str = ""
    params: str = ""

    @property
    def path(self) -> Path:
        """What is played; the demo drive may have to be made first."""
        return Path(self.data).expanduser().absolute() if self.data else demo_drive(demo_folder())

    def check(self) -> None:
        """Refuse, before anything is started, what could only fail later.

        Raises:
            ValueError, FileNotFoundError: one sentence.
        """
        from ..completion.registry import describe_completer, list_completers
        from ..completion.weights.folder import find_weights

        if self.completer not in list_completers():
            raise ValueError(
                f"Completer '{self.completer}' is unknown{did_you_mean(self.completer, list_completers())}"
            )
        variants = describe_completer(self.completer).variants
        if self.variant and self.variant not in variants:
            allowed = f"one of {', '.join(variants)}" if variants else "empty, as it has none"
            raise ValueError(
                f"Variant '{self.variant}' of '{self.completer}' is unknown; it must be {allowed}."
            )
        if self.weights:
            find_weights(self.weights)
        if self.data and not self.path.exists():
            raise FileNotFoundError(f"There is nothing to play at '{self.path}'.")
        if self.report and not Path(self.report).expanduser().absolute().parent.is_dir():
            raise FileNotFoundError(f"The report '{self.report}' has no folder; make the folder first.")
        if not self.rate > 0:
            raise ValueError(f"Rate is {self.rate:g}; it must be above 0.")
        if self.filters not in FILTERS:
            raise ValueError(f"Filters are '{self.filters}'; they must be one of {', '.join(FILTERS)}.")
        for name in ("max_range", "max_depth"):
            _metres(name, getattr(self, name))
        _region(self.region)
        if self.params:
            require_parameter_file(self.params, "completion")
        if self.protocol and parse_protocol(self.protocol).is_random:
            raise ValueError(
                f"Protocol '{self.protocol}' draws pixels, which a LiDAR cannot leave out; "
                "`depth-completion evaluate` takes it."
            )

    def playing(self, data: str | Path) -> Plan:
        """The same plan for other data."""
        return replace(self, data=str(data))

    def _of_demo_drive(self, frame: Frame) -> Plan:
        """The plan with the limits of the demo drive where none are given."""
        rows = np.nonzero(SparseDepth.from_points(frame).depth)[0]
        top = int(np.percentile(rows, 1))
        region = f"0,{top},{frame.camera.width},{frame.camera.height}"
        return replace(self, max_depth=self.max_depth or f"{DEMO_DEPTH_M:g}", region=self.region or region)

    def prepared(self) -> Prepared:
        """The parameters of the nodes, once the data is there.

        Raises:
            ValueError: the data cannot be played, or not scored though that is asked for.
        """
        reader = open_reader(self.path)
        first = next(iter(reader), None)
        if first is None:
            raise ValueError(f"'{self.path}' holds not one frame.")
        from .drive import MARKER

        plan = self._of_demo_drive(first) if (self.path / MARKER).is_file() else self
        protocol = plan._protocol_for(first)
        return Prepared(replace(plan, protocol=protocol), first)

    def _protocol_for(self, frame: Frame) -> str:
        """The protocol, or the usual one of such data; empty where it cannot be scored."""
        wanted = self.protocol or ("truth" if frame.ground_truth is not None else "hide:2")
        try:
            parse_protocol(wanted).trial(frame)
        except CannotServe as error:
            if self.evaluate or self.protocol:
                raise ValueError(f"'{self.path}' cannot be scored by protocol '{wanted}': {error}.") from None
            return ""
        return wanted if self.evaluate or self.protocol or frame.ground_truth is not None else ""


@dataclass(frozen=True)
class Prepared:
    """A plan that fits its data, and the first frame of that."""

    plan: Plan
    frame: Frame

    @property
    def out(self) -> Path:
        """The folder of page and report."""
        plan = self.plan
        if plan.out:
            return Path(plan.out).expanduser().absolute()
        folder = plan.path.parent if os.access(plan.path.parent, os.W_OK) else Path.cwd()
        return folder / f"{plan.path.name}_completed" / plan.completer

    def completion_parameters(self) -> dict[str, object]:
        """Of the completion node, beside those of a parameter file."""
        from ..ros.wheels import packages

        plan, frame = self.plan, self.frame
        see_through, isolated = FILTERS[plan.filters]
        names = ("completer", "variant", "weights", "settings", "prior", "device", "precision")
        parameters = {name: getattr(plan, name) for name in names}
        parameters |= {
            "allow_noncommercial": plan.allow_noncommercial,
            "filter_see_through": see_through,
            "filter_isolated": isolated,
            "max_range": min(_metres("max_range", plan.max_range), UNLIMITED_M),
            "slack": SLACK_S,
            "warm_up_size": [frame.camera.width, frame.camera.height],
            # A machine that is busy may be late; nothing of a robot hangs on it here, but each frame counts.
            "calibration_timeout": 2.0,
            "qos_output_depth": 30,
        }
        if plan.protocol:
            parameters["min_confidence"] = 0.0  # all depth is scored, as by `depth-completion evaluate`
        if not plan.realtime:
            # The next image comes only after this frame, so none can be nearer to its cloud.
            parameters |= {"image_rate": 0.5 / SLACK_S, "qos_input_reliability": "reliable"}
            parameters["stale_after"] = 3600.0  # nor is it a fault that nothing comes meanwhile
        if packages.tf2 is None:
            extrinsics = np.asarray(frame.T_cam_lidar, np.float64).ravel().tolist()
            parameters |= {"extrinsics_source": "parameter", "extrinsics": extrinsics}
        elif frame.T_image_points is not None:
            parameters["fixed_frame"] = "odom"
        return parameters

    def session_parameters(self) -> dict[str, object]:
        """Of the session node."""
        plan = self.plan
        see_through, isolated = FILTERS[plan.filters]
        return {
            "data": str(plan.path),
            "rate": float(plan.rate),
            "realtime": plan.realtime,
            "max_frames": plan.max_frames,
            "protocol": plan.protocol,
            "see_through": see_through,
            "isolated": isolated,
            "max_range": _or_zero(_metres("max_range", plan.max_range)),
            "max_depth": _or_zero(_metres("max_depth", plan.max_depth)),
            "region": list(_region(plan.region) or (0, 0, 0, 0)),
            "out": str(self.out),
            "report": str(Path(plan.report).expanduser().absolute()) if plan.report else "",
            "again": self.offline_command() if plan.protocol else "",
        }

    def offline_command(self) -> str:
        """The command that scores the same without ROS."""
        plan = self.plan
        name = f"{plan.completer}:{plan.variant}" if plan.variant else plan.completer
        words = ["depth-completion evaluate", str(plan.path), "-c", name, "-p", plan.protocol]
        for option, value, usual in (
            ("max-range", plan.max_range, "inf"),
            ("max-depth", plan.max_depth or "inf", "inf"),
            ("region", plan.region, ""),
            ("filters", plan.filters, "see-through"),
            ("weights", plan.weights, ""),
            ("prior", plan.prior, ""),
        ):
            words += [f"--{option}", value] if value != usual else []
        return " ".join(words)


def demo_folder() -> Path:
    """Where the demo drive of launches lives: among what the user's programs keep and may lose."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / PACKAGE


def demo_drive(folder: Path) -> Path:
    """Where in a folder the drive is that `drive_command` makes there."""
    from .drive.files import DATE, DRIVE

    return folder / DATE / DRIVE


def drive_command(folder: Path, frames: int, seed: int) -> list[str]:
    """The command line that makes the demo drive, or takes the one that is there."""
    return [sys.executable, "-m", f"{PACKAGE}.demo.make_drive", str(folder), str(frames), str(seed)]


def _metres(name: str, text: str) -> float:
    try:
        value = float(text or "inf")
    except ValueError:
        value = 0.0
    if not value > 0:
        raise ValueError(f"Argument {name} is '{text}'; it must be metres above 0, or inf.")
    return value


def _or_zero(value: float) -> float:
    """Parameters of nodes say 0 for no limit."""
    return value if np.isfinite(value) else 0.0


def _region(text: str) -> tuple[int, ...] | None:
    parts = text.replace(" ", "").split(",") if text else []
    if parts and (len(parts) != 4 or not all(part.isdecimal() for part in parts)):
        raise ValueError(f"Region is '{text}'; it must be left,top,right,bottom in whole pixels.")
    return check_region(tuple(map(int, parts))) if parts else None
