"""Fitting the default network to one's own data: it improves or refuses, goes on, and is used."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from safetensors import safe_open
from tiny_drive import TinyDrive

from depth_completion_ros import SparseDepth, create_completer
from depth_completion_ros.adaptation.hiding import make_lesson
from depth_completion_ros.adaptation.judge import AFTER, BEFORE, Judge, NotBetter, judge
from depth_completion_ros.adaptation.run import adapt
from depth_completion_ros.adaptation.store import write_weights
from depth_completion_ros.completion.weights.folder import list_weights

FRAME = TinyDrive().read(13)
SPARSE = SparseDepth.from_points(FRAME)


def completer(weights=None, **options):
    return create_completer("default", weights=weights and str(weights), device="cpu", **options)


def depth(weights=None) -> np.ndarray:
    return completer(weights)(FRAME, SPARSE).depth


def weights_of(done) -> list[bytes]:
    """Content of both files of weights that were stored."""
    return [done.path.read_bytes(), done.path.with_suffix(".onnx").read_bytes()]


def test_it_mends_weights_that_see_too_far_on_stretches_that_it_has_not_seen(adapted):
    assert adapted.frames == (9, 3, 3)
    assert adapted.verdict.depth < 0.8 and adapted.state.best[1] > 0
    rows = adapted.verdict.result.rows
    assert {row.frame for row in rows} == {"tiny_012", "tiny_013", "tiny_014"}
    errors = {
        who: np.mean([row.metrics.mae_mm for row in rows if row.completer == who]) for who in (BEFORE, AFTER)
    }
    assert errors[AFTER] < 0.8 * errors[BEFORE]


def test_what_is_stored_tells_origin_licence_and_calibration(adapted, stored):
    (weights,) = list_weights()
    assert (weights.name, weights.networks) == ("tiny_robot", ("efficient_spn:general",))
    assert weights.licence == "internal; from weights under Apache-2.0"
    assert weights.origin.startswith("'too_far.safetensors' (safetensors), ")
    assert weights.origin.endswith(f" {adapted.state.best[1]} steps on 9 frames of tiny_drive")
    with safe_open(weights.path, "pt") as file:
        noted = file.metadata()
    found = adapted.calibration
    assert noted["confidence"] == f"slope {found.slope:.6f}, offset {found.offset:.6f}"
    assert {file.name for file in stored.iterdir()} == {"tiny_robot.safetensors", "tiny_robot.onnx"}


def test_a_name_takes_the_onnx_and_a_path_the_safetensors_and_both_are_the_same(stored):
    by_name, by_path = completer("tiny_robot"), completer(stored / "tiny_robot.safetensors")
    assert by_name.network is None and by_path.network is not None
    assert by_name.licence == by_path.licence == "internal; from weights under Apache-2.0"
    assert not by_name.warnings and not by_path.warnings
    found, expected = by_name(FRAME, SPARSE), by_path(FRAME, SPARSE)
    np.testing.assert_allclose(found.depth, expected.depth, rtol=1e-3)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-3)
    assert np.nanmax(np.abs(found.depth / depth() - 1)) > 1e-3, "these are the weights that ship"


def test_it_runs_without_pytorch_by_name(stored, without_torch):
    (said,) = without_torch("""
import numpy as np
from depth_completion_ros import SparseDepth, create_completer
completer = create_completer("default", weights="tiny_robot")
depth = completer(np.zeros((64, 96, 3), np.uint8), SparseDepth(np.full((64, 96), 5, np.float32))).depth
print(completer.report()["runs in"], completer.report()["weights"], np.isfinite(depth).all())
""")
    assert said.startswith("ONNX Runtime tiny_robot.onnx, exported from 'too_far") and said.endswith(" True")


def test_onnx_of_other_values_than_the_stored_ones_is_not_taken(stored, too_far):
    from depth_completion_ros.completion.weights.folder import import_weights

    (stored / "tiny_robot.safetensors").unlink()
    import_weights(too_far, name="tiny_robot")
    assert completer("tiny_robot").network is not None
    np.testing.assert_allclose(depth("tiny_robot"), depth(too_far), rtol=1e-5)


def test_a_damaged_onnx_is_refused_in_a_sentence(stored):
    path = stored / "tiny_robot.onnx"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"tiny_robot\.onnx' cannot be read as ONNX"):
        completer("tiny_robot")
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx'"):
        completer(stored / "gone.onnx")


def test_a_non_commercial_licence_of_the_data_stays_with_the_weights(usual_request, weights_folder):
    from depth_completion_ros.adaptation.run import read_start
    from depth_completion_ros.adaptation.store import licence_of

    start = read_start(usual_request.start)
    licence = licence_of("CC-BY-NC-4.0", start.checkpoint)
    noted = {"licence": licence, "networks": "efficient_spn:general", "origin": "mine"}
    write_weights(start.network, weights_folder / "mine", noted)
    with pytest.raises(ValueError, match=r"mine\.onnx' is for non-commercial use only"):
        completer("mine")
    assert (
        completer("mine", allow_noncommercial=True).licence == "CC-BY-NC-4.0; from weights under Apache-2.0"
    )


def test_where_the_held_out_stretches_contradict_the_others_nothing_is_written(usual_request, stored):
    """Odd rings are 20 % too far, and in the last fifth too near, so that what was learned is wrong there."""
    files = {file: file.read_bytes() for file in stored.iterdir()}
    drive = TinyDrive(far=lambda number: 1.2 if number < 12 else 0.8)
    with pytest.raises(NotBetter, match=r"^No weights are written: on the stretches held out depth is worse"):
        adapt([drive], replace(usual_request, start=None))
    assert {file for file in stored.iterdir() if not file.name.startswith(".")} == set(files)
    assert all(file.read_bytes() == content for file, content in files.items())


def test_a_fit_that_was_ended_goes_on_to_the_same_bytes(usual_request, adapted, tmp_path):
    request = replace(usual_request, folder=tmp_path, resume=True)

    def end(what: str, done: int, total: int) -> None:
        if what.startswith("fitting") and done == 6:  # two steps after the last look
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt([TinyDrive()], request, progress=end)
    other = replace(request, fit=replace(request.fit, seed=1))
    with pytest.raises(ValueError, match=r"was asked for otherwise .* start anew without --resume\.$"):
        adapt([TinyDrive()], other)
    for simulated in (True, False):
        reminder = make_lesson(TinyDrive().read(14), simulated)
        with pytest.raises(ValueError, match=r"was asked for otherwise \(its frames, reminders, start,"):
            adapt([TinyDrive()], request, [reminder])
    steps = []
    again = adapt(
        [TinyDrive()],
        request,
        progress=lambda what, done, total: steps.append(done) if what.startswith("fitting") else None,
    )
    assert steps[0] == 5, "it began anew"
    assert again.state.looks == adapted.state.looks
    assert weights_of(again) == weights_of(adapted)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_a_damaged_state_is_refused_in_a_sentence(usual_request, tmp_path):
    (tmp_path / ".tiny_robot.adapting.pt").write_bytes(b"no state")
    with pytest.raises(ValueError, match=r"adapting\.pt' of a fit is damaged .* without --resume\.$"):
        adapt([TinyDrive()], replace(usual_request, folder=tmp_path, resume=True))


def test_confidence_alone_leaves_depth_as_it_is(usual_request, tmp_path):
    done = adapt([TinyDrive()], replace(usual_request, fit=None, folder=tmp_path))
    assert done.state is None and done.verdict.depth == pytest.approx(1, abs=1e-4)
    before, after = done.verdict.calibration
    assert after < before - 0.01
    usual, found = (completer(weights)(FRAME, SPARSE) for weights in (usual_request.start, done.path))
    np.testing.assert_allclose(found.depth, usual.depth, rtol=1e-4)
    unmeasured = usual.source == 2
    logit = np.log(usual.confidence[unmeasured] / (1 - usual.confidence[unmeasured]))
    np.testing.assert_allclose(found.confidence[unmeasured], done.calibration(logit), atol=5e-3)


@pytest.mark.parametrize(
    ("drive", "why"),
    [
        (TinyDrive(points=False), r"No frame of tiny_drive has .* points to learn from: 'tiny_000'"),
        (TinyDrive(frames=5), r"There are 5 frames with an image and points; it takes 6 "),
    ],
    ids=["no points", "too few"],
)
def test_data_that_cannot_teach_is_refused_in_a_sentence(usual_request, drive, why):
    with pytest.raises(ValueError, match=why):
        adapt([drive], usual_request)


def test_without_a_licence_nothing_is_fitted(usual_request):
    with pytest.raises(ValueError, match=r"^Weights need a licence, that of your data"):
        adapt([TinyDrive()], replace(usual_request, licence=" "))


def test_weights_that_are_worse_are_judged_so(too_far):
    frames = [TinyDrive().read(number) for number in (12, 14)]
    make = partial(Judge, completer(), completer(too_far), ["hide:2"])
    verdict, _ = judge(make, {"": frames}, ["hide:2"])
    assert verdict.depth > 1.2
    with pytest.raises(NotBetter, match="depth is worse"):
        verdict.refuse_worse()


def test_of_several_drives_it_says_which_one_became_worse(too_far):
    """Odd rings, which are hidden, are 20 % too far on two drives, as the weights before see them."""
    far, plain = TinyDrive(far=lambda number: 1.2), TinyDrive()
    drives = {"ramp": far, "yard": far, "street": plain}
    frames = {name: [drive.read(number) for number in (12, 14)] for name, drive in drives.items()}
    make = partial(Judge, completer(too_far), completer(), ["hide:2"])
    verdict, _ = judge(make, frames, ["hide:2"])
    changes = {name: each.depth for name, each in verdict.drives.items()}
    assert changes["street"] < 0.9 < 1.1 < changes["ramp"] == changes["yard"]
    assert {row.frame for row in verdict.drives["street"].result.rows} == {"tiny_012", "tiny_014"}
    said = f"Errors grow on 2 of 3 drives: 'ramp' ({changes['ramp']:.3f} times), 'yard' ("
    assert verdict.depth > 1 and verdict.worse_drives().startswith(said)
    with pytest.raises(NotBetter, match=re.escape(said)):
        verdict.refuse_worse()
