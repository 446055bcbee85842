"""Images that OpenCV refuses in its own way: one kind of error, and the frame is counted and left out."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hostile import of_declared_size
from synthetic import camera_image
from typer.testing import CliRunner

from depth_completion_ros.cli.app import app
from depth_completion_ros.core.safe.pixels import ImageError, opencv_errors
from depth_completion_ros.data import open_reader
from depth_completion_ros.data.files import read_depth, read_image
from depth_completion_ros.data.messages import IMAGE_ENCODINGS, decode_image


@pytest.mark.parametrize("encoding", IMAGE_ENCODINGS)
def test_images_of_every_size_and_encoding_are_decoded_or_refused_in_words(encoding):
    decoded = 0
    for height in (1, 2, 3, 5):
        for width in (1, 2, 3, 7):
            data = np.zeros(16 * 8 * width * height, np.uint8)
            message = SimpleNamespace(
                height=height, width=width, encoding=encoding, is_bigendian=0, step=0, data=data
            )
            message.step = len(data) // (3 * height)
            rows = height * {"nv12": 1.5, "nv21": 1.5, "nv24": 3}.get(encoding, 1)
            message.data = data[: int(rows * message.step)]
            try:
                image = decode_image(message)
            except ValueError:
                continue
            decoded += 1
            assert image.shape == (height, width, 3) and image.dtype == np.uint8
    assert decoded


def test_an_error_of_opencv_is_an_image_error_of_one_line():
    words = r"^Image 'a' cannot be decoded \(OpenCV: [^\n]*\)\.$"
    with pytest.raises(ImageError, match=words), opencv_errors("Image 'a'"):
        cv2.cvtColor(np.zeros((3, 5), np.uint8), cv2.COLOR_YUV2RGB_NV12)


@pytest.fixture
def folder(tmp_path):
    """Five frame folders, the second and fourth of which have images that cannot be used."""
    from test_frame_folder import write_frame

    for number in range(5):
        write_frame(tmp_path / "frames" / f"{number}")
    images = sorted((tmp_path / "frames").glob("*/image.png"))
    images[1].write_bytes(images[1].read_bytes()[:60])
    images[3].write_bytes(of_declared_size(images[3].read_bytes(), 65535, 65535))
    return tmp_path / "frames"


def test_a_frame_whose_image_is_damaged_is_counted_and_left_out(folder):
    reader = open_reader(folder)
    assert [frame.name for frame in reader] == ["0", "2", "4"]
    assert reader.skipped == {"image not readable": 2}
    with pytest.raises(ImageError, match=r"Frame '.*/1' cannot be read: Image '.*image.png' .*damaged"):
        reader.read(1)


def test_complete_goes_on_behind_a_damaged_image(folder, tmp_path):
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["complete", str(folder), "-c", "nearest", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "Left out by the reader: 2 x image not readable." in result.output
    assert sorted(file.name for file in out.glob("depth_*")) == [f"depth_{n}.png" for n in (0, 2, 4)]


def test_adapt_says_what_it_left_out_of_frames_to_be_reminded_of(folder, tmp_path):
    for package in ("torch", "onnx", "safetensors"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    options = ["--name", "robot", "--licence", "internal", "--out", str(tmp_path), "--remind", str(folder)]
    result = CliRunner().invoke(app, ["adapt", str(folder), *options])
    assert "Left out by the reader: 2 x image not readable." in result.stderr.splitlines()
    assert result.exit_code == 2 and "There are 3 frames with an image and points" in result.stderr


def test_files_of_images_and_depth_have_the_same_kind_of_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    cv2.imwrite(str(tmp_path / "b.png"), camera_image())
    with pytest.raises(ImageError, match=r"Image '.*a\.png' \(8 bytes\) cannot be decoded"):
        read_image(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"Depth file '.*b\.png' is uint8"):
        read_depth(tmp_path / "b.png")
