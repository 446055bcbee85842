"""Files are read only where they are files, and written whole or not at all, also when the disk is full."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from full_disk import on_a_full_disk
from memory import at_most

from depth_completion_ros.core.safe.files import (
    read_array,
    read_bytes,
    read_settings,
    read_text,
    whole_file,
    write_bytes,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# Writing -------------------------------------------------------------------------------------------


def test_a_file_is_replaced_at_the_end_alone(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with whole_file(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old" and unfinished.parent == tmp_path and unfinished.suffix == ".json"
    assert path.read_text() == "new" and names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("there", [True, False])
def test_after_an_error_the_old_file_stands_and_no_half_one(tmp_path, error, there):
    path = tmp_path / "a.json"
    if there:
        path.write_text("old")
    with pytest.raises(error), whole_file(path) as unfinished:
        unfinished.write_text("half")
        raise error
    assert names(tmp_path) == (["a.json"] if there else [])
    assert not there or path.read_text() == "old"


def test_a_full_disk_is_an_error_and_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = (
        f"from depth_completion_ros.core.safe.files import write_text; write_text({str(path)!r}, 'x' * 70000)"
    )
    done = on_a_full_disk(sys.executable, "-c", code, str(path))
    assert done.returncode == 1 and "File too large" in done.stderr
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_permissions_and_links_stay(tmp_path):
    write_text(tmp_path / "new", "x")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask
    (tmp_path / "new").chmod(0o640)
    (tmp_path / "link").symlink_to("new")
    write_bytes(tmp_path / "link", b"y")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "new").read_bytes() == b"y"
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_devices_are_written_to_and_folders_refused(tmp_path):
    write_text("/dev/null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(OSError, match="No space left on device"):
        write_text("/dev/full", "x")
    with pytest.raises(IsADirectoryError, match="is a folder; it must be a file to be written"):
        write_text(tmp_path, "x")


def test_complete_on_a_full_disk_fails_and_leaves_no_empty_image(tmp_path):
    import cv2

    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noise)
    sparse = np.zeros((300, 400), np.uint16)
    sparse[::2, ::2] = np.random.default_rng(2).integers(1, 60_000, (150, 200))
    cv2.imwrite(str(tmp_path / "d.png"), sparse)
    given = [tmp_path / "a.png", "--sparse", tmp_path / "d.png", "--out", tmp_path / "out", "-c", "nearest"]
    code = "from depth_completion_ros.cli import main; main()"
    done = on_a_full_disk(sys.executable, "-c", code, "complete", *map(str, given))
    assert done.returncode == 2 and done.stderr.startswith(
        f"Error: File too large: '{tmp_path / 'out'}/depth_a.png'"
    ), done.stderr
    assert names(tmp_path / "out") == []


def test_an_evaluation_on_a_full_disk_leaves_the_older_report(tmp_path):
    from depth_completion_ros.core import Metrics
    from depth_completion_ros.evaluation.scores import RunningScores

    path = tmp_path / "report.json"
    scores = RunningScores(tmp_path)
    scores.add(1, Metrics(*[1.0] * 8, pixels=1, coverage=1.0))
    scores.write_json(path, {})
    before = json.loads(path.read_text())
    code = f"""
from pathlib import Path
from depth_completion_ros.core import Metrics
from depth_completion_ros.evaluation.scores import RunningScores
scores = RunningScores(Path({str(tmp_path)!r}))
for stamp in range(100):
    scores.add(stamp, Metrics(*[1.0] * 8, pixels=1, coverage=1.0))
assert not scores.trouble
scores.write_json({str(path)!r}, {{"note": "x" * (1 << 16)}})
"""
    done = on_a_full_disk(sys.executable, "-c", code)
    assert done.returncode == 1 and "File too large" in done.stderr
    assert json.loads(path.read_text()) == before and names(tmp_path) == ["report.json"]


# Reading -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [read_bytes, read_text, read_settings, read_array])
def test_pipes_devices_and_folders_are_refused_at_once(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", "/dev/full"):
        with pytest.raises(ValueError, match="is a pipe, socket or device; it must be a file"):
            read(Path(path))
    with pytest.raises(ValueError, match="is a folder"):
        read(tmp_path)
    for name in ("none", "none/none"):
        with pytest.raises(FileNotFoundError, match="is missing"):
            read(tmp_path / name)
    with pytest.raises(ValueError, match="cannot be read"):
        read(tmp_path / ("x" * 300))


def test_settings_have_a_limit(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("a: 1\n" * 10)
    monkeypatch.setenv("DEPTH_COMPLETION_MAX_TEXT_BYTES", "49")
    with pytest.raises(ValueError, match=r"a.yaml' has 50 bytes; at most 49 are allowed"):
        read_settings(tmp_path / "a.yaml")
    assert len(read_text(tmp_path / "a.yaml")) == 50


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_arrays_are_read_and_their_size_is_not_believed(tmp_path, version):
    path = tmp_path / "a.npy"
    values = np.arange(6.0).reshape(2, 3)
    with path.open("wb") as file:
        np.lib.format.write_array(file, values, version=version)
    np.testing.assert_array_equal(read_array(path), values)
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2_000_000_000, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(48))
    with at_most(20), pytest.raises(ValueError, match="is no array of NumPy, or damaged"):
        read_array(path)


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00\xff\xff", b"PK\x03\x04rest"])
def test_what_is_no_array_is_told(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match="is no array of NumPy"):
        read_array(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="is no array of NumPy"):
        read_array(tmp_path / "a.npy")
