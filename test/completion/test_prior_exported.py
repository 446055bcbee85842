"""Priors of transformers as ONNX files: they give what PyTorch gives, or are not written."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
from synthetic import SHAPE, camera_image

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

from test_transformers_prior import save_depth_anything  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from depth_completion_ros.cli.app import app  # noqa: E402
from depth_completion_ros.cli.export import _file_name  # noqa: E402
from depth_completion_ros.completion.exported import prior as module  # noqa: E402
from depth_completion_ros.completion.exported.half import with_metadata  # noqa: E402
from depth_completion_ros.completion.exported.prior import export_prior  # noqa: E402
from depth_completion_ros.completion.prior import create_prior  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny_depth_anything")
    save_depth_anything(folder, "metric")
    return folder


@pytest.fixture(scope="module")
def written(folder, tmp_path_factory):
    """The prior as it was exported for images of `SHAPE`."""
    file = tmp_path_factory.mktemp("exported_prior") / "net.onnx"
    assert export_prior(create_prior(str(folder), "cpu"), file, SHAPE).largest < 1e-4
    return file


def away(expected: np.ndarray, given: np.ndarray) -> np.ndarray:
    assert np.ptp(expected) > 0.01 * expected.mean(), "a constant, so that nothing is said"
    return np.abs(given - expected) / np.ptp(expected)


def test_the_file_predicts_what_the_folder_does_and_tells_its_space(folder, written):
    expected = create_prior(str(folder), "cpu").predict(camera_image())
    for spec, space in ((str(written), "metric"), (f"{written}@disparity", "disparity")):
        prior = create_prior(spec, "cpu")
        assert (prior.space, prior.licence) == (space, "unknown (your file)")
        # They resize the image with other libraries.
        assert away(expected, prior.predict(camera_image())).mean() < 0.02


def test_the_file_runs_without_pytorch_and_transformers(written, without_torch):
    (line,) = without_torch(f"""
sys.modules["transformers"] = None
import numpy as np
from depth_completion_ros.completion.prior import create_prior
print(create_prior({f"{written}@metric"!r}, "cpu").predict(np.full((*{SHAPE}, 3), 90, np.uint8)).shape)
""")
    assert line == str(SHAPE)


def test_colours_are_normalised_as_the_network_s_own_processor_does_it(tmp_path):
    from transformers import GLPNConfig, GLPNForDepthEstimation, GLPNImageProcessorPil

    torch.manual_seed(0)
    network = GLPNForDepthEstimation(
        GLPNConfig(depths=[1] * 4, hidden_sizes=[8] * 4, num_attention_heads=[1] * 4, decoder_hidden_size=8)
    )
    for kernel in (p for p in network.parameters() if p.ndim == 4):
        torch.nn.init.kaiming_normal_(kernel)  # else nothing of the image is left at the end
    network.save_pretrained(tmp_path)
    GLPNImageProcessorPil(size_divisor=32).save_pretrained(tmp_path)  # which divides by 255 alone
    prior, image = create_prior(str(tmp_path), "cpu"), camera_image((64, 96))
    assert export_prior(prior, tmp_path / "net.onnx", (64, 96), images=[image]).agrees(half=False)
    given = create_prior(f"{tmp_path / 'net.onnx'}@metric", "cpu").predict(image)
    assert away(prior.predict(image), given).max() < 1e-2


def test_half_the_space_gives_almost_the_same(folder, written, tmp_path):
    small = tmp_path / "half.onnx"
    parity = export_prior(create_prior(str(folder), "cpu"), small, SHAPE, half=True)
    assert small.stat().st_size < 0.9 * written.stat().st_size and 0 < parity.largest < 0.02


def test_what_differs_is_not_written(folder, tmp_path, monkeypatch):
    """A network whose weights change between tracing and comparing."""
    prior, usual = create_prior(str(folder), "cpu"), module.with_metadata

    def spoil(*arguments):
        prior.network.head.conv3.weight.mul_(1.1)
        return usual(*arguments)

    monkeypatch.setattr(module, "with_metadata", spoil)
    with pytest.raises(ValueError, match="net.onnx' is not written: maps differ by"):
        export_prior(prior, tmp_path / "net.onnx", SHAPE)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_exported_is_refused_in_a_sentence(folder, written, tmp_path):
    prior, path = create_prior(str(folder), "cpu"), tmp_path / "net.onnx"
    for given, told in (
        ((prior, path, None), "can only be exported for images of one size: give it as --size"),
        (
            (prior, tmp_path / "net.xml", SHAPE),
            "net.xml' cannot be written for a prior; it must end in .onnx",
        ),
        ((create_prior(f"{written}@metric"), path, SHAPE), "'net' cannot be exported; it must be a network"),
        ((None, path, SHAPE), "Prior 'none' cannot be exported"),
        ((prior, path, SHAPE, False, [camera_image((8, 9))]), "Size is 90 x 60, but an image .* is 9 x 8"),
    ):
        with pytest.raises(ValueError, match=told):
            export_prior(*given)
    assert not path.exists()


def test_a_licence_that_the_file_tells_counts(written, tmp_path):
    file = tmp_path / "net.onnx"
    texts = {"space": "metric", "licence": "CC-BY-NC-4.0"}
    file.write_bytes(with_metadata(written.read_bytes(), texts, half=False))
    with pytest.raises(ValueError, match=r"net.onnx' is for non-commercial use only \(CC-BY-NC-4.0\)"):
        create_prior(str(file), "cpu")
    assert create_prior(str(file), "cpu", allow_noncommercial=True).licence == "CC-BY-NC-4.0"


def test_the_licence_of_a_folder_goes_with_it(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "net")
    (tmp_path / "net" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    file = tmp_path / "net.onnx"
    with pytest.raises(ValueError, match=r"net' is for non-commercial use only \(cc-by-nc-4.0\)"):
        create_prior(str(tmp_path / "net"), "cpu")
    prior = create_prior(str(tmp_path / "net"), "cpu", allow_noncommercial=True)
    assert prior.licence == "cc-by-nc-4.0"
    export_prior(prior, file, SHAPE)
    with pytest.raises(ValueError, match=r"net.onnx' is for non-commercial use only \(cc-by-nc-4.0\)"):
        create_prior(str(file), "cpu")


def test_a_file_for_images_of_one_size_takes_no_others(written):
    prior = create_prior(str(written), "cpu")
    with pytest.raises(
        ValueError, match=r"images of 90 x 60, but this one is 60 x 300; export .* --size 300x60\.$"
    ):
        prior.predict(camera_image((300, 60)))
    prior.warm_up(480, 640)  # as the node does before it knows the size
    assert prior.predict(camera_image()).shape == SHAPE


def kitti_depth(root, images):
    """A tree of KITTI depth completion with two frames, and raw data that has the image of one or none."""
    date, drive = "2011_09_26", "2011_09_26_drive_0001_sync"
    size, K = f"{SHAPE[1]} {SHAPE[0]}", "70 0 45 0 0 70 30 0 0 0 1 0"
    files = {root / f"train/{drive}/proj_depth/velodyne_raw/image_02/{i:010d}.png" for i in range(2)}
    for file in files | {root / f"raw/{date}/{drive}/image_02/data/{1:010d}.png"}:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file in files or images:
            cv2.imwrite(str(file), np.full(SHAPE, 2560, np.uint16) if file in files else camera_image())
    (root / f"raw/{date}/calib_cam_to_cam.txt").write_text(f"S_rect_02: {size}\nP_rect_02: {K}\n")
    return root


@pytest.mark.parametrize(
    ("images", "told"), [(1, "(1 images)"), (0, "Error: No frame of --frames has an image to compare on")]
)
def test_frames_without_an_image_are_left_out(folder, tmp_path, images, told):
    data, file = kitti_depth(tmp_path / "kitti", images), tmp_path / "net.onnx"
    options = f"--frames {data} -O split=train -O raw_root={data / 'raw'} --size 60x90".split()
    result = CliRunner().invoke(app, ["export", str(folder), "--out", str(file), *options])
    assert told in " ".join((result.stdout + result.stderr).split())
    assert (result.exit_code, file.exists()) == ((0, True) if images else (2, False))


def test_a_file_is_named_like_the_network_or_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for network, name in (
        (".", tmp_path.name),
        ("/data/me@x/net", "net"),
        ("/data/me@x/net@metric", "net"),
        ("mspn:sdr_nyu", "mspn_sdr_nyu"),
        ("mspn_lite,inner_size=0", "mspn_lite"),
    ):
        assert str(_file_name(network, ".onnx")) == f"{name}.onnx"


@pytest.mark.parametrize(
    ("network", "options", "told"),
    [
        ("", ["--size", "60x90"], "MiB: maps differ by"),
        ("", [], "give it as --size"),
        (
            "",
            ["--size", "60x90", "--to", "openvino"],
            "is written with --to onnx, without --int8 and --weights",
        ),
        ("depth_anything_v2_base", ["--size", "60x90"], "set allow_noncommercial"),
    ],
)
def test_the_command_writes_a_prior_or_says_why_not(folder, tmp_path, network, options, told):
    file = tmp_path / "net.onnx"
    result = CliRunner().invoke(app, ["export", network or str(folder), "--out", str(file), *options])
    assert told in " ".join((result.stdout + result.stderr).split())
    assert file.exists() == (result.exit_code == 0) == told.startswith("MiB")
