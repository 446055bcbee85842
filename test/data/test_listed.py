"""Data sets whose files a list names, and the layouts of VOID, DIODE and NYUv2, written here."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_completion_ros.data import open_reader
from depth_completion_ros.data.listed import Layout, Listed

SHAPE = (12, 16)
IMAGE = np.random.default_rng(3).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
DEPTH = np.tile(np.float32([0, 1.5, 2.25, 8]), (12, 4))
K = [[20.0, 0, 7.5], [0, 21.0, 5.5], [0, 0, 1]]


def png(file: Path, pixels: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    return file


def npy(file: Path, array: np.ndarray) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, array)
    return file


def text(file: Path, content: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


def write_K(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(file, K)
    return file


def depth_png(depth, units=256.0):
    return np.rint(depth * units).astype(np.uint16)


# A list ------------------------------------------------------------------------------------------


FILES = Layout(
    frames="lists/val.txt",
    image="rgb/{0}",
    sparse="sparse/{1}",
    truth="depth/{2}",
    K="K/{3}",
)


@pytest.fixture
def listed(tmp_path):
    """Two frames with four columns and a third whose truth is missing."""
    lines = [f"{n}.png {n}_s.png {n}_t.png {n}.txt" for n in "ba"] + ["c.png None None c.txt", ""]
    text(tmp_path / "lists" / "val.txt", "\n".join(lines))
    for name in "ab":
        png(tmp_path / "rgb" / f"{name}.png", IMAGE)
        png(tmp_path / "sparse" / f"{name}_s.png", depth_png(np.where(DEPTH == 8, DEPTH, 0)))
        png(tmp_path / "depth" / f"{name}_t.png", depth_png(DEPTH))
        write_K(tmp_path / "K" / f"{name}.txt")
    return tmp_path


def test_columns_of_a_list_lead_to_the_files(listed):
    reader = Listed(listed, FILES, "two")
    frames = list(reader)
    assert len(reader) == 2 and [frame.name for frame in frames] == ["b", "a"]
    assert reader.describe() == "2 frames of two"
    frame = frames[0]
    np.testing.assert_array_equal(frame.image, IMAGE)
    np.testing.assert_array_equal(frame.ground_truth, DEPTH)
    np.testing.assert_array_equal(frame.sparse_depth, np.where(DEPTH == 8, DEPTH, 0))
    np.testing.assert_array_equal(frame.camera.K, K)
    assert frame.ground_truth.dtype == frame.sparse_depth.dtype == np.float32


def test_one_column_can_name_all_files_and_K_be_constants(listed):
    text(listed / "lists" / "one.txt", "a.png another.png")
    for folder, suffix in (("sparse", "s"), ("depth", "t")):
        (listed / folder / f"a_{suffix}.png").rename(listed / folder / "a.png")
    files = Layout("lists/one.txt", "rgb/{0}", truth="depth/{0}", sparse="sparse/{0}", K=(9, 8, 7, 6, 5))
    (frame,) = Listed(listed, files)
    np.testing.assert_array_equal(frame.ground_truth, DEPTH)
    np.testing.assert_array_equal(frame.camera.K, [[9, 5, 7], [0, 8, 6], [0, 0, 1]])


def test_numbers_of_a_png_can_have_an_offset_and_another_unit(listed):
    png(listed / "depth" / "b_t.png", np.where(DEPTH > 0, depth_png(DEPTH) + 1, 0).astype(np.uint16))
    frame = next(iter(Listed(listed, Layout(FILES.frames, "rgb/{0}", truth="depth/{2}", offset=1.0))))
    np.testing.assert_allclose(frame.ground_truth, DEPTH, atol=1e-6)
    png(listed / "depth" / "b_t.png", depth_png(DEPTH, 1000))
    frame = next(iter(Listed(listed, Layout(FILES.frames, "rgb/{0}", truth="depth/{2}", units=1000.0))))
    np.testing.assert_allclose(frame.ground_truth, DEPTH, atol=1e-6)


def test_K_can_be_moved_to_the_bottom_of_a_whole_image(listed):
    files = Layout(FILES.frames, "rgb/{0}", K="K/{3}", K_of_bottom=(8, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = next(iter(Listed(listed, files)))
    np.testing.assert_array_equal(frame.camera.K, [[20, 0, 7.5 - 3], [0, 21, 5.5 - 4], [0, 0, 1]])
    assert frame.size == SHAPE


def test_a_K_that_is_of_images_of_another_size_is_told(listed):
    with pytest.warns(
        UserWarning, match="Camera of .*: its principal point is at 40, 30, far from the middle"
    ):
        list(Listed(listed, Layout(FILES.frames, "rgb/{0}", K=(60, 60, 40, 30))))
    with pytest.raises(ValueError, match="so it is not calibrated"):
        list(Listed(listed, Layout(FILES.frames, "rgb/{0}", K=(60, 60, 4000, 30))))


def test_depth_comes_from_arrays_and_from_floats_without_a_header(tmp_path):
    png(tmp_path / "rgb" / "a.png", IMAGE)
    npy(tmp_path / "gt" / "a.npy", np.where(DEPTH == 0, np.inf, DEPTH)[..., None].astype(np.float64))
    png(tmp_path / "rgb" / "a.png", IMAGE)
    (tmp_path / "gt" / "a.JPG").write_bytes(np.where(DEPTH == 0, np.inf, DEPTH).astype("<f4").tobytes())
    for truth in ("gt/{stem}.npy", "gt/{stem}.JPG"):
        (frame,) = Listed(tmp_path, Layout("rgb/*.png", truth=truth))
        assert frame.name == "rgb/a" and frame.camera is None
        np.testing.assert_array_equal(frame.ground_truth, DEPTH)


def test_what_is_missing_or_broken_is_named(listed):
    with pytest.raises(FileNotFoundError, match="list.txt' is missing"):
        Listed(listed, Layout("list.txt"))
    with pytest.raises(FileNotFoundError, match="no frame in '.*/none/.*png'"):
        Listed(listed, Layout("none/*.png"))
    with pytest.raises(ValueError, match="Line 'b.png b_s.png b_t.png b.txt' of 'lists/val.txt' has too few"):
        next(iter(Listed(listed, Layout(FILES.frames, "rgb/{4}"))))
    png(listed / "depth" / "b_t.png", depth_png(DEPTH)[:5])
    with pytest.raises(ValueError, match=r"b_t.png' is \(5, 16\) but its image is \(12, 16\)"):
        next(iter(Listed(listed, FILES)))
    (listed / "depth" / "b_t.npy").write_bytes(b"no array")
    with pytest.raises(ValueError, match="b_t.npy' is no array"):
        next(iter(Listed(listed, Layout(FILES.frames, "rgb/{0}", truth="depth/b_t.npy"))))
    npy(listed / "depth" / "b_t.npy", DEPTH[:5])
    with pytest.raises(ValueError, match=r"has shape \(5, 16\) but its image is \(12, 16\)"):
        next(iter(Listed(listed, Layout(FILES.frames, "rgb/{0}", truth="depth/b_t.npy"))))
    (listed / "depth" / "b_t.raw").write_bytes(b"1234")
    with pytest.raises(ValueError, match="has 4 bytes"):
        next(iter(Listed(listed, Layout(FILES.frames, "rgb/{0}", truth="depth/b_t.raw"))))
    text(listed / "K" / "b.txt", "1 2 3")
    with pytest.raises(ValueError, match="nine numbers"):
        next(iter(Listed(listed, Layout(FILES.frames, "rgb/{0}", K="K/{3}"))))


# VOID --------------------------------------------------------------------------------------------


def write_void(folder: Path, density=1500) -> Path:
    root = folder / f"void_{density}"
    frames = [("stairs4", "1552695322.3039"), ("desktop2", "1552625295.7828")]
    for sequence, stamp in frames:
        data = root / "data" / sequence
        png(data / "image" / f"{stamp}.png", IMAGE)
        png(data / "sparse_depth" / f"{stamp}.png", depth_png(np.where(DEPTH == 1.5, DEPTH, 0)))
        png(data / "ground_truth" / f"{stamp}.png", depth_png(DEPTH))
        write_K(data / "K.txt")
    lines = [f"data/void_release/void_{density}/data/{s}/image/{t}.png\n" for s, t in frames]
    text(root / "test_image.txt", lines[0])
    text(root / "train_image.txt", lines[1])
    return folder


def test_void_is_read_by_the_lists_of_its_splits(tmp_path):
    write_void(tmp_path, 150)
    write_void(tmp_path)
    (frame,) = open_reader(tmp_path)
    assert frame.name.endswith("stairs4/image/1552695322.3039")
    np.testing.assert_array_equal(frame.ground_truth, DEPTH)
    np.testing.assert_array_equal(frame.sparse_depth, np.where(DEPTH == 1.5, DEPTH, 0))
    np.testing.assert_array_equal(frame.camera.K, K)
    (frame,) = open_reader(tmp_path, density=150, split="train")
    assert frame.name.endswith("void_150/data/desktop2/image/1552625295.7828")
    with pytest.raises(ValueError, match="density is 200; VOID has 150, 500, 1500"):
        open_reader(tmp_path, density=200)
    with pytest.raises(ValueError, match="split is 'val'; VOID has test and train"):
        open_reader(tmp_path, split="val")
    with pytest.raises(FileNotFoundError, match="void_500/test_image.txt' is missing"):
        open_reader(tmp_path, density=500)


# DIODE -------------------------------------------------------------------------------------------


def write_diode(folder: Path) -> Path:
    mask = np.ones(SHAPE)
    mask[:6] = 0
    for part, scene in (("indoors", 19), ("outdoor", 22)):
        scan = folder / part / f"scene_{scene:05d}" / "scan_00183"
        base = f"{scene:05d}_00183_{part}_000_010"
        png(scan / f"{base}.png", IMAGE)
        npy(scan / f"{base}_depth.npy", DEPTH[..., None])
        npy(scan / f"{base}_depth_mask.npy", mask)
    return folder


def test_diode_takes_truth_where_its_mask_says_so(tmp_path):
    write_diode(tmp_path / "val")
    for path in (tmp_path, tmp_path / "val"):
        indoors, outdoor = open_reader(path)
        assert indoors.name.endswith("00019_00183_indoors_000_010") and "outdoor" in outdoor.name
        assert not indoors.ground_truth[:6].any()
        np.testing.assert_array_equal(indoors.ground_truth[6:], DEPTH[6:])
        assert indoors.camera.K[0, 0] == 886.81 and indoors.camera.K[1, 1] == 927.06
    (frame,) = open_reader(tmp_path, part="outdoor")
    assert "outdoor" in frame.name
    with pytest.raises(ValueError, match="part is 'night'; DIODE has indoors and outdoor"):
        open_reader(tmp_path, part="night")


# NYUv2 -------------------------------------------------------------------------------------------


def write_nyu(folder: Path, splits=("val/official",)) -> np.ndarray:
    """HDF5 files of 640 x 480; the true depth."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    depth = np.linspace(1, 8, 480, dtype=np.float32)[:, None] + np.linspace(0, 1, 640, dtype=np.float32)
    image = np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    for split in splits:
        (folder / split).mkdir(parents=True)
        with h5py.File(folder / split / "00001.h5", "w") as file:
            file["rgb"], file["depth"] = cv2.blur(image, (5, 5)).transpose(2, 0, 1), depth
    return depth


def test_nyu_is_halved_and_cropped_or_whole(tmp_path):
    depth = write_nyu(tmp_path, ("val/official", "train/basement_0001a"))
    (frame,) = open_reader(tmp_path)
    assert frame.name == "val/official/00001" and frame.size == (228, 304) == frame.image.shape[:2]
    # A linear slope keeps its values at the middle of two rows and columns.
    middle = (depth[::2, ::2] + depth[1::2, 1::2]) / 2
    np.testing.assert_allclose(frame.ground_truth, middle[6:234, 8:312], atol=1e-5)
    np.testing.assert_allclose(frame.camera.K[:2], [[259.42895, 0, 154.7912], [0, 259.7348, 120.8681]])
    (frame,) = open_reader(tmp_path, split="train", whole=True)
    assert frame.name == "train/basement_0001a/00001" and frame.size == (480, 640)
    np.testing.assert_array_equal(frame.ground_truth, depth)
    assert frame.camera.K[0, 2] == 325.5824


def test_nyu_is_halved_as_it_is_for_training(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    transforms = pytest.importorskip("depth_completion_training.data.transforms")
    write_nyu(tmp_path)
    whole, small = (next(iter(open_reader(tmp_path, whole=whole))) for whole in (True, False))
    window = np.s_[6:234, 8:312]
    depth = transforms.resized(whole.ground_truth, (240, 320))[window]
    np.testing.assert_allclose(small.ground_truth, depth, atol=1e-5)
    image = transforms.resized(whole.image, (240, 320))[window]
    assert np.abs(small.image.astype(int) - image).max() <= 1


def test_a_folder_or_file_of_nyu_that_is_no_such_is_named(tmp_path):
    from depth_completion_ros.data.nyu import Nyu

    with pytest.raises(FileNotFoundError, match=r"has no files val/\*/\*.h5"):
        Nyu(tmp_path)
    write_nyu(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"has no files train/\*/\*.h5"):
        open_reader(tmp_path, split="train")
    file = tmp_path / "val" / "official" / "00001.h5"
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"00001\.h5' is damaged or no HDF5"):
        next(iter(open_reader(tmp_path)))


def test_what_is_no_array_in_a_file_of_nyu_is_named(tmp_path):
    import h5py

    write_nyu(tmp_path)
    file = tmp_path / "val" / "official" / "00001.h5"
    with h5py.File(file, "w") as group:
        group.create_group("rgb")
        group["depth"] = ["a", "b"]
    with pytest.raises(ValueError, match=r"'rgb' of .*00001\.h5' cannot be read"):
        next(iter(open_reader(tmp_path)))
    with h5py.File(file, "w") as group:
        group["rgb"] = "a text"
        group["depth"] = np.ones((480, 640))
    with pytest.raises(ValueError, match=r"'rgb' of .*00001\.h5' must be an array of numbers"):
        next(iter(open_reader(tmp_path)))
    with h5py.File(file, "w") as group:
        values = np.random.default_rng(0).integers(0, 255, (3, 480, 640), np.uint8)
        group.create_dataset("rgb", data=values, compression="gzip")
        group["depth"] = np.ones((480, 640))
    damaged = bytearray(file.read_bytes())
    middle = len(damaged) // 4
    damaged[middle : middle + 999] = bytes(999)
    file.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"'rgb' of .*00001\.h5' cannot be read"):
        next(iter(open_reader(tmp_path)))


def change_nyu(folder: Path, **arrays):
    """Other arrays, by a function of those there are."""
    import h5py

    with h5py.File(folder / "val" / "official" / "00001.h5", "r+") as file:
        for name, change in arrays.items():
            array = change(file[name][()])
            del file[name]
            file[name] = array


def test_nyu_files_of_your_own_may_be_in_other_units_and_of_one_channel(tmp_path):
    depth = write_nyu(tmp_path)
    change_nyu(tmp_path, depth=lambda d: np.rint(d * 1000).astype(np.uint16)[None])
    (frame,) = open_reader(tmp_path, whole=True, units=1000)
    np.testing.assert_allclose(frame.ground_truth, depth, atol=6e-4)
    assert frame.ground_truth.dtype == np.float32


@pytest.mark.parametrize("kind", [np.float16, np.float64])
@pytest.mark.parametrize("whole", [False, True])
def test_nyu_of_any_floating_point_is_read_as_float32(tmp_path, kind, whole):
    write_nyu(tmp_path)
    (expected,) = open_reader(tmp_path, whole=whole)
    change_nyu(tmp_path, depth=lambda d: d.astype(kind))
    (frame,) = open_reader(tmp_path, whole=whole)
    assert frame.ground_truth.dtype == np.float32
    np.testing.assert_allclose(frame.ground_truth, expected.ground_truth, rtol=1e-3)


@pytest.mark.parametrize("unknown", [np.nan, np.inf, -1.0])
def test_what_is_no_depth_in_nyu_is_unknown_and_spoils_no_other_pixel(tmp_path, unknown):
    depth = write_nyu(tmp_path)
    change_nyu(tmp_path, depth=lambda d: np.where(np.arange(480)[:, None] < 240, np.float32(unknown), d))
    (frame,) = open_reader(tmp_path)
    small = frame.ground_truth
    assert not small[:112].any() and np.isfinite(small).all()
    np.testing.assert_allclose(small[118], (depth[::2, ::2] + depth[1::2, 1::2])[124, 8:312] / 2, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        (
            "depth",
            lambda d: d / 1000,
            "has a median of 0.005 m, which no camera of rooms measures; the option",
        ),
        (
            "depth",
            lambda d: (d * 1000).astype(np.uint16),
            "is uint16; it must be .* give the option units=1000",
        ),
        ("depth", lambda d: d * 1000, "has a median of .* m, which no room has; for millimetres"),
        ("depth", lambda d: d[::2, ::2], r"has shape \(240, 320\); it must be that of the image"),
        ("depth", lambda d: d[None].repeat(2, 0), r"has shape \(2, 480, 640\); it must be that of the image"),
        ("rgb", lambda d: d[:, ::2, ::2], r"uint8 with shape \(3, 240, 320\); it must be uint8"),
        ("rgb", lambda d: d.transpose(1, 2, 0), r"uint8 with shape \(480, 640, 3\); it must be uint8"),
        ("rgb", lambda d: d / 255, r"float64 with shape \(3, 480, 640\); it must be uint8"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_arrays_that_are_not_as_those_of_nyu_are_refused_in_one_sentence(
    tmp_path, name, change, sentence, whole
):
    write_nyu(tmp_path)
    change_nyu(tmp_path, **{name: change})
    with pytest.raises(ValueError, match=sentence):
        list(open_reader(tmp_path, whole=whole))


@pytest.mark.parametrize("units", [0, -1, "mm", True])
def test_units_of_nyu_that_are_none_are_refused(tmp_path, units):
    write_nyu(tmp_path)
    with pytest.raises(ValueError, match="Option units is .*; it must be a number above 0"):
        open_reader(tmp_path, units=units)


def test_a_truth_of_integers_is_not_taken_for_metres(tmp_path):
    png(tmp_path / "rgb/1.png", IMAGE), npy(tmp_path / "depth/1.npy", (DEPTH * 1000).astype(np.uint16))
    with pytest.raises(ValueError, match=r"1.npy' is uint16; it must be floating point in metres"):
        list(Listed(tmp_path, Layout(frames="rgb/*.png", truth="depth/{stem}.npy")))
