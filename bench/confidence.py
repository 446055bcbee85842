"""How good confidence is, by source of data: AUSE against other rankings, and calibration.

    python bench/confidence.py FRAMES [--plot confidence.png] [--select 'nyu_*'] [--weights FILE] [-c default]

FRAMES is a folder of frame folders, whose names begin with their source. What is measured is explained in
depth_completion_ros/evaluation/confidence.py; `depth-completion evaluate --confidence` prints it by protocol.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from sources import frames_of, place, source_of

from depth_completion_ros import create_completer
from depth_completion_ros.evaluation.confidence import ConfidenceScore
from depth_completion_ros.evaluation.figures import plot_confidence
from depth_completion_ros.evaluation.report import confidence_table, table
from depth_completion_ros.evaluation.runner import evaluate

PROTOCOLS = ("lines:16", "lines:8", "points:500", "points:100")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=Path)
    parser.add_argument("--plot", type=Path, help="PNG file for the curves, a panel a source")
    parser.add_argument("--select", help="names of frame folders, such as kitti_seq_*")
    parser.add_argument("--weights", help="of the default; those that ship with the package")
    parser.add_argument("-c", "--completer", action="append", help="repeat for more; default")
    parser.add_argument("-p", "--protocol", action="append", help=f"repeat for more; {', '.join(PROTOCOLS)}")
    arguments = parser.parse_args()
    completers = {
        name: create_completer(name, weights=arguments.weights if name == "default" else None)
        for name in arguments.completer or ("default",)
    }
    frames = frames_of(arguments.frames, arguments.select)
    result = evaluate(frames, completers, arguments.protocol or PROTOCOLS, confidence=True)
    scores = defaultdict(list)
    for frame, _, completer, score in result.confidence:
        scores[source_of(frame), completer].append(score)
    order = sorted({source for source, _ in scores}, key=place)
    means = {(s, c): ConfidenceScore.mean(scores[s, c]) for s in order for c in completers}
    over_all = {
        ("all, each source alike", c): ConfidenceScore.mean([means[s, c] for s in order]) for c in completers
    }
    print(table(*confidence_table(means | over_all, ("data", "completer"))))
    if arguments.plot:
        plot_confidence(means | over_all, arguments.plot)


if __name__ == "__main__":
    main()
