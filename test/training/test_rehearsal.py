"""Both stages of DMD3C from one command, at toy size, and the layouts that it writes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_frame import make_frame

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training import rehearsal  # noqa: E402
from depth_completion_training.data.kitti_mono import MonoKittiData  # noqa: E402
from depth_completion_training.generation.layouts import (  # noqa: E402
    FARTHEST_M,
    Layouts,
    densest_scan,
    monocular_map,
    split_scenes,
    spread,
    write_selected_frame,
    write_training_frame,
)
from depth_completion_training.generation.layouts import main as layouts_main  # noqa: E402
from depth_completion_training.generation.options import run  # noqa: E402
from depth_completion_training.losses.distillation import (  # noqa: E402
    DMD3CLoss,
    DMD3CReleasedLoss,
    PretrainingLoss,
)
from depth_completion_training.networks.mspn import TrainedMSPN  # noqa: E402
from depth_completion_training.rehearsal import wants_plane  # noqa: E402
from depth_completion_training.simulation.frame_file import SimulatedFrame, write_frame  # noqa: E402
from depth_completion_training.task import CompletionTask  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

from depth_completion_ros.completion.bpnet.network import BPNet  # noqa: E402
from depth_completion_ros.completion.mspn_lite.network import MSPNLite  # noqa: E402
from depth_completion_ros.data import open_reader  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def ramp_frame(nearest=4.0) -> SimulatedFrame:
    """Ground that rises to the horizon, below a sky, with an exact scan."""
    frame = make_frame()
    row = np.arange(frame.depth.shape[0], dtype=np.float32)
    depth = nearest * frame.depth.shape[0] / np.maximum(row, 1)[:, None] + np.zeros_like(frame.depth)
    depth[:20] = np.inf
    scans = [replace(scan, z=depth.ravel()[scan.pixel]) for scan in frame.scans]
    return SimulatedFrame(frame.image, depth, frame.K, scans)


@pytest.fixture
def layouts(tmp_path) -> Layouts:
    """Four training frames and a selected one, in KITTI's layout."""
    layouts = Layouts(tmp_path)
    for number in range(4):
        write_training_frame(layouts, number, ramp_frame(4.0 + number), number, 0.25)
    write_selected_frame(layouts, 0, ramp_frame(9.0), 0, 0.25)
    return layouts


def test_frames_in_kitti_layout_are_read_as_they_were(layouts):
    frame, written = ramp_frame(9.0), next(iter(open_reader(layouts.selection)))
    np.testing.assert_allclose(written.camera.K, frame.K, rtol=1e-5)
    np.testing.assert_array_equal(written.image, frame.image)
    scan, sparse, truth = densest_scan(frame), written.sparse_depth, written.ground_truth
    assert np.count_nonzero(sparse) == len(scan.z) == 3000
    np.testing.assert_allclose(sparse.ravel()[scan.pixel], scan.z, atol=1 / 256)
    known = truth > 0
    np.testing.assert_allclose(truth[known], frame.depth[known], atol=1 / 256)
    first_row = np.flatnonzero(sparse.any(axis=1))[0]
    assert not known[:first_row].any() and truth.max() <= FARTHEST_M
    assert known[first_row:].mean() == pytest.approx(0.25, abs=0.02)


def test_monocular_maps_are_in_the_order_of_inverse_depth_and_0_in_the_sky():
    frame = ramp_frame()
    values = monocular_map(frame, np.random.default_rng(0))
    assert values.dtype == np.uint16 and values.max() == 2**16 - 1 and not values[:20].any()
    rows = values[25:, 90].astype(float)
    assert np.corrcoef(rows, 1 / frame.depth[25:, 90])[0, 1] > 0.9


def test_one_scene_of_ten_of_each_kind_is_held_out():
    files = [
        Path(f"{kind}_{seed:04d}_{view:02d}.npz")
        for kind in ("indoor", "outdoor")
        for seed in range(15)
        for view in (0, 1)
    ]
    training, held = split_scenes(files)
    assert sorted(training + held) == sorted(files)
    names = {file.name[:-7] for file in held}
    assert names == {"indoor_0000", "indoor_0010", "outdoor_0000", "outdoor_0010"} and len(held) == 8
    assert spread(list(range(10)), 4) == [0, 3, 6, 9] and spread([1, 2], 4) == spread([1, 2], None) == [1, 2]


NETWORKS = {
    "bpnet": BPNet,
    "mspn": lambda: TrainedMSPN("conventional_kitti"),
    "mspn_lite": MSPNLite,
}


def test_only_mspn_lite_wants_a_plane():
    assert wants_plane(f"{MSPNLite.__module__}.MSPNLite")
    assert not wants_plane(f"{BPNet.__module__}.BPNet")


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_is_distilled(layouts, name):
    data = MonoKittiData(
        str(layouts.depth),
        str(layouts.raw),
        crop=(32, 64),
        batch_size=1,
        workers=0,
        plane=name == "mspn_lite",
    )
    batch = next(iter(data.train_dataloader()))
    torch.manual_seed(0)
    task = CompletionTask(NETWORKS[name](), DMD3CLoss())
    prediction = task(batch)
    losses = [
        loss(prediction, batch)["loss"] for loss in (PretrainingLoss("ssi"), DMD3CLoss(), DMD3CReleasedLoss())
    ]
    for loss in losses:
        (gradient,) = torch.autograd.grad(loss, prediction.depth, retain_graph=True)
        assert torch.isfinite(gradient).all() and gradient.any()
    sum(losses).backward()
    gradients = [p.grad for p in task.network.parameters() if p.grad is not None]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert sum(bool(gradient.any()) for gradient in gradients) > len(gradients) / 2


@pytest.fixture
def command(monkeypatch, capfd):
    """Runs the command line of a module in this process: exit code, and all that is printed."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def call(main, *arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run(main, "command")
        return ended.value.code, *capfd.readouterr()

    return call


@pytest.mark.timeout(900)  # four processes, two of which import Lightning
def test_both_stages_from_one_command(command, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "frames").symlink_to("made")  # frames of one's own are taken as they are
    for scene in range(4):
        for view in range(2):
            write_frame(
                tmp_path / "made" / f"outdoor_{scene:04d}_{view:02d}.npz",
                ramp_frame(3.0 + scene + view / 2),
            )
    options = [
        "--steps",
        "2",
        "2",
        "--network",
        f"{MSPNLite.__module__}.MSPNLite",
        "--completer",
        "mspn_lite",
    ]
    options += ["--frame", "96x128", "--size", "64x96", "--batch", "1", "--", "--trainer.accelerator=cpu"]

    def table() -> list[str]:
        code, said, warned = command(rehearsal.main, tmp_path, *options)
        assert code == 0, said + warned
        return said[said.index("| data") :].splitlines()

    first = table()
    assert first[0].split("|")[1:-1] == [" data (frames) ", " fed ", " both ", " linear "]
    rmse = [float(cell.split("/")[0]) for cell in first[2].split("|")[3:5]]
    assert first[2].startswith("| val_selection_cropped (2) | truth |") and np.isfinite(rmse).all()
    stages = [load_file(tmp_path / f"{name}.safetensors") for name in ("stage1", "stage2_both")]
    assert stages[0].keys() == stages[1].keys() == MSPNLite().state_dict().keys()
    # Stage 2 went on from stage 1: two small steps away from it, not another random start.
    key = next(key for key, value in stages[0].items() if value.ndim == 4)
    moved, size = (stages[1][key] - stages[0][key]).abs().mean(), stages[0][key].abs().mean()
    assert 0 < moved < 0.1 * size
    assert len(list((tmp_path / "scanned").glob("image-outdoor_*.npz"))) == 6
    assert table() == first  # everything is there already, and nothing is done again


def test_a_folder_without_frames_is_told(command, tmp_path):
    code, _, said = command(layouts_main, tmp_path, tmp_path / "out")
    assert code == 2 and "holds no frame of the simulator" in said


def test_a_network_that_is_none_is_told_before_anything_is_made(command, tmp_path):
    code, _, said = command(rehearsal.main, tmp_path / "out", "--network", "no.such.Net")
    assert code == 2 and "Network 'no.such.Net' is no class" in said
    assert not (tmp_path / "out").exists()
