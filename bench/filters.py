"""What the point filters do, on frames with LiDAR points and ground truth.

    python bench/filters.py DATA [--select 'kitti_seq_*']

"Wrong" are fed points that differ from the truth by more than 15 %, "right" those within 5 %. The
errors are those of the linear completer fed with what is left. Mid-air points (1 % of the fed ones,
at 5 to 60 % of the depth measured there, on pixels without a point) are added to show what the
isolation filter is for.
"""

from __future__ import annotations

import argparse

import numpy as np

from depth_completion_ros import SparseDepth, create_completer
from depth_completion_ros.core import Metrics, compute_metrics
from depth_completion_ros.core.filters import isolated, see_through
from depth_completion_ros.data import open_reader

LINEAR = create_completer("linear")


def with_mid_air_points(depth: np.ndarray, background: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    empty = np.flatnonzero((depth == 0) & (background > 0))
    chosen = rng.choice(empty, np.count_nonzero(depth) // 100, replace=False)
    noisy = depth.copy()
    noisy.ravel()[chosen] = background.ravel()[chosen] * rng.uniform(0.05, 0.6, chosen.size)
    return noisy


def effect(depth: np.ndarray, dropped: np.ndarray, truth: np.ndarray) -> tuple[Metrics, list[float]]:
    known = (depth > 0) & (truth > 0)
    error = np.abs(depth - truth)
    right, wrong = known & (error < 0.05 * truth), known & (error > 0.15 * truth)
    left = SparseDepth(np.where(dropped, np.float32(0), depth))
    shares = [dropped[depth > 0].mean(), dropped[wrong].mean(), dropped[right].mean()]
    return compute_metrics(LINEAR(None, left).depth, truth), shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--select", help="names of frame folders, such as kitti_seq_*")
    arguments = parser.parse_args()
    rows: dict[tuple[str, str], list] = {}
    options = {"select": arguments.select} if arguments.select else {}
    for seed, frame in enumerate(open_reader(arguments.data, **options)):
        if frame.points is None or frame.ground_truth is None:
            continue
        focal, truth = frame.camera.K[0, 0], frame.ground_truth
        depth = SparseDepth.from_points(frame, see_through=False).depth
        noisy = with_mid_air_points(depth, truth, seed)
        for feed, fed in (("as measured", depth), ("1 % in mid-air", noisy)):
            none, through = np.zeros(fed.shape, bool), see_through(fed, focal)
            alone = isolated(fed, focal)
            both = alone | see_through(np.where(alone, np.float32(0), fed), focal)
            for name, dropped in (("none", none), ("see-through", through), ("isolated, see-through", both)):
                rows.setdefault((feed, name), []).append(effect(fed, dropped, truth))
    if not rows:
        raise SystemExit(f"No frame of '{arguments.data}' has both points and ground truth.")
    print("| feed | filter | dropped % | wrong found % | right lost % | RMSE mm | MAE mm |")
    print("|---|---|---|---|---|---|---|")
    for (feed, name), results in rows.items():
        mean = Metrics.mean([metrics for metrics, _ in results])
        shares = " | ".join(f"{100 * share:.2f}" for share in np.mean([s for _, s in results], axis=0))
        print(f"| {feed} | {name} | {shares} | {mean.rmse_mm:.0f} | {mean.mae_mm:.0f} |")


if __name__ == "__main__":
    main()
