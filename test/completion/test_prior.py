"""Monocular priors: files, names and licences."""

import cv2
import numpy as np
import pytest
from synthetic import SHAPE, camera_image

from depth_completion_ros.completion.prior import MonocularPrior, create_prior, list_priors
from depth_completion_ros.completion.prior.known import KNOWN
from depth_completion_ros.completion.prior.preprocessing import network_size


def save_onnx(path, height="h", width="w"):
    """A network that gives the mean of the normalised colours, doubled."""
    from onnx import TensorProto, helper, save

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, height, width])
    depth = helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 1, height, width])
    two = helper.make_tensor("two", TensorProto.FLOAT, [], [2.0])
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "two"], ["depth"]),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    graph = helper.make_graph(nodes, "mean", [image], [depth], [two, axes])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


@pytest.mark.parametrize(
    "size, taken", [(("h", "w"), (518, 784)), ((28, 42), (28, 42)), ((28, "w"), (28, 784))]
)
def test_an_onnx_file_takes_normalised_colours_at_its_size(tmp_path, size, taken):
    file = tmp_path / "mean.onnx"
    save_onnx(str(file), *size)
    image = camera_image()
    prior = create_prior(f"{file}@depth", "cpu")
    assert prior.space == "depth" and prior.name == "mean"
    normalised = (image / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = 2 * normalised.mean(axis=2)
    prediction = prior.predict(image)
    assert prediction.shape == SHAPE and prediction.dtype == np.float32
    assert prediction.mean() == pytest.approx(expected.mean(), abs=0.02)
    assert np.corrcoef(prediction.ravel(), expected.ravel())[0, 1] > 0.9


def test_what_is_no_onnx_network_for_depth_is_refused(tmp_path):
    from onnx import TensorProto, helper, save

    with pytest.raises(FileNotFoundError, match="is missing"):
        create_prior(str(tmp_path / "none.onnx@metric"))
    file = tmp_path / "broken.onnx"
    file.write_bytes(b"no network")
    with pytest.raises(ValueError, match="cannot be loaded"):
        create_prior(f"{file}@metric")
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 5]) for n in "ab"]
    graph = helper.make_graph([helper.make_node("Relu", ["a"], ["b"])], "relu", values[:1], values[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(file))
    with pytest.raises(ValueError, match="it must take one float32 1 x 3 x h x w"):
        create_prior(f"{file}@metric")
    save_onnx(str(file), 28, 42)
    with pytest.raises(ValueError, match="42 x 28 pixels only"):
        create_prior(f"{file}@metric", side=28)
    with pytest.raises(ValueError, match="write .*@disparity"):
        create_prior(str(file))


def test_a_folder_of_maps_gives_that_of_the_frame(tmp_path):
    depth = np.random.default_rng(0).uniform(1, 80, SHAPE).astype(np.float32)
    depth[3, 4] = np.nan
    np.save(tmp_path / "a.npy", depth)
    cv2.imwrite(str(tmp_path / "b.tif"), depth)
    cv2.imwrite(str(tmp_path / "c.png"), (np.nan_to_num(depth) * 256).astype(np.uint16))
    prior = create_prior(f"{tmp_path}@metric")
    assert np.array_equal(prior.predict(camera_image(), "a"), depth, equal_nan=True)
    assert np.array_equal(prior.predict(camera_image(), "b"), depth, equal_nan=True)
    from_png = prior.predict(camera_image(), "c")
    assert np.allclose(from_png, depth, atol=1 / 256, equal_nan=True)
    with pytest.raises(FileNotFoundError, match="no map of frame 'd'"):
        prior.predict(camera_image(), "d")
    with pytest.raises(ValueError, match="this one has none"):
        prior.predict(camera_image())
    with pytest.raises(ValueError, match="60 x 90 .*must be the same"):
        prior.predict(camera_image((90, 60)), "a")


def test_maps_that_are_none_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no map"):
        create_prior(f"{tmp_path}@metric")
    np.save(tmp_path / "a.npy", camera_image())
    (tmp_path / "b.npy").write_bytes(b"no array")
    (tmp_path / "c.png").write_bytes(b"no image")
    cv2.imwrite(str(tmp_path / "d.png"), camera_image())
    (tmp_path / "e.png").touch()
    prior = create_prior(f"{tmp_path}@metric")
    for name in "abcde":
        with pytest.raises(ValueError, match=f"{name}\\.(npy|png)' (is|cannot be decoded)"):
            prior.predict(camera_image(), name)


def test_nothing_that_is_not_finite_comes_out():
    class Infinite(MonocularPrior):
        def _predict(self, image, name):
            return np.array([[1, np.inf], [-np.inf, np.nan]])

    prediction = Infinite("infinite", "", "metric").predict(np.zeros((2, 2, 3), np.uint8))
    assert np.array_equal(prediction, np.array([[1, np.nan], [np.nan, np.nan]], np.float32), equal_nan=True)
    with pytest.raises(ValueError, match="must be uint8 H x W x 3 RGB"):
        Infinite("infinite", "", "metric").predict(np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="disparity, depth, metric"):
        Infinite("infinite", "", "inverse")


def test_no_prior_is_none_and_an_unknown_one_names_what_is_allowed(tmp_path):
    assert create_prior("") is None and create_prior("none") is None
    with pytest.raises(ValueError, match="must be one of none, depth_anything_v2_small, .*config.json"):
        create_prior("depth_anything_v9")
    with pytest.raises(ValueError, match="'@inverse'; it must be one of @disparity, @depth, @metric"):
        create_prior(f"{tmp_path}@inverse")


@pytest.mark.parametrize("name", [name for name, prior in KNOWN.items() if not prior.commercial])
def test_weights_without_a_commercial_licence_are_refused_before_they_are_looked_for(name):
    with pytest.raises(
        ValueError, match=f"'{name}' is .*set allow_noncommercial.*take depth_anything_v2_small"
    ):
        create_prior(name)


def test_the_only_known_prior_for_any_use_is_the_small_depth_anything():
    assert [name for name, prior in KNOWN.items() if prior.commercial] == ["depth_anything_v2_small"]
    assert KNOWN["depth_anything_v2_small"].licence == "Apache-2.0"
    assert KNOWN["depth_anything_v2_large"].licence == "CC-BY-NC-4.0"
    assert list_priors()[0] == "none" and len(list_priors()) == 10


def test_the_shorter_side_of_the_input_is_518_pixels():
    assert network_size(375, 1242) == (518, 1722)
    assert network_size(1080, 1920) == (518, 924)
    assert network_size(375, 1242, 266) == (266, 882)


def test_neither_torch_nor_transformers_is_imported_before_a_prior_is_made():
    import subprocess
    import sys

    code = (
        "import sys, depth_completion_ros.completion.prior.completer;"
        "print([m for m in ('torch', 'transformers', 'onnxruntime', 'huggingface_hub') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
