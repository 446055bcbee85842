"""ORB-SLAM3 behind its pipe: the real one where it is installed, and programs that end as it might."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from itertools import islice

import cv2
import numpy as np
import psutil
import pytest

from depth_completion_ros import Camera
from depth_completion_ros.slam import orbslam3
from depth_completion_ros.slam.orbslam3 import SlamFailed, run_orbslam3, settings_text
from depth_completion_ros.slam.programs import orbslam3_rgbd
from depth_completion_ros.slam.vocabulary import write_vocabulary

CAMERA = Camera(640, 240, [[400, 0, 319.5], [0, 400, 119.5], [0, 0, 1]])
FRAMES = 8
STEP_M = 0.2
SECOND = 10**9


def view(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Grey image and depth of a corridor with a pattern on its walls, after so many steps forward."""
    x, y = CAMERA.rays
    with np.errstate(divide="ignore"):
        wall, floor, end = 3 / np.abs(x), np.where(y > 0, 1.5 / y, np.inf), 30 - STEP_M * number
    depth = np.minimum(np.minimum(wall, floor), end).astype(np.float32)
    places = np.stack([x * depth, y * depth, depth + STEP_M * number], axis=-1)
    pattern = np.random.default_rng(0).integers(30, 226, (64, 64, 64))
    cells = np.floor(places / 0.25 + 1000.5).astype(int) % 64
    grey = pattern[cells[..., 0], cells[..., 1], cells[..., 2]].astype(np.uint8)
    return cv2.GaussianBlur(grey, (3, 3), 0), depth


@pytest.fixture(scope="module")
def views():
    return [(SECOND * 1_700_000_000 + SECOND // 10 * n, *view(n)) for n in range(FRAMES)]


@pytest.fixture(scope="module")
def vocabulary(views, tmp_path_factory):
    return write_vocabulary(
        [grey for _, grey, _ in views], tmp_path_factory.mktemp("slam") / "vocabulary.txt"
    )


@pytest.fixture
def installed():
    if find_spec("orbslam3") is None:
        pytest.skip("ORB-SLAM3 is not installed (extra slam)")


# The real one ------------------------------------------------------------------------------------


def test_true_depth_gives_the_way_in_metres(installed, views, vocabulary, tmp_path):
    run = run_orbslam3(views, CAMERA, vocabulary, tmp_path)
    assert run.states == ["OK"] * FRAMES and run.rested == [True] * FRAMES
    assert len(run.track_ms) == FRAMES and run.maps == 1
    assert run.trajectory.stamps.tolist() == [stamp for stamp, *_ in views]
    expected = np.stack([[0, 0, STEP_M * n] for n in range(FRAMES)])
    np.testing.assert_allclose(run.trajectory.positions, expected, atol=0.05)


def test_depth_of_half_the_size_gives_half_the_way(installed, views, vocabulary, tmp_path):
    run = run_orbslam3(
        [(stamp, grey, depth / 2) for stamp, grey, depth in views], CAMERA, vocabulary, tmp_path
    )
    assert run.trajectory.positions[-1, 2] == pytest.approx(STEP_M * (FRAMES - 1) / 2, abs=0.05)


def test_without_any_depth_it_starts_one_map_after_the_other(installed, views, vocabulary, tmp_path):
    unknown = np.full((240, 640), np.nan, np.float32)
    run = run_orbslam3([(stamp, grey, unknown) for stamp, grey, _ in views], CAMERA, vocabulary, tmp_path)
    assert run.states == ["OK", "LOST"] * (FRAMES // 2)
    assert run.maps == FRAMES // 2 and not run.trajectory.positions.any()


def test_killed_in_the_middle_it_gives_one_sentence(installed, views, vocabulary, tmp_path):
    def frames():
        yield from islice(views, 3)
        for child in psutil.Process().children():
            if "orbslam3_rgbd.py" in " ".join(child.cmdline()):
                child.kill()
        yield from islice(views, 3, None)

    with pytest.raises(
        SlamFailed, match=r"ended by signal SIGKILL at frame 4; its output is in '.*\.log'\.$"
    ):
        run_orbslam3(frames(), CAMERA, vocabulary, tmp_path)


def test_a_vocabulary_that_is_none_gives_one_sentence(installed, views, tmp_path):
    (tmp_path / "none.txt").write_text("nonsense")
    with pytest.raises(SlamFailed, match=r"^ORB-SLAM3 ended .* at its start; its output is in '.*'\.$"):
        run_orbslam3(views, CAMERA, tmp_path / "none.txt", tmp_path)


# Programs that end otherwise ---------------------------------------------------------------------


def test_without_orbslam3_a_sentence_says_what_to_install(views, vocabulary, tmp_path, bare_python):
    with pytest.raises(
        SlamFailed, match=r"orbslam3-python cannot be imported by .*: pip install \"depth-compl"
    ):
        run_orbslam3(views, CAMERA, vocabulary, tmp_path / "run", bare_python)


def test_a_program_that_is_not_there_is_named(views, vocabulary, tmp_path):
    with pytest.raises(SlamFailed, match="'/no/such/python' cannot be run"):
        run_orbslam3(views, CAMERA, vocabulary, tmp_path, "/no/such/python")


@pytest.mark.parametrize(
    "lines, sentence",
    [
        ("raise SystemExit(3)", "ended with exit code 3 at its start"),
        ("print('{\"ready\": true}', flush=True); raise SystemExit(0)", "ended with exit code 0 at frame 1"),
        ('print(\'{"error": "It is tired"}\')', "^It is tired\\.$"),
        ("import time; time.sleep(60)", "said nothing for 1 s at its start"),
    ],
)
def test_an_end_before_the_last_frame_is_one_sentence(
    views, vocabulary, tmp_path, program, monkeypatch, lines, sentence
):
    monkeypatch.setattr(orbslam3, "SILENCE_S", 1.0)
    with pytest.raises(SlamFailed, match=sentence):
        run_orbslam3(views, CAMERA, vocabulary, tmp_path / "run", program(lines))
    assert not [child for child in psutil.Process().children() if "program" in " ".join(child.cmdline())]


def test_settings_are_those_of_the_camera():
    text = settings_text(CAMERA, 10.0)
    file = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    assert file.getNode("Camera1.fx").real() == 400 and file.getNode("Camera1.cx").real() == 319.5
    assert file.getNode("Camera.width").real() == 640 and file.getNode("RGBD.DepthMapFactor").real() == 1


def test_the_package_imports_no_gpl_program_and_the_programs_nothing_of_the_package():
    from import_graph import PACKAGE, imports

    programs = f"{PACKAGE}.slam.programs"
    found = [each for each in imports() if each.importer.startswith(PACKAGE)]
    gpl = {each.importer for each in found if each.imported.split(".")[0] in ("orbslam3", "evo")}
    assert gpl == {f"{programs}.orbslam3_rgbd", f"{programs}.evo_scores"}
    assert not [each for each in found if each.imported.startswith(programs)]
    assert not [e for e in found if e.importer.startswith(f"{programs}.") and e.imported.startswith(PACKAGE)]
    assert sys.modules.get("orbslam3") is None and sys.modules.get("evo") is None


# Waiting for the mapping --------------------------------------------------------------------------


@pytest.fixture
def mapper():
    """A thread that, as those of ORB-SLAM3, looks for work every 3 ms; two others have the same core."""
    cores, hurried = os.sched_getaffinity(0), []
    os.sched_setaffinity(0, {min(cores)})  # what is started from here on inherits it
    given, done, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        while not ended.is_set():
            if given.is_set():
                given.clear()
                for _ in range(120):  # 0.3 s of running and more
                    hashlib.sha256(bytes(4_000_000))
                done.set()
            time.sleep(0.003)

    thread = threading.Thread(target=work)
    try:
        hurried += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        thread.start()
        yield given, done
    finally:
        ended.set()
        thread.join()
        for process in hurried:
            process.kill()
            process.wait()
        os.sched_setaffinity(0, cores)


def test_a_frame_waits_for_the_mapping_also_where_that_hardly_gets_a_core(mapper):
    """Else frames are fed before the mapping of those before has ended, and a busy machine tracks worse."""
    given, done = mapper
    given.set()
    assert orbslam3_rgbd.wait_for_mapping() and done.is_set()
    assert orbslam3_rgbd.wait_for_mapping(), "nothing is left to do"


def test_no_frame_waits_for_more_mapping_than_a_camera_would_leave_time_for(mapper, monkeypatch):
    given, done = mapper
    monkeypatch.setattr(orbslam3_rgbd, "PATIENCE_S", 0.05)
    given.set()
    assert not orbslam3_rgbd.wait_for_mapping() and not done.is_set()
    done.wait()


def test_mapping_that_gets_no_core_at_all_is_not_waited_for_for_ever(mapper, monkeypatch):
    monkeypatch.setattr(orbslam3_rgbd, "LONGEST_S", 0.0)
    assert not orbslam3_rgbd.wait_for_mapping()
