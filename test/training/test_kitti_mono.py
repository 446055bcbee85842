"""KITTI as BP-Net and DMD3C train on it, with monocular maps, in the layout of the release, written here."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.data.kitti_mono import MonoKittiData, read_mono  # noqa: E402
from depth_completion_training.data.transforms import (  # noqa: E402
    mirrored,
    random_corner,
    recoloured_along_axes,  # noqa: E402
)
from depth_completion_training.losses.distillation import DMD3CLoss, DMD3CReleasedLoss  # noqa: E402
from depth_completion_training.networks.toy_network import ToyNetwork  # noqa: E402
from depth_completion_training.task import CompletionTask  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

DRIVE = "2011_09_26_drive_0001_sync"
SHAPE = (130, 200)
CROP = (32, 96)
K = np.array([[150.0, 0, 90.5], [0, 160, 60.25], [0, 0, 1]])
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]]
# Every array tells where in the whole image a pixel of it comes from.
MONO = COLUMN.astype(np.uint8)
TRUTH = (2560 + 10 * COLUMN).astype(np.uint16)
SPARSE = (256 + 10 * ROW).astype(np.uint16)


def write_png(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


def camera_image(seed=0) -> np.ndarray:
    small = np.random.default_rng(seed).integers(60, 190, (6, 8, 3), np.uint8)
    return cv2.resize(small, SHAPE[::-1], interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def root(tmp_path) -> Path:
    """A drive of four frames of both cameras, raw data with maps, and two selected frames."""
    for camera in (2, 3):
        folder = f"image_{camera:02d}"
        proj, raw = (
            tmp_path / "depth" / "train" / DRIVE / "proj_depth",
            tmp_path / "raw" / DRIVE[:10] / DRIVE / folder,
        )
        for at in range(4):
            name = f"{at:010d}.png"
            write_png(proj / "velodyne_raw" / folder / name, SPARSE)
            write_png(proj / "groundtruth" / folder / name, TRUTH)
            write_png(raw / "data" / name, camera_image(at))
            write_png(raw / "disp" / name, MONO)
        end = f"0000000005_{folder}"
        selected = tmp_path / "depth" / "val_selection_cropped"
        write_png(selected / "image" / f"{DRIVE}_image_{end}.png", camera_image()[..., ::-1])
        write_png(selected / "velodyne_raw" / f"{DRIVE}_velodyne_raw_{end}.png", SPARSE)
        write_png(selected / "groundtruth_depth" / f"{DRIVE}_groundtruth_depth_{end}.png", TRUTH)
        (selected / "intrinsics").mkdir(exist_ok=True)
        text = " ".join(map(str, K.ravel()))
        (selected / "intrinsics" / f"{DRIVE}_image_{end}.txt").write_text(text)
    size, P = f"{SHAPE[1]} {SHAPE[0]}", " ".join(map(str, np.column_stack([K, np.zeros(3)]).ravel()))
    lines = [f"S_rect_{c:02d}: {size}\nP_rect_{c:02d}: {P}\n" for c in (2, 3)]
    (tmp_path / "raw" / DRIVE[:10] / "calib_cam_to_cam.txt").write_text("".join(lines))
    return tmp_path


def kitti(root, **options) -> MonoKittiData:
    options = {"crop": CROP, "batch_size": 2, "workers": 0} | options
    return MonoKittiData(str(root / "depth"), str(root / "raw"), **options)


def samples(loader):
    """Arrays of each sample by name, as NumPy has them."""
    for batch in loader:
        for at in range(len(batch["image"])):
            yield {name: values[at].numpy() for name, values in batch.items()}


# Geometry ----------------------------------------------------------------------------------------


def test_image_points_truth_map_and_camera_are_mirrored_and_cropped_together(root):
    seen = set()
    for sample in samples(kitti(root).train_dataloader()):
        assert sample["image"].shape == (3, *CROP) and sample["image"].dtype == np.uint8
        assert all(sample[name].shape == (1, *CROP) for name in ("sparse", "depth", "mono"))
        column = np.rint(sample["mono"][0] * 255).astype(int)
        np.testing.assert_array_equal(sample["depth"][0] * 256, 2560 + 10 * column)
        row = ((sample["sparse"][0] * 256 - 256) / 10).astype(int)
        assert 50 <= row[0, 0] <= SHAPE[0] - CROP[0] and (row == row[:, :1]).all()
        # The ray of a pixel is that of the pixel of the whole image that it shows, or of its mirror image.
        flip = -1 if column[0, 0] > column[0, 1] else 1
        x = (np.arange(CROP[1]) - sample["K"][0, 2]) / sample["K"][0, 0]
        y = (np.arange(CROP[0]) - sample["K"][1, 2]) / sample["K"][1, 1]
        np.testing.assert_allclose(x, flip * (column[0] - K[0, 2]) / K[0, 0], atol=1e-5)
        np.testing.assert_allclose(y, (row[:, 0] - K[1, 2]) / K[1, 1], atol=1e-5)
        # The image differs from the one it was by one colour.
        whole = [camera_image(at)[row[:, :1], column, ::-1].astype(int) for at in range(4)]
        shifts = [sample["image"].transpose(1, 2, 0) - pixels for pixels in whole]
        assert min(np.ptp(shift, axis=(0, 1)).max() for shift in shifts) <= 1
        seen.add((flip, row[0, 0], column.min()))
    assert {flip for flip, *_ in seen} == {1, -1} and len(seen) == 8


def test_validation_is_the_middle_of_the_bottom_without_a_map(root):
    batches = list(kitti(root).val_dataloader())
    assert len(batches) == 2 and "mono" not in batches[0]
    top, left = SHAPE[0] - CROP[0], (SHAPE[1] - CROP[1]) // 2
    np.testing.assert_array_equal(batches[0]["depth"][0, 0] * 256, TRUTH[top:, left : left + CROP[1]])
    image = batches[0]["image"][0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(image, camera_image()[top:, left : left + CROP[1]])
    expected = K - [[0, 0, left], [0, 0, top], [0, 0, 0]]
    assert np.allclose(batches[0]["K"][0], expected)


def test_bpnet_needs_no_map(root):
    for file in root.rglob("disp/*.png"):
        file.unlink()
    batches = list(kitti(root, mono=None).train_dataloader())
    assert len(batches) == 4 and all("mono" not in batch for batch in batches)


def test_a_mirror_image_of_a_mirror_image_is_the_image():
    image, (plane,), matrix = mirrored(*mirrored(camera_image(), [TRUTH], K))
    np.testing.assert_array_equal(image, camera_image())
    np.testing.assert_array_equal(plane, TRUTH)
    np.testing.assert_allclose(matrix, K)


def test_crops_begin_below_a_row_where_there_is_room():
    random = np.random.default_rng(0)
    places = np.array([random_corner((60, 100), (30, 90), random, least_row=20) for _ in range(300)])
    assert places.min(axis=0).tolist() == [20, 0] and places.max(axis=0).tolist() == [30, 10]
    assert random_corner((40, 90), (30, 90), random, least_row=20) == (10, 0)
    with pytest.raises(ValueError, match=r"An image of \(40, 90\) is smaller than the crop of \(41, 90\)"):
        random_corner((40, 90), (41, 90), random)


@pytest.mark.parametrize("loss", [DMD3CLoss(), DMD3CReleasedLoss()], ids=["paper", "released"])
def test_a_network_is_trained_and_validated_on_these_batches(root, loss):
    data, logged = kitti(root), {}
    task = CompletionTask(ToyNetwork(4), loss)
    task.log = lambda name, value, **kwargs: logged.update({name: float(value.detach())})
    task.training_step(next(iter(data.train_dataloader())), 0).backward()
    assert all(torch.isfinite(p.grad).all() for p in task.network.parameters())
    task.eval().validation_step(next(iter(data.val_dataloader())), 0)
    assert np.isfinite(list(logged.values())).all() and {"train/loss", "val/rmse_m"} < logged.keys()


# Colours -----------------------------------------------------------------------------------------


def test_one_colour_along_the_axes_of_an_image_is_added():
    grey = np.repeat(camera_image()[..., :1], 3, axis=2)
    shifts = []
    for seed in range(200):
        shift = recoloured_along_axes(grey, 0.1, np.random.default_rng(seed)).astype(int) - grey
        assert np.ptp(shift) == 0  # a grey image stays grey
        shifts.append(shift.flat[0])
    # Its only axis is that of grey, along which its length is the root of 3 times that of a channel.
    assert np.std(shifts) == pytest.approx(0.1 * grey.std(), rel=0.2)
    flat = np.full((8, 8, 3), 77, np.uint8)
    np.testing.assert_array_equal(recoloured_along_axes(flat, 0.1, np.random.default_rng(0)), flat)


# Maps --------------------------------------------------------------------------------------------


def test_maps_are_read_from_8_and_16_bits_and_arrays(tmp_path):
    cv2.imwrite(str(tmp_path / "8.png"), MONO)
    cv2.imwrite(str(tmp_path / "grey.png"), np.repeat(MONO[..., None], 3, axis=2))
    cv2.imwrite(str(tmp_path / "16.png"), MONO.astype(np.uint16) * 257)
    values = MONO / np.float32(255)
    np.save(tmp_path / "a.npy", values)
    for name in ("8.png", "grey.png", "16.png", "a.npy"):
        read = read_mono(tmp_path / name)
        assert read.dtype == np.float32
        np.testing.assert_allclose(read, values, atol=1e-6)
    np.save(tmp_path / "a.npy", np.where(MONO == 7, np.nan, values))
    assert (read_mono(tmp_path / "a.npy")[MONO == 7] == 0).all()


def test_an_array_is_taken_where_there_is_no_image(root):
    for file in list(root.rglob("disp/*.png")):
        np.save(file.with_suffix(".npy"), MONO / np.float32(255))
        file.unlink()
    for sample in samples(kitti(root).train_dataloader()):
        column = np.rint(sample["mono"][0] * 255)
        np.testing.assert_array_equal(sample["depth"][0] * 256, 2560 + 10 * column)


def test_a_map_that_is_missing_or_none_is_told_in_a_sentence(root, tmp_path):
    def first_sample():
        return kitti(root).train_dataloader().dataset[0]

    file = root / "raw" / DRIVE[:10] / DRIVE / "image_02" / "disp" / "0000000000.png"
    cv2.imwrite(str(file), MONO[:-1])
    with pytest.raises(ValueError, match=r"A map in 'disp' is \(129, 200\) but its image \(130, 200\)"):
        first_sample()
    coloured = np.repeat(MONO[..., None], 3, axis=2)
    coloured[0, 0] = 1, 2, 3
    cv2.imwrite(str(file), coloured)
    with pytest.raises(ValueError, match=r"has shape \(130, 200, 3\); it must be grey, height x width."):
        first_sample()
    file.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"disp/0000000000.png' cannot be decoded"):
        first_sample()
    file.unlink()
    with pytest.raises(
        FileNotFoundError, match="has no monocular map '.*disp/0000000000.png' .or .npy.; make"
    ):
        first_sample()
    np.save(file.with_suffix(".npy"), 3.5 * np.ones(SHAPE, np.float32))
    with pytest.raises(
        ValueError, match="has values from 3.5 to 3.5; it must have inverse depth from 0 to 1"
    ):
        first_sample()
