"""What the command line does with learned completers; weights are tested in completion/test_weights.py."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from depth_completion_ros.cli.app import app
from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.data.bag.writer import write_bag
from depth_completion_ros.data.files import read_depth

SHAPE = (48, 64)
RANDOM = "The weights of 'tiny' are random: its depth is meaningless."


def run(*arguments):
    """Exit code, stdout and stderr of `depth-completion` with these arguments."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def bag(tmp_path):
    """A bag of two frames of a wall, 8 m away."""
    pytest.importorskip("rosbags", reason="rosbags is not installed")
    y, z = np.meshgrid(np.linspace(-2, 2, 12), np.linspace(-1, 1, 8))
    points = np.stack([np.full(y.size, 8.0), y.ravel(), z.ravel()], axis=1).astype(np.float32)
    frames = [
        Frame(
            camera=Camera(SHAPE[1], SHAPE[0], [[60, 0, 31.5], [0, 60, 23.5], [0, 0, 1]]),
            image=np.full((*SHAPE, 3), 90, np.uint8),
            points=points,
            T_cam_lidar=np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float),
            stamp_image=at * 100_000_000,
            stamp_points=at * 100_000_000,
        )
        for at in (1, 2)
    ]
    write_bag(frames, tmp_path / "bag")
    return tmp_path / "bag"


def test_complete_takes_the_options_of_a_network_and_warns_of_random_weights(tiny, bag, tmp_path):
    code, said, warned = run(
        *("complete", bag, "-c", "tiny:wide", "--device", "cpu", "--precision", "bfloat16"),
        *("--no-preview", "--out", tmp_path / "out"),
    )
    assert code == 0 and "2 frames completed by tiny:wide" in said
    assert RANDOM in warned
    depth = read_depth(next((tmp_path / "out").glob("depth_*.png")))
    assert (depth > 0).all() and (depth == 8).sum() > 50


def test_options_of_a_network_go_to_networks_alone_where_classical_ones_are_evaluated_too(
    tiny, bag, tmp_path
):
    out = ("-p", "points:30", "--figures", "0", "--out", tmp_path / "out", "--device", "cpu")
    code, said, _ = run("evaluate", bag, "-c", "linear", "-c", "tiny", "--precision", "bfloat16", *out)
    assert code == 0 and "linear" in said and "tiny" in said
    code, _, said = run("evaluate", bag, "-c", "linear", "--precision", "bfloat16", *out)
    assert code == 2 and said == "Error: Completer 'linear' takes no precision, but got 'bfloat16'.\n"


def test_a_prior_alone_and_a_network_are_evaluated_together(tiny_mspn, bag, tmp_path):
    (tmp_path / "maps").mkdir()
    for at in range(2):
        np.save(tmp_path / "maps" / f"bag_{at:06d}.npy", np.full(SHAPE, 8, np.float32))
    code, said, _ = run(
        *(
            "evaluate",
            bag,
            "-c",
            "linear",
            "-c",
            "prior",
            "-c",
            "mspn",
            "--prior",
            f"{tmp_path / 'maps'}@metric",
        ),
        *("--precision", "bfloat16", "--device", "cpu", "-p", "points:30", "--figures", "0"),
        *("--out", tmp_path / "out"),
    )
    assert code == 0 and all(name in said for name in ("linear", "prior", "mspn"))


def test_what_had_to_be_given_up_is_told_at_the_end(tiny, bag, tmp_path, monkeypatch):
    import torch

    def forward(self, rgb, sparse, *planes, points):
        return torch.empty(2**50, dtype=torch.uint8)  # more than a processor can address

    monkeypatch.setattr(tiny, "forward", forward)
    code, _, said = run("replay", bag, tmp_path / "dense", "-c", "tiny", "--device", "cpu")
    assert code == 0
    step = "Out of memory on cpu at 64 x 48; from now on linear completion stands in for the network."
    assert said.splitlines() == [RANDOM, step]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--weights", "best.pt"), "There is no checkpoint 'best.pt'."),
        (("--prior", "x"), "Completer 'tiny' takes no prior, but got 'x'."),
        (("--device", "cuda:9"), "Device is 'cuda:9', but "),
    ],
)
def test_an_option_that_cannot_be_is_one_sentence(tiny, bag, arguments, sentence):
    code, _, said = run("complete", bag, "-c", "tiny", *arguments)
    assert code == 2 and said.startswith(f"Error: {sentence}") and said.count("\n") == 1


def test_the_completers_are_listed_with_their_variants():
    _, said, _ = run("completers")
    assert "mspn:sdr_nyu, mspn:sdr_kitti, mspn:conventional_nyu, mspn:conventional_kitti." in said


def test_the_weights_commands_teach_with_examples():
    for command in ("import", "list"):
        code, said, _ = run("weights", command, "--help")
        assert code == 0 and f"depth-completion weights {command}" in said and "Example" in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--to", "tensorrt"], "Runtime tensorrt builds its engine on the robot from ONNX: export --to onnx"),
        (["--int8"], "Option --int8 must be given with --frames DATA"),
        (["--int8", "--fp16", "--frames", "drive"], "and without --fp16"),
    ],
)
def test_export_says_what_must_be_given_before_it_makes_anything(options, told):
    code, _, stderr = run("export", "default", *options)
    assert code == 2 and told in " ".join(stderr.split())
