"""Every benchmark end to end on data in its published layout: what is fed, what is scored, in which units."""

from __future__ import annotations

import numpy as np
import pytest
from published import (
    FED,
    TRUTH,
    Recorded,
    depth_png,
    image,
    mean,
    run,
    sparse_of,
    write_ddad,
    write_diode,
    write_eth3d,
    write_kitti,
    write_marigold_kitti,
    write_marigold_nyu,
    write_processed,
    write_psd,
    write_scannet,
    write_void,
)

from depth_completion_ros.evaluation.benchmarks import (
    BENCHMARKS,
    comparison_table,
    find_benchmark,
    parse_feed,
)
from depth_completion_ros.evaluation.benchmarks.feeds import shuffled, without_background
from depth_completion_ros.evaluation.benchmarks.score import remarks

PSD = [name for name in BENCHMARKS if name.startswith("psd:")]
PARTIAL = [name for name, b in BENCHMARKS.items() if b.only_unknown]


# PSD ---------------------------------------------------------------------------------------------


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
    found = run(f"psd:{name}", write_psd(tmp_path, name, truth, sparse_of(truth, truth)))
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

SETS = {
    "NYUv2": (write_marigold_nyu, (480, 640), (41, 45, 560, 426), (480, 640)),
    "KITTI": (write_marigold_kitti, (375, 1242), (43, 117, 1129, 204), (352, 1216)),
    "ETH3D": (write_eth3d, (48, 60), None, (48, 60)),
    "ScanNet": (write_scannet, (48, 64), None, (48, 64)),
    "DIODE": (write_diode, (48, 64), None, (48, 64)),
}


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
