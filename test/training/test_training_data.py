"""KITTI and NYUv2 in the layouts that they are downloaded in, written here."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.data.kitti import KittiData  # noqa: E402
from depth_completion_training.data.nyu import CROP, NyuData  # noqa: E402
from depth_completion_training.data.sparse.lines import evenly_spaced_lines, line_labels, random_lines  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

DRIVE = "2011_09_26_drive_0001_sync"
SHAPE = (160, 200)
K = np.array([[150.0, 0, 99.5], [0, 150, 79.5], [0, 0, 1]])


def camera_image(shape, seed=0) -> np.ndarray:
    """Soft blobs of colour, uint8 H x W x 3."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)


def plane(shape) -> np.ndarray:
    """A floor that comes nearer downwards, 1/256 m."""
    rows = np.linspace(40, 4, shape[0])[:, None] + np.zeros(shape)
    return (256 * rows).astype(np.uint16)


def write_png(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


def write_kitti(root: Path) -> Path:
    """A tree of drives with raw data beside it, and the selection; scans have a line every other row."""
    truth, sparse = plane(SHAPE), np.zeros(SHAPE, np.uint16)
    sparse[100::2, ::3] = truth[100::2, ::3]
    for camera in (2, 3):
        folder = f"image_{camera:02d}"
        proj = root / "depth" / "train" / DRIVE / "proj_depth"
        for at in range(3):
            name = f"{at:010d}.png"
            write_png(proj / "velodyne_raw" / folder / name, sparse)
            write_png(proj / "velodyne_Net" / folder / name, truth + 256)
            write_png(proj / "groundtruth" / folder / name, truth)
            raw = root / "raw" / DRIVE[:10] / DRIVE / folder / "data" / name
            write_png(raw, camera_image(SHAPE, at)[..., ::-1])
        end = f"0000000005_{folder}"
        selected = root / "depth" / "depth_selection" / "val_selection_cropped"
        write_png(selected / "image" / f"{DRIVE}_image_{end}.png", camera_image(SHAPE)[..., ::-1])
        write_png(selected / "velodyne_raw" / f"{DRIVE}_velodyne_raw_{end}.png", sparse)
        write_png(selected / "groundtruth_depth" / f"{DRIVE}_groundtruth_depth_{end}.png", truth)
        (selected / "intrinsics").mkdir(exist_ok=True)
        text = " ".join(map(str, K.ravel()))
        (selected / "intrinsics" / f"{DRIVE}_image_{end}.txt").write_text(text)
    size, P = f"{SHAPE[1]} {SHAPE[0]}", " ".join(map(str, np.column_stack([K, np.zeros(3)]).ravel()))
    lines = [f"S_rect_{c:02d}: {size}\nP_rect_{c:02d}: {P}\n" for c in (2, 3)]
    (root / "raw" / DRIVE[:10] / "calib_cam_to_cam.txt").write_text("".join(lines))
    return root


def kitti(root, **options) -> KittiData:
    options = {"crop": (48, 96), "batch_size": 2, "workers": 0, "frames": None} | options
    return KittiData(str(root / "depth"), str(root / "raw"), **options)


def nyu(root, **options) -> NyuData:
    return NyuData(str(root), **{"batch_size": 2, "workers": 0} | options)


@pytest.fixture
def nyu_root(tmp_path) -> Path:
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    rows = np.linspace(8, 1, 480, dtype=np.float32)[:, None] + np.zeros((480, 640), np.float32)
    for name in ("train/a/00001", "train/a/00002", "train/b/00001", "val/official/00001"):
        file = tmp_path / "train_nyu" / f"{name}.h5"  # a folder called `train...` above must not confuse
        file.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(file, "w") as content:
            content["rgb"] = camera_image((480, 640)).transpose(2, 0, 1)
            content["depth"] = rows
        split, _, rest = name.partition("/")
        file = tmp_path / "train_nyu" / f"{split}_Net" / f"{rest}.h5"
        file.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(file, "w") as content:
            content["depth_Net"] = rows + 1
    return tmp_path / "train_nyu"


def assert_contract(batch, size, shape):
    assert batch["image"].shape == (size, 3, *shape) and batch["image"].dtype == torch.uint8
    assert batch["K"].shape == (size, 3, 3) and batch["K"].dtype == torch.float32
    for name in ("sparse", "depth"):
        assert batch[name].shape == (size, 1, *shape) and batch[name].dtype == torch.float32
        assert torch.isfinite(batch[name]).all() and (batch[name] >= 0).all() and batch[name].any()


# KITTI -------------------------------------------------------------------------------------------


def test_kitti_trains_on_crops_of_both_cameras_and_validates_below_the_sky(tmp_path):
    data = kitti(write_kitti(tmp_path))
    loader = data.train_dataloader()
    assert len(loader) == 3
    for batch in loader:
        assert_contract(batch, 2, (48, 96))
    batches = list(data.val_dataloader())
    assert len(batches) == 2
    assert_contract(batches[0], 1, (SHAPE[0] - 100, SHAPE[1]))
    expected = K.astype(np.float32) - np.float32([[0, 0, 0], [0, 0, 100], [0, 0, 0]])
    assert np.allclose(batches[0]["K"][0], expected)
    np.testing.assert_array_equal(batches[0]["depth"][0, 0] * 256, plane(SHAPE)[100:])
    np.testing.assert_array_equal(batches[0]["image"][0].permute(1, 2, 0), camera_image(SHAPE)[100:])


def test_measured_pixels_stay_on_the_truth_through_augmentation(tmp_path):
    """The truth of a row belongs to that row: a zoom divides depth, and moves sparse and true depth alike."""
    for batch in kitti(write_kitti(tmp_path)).train_dataloader():
        sparse, depth = batch["sparse"], batch["depth"]
        here = (sparse > 0) & (depth > 0)
        assert here.any() and torch.equal(sparse[here], depth[here])
        assert not torch.equal(batch["depth"][0], batch["depth"][1])
        assert depth[depth > 0].min() >= 4 / 1.5 and depth.max() <= 40


def test_kitti_takes_a_prior_of_the_points_or_of_files(tmp_path):
    root = write_kitti(tmp_path)
    for batch in kitti(root, prior="velodyne_Net").train_dataloader():
        both = (batch["depth"] > 0) & (batch["prior"] > 0)
        ahead = (batch["prior"] - batch["depth"])[both]
        assert (ahead > 1 / 1.51).all() and (ahead <= 1).all()  # 1 m, divided by the zoom
    for batch in kitti(root, prior="linear").train_dataloader():
        assert (batch["prior"] > 0).all()
        here = batch["sparse"] > 0
        assert torch.allclose(batch["prior"][here], batch["sparse"][here])


def test_a_subset_of_kitti_is_the_same_every_time(tmp_path):
    root = write_kitti(tmp_path)
    one, other = (kitti(root, frames=4).train_dataloader().dataset for _ in range(2))
    names = [[reader.entries[at].name for reader, at in frames.entries] for frames in (one, other)]
    assert len(names[0]) == 4 and names[0] == names[1]


@pytest.mark.parametrize("lines", [0, 48, (8, 4), (1, 65)])
def test_numbers_of_lines_that_cannot_be_are_refused(tmp_path, lines):
    with pytest.raises(ValueError, match="KITTI is to be fed with .* lines; it must be"):
        kitti(tmp_path, lines=lines)


# Lines -------------------------------------------------------------------------------------------


def scan() -> np.ndarray:
    """65 rings, at equal steps of the angle below the horizon, in an image 20 columns wide."""
    sparse = np.zeros((300, 20), np.float32)
    pitch = np.linspace(0.05, 0.75, 65)
    rows = np.rint(300 * np.tan(pitch)).astype(int)
    sparse[rows, 10] = 7
    assert len(set(rows)) == 65
    return sparse


CAMERA = np.array([[300.0, 0, 10], [0, 300, 0], [0, 0, 1]])


def test_labels_of_lines_rise_evenly_from_0_to_64():
    pixel, label = line_labels(scan(), CAMERA)
    assert label.tolist() == list(range(65)) and (np.diff(pixel) > 0).all()


@pytest.mark.parametrize(("lines", "kept"), [(4, 5), (8, 9), (32, 33), (64, 65)])
def test_evenly_spaced_lines_are_those_with_a_label_that_divides(lines, kept):
    few = evenly_spaced_lines(scan(), CAMERA, lines)
    rows = np.flatnonzero(scan().any(axis=1))
    np.testing.assert_array_equal(np.flatnonzero(few.any(axis=1)), rows[:: 64 // lines])
    assert np.count_nonzero(few) == kept


def test_random_lines_are_as_many_as_asked_for_without_the_topmost():
    sparse = scan()
    seen = set()
    for seed in range(20):
        few = random_lines(sparse, CAMERA, 5, np.random.default_rng(seed))
        rows = np.flatnonzero(few.any(axis=1))
        assert len(rows) == 5 and rows[0] > np.flatnonzero(sparse.any(axis=1))[0]
        seen.add(tuple(rows))
    assert len(seen) == 20


def test_an_empty_scan_has_no_lines():
    assert not random_lines(np.zeros((9, 9), np.float32), CAMERA, 4, np.random.default_rng(0)).any()


# NYUv2 -------------------------------------------------------------------------------------------


def test_nyu_is_halved_and_cropped_as_the_papers_do(nyu_root):
    (batch,) = nyu(nyu_root, val_points=500).val_dataloader()
    assert_contract(batch, 1, CROP)
    assert (batch["sparse"] > 0).sum() == 500
    here = batch["sparse"] > 0
    assert torch.equal(batch["sparse"][here], batch["depth"][here])
    rows = np.linspace(8, 1, 480)  # a pixel of half the size is the mean of two rows
    expected = (rows[::2] + rows[1::2])[6:234] / 2
    np.testing.assert_allclose(batch["depth"][0, 0, :, 150], expected, atol=1e-3)


def test_nyu_trains_with_a_number_of_points_by_chance(nyu_root):
    data = nyu(nyu_root, points=(10, 1001))
    batches = list(data.train_dataloader())
    assert len(batches) == 1
    assert_contract(batches[0], 2, CROP)
    numbers = (batches[0]["sparse"] > 0).sum(dim=(1, 2, 3)).tolist()
    assert all(10 <= number <= 1001 for number in numbers) and numbers[0] != numbers[1]


def test_nyu_takes_a_prior_of_files_beside_the_splits(nyu_root):
    (batch,) = nyu(nyu_root, prior="Net").val_dataloader()
    assert torch.allclose(batch["prior"], batch["depth"] + 1, atol=1e-4)
    (batch,) = nyu(nyu_root, prior="linear").val_dataloader()
    assert torch.isfinite(batch["prior"]).all() and (batch["prior"] > 0).all()


# What is missing ---------------------------------------------------------------------------------


def test_a_missing_folder_says_what_to_download_and_where_to(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"depth/train' is missing; download data_depth_velodyne.zip"):
        kitti(tmp_path).train_dataloader()
    with pytest.raises(FileNotFoundError, match=r"val_selection_cropped' is missing; download .*https://"):
        kitti(tmp_path).val_dataloader()
    with pytest.raises(FileNotFoundError, match=r"has no files train/\*/\*.h5; download http.* unpack it in"):
        nyu(tmp_path / "nyudepthv2").train_dataloader()
    write_kitti(tmp_path)
    data = KittiData(str(tmp_path / "depth"), str(tmp_path / "elsewhere"))
    with pytest.raises(FileNotFoundError, match="elsewhere' is missing; download the raw drives"):
        data.train_dataloader()


def test_a_damaged_nyu_file_is_named(nyu_root):
    file = nyu_root / "val" / "official" / "00001.h5"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"00001\.h5' is damaged or no HDF5"):
        next(iter(nyu(nyu_root).val_dataloader()))
