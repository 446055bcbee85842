"""What learned completers do when memory runs out, which it really does here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from synthetic import camera_image, grid_of, slope  # noqa: E402

from depth_completion_ros import create_completer  # noqa: E402
from depth_completion_ros.completion.device import is_out_of_memory  # noqa: E402

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
SHAPE = (72, 100)
IMAGE, SPARSE = camera_image(SHAPE), grid_of(slope(SHAPE), 5, 6)


def out_of_memory(*arguments) -> dict:
    """What out_of_memory.py prints."""
    script = Path(__file__).with_name("out_of_memory.py")
    done = subprocess.run([sys.executable, script, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
@pytest.mark.parametrize(
    ("megabytes", "steps", "expected"),
    [
        (2000, 0, {"inner_size": 0, "confidences": [0.5, 1], "report": "cpu"}),
        (300, 1, {"inner_size": 64, "confidences": [0.5, 1], "report": "cpu"}),
        (24, 2, {"inner_size": 64, "report": "none: out of memory"}),
    ],
)
def test_without_enough_memory_the_frame_is_done_smaller_and_then_without_the_network(
    megabytes, steps, expected
):
    said = out_of_memory(megabytes)
    all_steps = [
        "Out of memory on cpu at 128 x 96; from now on the network works at 64 pixels at most.",
        "Out of memory on cpu at 64 x 48; from now on linear completion stands in for the network.",
    ]
    assert said["degradations"] == all_steps[:steps]
    assert said["depths"] == [10.0]
    assert {key: said[key] for key in expected} == expected


@GPU
@pytest.mark.parametrize(("megabytes", "steps", "ends"), [(400, 1, "cuda:0"), (24, 2, "cpu")])
def test_without_enough_memory_of_the_gpu_the_frame_is_done_smaller_and_then_on_the_cpu(
    megabytes, steps, ends
):
    said = out_of_memory(megabytes, "cuda")
    all_steps = [
        "Out of memory on cuda:0 at 128 x 96; from now on the network works at 64 pixels at most.",
        "Out of memory on cuda:0 at 64 x 48; from now on the network runs on the CPU.",
    ]
    assert said["degradations"] == all_steps[:steps]
    assert (said["report"], said["depths"]) == (ends, [10.0])


@NO_GPU
def test_after_the_smaller_size_comes_the_cpu_and_then_no_network(tiny):
    completer = create_completer("tiny", device="cpu")
    completer.warm_up(480, 640)
    completer.device = torch.device("cuda", 0)  # as if it had been there
    for _ in range(3):
        completer.memory.give_way("Full")
    assert [step.removeprefix("Full; from now on ") for step in completer.degradations] == [
        "the network works at 320 pixels at most.",
        "the network runs on the CPU.",
        "linear completion stands in for the network.",
    ]
    expected = create_completer("linear")(None, SPARSE).depth
    np.testing.assert_array_equal(completer(IMAGE, SPARSE).depth, expected)


def test_other_failures_are_not_taken_for_lack_of_memory(tiny, monkeypatch):
    completer = create_completer("tiny", device="cpu")

    def fail(rgb, *planes, points):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(completer.runner, "_forward", fail)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        completer(IMAGE, SPARSE)
    assert not completer.degradations
    assert is_out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory."))
    assert not is_out_of_memory(ValueError("out of memory"))
