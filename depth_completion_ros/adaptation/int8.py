"""Exports a network in eight bits, where it is as good on frames that were held out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..completion.exported.export import check_export, export_network, recorded, write_files
from ..completion.exported.int8 import quantised
from ..completion.exported.onnx_runner import OnnxRunner
from ..completion.learned.completer import LearnedCompleter
from ..core import Frame
from ..core.safe.files import write_bytes
from ..evaluation.runner import EvaluationResult, evaluate
from .frames import part_frames
from .hiding import protocols_for
from .judge import SAME_CONFIDENCE

FLOAT, INT8 = "float32", "int8"
MOST_CALIBRATION = 32
"""Frames whose inputs are kept, as each takes megabytes."""
SAME_COVERAGE = 1e-3
"""Share of the pixels that may lose their depth: errors are those of pixels that have one alone."""


@dataclass(frozen=True)
class Cost:
    """What int8 costs and gains on frames that were held out, as ratios to float32.

    Args:
        calibrated, judged: number of frames that it was calibrated on, and that it was judged by.
        protocol: by which it was judged.
        rmse, mae: errors.
        time: of the completer, median.
        coverage: share of the pixels judged that have depth, before and after; no ratio.
        calibration: mean |confidence - share that is right|, before and after; no ratio.
    """

    calibrated: int
    judged: int
    protocol: str
    rmse: float
    mae: float
    time: float
    coverage: tuple[float, float]
    calibration: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"RMSE {self.rmse:.4f}, MAE {self.mae:.4f} and time {self.time:.2f} of those in float32, "
            f"coverage {self.coverage[1]:.2%} (float32 {self.coverage[0]:.2%}) and calibration error "
            f"{self.calibration[1]:.3f} (float32 {self.calibration[0]:.3f}) on {self.judged} frames held out "
            f"({self.protocol}); calibrated on {self.calibrated} others"
        )

    def too_much(self, gate: float) -> list[str]:
        """What grows or falls by too much, a clause each; none where int8 is as good. NaN is too much."""
        coverage, calibration = (after - before for before, after in (self.coverage, self.calibration))
        clauses = {
            f"errors grow by more than {gate:.1%}": self.rmse <= 1 + gate and self.mae <= 1 + gate,
            f"more than {SAME_COVERAGE:.1%} of the pixels lose their depth": coverage >= -SAME_COVERAGE,
            f"the calibration error of confidence grows by more than {SAME_CONFIDENCE}": (
                calibration <= SAME_CONFIDENCE
            ),
        }
        return [clause for clause, fine in clauses.items() if not fine]


def export_int8(
    completer: LearnedCompleter,
    path: Path,
    to: str,
    frames: Sequence[Frame],
    gate: float = 0.01,
    size: tuple[int, int] | None = None,
) -> Cost:
    """Write the network of a completer in int8, if it is as good as in float32.

    That is, errors grow by no more than `gate`, and coverage and the calibration of confidence stay.

    Four fifths of the frames calibrate, and a fifth judges: against the truth where there is one, else
    against every second ring, or half of the points, that are hidden.

    Args:
        completer: on the CPU, in float32.
        path, to, size: see `export_network`.
        frames: at least 6, such as the robot will see, with an image and points each.
        gate: share by which RMSE and MAE may grow.

    Raises:
        ValueError: as `export_network`, frames of another size than `size`, or int8 costs too much.
        ImportError: onnx, or what runs the file, is not installed.
    """
    check_export(completer, path, to, size)
    parts = part_frames(list(frames))
    calibrating = (parts.fit + parts.tune)[:: -(-len(parts.fit + parts.tune) // MOST_CALIBRATION)]
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "float32.onnx"
        export_network(completer, whole, "onnx", size)
        runner = OnnxRunner(whole)
        metadata, inputs = runner.metadata, []
        for image, planes, _ in recorded(completer, calibrating):
            given = [*planes, *completer.searched(planes[0])]
            runner.check(image, given)
            inputs.append(_arrays(image, given))
        exact, made = (Path(folder) / name / path.name for name in (FLOAT, INT8))
        for file, onnx_file, texts in (
            (exact, whole.read_bytes(), metadata),
            (made, quantised(whole.read_bytes(), inputs), metadata | {"precision": INT8}),
        ):
            file.parent.mkdir()
            write_files(onnx_file, file, to, texts)
        result = _judged(completer, {FLOAT: exact, INT8: made}, parts.judge)
        cost = _cost(result, len(calibrating))
        if clauses := cost.too_much(gate):
            raise ValueError(
                f"'{path}' is not written: in int8 {' and '.join(clauses)} ({cost}). Calibrate on more "
                "frames, or stay with float32."
            )
        for file in sorted(made.parent.iterdir()):
            write_bytes(path.with_suffix(file.suffix), file.read_bytes())
    return cost


def _arrays(image: np.ndarray, planes: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [image[None], *(plane[None, None] for plane in planes)]


def _judged(completer: LearnedCompleter, files: dict[str, Path], frames: Sequence[Frame]) -> EvaluationResult:
    """Scores of files on frames; they run as on a robot."""
    options = asdict(completer.options) | {"runtime": "auto", "device": "cpu"}
    made = {name: type(completer).create(**options | {"weights": str(file)}) for name, file in files.items()}
    protocol = "truth" if all(f.ground_truth is not None for f in frames) else protocols_for(frames[0])[0]
    return evaluate(frames, made, [protocol], name="the frames held out", confidence=True)


def _cost(result: EvaluationResult, calibrated: int) -> Cost:
    before, after = (
        next(mean for mean in result.means() if mean.completer == name).metrics for name in (FLOAT, INT8)
    )
    before_ms, after_ms = (
        float(np.median([ms for *_, who, ms in result.runtimes_ms if who == name])) for name in (FLOAT, INT8)
    )
    (protocol,), scores = result.protocols, result.confidence_means()
    calibration = tuple(
        scores[key].calibration_error if (key := (protocol.text, name)) in scores else float("nan")
        for name in (FLOAT, INT8)
    )
    return Cost(
        calibrated,
        result.frames,
        protocol.text,
        after.rmse_mm / before.rmse_mm,
        after.mae_mm / before.mae_mm,
        after_ms / before_ms,
        (before.coverage, after.coverage),
        calibration,
    )
