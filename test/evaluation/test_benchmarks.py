"""Published protocols, each run end to end on data of a few frames written in its published layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from depth_completion_ros.completion import Completer, Completion, create_completer
from depth_completion_ros.core import Frame
from depth_completion_ros.data.listed import Layout
from depth_completion_ros.evaluation.benchmarks import (
    BENCHMARKS,
    METRICS,
    comparison_table,
    find_benchmark,
    parse_feed,
    score,
)
from depth_completion_ros.evaluation.benchmarks.benchmark import cut_to_bottom, resized
from depth_completion_ros.evaluation.benchmarks.feeds import shuffled, without_background
from depth_completion_ros.evaluation.benchmarks.score import remarks

PSD = [name for name in BENCHMARKS if name.startswith("psd:")]
PARTIAL = [name for name, b in BENCHMARKS.items() if b.only_unknown]
TRUTH, FED = 2.5, 2.0
"""Metres everywhere in a data set of one plane whose measurement is wrong."""


def image(shape):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def png(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), pixels[..., ::-1] if pixels.ndim == 3 else pixels)


def depth_png(file: Path, depth, units=256) -> None:
    png(file, np.rint(np.asarray(depth) * units).astype(np.uint16))


def text(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def npy(file: Path, array: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    np.save(file, array)


def sparse_of(truth, fed=FED):
    """Every 16th pixel of the plane, at another distance."""
    return np.where((np.arange(truth.size) % 16 == 5).reshape(truth.shape), fed, 0) * (truth > 0)


def run(name, folder, completer="nearest", feed=None):
    """The score of one completer, by its text or made."""
    benchmark = find_benchmark(name)
    fed = parse_feed(feed or benchmark.feeds[0])
    made = create_completer(completer) if isinstance(completer, str) else completer
    return score(benchmark, fed, benchmark.open(folder, fed), {made.name: made})


def mean(found):
    (mean,) = found.evaluation.means()
    return mean


# PSD ---------------------------------------------------------------------------------------------

FIRST_COLUMN = ("TOFDC", "DIODEi", "DIODEo")
FOLDERS = {
    "ScanNet": "Scannet",
    "DrivingStereo": "Drivingstereo",
    "Cityscapes": "Cityscape",
    "DIMLi": "DIML/indoor",
    "DIODEi": "DIODE/indoor",
    "DIODEo": "DIODE/outdoor",
}
LISTS = {
    "NYUv2": "nyu",
    "SUNRGBD": "sunrgbd_1010",
    "DIMLi": "diml_indoor",
    "DIODEi": "diode_indoor",
    "DIODEo": "diode_outdoor",
    "Middlebury": "middlebury_q",
    "ScanNet": "scannet_1038",
    "DrivingStereo": "drivingstereo_half_1108",
    "Argoverse": "argoverse_1009",
    "Hypersim": "hypersim_1098",
}
RAW = ("KITTI", "VOID1500", "SUNRGBD", "TOFDC", "DIMLi")
WITH_K = ("KITTI", "VOID1500", "SUNRGBD", "Middlebury", "ETH3D", "ScanNet", "Argoverse", "Cityscapes")


def write_psd(root: Path, name: str, truth: np.ndarray, sparse: np.ndarray, frames=2) -> Path:
    """A set of PSD-val with the lists of the code, as published; names of the columns differ."""
    place = FOLDERS.get(name, name)
    pattern = "raw" if name in RAW else "scatter_001"
    offset = int(name == "Cityscapes")
    lines = []
    for at in range(frames):
        columns = [f"s{at}/{kind}.png" for kind in ("rgb", "sparse", "target")] + [f"s{at}/K.txt"]
        files = [columns[0]] * 3 if name in FIRST_COLUMN else columns
        png(root / "rgb" / place / files[0], image(truth.shape))
        for folder, file, depth in (
            (f"sparse/{pattern}", files[1], sparse),
            ("depth", files[2], truth),
        ):
            stored = np.where(depth > 0, np.rint(depth * 256) + offset, 0).astype(np.uint16)
            png(root / folder / place / file, stored)
        if name in WITH_K:
            text(root / "intrinsics" / place / columns[3], "50 0 20 0 51 10 0 0 1")
        lines.append(" ".join(columns if name in WITH_K else columns[:3]))
    text(root / "filename" / f"val_{LISTS.get(name, name.lower())}.txt", "\n".join(lines))
    return root


@pytest.mark.parametrize("name", [name.partition(":")[2] for name in PSD if name != "psd:Stanford"])
def test_every_set_of_psd_is_read_as_published_and_scored_in_its_units(tmp_path, name):
    truth = np.full((40, 56), TRUTH)
    truth[0] = 0
    found = run(f"psd:{name}", write_psd(tmp_path, name, truth, sparse_of(truth)))
    metrics = mean(found).metrics
    assert mean(found).frames == 2 and metrics.coverage == 1
    assert metrics.rmse_mm == pytest.approx(500, abs=1) and metrics.mae_mm == pytest.approx(500, abs=1)
    headings, ((_, _, *cells),) = comparison_table(found)
    expected = {
        "RMSE mm": "500",
        "MAE mm": "500",
        "AbsRel %": "20.00",
        "iRMSE 1/km": "100.00",
        "iMAE 1/km": "100.00",
        "δ1 %": "0.00",  # 2.5 / 2 is not below 1.25
        "δ2 %": "100.00",
        "δ3 %": "100.00",
    }
    assert dict(zip(headings[2:10], cells, strict=False)) == expected
    assert found.evaluation.rows[0].metrics.pixels == 39 * 56


def test_panoramas_of_psd_are_resized(tmp_path):
    truth = np.full((40, 56), TRUTH)
    spy = Recorded()
    found = run("psd:Stanford", write_psd(tmp_path, "Stanford", truth, sparse_of(truth), 1), spy)
    assert found.evaluation.sizes == {(1024, 1664)} and mean(found).metrics.pixels == 1024 * 1664
    rows, columns = np.arange(1024) * 40 // 1024, np.arange(1664) * 56 // 1664
    np.testing.assert_array_equal(spy.feeds[0], sparse_of(truth)[rows[:, None], columns])
    assert any("a sphere camera" in sentence for sentence in remarks(found))


@pytest.mark.parametrize(
    ("name", "scored"),
    [("VOID1500", (0.3, 4.9)), ("DIODEo", (1.1, 249.0)), ("TOFDC", (0.3, 5.9)), ("NYUv2", (0.3, 255.0))],
)
def test_psd_scores_truth_within_its_range_alone(tmp_path, name, scored):
    truth = np.full((40, 56), scored[0])
    truth[:20], truth[0, :3] = scored[1], (0.1, 5.0, 251.0)
    found = run(f"psd:{name}", write_psd(tmp_path, name, truth, sparse_of(truth, 3)))
    least, most = find_benchmark(f"psd:{name}").within
    inside = np.rint(truth * 256) / 256
    assert found.evaluation.rows[0].metrics.pixels == ((inside > least) & (inside < most)).sum()
    assert ((np.float64(scored) > least) & (np.float64(scored) < most)).all()


def test_cameras_of_psd_are_those_of_its_loaders(tmp_path):
    truth = np.full((40, 56), TRUTH)

    def K(name):
        benchmark = find_benchmark(f"psd:{name}")
        write_psd(tmp_path, name, truth, sparse_of(truth), 1)
        (frame,) = benchmark.open(tmp_path, parse_feed(benchmark.feeds[0]))
        return frame.camera and frame.camera.K.tolist()

    assert K("VOID1500") == [[50, 0, 20], [0, 51, 10], [0, 0, 1]]
    # cy -= height - 256 and cx -= (width - 1216) // 2, whole as the frames are
    assert K("KITTI") == [[50, 0, 20 + 580], [0, 51, 10 + 216], [0, 0, 1]]
    assert K("NYUv2") == [[259.42895, 0, 154.791225], [0, 259.734805, 120.868085], [0, 0, 1]]
    assert K("DrivingStereo")[0] == [2063.2, -0.5, 978.3]
    assert K("Stanford") is K("KITTI360") is None
    fisheye = find_benchmark("psd:KITTI360")
    assert fisheye.camera == "mei" and fisheye.network["mei"]["g1"] == 1336.3220825849971
    assert find_benchmark("psd:Stanford").camera == "sphere"


def test_settings_of_psd_are_those_that_take_effect():
    iterations = {name[4:]: BENCHMARKS[name].network["post_iterations"] for name in PSD}
    assert {name for name, n in iterations.items() if n == 6} == {
        "SUNRGBD",
        "DIMLi",
        "DrivingStereo",
        "Cityscapes",
    }
    assert iterations["VOID1500"] == iterations["TOFDC"] == 1 and iterations["VKITTI2"] == 8
    assert iterations["Stanford"] == iterations["KITTI360"] == -1 and list(iterations.values()).count(0) == 9
    halves = {name[4:] for name in PSD if BENCHMARKS[name].network["rate"] == 0.5}
    assert halves == {"TOFDC", "DIMLi", "Cityscapes", "KITTI360", "Stanford"}
    assert BENCHMARKS["psd:VKITTI2"].network["mode"] == "3D+2D"
    assert sum(BENCHMARKS[name].images for name in PSD) == 654 + 1000 + 10275


def test_other_patterns_can_be_fed_from_files_and_drawn(tmp_path):
    truth = np.full((40, 56), TRUTH)
    write_psd(tmp_path, "VOID1500", truth, sparse_of(truth))
    harris = sparse_of(truth, 2.25)
    for at in range(2):
        depth_png(tmp_path / "sparse" / "corner" / "VOID1500" / f"s{at}" / "sparse.png", harris)
    assert mean(run("psd:VOID1500", tmp_path, feed="files:corner")).metrics.mae_mm == pytest.approx(250)
    found = run("psd:VOID1500", tmp_path, feed="share:1")
    assert mean(found).points_fed == round(0.01 * truth.size) and mean(found).metrics.mae_mm == 0
    assert any("Fed is share:1; the benchmark feeds files:raw" in sentence for sentence in remarks(found))


# DepthLab ----------------------------------------------------------------------------------------


def write_marigold_nyu(root: Path, truth, frames=1) -> Path:
    lines = []
    for at in range(frames):
        columns = [f"test/kitchen_{at:04d}/{kind}_0001.png" for kind in ("rgb", "depth", "filled")]
        png(root / columns[0], image(truth.shape))
        depth_png(root / columns[1], truth, 1000)
        lines.append(" ".join(columns))
    text(root / "filename_list_test.txt", "\n".join(lines))
    return root


def write_marigold_kitti(root: Path, truth) -> Path:
    date = "2011_09_26"
    lines = []
    for number, known in (("0000000069", True), ("0000000070", False)):
        drive = f"{date}_drive_0002_sync"
        picture = f"{date}/{drive}/image_02/data/{number}.png"
        depth = f"{drive}/proj_depth/groundtruth/image_02/{number}.png" if known else "None"
        png(root / picture, image(truth.shape))
        if known:
            depth_png(root / depth, truth)
        lines.append(f"{picture} {depth} 721.5377")
    text(root / "eigen_test_files_with_gt.txt", "\n".join(lines))
    return root


def write_eth3d(root: Path, truth) -> Path:
    stored = np.where(truth > 0, truth, np.inf).astype("<f4")
    columns = ("rgb/office/images/dslr_images/DSC_1.JPG", "depth/office/dslr_images/DSC_1.JPG")
    png(root / columns[0], image(truth.shape))
    (root / columns[1]).parent.mkdir(parents=True)
    (root / columns[1]).write_bytes(stored.tobytes())
    text(root / "eth3d_filename_list.txt", " ".join(columns))
    return root


def write_scannet(root: Path, truth) -> Path:
    columns = ("scene0406_02/color/000300.png", "scene0406_02/depth/000300.png")
    png(root / columns[0], image(truth.shape))
    depth_png(root / columns[1], truth, 1000)
    text(root / "scannet_val_sampled_list_800_1.txt", " ".join(columns))
    return root


def write_diode(root: Path, truth) -> Path:
    for part in ("indoors", "outdoor"):
        base = root / "val" / part / "scene_00021" / "scan_00189" / f"00021_00189_{part}_200_010"
        png(base.with_suffix(".png"), image(truth.shape))
        npy(Path(f"{base}_depth.npy"), truth[..., None])
        npy(Path(f"{base}_depth_mask.npy"), np.ones(truth.shape))
    return root


SETS = {
    "NYUv2": (write_marigold_nyu, (480, 640), (41, 45, 560, 426), (480, 640)),
    "KITTI": (write_marigold_kitti, (375, 1242), (43, 117, 1129, 204), (352, 1216)),
    "ETH3D": (write_eth3d, (48, 60), None, (48, 60)),
    "ScanNet": (write_scannet, (48, 64), None, (48, 64)),
    "DIODE": (write_diode, (48, 64), None, (48, 64)),
}


class Recorded(Completer):
    """A plane at 1 km, and below the diagonal at 1 mm; keeps what it was fed."""

    name = "recorded"

    def __init__(self):
        self.feeds = []

    def complete(self, image, sparse, camera=None, name="") -> Completion:
        self.feeds.append(sparse.depth)
        completion = Completion.unknown(sparse.depth.shape)
        completion.depth[:] = np.where(np.tri(*sparse.depth.shape, dtype=bool), 1e-3, 1e3)
        return completion


@pytest.mark.parametrize("name", PARTIAL)
def test_partial_depth_is_scored_where_it_is_unknown_inside_the_window_and_clipped(tmp_path, name):
    write, shape, window, seen = SETS[name.partition(":")[2].partition("-")[0]]
    truth = np.full(shape, TRUTH, np.float32)
    truth[::7] = 0
    write(tmp_path, truth)
    spy = Recorded()
    found = run(name, tmp_path, spy)
    benchmark = found.benchmark
    share = float(benchmark.feeds[0].partition(":")[2]) / 100
    top, left = shape[0] - seen[0], (shape[1] - seen[1]) // 2
    known = truth[top:, left : left + seen[1]] > 0
    fed = spy.feeds[0]
    assert fed.shape == seen
    assert (fed > 0).sum() == pytest.approx(share * known.sum(), abs=1) and np.all(fed[fed > 0] == TRUTH)
    inside = np.zeros(seen, bool)
    x, y, width, height = window or (0, 0, *seen[::-1])
    inside[y : y + height, x : x + width] = True
    scored = known & inside & (fed == 0)
    row = found.evaluation.rows[0].metrics
    assert row.pixels == scored.sum() > 0 and found.known["recorded"].pixels > 0
    least, most = benchmark.within
    below = np.tri(*seen, dtype=bool)[scored]
    clipped = np.where(below, max(least, 1e-3), min(most, 1e3))
    assert row.rel == pytest.approx(np.mean(np.abs(clipped - TRUTH)) / TRUTH, rel=1e-5)
    assert mean(found).frames == (2 if name.endswith("DIODE") else 1)


def test_table_3_can_be_run_with_points_and_keeps_its_published_row(tmp_path):
    truth = np.full((48, 60), TRUTH, np.float32)
    found = run("depthlab:ETH3D-known10", write_eth3d(tmp_path, truth), feed="share:10")
    assert mean(found).points_fed == 0.1 * truth.size
    headings, (ours, published) = comparison_table(found)
    at = headings.index("AbsRel %")
    assert ours[:2] == ["nearest", "measured here"] and ours[at] == ours[at + 2] == "0.00"
    assert published[:2] == ["DepthLab", "published: arXiv 2412.18153, table 3"]
    assert published[at : at + 2] == ["2.7", "98.3"] and not any(published[at + 2 :])
    other = run("depthlab:ETH3D-known10", tmp_path, feed="circles:10")
    assert len(comparison_table(other)[1]) == 1


def test_nyu_with_500_points_is_scored_in_metres_on_all_truth(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    (tmp_path / "val" / "official").mkdir(parents=True)
    with h5py.File(tmp_path / "val" / "official" / "00001.h5", "w") as file:
        file["rgb"], file["depth"] = image((480, 640)).transpose(2, 0, 1), np.full((480, 640), TRUTH, "f4")
    found = run("depthlab:NYUv2-500", tmp_path)
    assert mean(found).points_fed == 500 and mean(found).metrics.pixels == 228 * 304
    headings, rows = comparison_table(found)
    assert headings[2] == "RMSE m" and rows[0][2] == "0.000"
    assert {row[0]: row[2] for row in rows[1:]}["BP-Net"] == "0.089"


# Marigold-DC -------------------------------------------------------------------------------------


def write_processed(root: Path, truth, sparse=None) -> Path:
    png(root / "rgb" / "0000.png", image(truth.shape))
    npy(root / "gt" / "0000.npy", truth)
    if sparse is not None:
        npy(root / "sparse" / "0000.npy", sparse)
    text(root / "intrinsics" / "0000.txt", "50 0 20 0 51 10 0 0 1")
    return root


def write_void(root: Path, truth, density) -> Path:
    data = root / f"void_{density}" / "data" / "stairs4"
    png(data / "image" / "1.5.png", image(truth.shape))
    depth_png(data / "ground_truth" / "1.5.png", truth)
    depth_png(data / "sparse_depth" / "1.5.png", sparse_of(truth, FED + density / 6000))
    text(data / "K.txt", "50 0 20 0 51 10 0 0 1")
    line = f"data/void_release/void_{density}/data/stairs4/image/1.5.png\n"
    text(root / f"void_{density}" / "test_image.txt", line)
    return root


def write_kitti(root: Path, truth, sparse) -> Path:
    folder = root / "depth_selection" / "val_selection_cropped"
    drive, end = "2011_09_26_drive_0002_sync", "0000000005_image_02"
    png(folder / "image" / f"{drive}_image_{end}.png", image(truth.shape))
    depth_png(folder / "velodyne_raw" / f"{drive}_velodyne_raw_{end}.png", sparse)
    depth_png(folder / "groundtruth_depth" / f"{drive}_groundtruth_depth_{end}.png", truth)
    text(folder / "intrinsics" / f"{drive}_image_{end}.txt", "50 0 20 0 51 10 0 0 1")
    return root


def write_ddad(root: Path, truth, sparse) -> Path:
    png(root / "val" / "rgb" / "0000000000.png", image(truth.shape))
    depth_png(root / "val" / "gt" / "0000000000.png", truth)
    depth_png(root / "val" / "hints" / "0000000000.png", sparse)
    text(root / "val" / "intrinsics" / "0000000000.txt", "50 0 20 0 51 10 0 0 1")
    return root


def test_random_points_are_those_that_marigold_dc_draws(tmp_path):
    truth = np.random.default_rng(4).uniform(1, 4, (30, 44)) * (
        np.random.default_rng(5).random((30, 44)) < 0.8
    )
    places = np.argwhere(truth > 0)
    np.random.seed(2024)  # noqa: NPY002
    np.random.shuffle(places)  # noqa: NPY002
    expected = np.zeros(truth.shape, bool)
    expected[tuple(places[:500].T)] = True
    np.testing.assert_array_equal(shuffled(truth > 0, 500), expected)
    spy = Recorded()
    found = run("marigold-dc:ScanNet", write_processed(tmp_path, truth), spy)
    np.testing.assert_array_equal(spy.feeds[0] > 0, expected)
    assert mean(found).metrics.pixels == (truth > 0).sum()
    assert mean(run("marigold-dc:iBims-1", tmp_path)).points_fed == 1000


def test_the_points_of_marigold_dcs_own_sample_are_drawn_again(real_frames):
    from depth_completion_ros.data.frame_folder import read_frame

    if not (real_frames / "marigold_dc").is_dir():
        pytest.skip("the sample of Marigold-DC is not among the real frames")
    frame = read_frame(real_frames / "marigold_dc")
    np.testing.assert_array_equal(shuffled(frame.ground_truth > 0, 1000), frame.sparse_depth > 0)


@pytest.mark.parametrize("density", [150, 500, 1500])
def test_void_comes_in_three_densities(tmp_path, density):
    truth = np.full((40, 56), TRUTH)
    found = run(f"marigold-dc:VOID{density}", write_void(tmp_path, truth, density))
    wrong = TRUTH - np.rint((FED + density / 6000) * 256) / 256
    headings, rows = comparison_table(found)
    assert rows[0][2:4] == [f"{wrong:.3f}"] * 2 and headings[2:4] == ["MAE m", "RMSE m"]
    assert len(rows) == 12 and rows[1][0] == "Marigold-DC (10 runs)"


def test_nyu_of_marigold_dc_takes_the_fixed_points_of_its_files(tmp_path):
    truth = np.full((40, 56), TRUTH)
    found = run("marigold-dc:NYUv2", write_processed(tmp_path, truth, sparse_of(truth)))
    assert mean(found).metrics.mae_mm == pytest.approx(500)
    assert [row[0] for row in comparison_table(found)[1]].count("BP-Net") == 0  # not zero-shot there


@pytest.mark.parametrize(("name", "write"), [("KITTI", write_kitti), ("DDAD", write_ddad)])
def test_lidar_of_marigold_dc_loses_what_shows_through(tmp_path, name, write):
    truth = np.full((40, 56), TRUTH)
    sparse = sparse_of(truth)
    sparse[20, 20:23] = 2, 0, 9
    spy = Recorded()
    run(f"marigold-dc:{name}", write(tmp_path, truth, sparse), spy)
    np.testing.assert_array_equal(spy.feeds[0], np.where(sparse == 9, 0, sparse))


def test_the_background_filter_is_that_of_its_definition():
    random = np.random.default_rng(8)
    sparse = (random.uniform(1, 8, (25, 31)) * (random.random((25, 31)) < 0.3)).astype(np.float32)
    excess = np.zeros_like(sparse)
    for y, x in np.argwhere(sparse > 0):
        window = np.s_[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4]
        nearest = sparse[window][sparse[window] > 0].min()
        excess[window] = np.maximum(excess[window], sparse[window] - nearest)
    kept = without_background(sparse, 7, 1.5)
    np.testing.assert_array_equal(kept, np.where(excess > 1.5, 0, sparse))
    assert 0 < (kept > 0).sum() < (sparse > 0).sum()


# What all share ----------------------------------------------------------------------------------


def test_every_benchmark_is_sound_data():
    assert len(BENCHMARKS) == 18 + 5 + 1 + 10 + 8
    for name, benchmark in BENCHMARKS.items():
        assert name == benchmark.name and benchmark.images > 0 and "http" in benchmark.download
        assert set(benchmark.metrics) <= set(METRICS)
        for feed in benchmark.feeds:
            parse_feed(feed)
        for row in benchmark.published:
            assert len(row.values) == len(benchmark.metrics) and "arXiv" in row.source
            assert all(float(value) > 0 for value in row.values)
    assert find_benchmark("PSD:void1500") is BENCHMARKS["psd:VOID1500"]
    with pytest.raises(ValueError, match="'depthlab:VOID' is unknown; it must be one of depthlab:NYUv2,"):
        find_benchmark("depthlab:VOID")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_missing_data_is_one_sentence_that_says_what_to_get(tmp_path, name):
    benchmark = BENCHMARKS[name]
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(FileNotFoundError) as error:
            benchmark.open(folder, parse_feed(benchmark.feeds[0]))
        sentence = str(error.value)
        assert sentence.startswith(f"{name} needs its data (") and benchmark.download in sentence
        assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "file",
        "files:",
        "files:a/b",
        "points",
        "points:0",
        "share:0",
        "share:100",
        "shapes:x",
        "corners:2.5",
    ],
)
def test_an_unknown_feed_is_refused(text):
    with pytest.raises(
        ValueError, match="must be files, files:NAME, points:N, shuffled:N, corners:N, share:P"
    ):
        parse_feed(text)


@pytest.mark.parametrize(
    "text", ["points:40", "share:2", "shuffled:40", "shapes:30", "strokes:30", "circles:30", "squares:30"]
)
def test_feeds_draw_from_the_truth_and_the_name_alone_tells_them(text):
    truth = np.full((50, 60), TRUTH, np.float32)
    truth[:, 30:] = 0
    frame = Frame(camera=None, image=image(truth.shape), ground_truth=truth, name="a")
    fed = parse_feed(text).draw(frame, truth)
    number = float(text.partition(":")[2])
    share = number / 100 if number != 40 else 40 / 1500
    assert (fed > 0).sum() == round(share * 1500) and not fed[:, 30:].any()
    np.testing.assert_array_equal(fed, parse_feed(text).draw(frame, truth))
    if not text.startswith("shuffled"):
        assert (fed != parse_feed(text).draw(replace(frame, name="b"), truth)).any()


def test_speckles_corners_and_files_are_fed():
    truth = np.full((60, 80), TRUTH, np.float32)
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[20:40, 20:60] = 255
    frame = Frame(camera=None, image=picture, ground_truth=truth, name="a")
    assert (parse_feed("speckles:80").draw(frame, truth) > 0).mean() == pytest.approx(0.8, abs=1e-3)
    v, u = np.nonzero(parse_feed("corners:4").draw(frame, truth))
    rectangle = np.array([(20, 20), (20, 59), (39, 20), (39, 59)])
    assert np.hypot(*(np.stack([v, u], 1)[:, None] - rectangle).transpose(2, 0, 1)).min(1).max() < 12
    with pytest.raises(ValueError, match="has no measurement; another feed draws"):
        parse_feed("files").draw(frame, truth)
    assert not parse_feed("shapes:30").draw(frame, np.zeros_like(truth)).any()


def test_frames_are_cut_and_resized_with_all_their_planes():
    ramp = np.tile(np.arange(8, dtype=np.float32) + 1, (6, 1))
    frame = Frame(camera=None, image=image((6, 8)), ground_truth=ramp, sparse_depth=ramp)
    cut = cut_to_bottom(frame, 4, 5)
    np.testing.assert_array_equal(cut.ground_truth, ramp[2:, 1:6])
    np.testing.assert_array_equal(cut.image, frame.image[2:, 1:6])
    assert cut_to_bottom(frame, 9, 9).size == (6, 8)
    large = resized(frame, 12, 15)
    np.testing.assert_allclose(large.ground_truth, np.tile(np.linspace(1, 8, 15), (12, 1)), atol=1e-5)
    np.testing.assert_array_equal(large.sparse_depth[0], ramp[0, np.arange(15) * 8 // 15])
    tall = resized(replace(frame, ground_truth=np.ascontiguousarray(ramp.T)), 15, 12)
    np.testing.assert_allclose(tall.ground_truth, large.ground_truth.T, atol=1e-6)
    assert large.image.shape == (12, 15, 3) and large.image.dtype == np.uint8
    np.testing.assert_array_equal(large.image[::11, ::14], frame.image[::5, ::7])


# The command -------------------------------------------------------------------------------------


def command(*arguments):
    from depth_completion_ros.cli import app

    result = CliRunner().invoke(app, ["benchmark", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_command_lists_all_with_published_numbers():
    code, out, _ = command("--list")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 2 + len(BENCHMARKS)
    (line,) = (line for line in lines if line.startswith("| marigold-dc:KITTI |"))
    assert "1000 | 1216x352" in line and "Marigold-DC (10 runs): 0.434 / 1.465 (arXiv 2412.13389" in line
    documented = (Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md").read_text()
    assert out.strip() in documented


def test_the_command_prints_and_writes_ours_beside_published(tmp_path):
    write_void(tmp_path / "void", np.full((40, 56), TRUTH), 500)
    out = tmp_path / "out"
    arguments = ("marigold-dc:VOID500", tmp_path / "void", "-c", "nearest", "-o", out)
    code, printed, remarked = command(*arguments, "--pictures", 0)
    assert code == 0 and "published: arXiv 2412.13389" in printed
    assert "These are 1 frames; marigold-dc:VOID500 has 800." in remarked
    report = (out / "report.md").read_text()
    ours, published = (
        "| nearest | measured here | 0.418 | 0.418 |",
        "| Marigold-DC (10 runs) | published: arXiv",
    )
    assert report.startswith(
        "# Depth completion on marigold-dc:VOID500, fed files\n\n## Beside published numbers"
    )
    assert ours in report and published in report and "## Mean over frames" in report
    assert (out / "metrics.json").is_file()


def test_the_command_ends_with_a_sentence(tmp_path):
    for arguments, sentence in (
        ((), "needs its name and the folder"),
        (("psd:VOID1500",), "needs its name and the folder"),
        (("psd:void", tmp_path), "Benchmark 'psd:void' is unknown"),
        (("psd:VOID1500", tmp_path), "needs its data"),
        (("psd:VOID1500", tmp_path, "--feed", "stars:3"), "Feed 'stars:3' is unknown"),
    ):
        code, _, error = command(*arguments)
        assert code == 2 and error.startswith("Error: ") and sentence in error


def test_settings_of_a_set_reach_the_completer_that_takes_them():
    from depth_completion_ros.cli.benchmark import _settings

    indoor = find_benchmark("psd:SUNRGBD")
    assert _settings(indoor, ["linear"]) == {}
    assert replace(indoor, data=Layout("*.png")).network["post_iterations"] == 6
    assert _settings(indoor, ["linear", "psd:small"])["post_iterations"] == 6
