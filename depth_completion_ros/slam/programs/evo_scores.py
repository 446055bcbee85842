"""Scores trajectories with evo: absolute and relative errors against a reference.

python evo_scores.py

Reads one JSON object from standard input, {"reference": FILE, "runs": [FILE, ...]} of TUM files, and writes a
list
with an object for each run: {"ate_m", "ate_max_m", "scale", "rpe_m", "rpe_deg", "pairs"}, or null where fewer
than three poses have a partner. What goes wrong is {"error": ...}.
"""

from __future__ import annotations

import copy
import json
import sys

LEAST = 3
MAX_DIFFERENCE_S = 0.001


def main() -> None:
    job = json.load(sys.stdin)
    try:
        from evo.core.units import Unit  # noqa: F401
    except ImportError as error:
        print(json.dumps({"error": f"evo cannot be imported by {sys.executable} ({error})"}))
        return
    from evo.tools import file_interface

    reference = file_interface.read_tum_trajectory_file(job["reference"])
    print(json.dumps([_scores(reference, file) for file in job["runs"]]))


def _scores(reference, file: str) -> dict | None:
    from evo.core import metrics, sync
    from evo.core.geometry import GeometryException
    from evo.core.units import Unit
    from evo.tools import file_interface

    try:
        estimate = file_interface.read_tum_trajectory_file(file)
        reference, estimate = sync.associate_trajectories(reference, estimate, max_diff=MAX_DIFFERENCE_S)
    except (sync.SyncException, file_interface.FileInterfaceException):
        return None
    if estimate.num_poses < LEAST:
        return None
    scale = None
    try:
        # Beside the error: a map of the right shape and the wrong size is of no use to a robot.
        _, _, scale = copy.deepcopy(estimate).align(reference, correct_scale=True)
        estimate.align(reference)
    except GeometryException:  # all on one spot or one line, which fits in many ways
        estimate.align_origin(reference)
    pair = reference, estimate
    absolute = metrics.APE(metrics.PoseRelation.translation_part)
    absolute.process_data(pair)
    scores = {"ate_m": absolute.get_statistic(metrics.StatisticsType.rmse)}
    scores |= {
        "ate_max_m": absolute.get_statistic(metrics.StatisticsType.max),
        "scale": None if scale is None else float(scale),
    }
    relations = {"rpe_m": metrics.PoseRelation.translation_part}
    relations["rpe_deg"] = metrics.PoseRelation.rotation_angle_deg
    for name, relation in relations.items():
        relative = metrics.RPE(relation, delta=1, delta_unit=Unit.frames)
        relative.process_data(pair)
        scores[name] = relative.get_statistic(metrics.StatisticsType.rmse)
    return scores | {"pairs": estimate.num_poses}


if __name__ == "__main__":
    main()
