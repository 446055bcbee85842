"""What PSD is trained on: NYUv2 and KITTI in the layouts that they are downloaded in, written here."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.data.loader import SeededIndex, training_loader  # noqa: E402
from depth_completion_training.data.nyu_kitti import (  # noqa: E402
    BOTTOM,
    Mixture,
    NyuKittiData,
    NyuSamples,
)
from depth_completion_training.data.sparse.psd_patterns import (  # noqa: E402
    coarse,
    kitti_pattern,
    noisy,
    nyu_pattern,
    spoilt,
    with_holes,
)
from depth_completion_training.data.transforms import resized_K, rotated, turned_K  # noqa: E402

from depth_completion_ros.data.nyu import K as NYU_K  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = (228, 304)
DRIVE = "2011_09_26_drive_0001_sync"
SHAPE = (262, 1226)
K = np.array([[720.0, 0, 609.5], [0, 730, 172.75], [0, 0, 1]])
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]]
# Truth tells the column of the whole image that a pixel comes from, and the scan the row.
TRUTH = (2560 + COLUMN).astype(np.uint16)
SCAN = np.where((ROW % 7 < 3) & (ROW > 60), 256 + ROW, 0).astype(np.uint16)


def write_png(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels)


def write_kitti(root: Path) -> None:
    """Two frames of both cameras, whose images get brighter to the right, and two selected ones."""
    image = (
        np.repeat(np.linspace(60, 150, SHAPE[1])[None, :, None], SHAPE[0], 0).repeat(3, 2).astype(np.uint8)
    )
    for camera in (2, 3):
        folder = f"image_{camera:02d}"
        proj = root / "kitti" / "train" / DRIVE / "proj_depth"
        for at in range(2):
            name = f"{at:010d}.png"
            write_png(proj / "velodyne_raw" / folder / name, SCAN)
            write_png(proj / "groundtruth" / folder / name, TRUTH)
            write_png(root / "raw" / DRIVE[:10] / DRIVE / folder / "data" / name, image)
        end = f"0000000005_{folder}"
        selected = root / "kitti" / "val_selection_cropped"
        write_png(selected / "image" / f"{DRIVE}_image_{end}.png", image)
        write_png(selected / "velodyne_raw" / f"{DRIVE}_velodyne_raw_{end}.png", SCAN)
        write_png(selected / "groundtruth_depth" / f"{DRIVE}_groundtruth_depth_{end}.png", TRUTH)
        (selected / "intrinsics").mkdir(exist_ok=True)
        text = " ".join(map(str, K.ravel()))
        (selected / "intrinsics" / f"{DRIVE}_image_{end}.txt").write_text(text)
    size, P = f"{SHAPE[1]} {SHAPE[0]}", " ".join(map(str, np.column_stack([K, np.zeros(3)]).ravel()))
    lines = [f"S_rect_{c:02d}: {size}\nP_rect_{c:02d}: {P}\n" for c in (2, 3)]
    (root / "raw" / DRIVE[:10] / "calib_cam_to_cam.txt").write_text("".join(lines))


NORMAL = np.array([0.6, -0.1, 0.79])
NORMAL /= np.linalg.norm(NORMAL)


def wall() -> np.ndarray:
    """Depth of a plane of this normal, 3 m away, as the camera of NYUv2 sees it."""
    y, x = np.mgrid[:480, :640]
    rays = np.linalg.inv(NYU_K) @ np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    return (3 / (NORMAL @ rays)).reshape(480, 640).astype(np.float32)


def write_nyu(root: Path) -> None:
    """Three frames for training and two for validation of that plane, brighter to the right."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    image = np.broadcast_to(np.linspace(60, 200, 640), (3, 480, 640)).astype(np.uint8)
    for name in (
        "train/a/00001",
        "train/a/00002",
        "train/b/00001",
        "val/official/00001",
        "val/official/00002",
    ):
        file = root / "nyu" / f"{name}.h5"
        file.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(file, "w") as content:
            content["rgb"], content["depth"] = image, wall()


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_kitti(folder)
    write_nyu(folder)
    return folder


def data(root, **options) -> NyuKittiData:
    folders = (root / "nyu", root / "kitti", root / "raw")
    return NyuKittiData(*map(str, folders), **{"batch_size": 1, "workers": 0} | options)


def draws(frames, count: int):
    """Samples of one frame as NumPy has them, drawn in several epochs."""
    for epoch in range(count):
        draw = SeededIndex(0)
        draw.seed = (0, epoch)
        yield {name: values.numpy() for name, values in frames[draw].items()}


# Geometry ----------------------------------------------------------------------------------------


def plane_of(depth: np.ndarray, K: np.ndarray) -> tuple[np.ndarray, float]:
    """Normal and distance of the plane through all pixels with depth, and its greatest residual."""
    v, u = np.nonzero(depth)
    z = depth[v, u].astype(float)
    points = (np.linalg.inv(K.astype(float)) @ np.stack([u, v, np.ones_like(u)])) * z
    solution, *_ = np.linalg.lstsq(points.T, np.ones(len(z)), rcond=None)
    distance = 1 / np.linalg.norm(solution)
    return solution * distance, distance


def test_what_a_camera_of_nyu_sees_keeps_its_shape_through_mirror_turn_zoom_and_crop(root):
    zooms, flips = [], set()
    for sample in draws(NyuSamples([root / "nyu/train/a/00001.h5"]), 12):
        image, depth, matrix = sample["image"], sample["depth"][0], sample["K"]
        assert image.shape == (3, *SIZE) and image.dtype == np.uint8 and depth.shape == SIZE
        normal, distance = plane_of(depth, matrix)
        # A turn about the axis, and a mirror, leave the angle to the axis; a zoom shrinks the scene.
        zoom = matrix[0, 0] / (NYU_K[0, 0] / 2)
        assert normal[2] == pytest.approx(NORMAL[2], abs=2e-3)
        assert distance == pytest.approx(3 / zoom, rel=6e-3)  # whole rows
        brighter = np.sign(np.median(image[0, :, -20:].astype(int)) - np.median(image[0, :, :20].astype(int)))
        assert np.sign(normal[0]) == brighter * np.sign(NORMAL[0])
        zooms.append(zoom)
        flips.add(brighter)
    assert flips == {1, -1} and 0.99 < min(zooms) < 1.15 and 1.35 < max(zooms) < 1.51


def test_the_test_would_see_the_official_camera(root):
    """There the principal point neither turns nor zooms nor is mirrored."""
    official = NYU_K[:2, 2] / 2 - [8, 6]
    off = []
    for sample in draws(NyuSamples([root / "nyu/train/a/00001.h5"]), 12):
        sample["K"][:2, 2] = official
        off.append(abs(plane_of(sample["depth"][0], sample["K"])[0][2] - NORMAL[2]))
    assert max(off) > 5e-3


def test_a_window_of_kitti_is_squeezed_with_its_camera(root):
    flips, lefts, scans = set(), set(), 0
    frames = data(root, nyu_share=0).train_dataloader().dataset.parts[0]
    frames.entries = frames.entries[:1]
    for sample in draws(frames, 8):
        depth, image, matrix = sample["depth"][0], sample["image"], sample["K"]
        assert image.shape == (3, *SIZE) and depth.shape == sample["sparse"].shape[1:] == SIZE
        column = np.rint(depth[0] * 256 - 2560)
        assert (depth == depth[:1]).all() and len(set(column)) == SIZE[1]
        flip = -1 if column[0] > column[1] else 1
        # Of 2.7 columns the one in the middle is taken: the ray is that of its pixel, to half a pixel.
        x = (np.arange(SIZE[1]) - matrix[0, 2]) / matrix[0, 0]
        off = (flip * x * K[0, 0] + K[0, 2]) - column
        assert np.abs(off).max() < 0.51 and abs(off.mean()) < 0.05
        assert np.corrcoef(image.mean((0, 1)), column)[0, 1] > 0.99
        # Rows by the scan, where it is fed as it is.
        v, u = np.nonzero(sample["sparse"][0])
        row = np.rint(sample["sparse"][0, v, u] * 256 - 256)
        if len(v) > 693 and (row < SHAPE[0]).all():
            scans += 1
            y = (v - matrix[1, 2]) / matrix[1, 1]
            assert np.abs(y * K[1, 1] + K[1, 2] - row).max() < 0.63
            assert row.min() >= SHAPE[0] - BOTTOM[0]
        flips.add(flip)
        lefts.add(column.min())
    assert flips == {1, -1} and len(lefts) > 4 and scans > 1


def test_a_camera_at_another_size_has_the_same_corners():
    matrix = resized_K(K, (256, 832), SIZE)
    for corner, other in (((-0.5, -0.5), (-0.5, -0.5)), ((831.5, 255.5), (303.5, 227.5))):
        ray = np.linalg.inv(K) @ [*corner, 1]
        np.testing.assert_allclose(matrix @ ray, [*other, 1])


def test_a_principal_point_turns_as_the_image_does():
    image = np.zeros((101, 141), np.uint8)
    matrix = np.array([[100.0, 0, 110], [0, 100, 30], [0, 0, 1]])
    image[30, 110] = 255
    shown = rotated(image, 37.0, cv2.INTER_LINEAR)
    v, u = np.nonzero(shown)
    centre = np.average(np.stack([u, v]), axis=1, weights=shown[v, u])
    np.testing.assert_allclose(turned_K(matrix, 37.0, image.shape)[:2, 2], centre, atol=0.1)


# Sparse patterns ---------------------------------------------------------------------------------


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, scan and truth, of which a third is unknown; every depth tells its pixel."""
    random = np.random.default_rng(0)
    image = random.integers(0, 140, (*SIZE, 3)).astype(np.uint8)
    image[:40, :60] = 200
    truth = (5 + np.arange(SIZE[0] * SIZE[1]) / 2**14).reshape(SIZE).astype(np.float32)
    truth[::3] = 0
    scan = np.where(random.random(SIZE) < 0.05, truth + np.float32(20), np.float32(0))
    scan[truth == 0] = 0
    return image, scan, truth


def test_patterns_of_nyu_are_as_frequent_as_published(monkeypatch):
    image, _, truth = scene()
    monkeypatch.setattr(
        "depth_completion_training.data.sparse.psd_patterns.spoilt", lambda sparse, random: -sparse
    )
    seen = Counter()
    for seed in range(600):
        sparse = nyu_pattern(image, truth, np.random.default_rng(seed))
        assert (np.abs(sparse)[sparse != 0] == truth[sparse != 0]).all()
        number = np.count_nonzero(sparse)
        seen[number if number < 1000 else "holes"] += 1
        seen["spoilt"] += sparse.min() < 0
    assert set(seen) == {400, 693, "holes", "spoilt"}
    expected = {"holes": 0.2, 400: 0.08, 693: 0.72, "spoilt": 0.1}
    assert all(seen[kind] / 600 == pytest.approx(share, abs=0.045) for kind, share in expected.items())


def test_patterns_of_kitti_are_as_frequent_as_published():
    _, scan, truth = scene()
    seen = Counter()
    for seed in range(600):
        sparse = kitti_pattern(scan, truth, np.random.default_rng(seed))
        number, hit = np.count_nonzero(sparse), sparse > 0
        if number == np.count_nonzero(truth) // 4:
            seen["quarter"] += (sparse[hit] == truth[hit]).all()
        elif number == np.count_nonzero(scan):
            seen["scan"] += (sparse == scan).all()
        else:
            assert number in (400, 693)
            seen["few"] += number == 400
            of_scan = (sparse[hit] > 20).all()
            assert of_scan or (sparse[hit] == truth[hit]).all()
            exact = (sparse[hit] == scan[hit]).all()
            seen["truth" if not of_scan else "points" if exact else "noisy points"] += 1
    expected = {"quarter": 0.1, "scan": 0.3, "truth": 0.3, "points": 0.15, "noisy points": 0.15, "few": 0.06}
    assert all(seen[kind] / 600 == pytest.approx(share, abs=0.05) for kind, share in expected.items())


def test_noise_is_never_on_empty_pixels_and_points_are_never_of_a_depth_near_zero():
    _, scan, truth = scene()
    for seed in range(40):
        random = np.random.default_rng(seed)
        changed = noisy(scan, random)
        np.testing.assert_array_equal(changed > 0, scan > 0)
        values = scan[scan > 0]
        assert values.min() <= changed[scan > 0].min() and changed.max() <= values.max()
        off = (changed - scan)[scan > 0]
        assert 0.23 < np.mean(off != 0) < 0.77 and 0.008 < off[off != 0].std() < 0.105
        sparse = kitti_pattern(scan, truth, random)
        assert sparse[sparse > 0].min() >= 5
        assert not (sparse[(scan == 0) & (truth == 0)]).any()
    empty = np.zeros(SIZE, np.float32)
    assert not noisy(empty, random).any() and not spoilt(empty, random).any()
    assert not kitti_pattern(empty, empty, random).any()


def test_holes_are_where_it_is_bright_and_a_fifth_of_the_rest():
    image, _, truth = scene()
    sparse = with_holes(image, truth, np.random.default_rng(1))
    kept = (sparse > 0)[truth > 0]
    assert not sparse[:40, :60].any() and (sparse[sparse > 0] == truth[sparse > 0]).all()
    assert 0.68 < kept.mean() < 0.82
    hidden = ((sparse == 0) & (truth > 0))[40:]
    assert (hidden[1::3][:, 1:] == hidden[1::3][:, :-1]).mean() > 0.95, "what is hidden is in blotches"


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_a_coarse_map_is_its_middle_pixels_in_blocks(factor):
    _, scan, _ = scene()
    low = coarse(scan, factor)
    for v in range(0, SIZE[0], 19):
        for u in range(0, SIZE[1], 23):
            row, column = (at // factor * factor + factor // 2 for at in (v, u))
            assert low[v, u] == scan[min(row, SIZE[0] - 1), min(column, SIZE[1] - 1)]


# The mixture -------------------------------------------------------------------------------------


def sets_of(loader) -> list[str]:
    """Of which set each sample is: depth of the images of KITTI is from 10 m on, that of NYUv2 below."""
    return ["kitti" if d.max() > 10 else "nyu" for batch in loader for d in batch["depth"]]


def test_an_epoch_has_each_frame_once_or_a_share_of_nyu(root):
    assert Counter(sets_of(data(root).train_dataloader())) == {"nyu": 3, "kitti": 4}
    assert Counter(sets_of(data(root, nyu_share=0.7).train_dataloader())) == {"nyu": 5, "kitti": 2}


def test_one_set_alone_does_not_need_the_other(root):
    alone = NyuKittiData(nyu=str(root / "nyu"), nyu_share=1, workers=0, batch_size=3)
    (batch,) = alone.train_dataloader()
    assert batch["image"].shape == (3, 3, *SIZE) and len(alone.val_dataloader()) == 2
    alone = NyuKittiData(
        kitti=str(root / "kitti"),
        kitti_raw=str(root / "raw"),
        nyu_share=0,
        workers=0,
        size=(57, 76),
        batch_size=1,
    )
    assert alone.train_dataloader().dataset[0]["image"].shape == (3, 57, 76)
    with pytest.raises(FileNotFoundError, match="is missing; download data_depth_velodyne.zip"):
        NyuKittiData(nyu=str(root / "nyu"), kitti=str(root / "none")).train_dataloader()
    with pytest.raises(ValueError, match="The share of NYUv2 is 1.5; it must be from 0 to 1."):
        NyuKittiData(nyu_share=1.5)


class Numbers(torch.utils.data.Dataset):
    """Each frame is its number, with the first number that its generator gives."""

    def __init__(self, first: int, count: int):
        self.first, self.count = first, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return torch.tensor([self.first + int(index), index.random.random()], dtype=torch.float64)


def test_epochs_go_through_a_set_in_turn_and_a_repeated_frame_is_drawn_anew():
    loader = training_loader(Mixture([Numbers(0, 10), Numbers(100, 4)], [5, 6]), 1, 0, seed=1)
    epochs = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        epochs.append(torch.cat(list(loader)).numpy())
    numbers, chances = np.concatenate(epochs).T
    assert all((epoch[:, 0] < 10).sum() == 5 for epoch in epochs)
    assert sorted(numbers[numbers < 10]) == list(range(10))
    assert set(Counter(numbers[numbers >= 100]).values()) == {3}
    assert len(set(chances)) == 22
    second = training_loader(Mixture([Numbers(0, 10), Numbers(100, 4)], [5, 6]), 1, 0, seed=1)
    second.load_state_dict({"epoch": 1, "batches": 4})
    np.testing.assert_array_equal(torch.cat(list(second)).numpy(), epochs[1][4:])


def test_validation_is_of_both_sets_one_image_at_a_time(root):
    batches = list(data(root).val_dataloader())
    assert [tuple(batch["depth"].shape) for batch in batches] == 2 * [(1, 1, *SIZE)] + 2 * [(1, 1, *BOTTOM)]
    assert (batches[0]["sparse"] > 0).sum() == 693
    top, left = SHAPE[0] - BOTTOM[0], (SHAPE[1] - BOTTOM[1]) // 2
    window = np.s_[top:, left : left + BOTTOM[1]]
    np.testing.assert_array_equal(batches[2]["sparse"][0, 0] * 256, SCAN[window])
    np.testing.assert_allclose(batches[2]["K"][0], K - [[0, 0, left], [0, 0, top], [0, 0, 0]])
    assert len(data(root, val_frames=1).val_dataloader()) == 2
