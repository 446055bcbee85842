"""What all benchmarks share: sound data, feeds, frames made ready, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from published import TRUTH, image, run, write_kitti, write_void
from typer.testing import CliRunner

from depth_completion_ros.core import Frame
from depth_completion_ros.evaluation.benchmarks import BENCHMARKS, METRICS, find_benchmark, parse_feed
from depth_completion_ros.evaluation.benchmarks.benchmark import cut_to_bottom, resized


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


def test_a_pattern_of_files_is_refused_where_there_is_only_one(tmp_path):
    for name in ("marigold-dc:DDAD", "marigold-dc:VOID150", "depthlab:ETH3D"):
        with pytest.raises(
            ValueError, match=f"{name} has one measurement; feed it with 'files', not 'files:a'"
        ):
            find_benchmark(name).open(tmp_path, parse_feed("files:a"))


def test_a_frame_without_truth_is_left_out_and_said(tmp_path):
    write_kitti(tmp_path, *[np.full((40, 56), TRUTH)] * 2)
    (truth,) = (tmp_path / "depth_selection").rglob("groundtruth_depth/*.png")
    truth.unlink()
    with pytest.raises(ValueError, match=r"truth: it has no ground truth \(1 of 1\)"):
        run("marigold-dc:KITTI", tmp_path)


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
    square = np.zeros((60, 80, 3), np.uint8)
    square[20:40, 20:60] = 255
    frame = Frame(camera=None, image=square, ground_truth=truth, name="a")
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
    turned = Frame(camera=None, image=image((8, 6)), ground_truth=np.ascontiguousarray(ramp.T))
    tall = resized(turned, 15, 12)
    np.testing.assert_allclose(tall.ground_truth, large.ground_truth.T, atol=1e-6)
    assert large.image.shape == (12, 15, 3) and large.image.dtype == np.uint8
    np.testing.assert_array_equal(large.image[::11, ::14], frame.image[::5, ::7])


# The command -------------------------------------------------------------------------------------


def command(*arguments):
    from depth_completion_ros.cli.app import app

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
    code, printed, remarked = command(*arguments, "--figures", 0)
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
    page = (out / "report.html").read_text()
    assert page.index("Beside published numbers") < page.index("Mean over frames")
    assert "<td>nearest</td><td>measured here</td>" in page and "Marigold-DC (10 runs)" in page


def test_as_json_the_command_prints_the_comparison_and_all_scores_and_nothing_else(tmp_path):
    write_void(tmp_path / "void", np.full((40, 56), TRUTH), 500)
    arguments = ("marigold-dc:VOID500", tmp_path / "void", "-c", "nearest", "-o", tmp_path / "out")
    code, printed, remarked = command(*arguments, "--figures", 0, "--json")
    content = json.loads(printed)
    comparison = content.pop("comparison")
    assert code == 0 and "Report: " in remarked and "has 800" in remarked
    assert content == json.loads((tmp_path / "out" / "metrics.json").read_text())
    ours, *published = comparison
    assert ours["completer"] == "nearest" and ours["MAE"] == "0.418"
    assert {row["source"].split(":")[0] for row in published} == {"published"}


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
    from depth_completion_ros.cli.scoring.benchmark import _settings

    indoor = find_benchmark("psd:SUNRGBD")
    assert _settings(indoor, ["linear"]) == {}
    assert _settings(indoor, ["linear", "psd:small"])["post_iterations"] == 6
