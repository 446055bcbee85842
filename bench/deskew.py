"""What deskewing a scan is worth: projected points of a drive with scans of 100 ms against its true depth.

depth-completion demo-drive fast --route street --speed 25 --frames 20 --scan-s 0.1
python bench/deskew.py fast --image fast.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from depth_completion_ros.core import Frame, SparseDepth
from depth_completion_ros.data import open_reader

FARTHEST_M, WRONG = 80.0, 0.05
GREEN, RED = (80, 220, 80), (40, 40, 255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("drive", type=Path)
    parser.add_argument("--frame", type=int, default=10, help="which frame is drawn")
    parser.add_argument("--image", type=Path, help="PNG or JPEG to draw into")
    arguments = parser.parse_args()
    drawn = []
    print("deskew   points a frame   RMSE m   MAE m   median m   off by more than 5 %")
    for mode in ("off", "on"):
        reader = open_reader(arguments.drive, deskew=mode)
        rows = [errors(frame) for frame in reader]
        count, *means = np.mean(rows, axis=0)
        rmse, mae, median, wrong = means
        print(f"{mode:6s} {count:16.0f} {rmse:8.2f} {mae:7.2f} {median:10.3f} {wrong:21.1%}")
        drawn.append(draw(reader.read(min(arguments.frame, len(reader) - 1)), f"deskew {mode}"))
    if arguments.image:
        cv2.imwrite(str(arguments.image), np.vstack(drawn))


def errors(frame: Frame) -> tuple[float, ...]:
    """Number of points in the image, then RMSE, MAE, median error and share of those that are wrong."""
    sparse = SparseDepth.from_points(frame).depth
    both = (sparse > 0) & (sparse < FARTHEST_M) & (frame.ground_truth > 0)
    error, truth = np.abs(sparse - frame.ground_truth)[both], frame.ground_truth[both]
    wrong = np.mean(error > WRONG * truth)
    return float(both.sum()), np.sqrt(np.mean(error**2)), error.mean(), float(np.median(error)), wrong


def draw(frame: Frame, title: str) -> np.ndarray:
    """The image, darkened, with points within 5 % of the truth in green and others in red."""
    sparse = SparseDepth.from_points(frame).depth
    canvas = np.ascontiguousarray(frame.image[..., ::-1] // 2 + 40)
    for v, u in np.argwhere(sparse > 0):
        right = abs(sparse[v, u] - frame.ground_truth[v, u]) <= WRONG * frame.ground_truth[v, u]
        cv2.circle(canvas, (int(u), int(v)), 1, GREEN if right else RED, -1)
    cv2.putText(canvas, title, (10, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2)
    return canvas


if __name__ == "__main__":
    main()
