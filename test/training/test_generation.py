"""Frame files, the engine with real worker processes, and frames of real images."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import cv2
import numpy as np
import pytest
from depth_completion_training.generation.engine import Recipe, generate
from depth_completion_training.generation.options import parse_machine, parse_size, share
from depth_completion_training.generation.workers import Report, run_tasks
from depth_completion_training.simulation.frame_file import (
    FAR_M,
    NEAR_M,
    SimulatedFrame,
    StoredScan,
    decode_depth,
    encode_depth,
    read_frame,
    write_frame,
)
from generation_tasks import dies_at_three, threads_of

from depth_completion_ros.extras.open3d import import_open3d
from depth_completion_ros.fleet.workers.crew import Crew

try:
    import_open3d()
except ModuleNotFoundError:
    pytest.skip("Open3D is not installed", allow_module_level=True)

SIZE = (48, 64)
SMALL = Recipe(*SIZE, scans=2, outdoor=0.5)


def frame(seed: int = 0) -> SimulatedFrame:
    """A soft image with a slanted floor, some sky, something unknown, and two scans."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 256, (4, 5, 3), np.uint8), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    depth = np.linspace(30, 2, SIZE[0], dtype=np.float32)[:, None] + rng.random(SIZE, dtype=np.float32)
    depth[:4], depth[-2:, :9] = np.inf, 0
    scans = []
    for name, count in (("VLP-16", 50), ("grid 8x8", 0)):
        pixel = np.sort(rng.choice(depth.size, count, replace=False)).astype(np.int32)
        z, line = rng.random(count, dtype=np.float32) + 1, rng.integers(0, 16, count).astype(np.uint16)
        scans.append(StoredScan(pixel, z, line, rng.random(count) < 0.2, name))
    return SimulatedFrame(image, depth, np.float32([[40, 0, 31.5], [0, 40, 23.5], [0, 0, 1]]), scans)


# Depth and files ---------------------------------------------------------------------------------


def test_depth_comes_back_within_a_ten_thousandth():
    depth = np.exp(np.random.default_rng(0).uniform(np.log(NEAR_M), np.log(FAR_M), (200, 500)))
    back = decode_depth(encode_depth(depth))
    assert np.abs(back / depth - 1).max() < 1e-4
    ends = decode_depth(encode_depth(np.array([[NEAR_M, FAR_M]])))
    np.testing.assert_allclose(ends, [[NEAR_M, FAR_M]], rtol=1e-6)


def test_every_code_stays_what_it_is():
    codes = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(encode_depth(decode_depth(codes)), codes)


def test_what_is_no_depth_is_unknown_and_what_is_too_far_is_sky():
    codes = encode_depth(np.array([[0, -3, np.nan, 0.019, -np.inf, np.inf, 501]], np.float32))
    assert codes.tolist() == [[0, 0, 0, 0, 0, 65535, 65535]]


def test_a_frame_comes_back(tmp_path):
    there = frame()
    size = write_frame(tmp_path / "outdoor_00000000_00.npz", there)
    back = read_frame(tmp_path / "outdoor_00000000_00.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["outdoor_00000000_00.npz"]
    assert size == (tmp_path / "outdoor_00000000_00.npz").stat().st_size
    assert np.abs(back.image.astype(int) - there.image).mean() < 2  # it is a JPEG
    assert back.image.dtype == np.uint8 and back.K.dtype == np.float32
    np.testing.assert_array_equal(back.depth, decode_depth(encode_depth(there.depth)))
    np.testing.assert_array_equal(back.K, there.K)
    assert [scan.sensor for scan in back.scans] == ["VLP-16", "grid 8x8"]
    for one, other in zip(back.scans, there.scans, strict=True):
        for name in ("pixel", "z", "line", "hidden"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            assert getattr(one, name).dtype == getattr(other, name).dtype


def test_colours_keep_their_places(tmp_path):
    red = frame()
    red.image[:] = (200, 30, 10)
    write_frame(tmp_path / "a_0_00.npz", red)
    assert np.abs(read_frame(tmp_path / "a_0_00.npz").image.reshape(-1, 3).mean(0) - (200, 30, 10)).max() < 4


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other", "no image"])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, damage):
    file = tmp_path / "outdoor_00000000_00.npz"
    write_frame(file, frame())
    data = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif damage == "changed":
        data[len(data) // 3] ^= 0xFF
        file.write_bytes(data)
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "other":
        np.savez(file, depth=np.zeros(3))
    else:
        with np.load(file) as arrays:
            np.savez(file, **dict(arrays) | {"image": np.arange(9, dtype=np.uint8)})
    with pytest.raises(ValueError, match=r"^Frame file '.*00\.npz' is damaged \(.+\); delete it .*again\.$"):
        read_frame(file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^Frame file '.*none\.npz' is missing\.$"):
        read_frame(tmp_path / "none.npz")


def test_parts_that_do_not_fit_are_not_written(tmp_path):
    wrong = frame()
    wrong.scans[0].z = wrong.scans[0].z[:-1]
    with pytest.raises(ValueError, match=r"has a scan whose parts have \[49, 50\] points"):
        write_frame(tmp_path / "a_0_00.npz", wrong)
    wrong = frame()
    wrong.scans[0].pixel[-1] = SIZE[0] * SIZE[1]
    with pytest.raises(ValueError, match="pixels outside the image"):
        write_frame(tmp_path / "a_0_00.npz", wrong)
    assert not list(tmp_path.iterdir())


# Options -----------------------------------------------------------------------------------------


def test_every_scene_belongs_to_exactly_one_machine():
    seeds = sorted(seed for number in range(3) for seed in share(100, 20, (number, 3)))
    assert seeds == list(range(100, 120))


def test_the_machine_is_told_by_option_or_environment(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    assert parse_machine(None) == (0, 1)
    monkeypatch.setenv("SLURM_PROCID", "2")
    monkeypatch.setenv("SLURM_NTASKS", "5")
    assert parse_machine(None) == (2, 5)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert parse_machine(None) == (1, 4)
    assert parse_machine("0/2") == (0, 2)
    for wrong in ("2/2", "1", "-1/2", "a/b"):
        with pytest.raises(ValueError, match=f"Machine is '{wrong}'; it must be I/N"):
            parse_machine(wrong)
    monkeypatch.setenv("RANK", "4")
    with pytest.raises(ValueError, match="Machine of RANK and WORLD_SIZE is '4/4'"):
        parse_machine(None)


def test_sizes_and_recipes_are_checked():
    assert parse_size("256x384") == (256, 384)
    with pytest.raises(ValueError, match="Size is '256'; it must be HEIGHTxWIDTH"):
        parse_size("256")
    with pytest.raises(ValueError, match="at least 32 pixels"):
        Recipe(8, 64)
    with pytest.raises(ValueError, match="from 0 to 1"):
        Recipe(outdoor=1.5)


def test_the_share_of_outdoor_scenes_is_what_is_asked_for():
    kinds = [Recipe(outdoor=0.3).kind_of(seed) for seed in range(4000)]
    assert abs(kinds.count("outdoor") / 4000 - 0.3) < 0.03
    assert {Recipe(outdoor=1).kind_of(seed) for seed in range(50)} == {"outdoor"}


# Worker processes --------------------------------------------------------------------------------


def test_a_worker_that_dies_costs_one_item():
    reports: list[Report] = []
    run_tasks(dies_at_three, range(7), Crew(2), reports.append)
    assert sorted(report.item for report in reports) == list(range(7))
    failed = [report for report in reports if report.error]
    assert [report.item for report in failed] == [3]
    assert failed[0].error.startswith("its worker was lost (out of memory?) 3 times: ")
    assert os.getpid() not in {report.size for report in reports}


def test_workers_have_one_thread_and_leave_the_environment_alone(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    reports: list[Report] = []
    run_tasks(threads_of, [0], Crew(1), reports.append)
    assert (reports[0].frames, reports[0].size) == (1, 1)
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with two views each of an outdoor and an indoor scene, and the reports."""
    seeds = {SMALL.kind_of(seed): seed for seed in range(20)}
    folder, reports = tmp_path_factory.mktemp("frames"), []
    generate(folder, SMALL, seeds.values(), 2, Crew(1), reports.append)
    return folder, seeds, reports


def test_scenes_become_frames(made):
    folder, seeds, reports = made
    assert [report.error for report in reports] == ["", ""]
    names = {f"{kind}_{seed:08d}_{view:02d}.npz" for kind, seed in seeds.items() for view in range(2)}
    assert {file.name for file in folder.glob("*.npz")} == names
    assert sum(report.size for report in reports) == sum(f.stat().st_size for f in folder.glob("*.npz"))
    for name in names:
        there = read_frame(folder / name)
        assert there.depth.shape == SIZE and len(there.scans) == 2
        seen = np.isfinite(there.depth) & (there.depth > 0)
        assert seen.mean() > 0.25 and there.image.std() > 2
        for scan in there.scans:
            true = there.depth.ravel()[scan.pixel]
            known = np.isfinite(true) & ~scan.hidden
            assert known.sum() >= 5
            assert np.median(np.abs(scan.z[known] / true[known] - 1)) < 0.1


def test_what_is_there_stays_and_what_is_missing_comes_back_the_same(made):
    folder, seeds, _ = made
    files = sorted(folder.glob("*.npz"))
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}
    files[1].unlink()
    reports: list[Report] = []
    generate(folder, SMALL, seeds.values(), 2, Crew(1), reports.append)
    assert sum(report.frames for report in reports) == 1
    for file, (data, time) in before.items():
        assert file.read_bytes() == data
        assert (file.stat().st_mtime_ns == time) == (file != files[1])


def test_frames_of_another_recipe_do_not_go_into_the_same_folder(made):
    with pytest.raises(ValueError, match=r"holds frames made with .*\"height\": 48.*give the same options"):
        generate(made[0], Recipe(64, 64), [0], 1, Crew(1), print)


def command(*arguments) -> subprocess.CompletedProcess:
    module = "depth_completion_training.generation"
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], capture_output=True, text=True
    )


def test_the_command_line_makes_frames_and_refuses_nonsense_in_a_sentence(tmp_path):
    options = (tmp_path, "--scenes", 3, "--views", 1, "--size", "48x64", "--workers", 1, "--machine", "1/3")
    first = command(*options)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"1 frames of 1 scenes in {tmp_path}: ")
    assert "frames/s, 0 scenes failed." in first.stdout
    assert [file.name[-15:] for file in tmp_path.glob("*.npz")] == ["00000001_00.npz"]
    again = command(*options)
    assert again.returncode == 0 and "1 of 1 scenes are there already." in again.stderr
    wrong = command(tmp_path, "--size", "48")
    assert wrong.returncode == 2
    assert wrong.stderr == "Error: Size is '48'; it must be HEIGHTxWIDTH in pixels, such as 256x384.\n"


def test_views_of_a_viewer_are_refused_where_there_is_nothing_to_see():
    from depth_completion_training.generation.view import Viewer
    from depth_completion_training.simulation.scene import Light, Scene

    from depth_completion_ros.demo.scene.mesh import boxes

    rng = np.random.default_rng(0)
    speck = boxes([[90, 90, 90]], [[90.1, 90.1, 90.1]])
    scene = Scene(speck, Light.outdoor(rng), np.zeros((1, 4)), 0, False, (0.3, 3.0))
    with pytest.raises(ValueError, match="sees anything worth an image"):
        partial(Viewer(scene).look, *SIZE, 1)(rng)


def test_a_low_camera_has_a_better_calibrated_lidar():
    """A sensor that is believed a little too high sees the ground a little too far: all the more from low."""
    from depth_completion_training.generation.view import simulated_scans
    from depth_completion_training.simulation.camera import World
    from depth_completion_training.simulation.camera.rig import looking
    from depth_completion_training.simulation.scene import Light, Scene
    from depth_completion_training.simulation.surface import Surface

    from depth_completion_ros import Camera
    from depth_completion_ros.demo.scene.mesh import rectangles

    ground = rectangles([[-200, -200, 0]], [[400, 0, 0]], [[0, 400, 0]], Surface.CONCRETE, (0.5, 0.5, 0.5))
    light = Light.outdoor(np.random.default_rng(0))
    world = World(Scene(ground, light, np.zeros((1, 4)), 0, False, (0.1, 2)))
    camera = Camera(96, 64, [[80, 0, 47.5], [0, 80, 31.5], [0, 0, 1]])
    bias = {}
    for height in (0.1, 1.2):
        T = np.eye(4)
        T[:3, :3], T[2, 3] = looking(0, 0.1, 0), height
        x, y = camera.rays
        rays = T[:3, :3].astype(np.float32) @ np.stack([x.ravel(), y.ravel(), np.ones(x.size, np.float32)])
        truth = world.distances(T[:3, 3], rays)
        scans = simulated_scans(world, camera, T, 10.0, False, 60, np.random.default_rng(1))
        near = [(scan.z / truth[scan.pixel])[truth[scan.pixel] < 8 * height] for scan in scans]
        bias[height] = np.std([np.median(ratio) for ratio in near if len(ratio) > 20])
    assert bias[1.2] < bias[0.1] < 0.08  # of full faults it is 0.12
