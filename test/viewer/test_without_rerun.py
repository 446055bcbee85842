"""What of `depth-completion view` needs no Rerun: what is told of frames, and what is refused."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from walls import DISTANCE, frame

from depth_completion_ros.cli.app import app
from depth_completion_ros.completion import create_completer
from depth_completion_ros.evaluation.protocols import parse_protocol
from depth_completion_ros.viewer.destination import to_browser, to_file
from depth_completion_ros.viewer.frames import FrameViewer


class Told:
    """Stands where the stream for Rerun does, and keeps what it is told."""

    def __init__(self):
        self.calls: list[tuple] = []

    def __getattr__(self, what):
        return lambda *content, **more: self.calls.append((what, *content, *more.values()))

    def of(self, what: str) -> list[tuple]:
        return [content for name, *content in self.calls if name == what]


def told(frames, completers=("nearest", "linear"), protocol="truth", **options):
    stream = Told()
    viewer = FrameViewer(
        stream,
        {name: create_completer(name) for name in completers},
        parse_protocol(protocol) if protocol else None,
        **options,
    )
    viewer.run(frames)
    return stream, viewer


def test_each_frame_tells_its_inputs_and_every_completion_with_its_scores():
    stream, viewer = told([frame(number) for number in range(3)])
    assert viewer.count == 3 and not viewer.unscored
    assert Counter(name for name, *_ in stream.calls) == {
        "world": 1,
        **dict.fromkeys(("at", "camera", "trajectory", "image", "measured", "truth"), 3),
        **dict.fromkeys(("completion", "cloud", "errors", "scores"), 6),
    }
    assert stream.of("at") == [[10**9 + number * 10**8, number] for number in range(3)]
    for name, metrics, known, milliseconds in stream.of("scores"):
        # The wall is half a metre nearer than the truth of these frames.
        assert metrics.rmse_mm == pytest.approx(500, rel=1e-3) and milliseconds > 0
        assert known == 1 or name == "linear"


def test_depth_that_is_less_sure_than_asked_for_is_not_told():
    (sure,), (every,) = (
        told([frame(0)], ["linear"], min_confidence=least)[0].of("completion") for least in (0.9, 0.0)
    )
    unsure = every[2] < 0.9
    assert 0 < np.count_nonzero(unsure) < unsure.size
    np.testing.assert_array_equal(sure[1].depth, np.where(unsure, np.nan, every[1].depth))
    np.testing.assert_array_equal(sure[2], every[2])  # confidence is told whole


def test_a_frame_that_cannot_serve_the_protocol_is_told_without_errors_and_counted():
    stream, viewer = told([frame(0), frame(1, ground_truth=None)], ["nearest"])
    assert viewer.unscored == {"it has no ground truth": 1}
    assert len(stream.of("completion")) == 2 and len(stream.of("errors")) == len(stream.of("truth")) == 1
    assert [metrics is None for _, metrics, *_ in stream.of("scores")] == [False, True]
    measured, _ = stream.of("measured")[1]
    assert np.count_nonzero(measured) == 8 * 16 and measured.max() == DISTANCE


def test_a_file_of_another_name_is_refused(tmp_path):
    sentence = "File 'x.mcap' is to be written for Rerun; its name must end with .rrd."
    with pytest.raises(ValueError, match=sentence), to_file(None, None, Path("x.mcap")):
        pass


def test_a_port_that_is_taken_is_told():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"Port {port} is taken"), to_browser(None, None, port, print):
            pass


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Neither DATA nor --live is given; one of them says what to look at."),
        (["bag", "--live"], "DATA and --live are both given; one of them says what to look at."),
        (["bag", "--web", "--save", "x.rrd"], "Options --save and --web are both given;"),
        (["--live", "-c", "linear"], "With --live nothing is completed here"),
        (["bag", "--namespace", "front"], "Options --namespace and --fixed-frame are those of --live"),
        (["bag", "-c", "linear", "-c", "linear"], "each may be given once"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_sentence(arguments, sentence):
    result = CliRunner().invoke(app, ["view", *arguments])
    assert result.exit_code == 2 and sentence in result.stderr


def test_without_rerun_a_sentence_says_how_to_get_it(tmp_path):
    program = (
        "import sys; sys.modules['rerun'] = None\n"
        "sys.argv = ['depth-completion', 'view', 'bag', '--save', 'x.rrd']\n"
        "from depth_completion_ros.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert 'pip install "depth-completion-ros[view]"' in done.stderr
