"""What adapting is made of: points with gradients, what is hidden, how a recording is parted, calibration."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from tiny_drive import KillingSource, TinyDrive, killed

from depth_completion_ros import SparseDepth, create_completer
from depth_completion_ros.adaptation.asked import normalised
from depth_completion_ros.adaptation.calibration import Calibration
from depth_completion_ros.adaptation.fit import Fit
from depth_completion_ros.adaptation.frames import load_frames, part_frames
from depth_completion_ros.adaptation.hiding import draw_question, make_lesson, question_of, tensors_of
from depth_completion_ros.adaptation.judge import judge
from depth_completion_ros.adaptation.loss import held_loss
from depth_completion_ros.adaptation.recordings import make_material, read_recordings
from depth_completion_ros.adaptation.run import read_start
from depth_completion_ros.adaptation.settings import FitSettings, learns
from depth_completion_ros.completion.efficient_spn.at_points import at_points
from depth_completion_ros.evaluation.protocols import CannotServe
from depth_completion_ros.fleet.workers.crew import Crew
from depth_completion_ros.fleet.workers.engine import ready

CPU = torch.device("cpu")
read = partial(read_recordings, crew=Crew(), tell=lambda *_: None)


def test_at_points_it_is_what_the_completer_gives():
    frame = TinyDrive().read(3)
    question = question_of(make_lesson(frame), "lines:8")
    image, sparse, points = tensors_of(question, CPU)
    with torch.no_grad():
        found = at_points(read_start(None).network(normalised(image), sparse), points)
    completion = create_completer("efficient_spn", device="cpu")(frame.image, SparseDepth(question.fed))
    v, u = np.nonzero(question.hidden)
    known = np.isfinite(completion.depth[v, u])
    assert known.mean() > 0.9
    depth = found.log_depth[points.measured :].exp().numpy()
    inside = known & (v > 12) & (v < 52) & (u > 12) & (u < 84)  # nearer to the border, boxes are cut
    np.testing.assert_allclose(depth[inside], completion.depth[v, u][inside], rtol=2e-3)
    confidence = torch.sigmoid(found.logit[points.measured :]).numpy()
    np.testing.assert_allclose(confidence[known], completion.confidence[v, u][known], atol=0.02)


def test_no_ground_truth_is_read_and_what_is_hidden_is_measured_and_not_fed():
    (frame,) = load_frames(TinyDrive(frames=1), 1)
    assert frame.ground_truth is None
    measured = SparseDepth.from_points(frame, see_through=False).depth
    lesson, fed = make_lesson(frame), set()
    for seed in range(20):
        question = draw_question(lesson, np.random.default_rng(seed))
        assert question.fed.any() and question.hidden.any()
        assert not ((question.fed > 0) & (question.hidden > 0)).any()
        for plane in (question.fed, question.hidden):
            np.testing.assert_array_equal(plane[plane > 0], measured[plane > 0])
        fed.add(int(np.count_nonzero(question.fed)))
        again = draw_question(lesson, np.random.default_rng(seed))
        assert all(np.array_equal(a, b) for a, b in zip(question, again, strict=True))
    assert len(fed) > 8, "always the same is hidden"


def test_a_simulated_frame_asks_for_its_true_depth_where_nothing_is_fed():
    frame = TinyDrive(far=lambda number: 1.5).read(0)
    question = draw_question(make_lesson(frame, simulated=True), np.random.default_rng(0))
    asked = question.hidden > 0
    np.testing.assert_array_equal(question.hidden[asked], frame.ground_truth[asked])
    assert asked.sum() > 2000 and not (question.fed[asked] > 0).any()


@pytest.mark.parametrize("number", [6, 10, 29, 60, 100, 240])
def test_the_parts_are_stretches_that_do_not_touch(number):
    frames = list(range(number))
    parts = part_frames(frames)
    sizes = [len(part) for part in (parts.fit, parts.tune, parts.judge)]
    assert min(sizes) >= 1 and 0.5 < sizes[0] / sum(sizes) < 0.7 and sum(sizes) > 0.85 * number
    assert not set(parts.fit) & set(parts.judge) and not set(parts.tune) & set(parts.judge)
    if number >= 100:
        assert min(abs(a - b) for a in parts.judge for b in parts.fit + parts.tune) > 1
        assert max(np.diff(parts.judge)) > 10, "they judge by one place"


def test_more_frames_than_asked_for_are_taken_evenly():
    names = [frame.name for frame in load_frames(TinyDrive(frames=40), 8)]
    assert names == [f"tiny_{number:03d}" for number in range(0, 40, 5)]


def test_of_several_drives_each_gives_the_same_share_of_the_frames():
    drives = [TinyDrive(40, drive="long"), TinyDrive(8, drive="short"), TinyDrive(5, drive="shorter")]
    recordings, _ = read(drives, 36)
    assert [sum(each.parts.sizes) for each in recordings[:2]] == [12, 8]
    assert recordings[0].names()[:2] == ["long/tiny_000", "long/tiny_003"]
    assert recordings[2].parts is None and recordings[2].failure.startswith(
        "There are 5 frames with an image"
    )
    many = [TinyDrive(40, drive=str(number)) for number in range(20)]
    assert {sum(each.parts.sizes) for each in read(many, None)[0]} == {6}


def test_a_drive_whose_points_cannot_be_hidden_so_is_left_out_and_others_are_not():
    bare = TinyDrive(8, drive="bare")
    bare.rings = False
    recordings, _ = read([bare, TinyDrive(8, drive="rings")], 16)
    material = make_material(recordings, ["hide:2"])
    assert [each.drive for each in material.recordings] == ["rings"] == list(material.judging)
    assert recordings[0].failure.startswith("No frame of bare has points that can be hidden by hide:2;")
    assert make_material(
        read_recordings([bare, TinyDrive(8)], 16, Crew(), lambda *_: None)[0], ()
    ).protocols == (
        *("share:50", "share:10", "share:3"),
        *("hide:2", "lines:4", "lines:2"),
    )


@pytest.mark.parametrize("drive", ["", "noon"])
def test_what_costs_every_worker_is_named_also_where_it_is_the_only_drive(drive):
    (recording,), lost = read_recordings([KillingSource("bags/noon", drive)], 8, Crew(1), lambda *_: None)
    which, what = ("it", "Drive 'noon'") if drive else ("'bags/noon'", "The recording")
    assert lost == 3 and recording.failure.startswith(
        f"The worker that reads {which} was lost 3 times: its process was killed"
    )
    with pytest.raises(
        ValueError, match=f"^{what} cannot be judged, its worker was lost 3 times: its process"
    ):
        judge(ready(killed), {drive: []}, ["hide:2"], Crew(1))


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.5, 0.8), (2.0, -1.0)])
def test_calibration_finds_what_confidence_was_bent_by(slope, offset):
    random = np.random.default_rng(0)
    logit = random.normal(0.5, 1.5, 40_000)
    right = random.random(logit.size) < 1 / (1 + np.exp(-(slope * logit + offset)))
    found = Calibration.fitted(logit, right, np.full(logit.size, 1 / logit.size))
    assert found.slope == pytest.approx(slope, rel=0.08) and found.offset == pytest.approx(offset, abs=0.06)


@pytest.mark.parametrize("is_right", [True, False])
def test_calibration_on_points_that_are_all_right_or_all_wrong_stays_finite(is_right):
    found = Calibration.fitted(np.zeros(30), np.full(30, is_right), np.full(30, 1 / 30))
    assert np.isfinite([found.slope, found.offset]).all() and (found.offset > 0) == is_right


def test_calibration_changes_the_confidence_of_the_network_and_nothing_else():
    lesson = make_lesson(TinyDrive().read(3))
    image, sparse, points = tensors_of(question_of(lesson, "lines:8"), CPU)
    network = read_start(None).network
    with torch.no_grad():
        before = at_points(network(normalised(image), sparse), points)
        Calibration(0.7, -0.4).put_into(network)
        after = at_points(network(normalised(image), sparse), points)
    torch.testing.assert_close(after.log_depth, before.log_depth)
    torch.testing.assert_close(after.logit, 0.7 * before.logit - 0.4, rtol=1e-4, atol=1e-4)


def test_the_image_encoder_never_learns_and_a_part_is_what_it_says():
    names = dict(read_start(None).network.named_parameters())
    sets = {part: {n for n, p in names.items() if learns(part, n, p)} for part in ("heads", "norms", "all")}
    assert not any(name.startswith("encoder.") for each in sets.values() for name in each)
    assert sets["heads"] == {f"head{n}.{kind}" for n in (8, 4, 2) for kind in ("weight", "bias")}
    assert all(names[name].ndim == 1 for name in sets["norms"]) and len(sets["norms"]) > 30
    assert sets["all"] == {name for name in names if not name.startswith("encoder.")}


def test_where_nothing_was_ever_gained_the_weights_are_those_of_the_start():
    network, lessons = read_start(None).network, [make_lesson(TinyDrive().read(n)) for n in range(3)]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    tune = {"lines:8": [question_of(lessons[2], "lines:8")]}
    settings = FitSettings(part="heads", steps=3, batch=1, tune_every=1, rate=0.9)
    state = Fit(network, lessons[:2], tune, settings).run()
    assert state.best == (1.0, 0) and min(score for _, score in state.looks) > 1.5
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_half_of_what_is_learned_from_is_simulated_where_there_is_such():
    near, far = TinyDrive().read(0), TinyDrive().read(1)
    lessons = [make_lesson(near)], [make_lesson(far, simulated=True)]
    fit = Fit(read_start(None).network, lessons[0], {}, FitSettings(batch=4), lessons[1])
    asked = [fit._draw(number, np.random.default_rng(number)) for number in range(4)]
    hidden = [each.points.log_depth[each.points.measured :] for each in asked]
    assert [len(depth) > 2000 for depth in hidden] == [True, True, False, False]
    measured = torch.from_numpy(SparseDepth.from_points(near).depth).log()
    assert all(torch.isin(depth, measured).all() for depth in hidden[2:])


def test_a_scan_with_next_to_no_point_in_view_is_passed_over_and_another_one_is_drawn():
    seen, bare = TinyDrive().read(0), TinyDrive().read(1)
    bare.points, bare.rings = bare.points[:1], bare.rings[:1]
    lessons = [make_lesson(bare), make_lesson(seen)]
    with pytest.raises(CannotServe):
        draw_question(lessons[0], np.random.default_rng(0))
    fit = Fit(read_start(None).network, lessons, {}, FitSettings(steps=3, batch=2, part="heads"))
    drawn = [fit._draw(number, np.random.default_rng(number)) for number in range(20)]
    assert all(asked is not None and asked.points.measured > 1 for asked in drawn)
    assert fit.run().step == 3
    alone = Fit(read_start(None).network, lessons[:1], {}, FitSettings(steps=2, batch=2, part="heads"))
    assert alone._draw(0, np.random.default_rng(0)) is None and alone.run().step == 2


def test_reminders_without_a_truth_hold_the_network_to_what_it_said():
    """Odd rings of one's own are 30 % too far; of another drive nothing is known but its scans."""
    own = [make_lesson(TinyDrive(far=lambda number: 1.3).read(number)) for number in range(2)]
    other = [make_lesson(TinyDrive().read(number)) for number in (8, 9)]
    image, sparse, points = tensors_of(question_of(make_lesson(TinyDrive().read(10)), "hide:2"), CPU)
    moved = {}
    for name, reminders in (("not reminded", []), ("reminded", other)):
        network = read_start(None).network
        with torch.no_grad():
            before = at_points(network(normalised(image), sparse), points).log_depth
        settings = FitSettings(part="heads", steps=20, batch=4, kept=8, rate=0.01)
        fit = Fit(network, own, {}, settings, reminders)
        drawn = [fit._draw(number, np.random.default_rng(number)) for number in range(4)]
        assert [asked.held for asked in drawn] == 2 * [bool(reminders)] + 2 * [False]
        assert held_loss(drawn[0].prediction(network, True), drawn[0].said).item() == pytest.approx(
            0, abs=1e-5
        )
        fit.run()
        with torch.no_grad():
            after = at_points(network(normalised(image), sparse), points).log_depth
        moved[name] = (after - before).abs().mean().item()
    assert moved["not reminded"] > 0.02 and moved["reminded"] < 0.7 * moved["not reminded"], moved


@pytest.mark.parametrize("part", ["norms", "all"])
def test_every_part_lowers_the_error_on_what_it_learns_from(part, too_far):
    network, lessons = read_start(too_far).network, [make_lesson(TinyDrive().read(0))]
    encoder = {name: value.clone() for name, value in network.encoder.state_dict().items()}
    tune = {"lines:8": [question_of(lessons[0], "lines:8")]}
    settings = FitSettings(part=part, steps=10, batch=1, tune_every=2, rate=0.01)
    state = Fit(network, lessons, tune, settings).run()
    assert state.best[0] < 0.9
    assert all(torch.equal(value, encoder[name]) for name, value in network.encoder.state_dict().items())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"part": "decoder"}, r"Part is 'decoder'; it must be one of heads"), ({"rate": 0.0}, "Rate is 0;")],
)
def test_settings_that_are_not_allowed_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        FitSettings(**wrong)
