"""A network that is added by one file and one line of the registry has all that the others have."""

from __future__ import annotations

import shutil
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from safetensors.torch import save_file  # noqa: E402
from synthetic import camera_image, no_points, points_of, slope  # noqa: E402

from depth_completion_ros import completion, create_completer, list_completers  # noqa: E402
from depth_completion_ros.completion import registry  # noqa: E402
from depth_completion_ros.completion.learned.options import PriorOptions  # noqa: E402
from depth_completion_ros.completion.weights.checkpoint import known_networks  # noqa: E402
from depth_completion_ros.completion.weights.folder import import_weights  # noqa: E402
from depth_completion_ros.evaluation.runner import completer_from_text  # noqa: E402
from depth_completion_ros.ros.parameters.network import NETWORK  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread", "toy")
SHAPE = (96, 130)
IMAGE, SPARSE = camera_image(SHAPE), points_of(slope(SHAPE), 200)
REST = SPARSE.depth == 0


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """The file in a folder of its own beside those of the other networks, and its line in the registry."""
    room = tmp_path_factory.mktemp("completion")
    (room / "toy").mkdir()
    (room / "toy" / "__init__.py").touch()
    shutil.copy(Path(__file__).with_name("toy_network.py"), room / "toy" / "completer.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completion, "__path__", [*completion.__path__, str(room)])
        patch.setitem(registry.COMPLETERS, "toy", "toy.completer:ToyCompleter")
        known_networks.cache_clear()
        yield
    known_networks.cache_clear()
    for module in [name for name in sys.modules if name.startswith(f"{completion.__name__}.toy")]:
        del sys.modules[module]


def linear() -> np.ndarray:
    return create_completer("linear")(None, SPARSE).depth


def trained(path: Path) -> Path:
    """Weights that make depth a tenth greater and the network sure to four fifths."""
    change, sure = np.arctanh(np.log(1.1)), np.log(4)
    bias = torch.tensor([change, sure], dtype=torch.float32)
    save_file({"weight": torch.zeros(2, 5, 3, 3), "bias": bias}, path)
    return path


def test_it_is_listed_and_described_with_its_options():
    assert "toy" in list_completers()
    assert registry.describe_completer("toy") == registry.Description(
        "Linear completion, corrected by one convolution of image and depth.", ("small",)
    )
    assert {"strength", "weights", "device", "precision", "inner_size"} <= set(registry.options_of("toy"))


def test_without_weights_they_are_random_and_that_is_told():
    completer = create_completer("toy", device="cpu")
    assert completer.warnings == ["The weights of 'toy' are random: its depth is meaningless."]
    again = create_completer("toy", device="cpu")
    assert np.array_equal(completer(IMAGE, SPARSE).depth, again(IMAGE, SPARSE).depth)


def test_its_weights_load_by_path_and_by_name_and_are_those_that_count(tmp_path, weights_folder):
    stored = import_weights(trained(tmp_path / "toy.safetensors"), licence="MIT")
    assert stored.networks == ("toy:small",)
    for weights in (str(tmp_path / "toy.safetensors"), stored.name):
        completer = create_completer("toy", weights=weights, device="cpu")
        found = completer(IMAGE, SPARSE)
        np.testing.assert_allclose(found.depth[REST], 1.1 * linear()[REST], rtol=1e-4)
        np.testing.assert_allclose(found.confidence[REST], 0.8, rtol=1e-4)
        np.testing.assert_array_equal(found.depth[~REST], SPARSE.depth[~REST])
    assert completer.report()["licence of the weights"] == "MIT" and not completer.warnings


def test_weights_of_another_shape_are_refused_with_a_sentence(tmp_path):
    save_file({"weight": torch.zeros(2, 5, 1, 1), "bias": torch.zeros(2)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="another architecture, with 'weight' 2 x 5 x 1 x 1 in place of"):
        create_completer("toy", weights=str(tmp_path / "a.safetensors"), device="cpu")


def test_its_option_reaches_it_as_text_and_a_wrong_value_is_refused():
    np.testing.assert_array_equal(
        completer_from_text("toy,strength=0", device="cpu")(IMAGE, SPARSE).depth, linear()
    )
    with pytest.raises(ValueError, match="'strength' of completer 'toy' is 'much'; it must be a number"):
        completer_from_text("toy,strength=much")
    with pytest.raises(ValueError, match="Completer 'toy' takes no steps, but got 3"):
        completer_from_text("toy,steps=3")


def test_options_of_all_networks_are_parameters_of_the_node():
    declared = {each.name: each.default for each in NETWORK}
    usual = {each.name: each.default for each in fields(PriorOptions)}
    assert {name: declared[name] or None for name in usual} == {k: v or None for k, v in usual.items()}


def test_without_a_point_all_is_unknown_and_it_warms_up():
    completer = create_completer("toy", device="cpu")
    assert np.isnan(completer(IMAGE, no_points(SHAPE)).depth).all()
    completer.warm_up(*SHAPE)
    assert completer.report()["warmed up"].startswith("at 130 x 96, in ")


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_it_is_compiled():
    compiled = create_completer("toy", device="cpu", compiled=True)
    expected = create_completer("toy", device="cpu")(IMAGE, SPARSE).depth
    np.testing.assert_allclose(compiled(IMAGE, SPARSE).depth, expected, rtol=1e-5)
    assert compiled.compiled and not compiled.degradations


def test_when_memory_runs_out_it_works_smaller_and_then_completes_linearly():
    completer = create_completer("toy", device="cpu")
    completer.network.register_forward_pre_hook(lambda *_: torch.empty(2**50, dtype=torch.uint8))
    np.testing.assert_array_equal(completer(IMAGE, SPARSE).depth, linear())
    assert completer.degradations == [
        "Out of memory on cpu at 130 x 96; from now on the network works at 65 pixels at most.",
        "Out of memory on cpu at 65 x 48; from now on linear completion stands in for the network.",
    ]
