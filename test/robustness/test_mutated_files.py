"""300 mutated bags and folders, 300 checkpoints and 300 parameter files: read, or refused in one sentence."""

from __future__ import annotations

import shutil
import warnings
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from memory import at_most
from mutation import damage, damage_text, times

from depth_completion_ros.core import Camera, Frame
from depth_completion_ros.data import open_reader

BAGS, FOLDERS, CHECKPOINTS, PARAMETER_FILES = 200, 100, 300, 300
SHAPE = 12, 16


def frames(count: int = 4):
    random = np.random.default_rng(8)
    T = np.array([[0, -1, 0, 0.1], [0, 0, -1, 0.2], [1, 0, 0, 0.3], [0, 0, 0, 1.0]])
    for number in range(1, count + 1):
        yield Frame(
            camera=Camera(SHAPE[1], SHAPE[0], [[20, 0, 8], [0, 20, 6], [0, 0, 1]]),
            image=random.integers(0, 256, (*SHAPE, 3), dtype=np.uint8),
            points=random.normal(size=(100, 4)).astype(np.float32),
            T_cam_lidar=T,
            stamp_image=number * 100_000_000,
            stamp_points=number * 100_000_000,
        )


def outcome(read, path: Path) -> str:
    """How reading ends: `read`, or `refused` in one sentence that names what is wrong with which file."""
    try:
        read(path)
    except (ValueError, FileNotFoundError) as error:
        said = str(error)
        assert said and "\n" not in said and len(said) < 2000, said
        return "refused" if path.name in said else f"without the name: {said}"
    return "read"


def read_frames(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for frame in open_reader(path):
            assert frame.image.dtype == np.uint8


def outcomes(folder: Path, number: int, make, read, mib: float) -> Counter[str]:
    """Outcomes of so many files that `make` makes in a folder."""
    found: Counter[str] = Counter()
    with at_most(mib):
        for at in range(times(number)):
            path = make(folder / f"case_{at}", np.random.default_rng(at))
            found[outcome(read, path)] += 1
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert set(found) <= {"read", "refused"}, found
    return found


# Bags and folders ----------------------------------------------------------------------------------

KINDS = [
    ("mcap", "none"),
    ("mcap", "storage"),
    ("mcap", "message"),
    ("sqlite3", "none"),
    ("sqlite3", "message"),
]


@pytest.mark.parametrize(("storage", "compression"), KINDS)
def test_mutated_bags(tmp_path, storage, compression):
    pytest.importorskip("rosbags.rosbag2", reason="rosbags is not installed")
    from depth_completion_ros.data.bag.writer import write_bag

    write_bag(frames(), tmp_path / "whole", storage=storage, compression=compression)

    def make(path: Path, random: np.random.Generator) -> Path:
        shutil.copytree(tmp_path / "whole", path)
        storage_file = next(file for file in path.iterdir() if file.name != "metadata.yaml")
        if random.random() < 0.2:
            (path / "metadata.yaml").unlink()
        elif random.random() < 0.2:
            text = (path / "metadata.yaml").read_text()
            (path / "metadata.yaml").write_bytes(damage_text(text, random))
        if random.random() < 0.9:
            storage_file.write_bytes(damage(storage_file.read_bytes(), random))
        return path

    found = outcomes(tmp_path, BAGS // len(KINDS), make, read_frames, mib=300)
    assert found["refused"]


def test_mutated_frame_folders(tmp_path):
    import json

    whole = tmp_path / "whole"
    for number, frame in enumerate(frames(2)):
        folder = whole / f"frame_{number}"
        folder.mkdir(parents=True)
        calibration = {
            "kind": "lidar",
            "K": frame.camera.K.tolist(),
            "D": [],
            "T_cam_lidar": frame.T_cam_lidar.tolist(),
            "width": SHAPE[1],
            "height": SHAPE[0],
            "image": "image.png",
            "points": "points.bin",
            "depth": {"file": "depth.png", "units_per_metre": 256},
            "rate_hz": 10,
            "frame": number,
        }
        (folder / "calib.json").write_text(json.dumps(calibration, indent=1))
        cv2.imwrite(str(folder / "image.png"), frame.image)
        cv2.imwrite(str(folder / "depth.png"), np.full(SHAPE, 2560, np.uint16))
        intensity = np.full(len(frame.points), 0.5, np.float32)
        np.column_stack([frame.points[:, :3], intensity]).astype(np.float32).tofile(folder / "points.bin")

    def make(path: Path, random: np.random.Generator) -> Path:
        shutil.copytree(whole, path)
        file = random.choice(sorted(path.glob("*/*")))
        data = file.read_bytes()
        is_text = file.suffix == ".json"
        file.write_bytes(damage_text(data.decode(), random) if is_text else damage(data, random))
        return path

    found = outcomes(tmp_path, FOLDERS, make, read_frames, mib=100)
    assert found["read"]


# Checkpoints ---------------------------------------------------------------------------------------


def test_mutated_checkpoints(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    from depth_completion_ros.completion.weights.checkpoint import read_checkpoint

    weights = {"layer.weight": torch.rand(4, 3, 3, 3), "layer.bias": torch.rand(4), "steps": torch.tensor(7)}
    for name, is_zip in (("zip.pt", True), ("old.pt", False)):
        torch.save({"net": weights, "epoch": 3}, tmp_path / name, _use_new_zipfile_serialization=is_zip)
    safetensors.save_file(weights, tmp_path / "a.safetensors", {"licence": "MIT"})
    whole = [(tmp_path / name).read_bytes() for name in ("zip.pt", "old.pt", "a.safetensors")]

    def make(path: Path, random: np.random.Generator) -> Path:
        path.write_bytes(damage(whole[random.integers(3)], random))
        return path

    found = outcomes(tmp_path, CHECKPOINTS, make, read_checkpoint, mib=100)
    assert found["refused"]


# Parameter files -----------------------------------------------------------------------------------


def test_mutated_parameter_files(tmp_path):
    pytest.importorskip("yaml", reason="PyYAML is not installed")
    from depth_completion_ros.ros.parameters.node import check_yaml, yaml_text
    from depth_completion_ros.ros.parameters.tables import TABLES

    texts = [yaml_text(name) for name in TABLES]
    told = Counter()

    def make(path: Path, random: np.random.Generator) -> Path:
        path = path.with_suffix(".yaml")
        path.write_bytes(damage_text(texts[random.integers(len(texts))], random))
        return path

    def check(path: Path) -> None:
        for sentence in check_yaml(path):
            told[bool(sentence)] += 1
            assert path.name in sentence and "\n" not in sentence

    outcomes(tmp_path, PARAMETER_FILES, make, check, mib=100)
    assert told[True] > times(PARAMETER_FILES) / 4
