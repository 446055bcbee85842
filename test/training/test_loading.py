"""Loaders that go on where they were, their workers, and what is done to images before training."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("lightning", reason="Lightning is not installed")

from depth_completion_training.data import transforms  # noqa: E402
from depth_completion_training.data.loader import SeededIndex, training_loader, validation_loader  # noqa: E402
from depth_completion_training.data.shapes import Shapes  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def camera_image(shape) -> np.ndarray:
    """Soft blobs of colour, uint8 H x W x 3."""
    small = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC)


# Loaders -----------------------------------------------------------------------------------------


def sums(batches) -> list[float]:
    return [float(batch["sparse"].double().sum()) for batch in batches]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_goes_on_from_its_place_whatever_the_workers(workers):
    frames = Shapes(12, 16, 24, 20)
    whole = training_loader(frames, 2, 0, seed=1)
    epochs = []
    for epoch in range(2):
        whole.sampler.set_epoch(epoch)
        epochs.append(sums(whole))
    assert len(epochs[0]) == 6 and sorted(epochs[0]) != sorted(epochs[1])  # other points, another order
    first = training_loader(frames, 2, workers, seed=1)
    taken = iter(first)
    seen = sums(next(taken) for _ in range(4))
    state = first.state_dict()
    assert seen == epochs[0][:4] and state == {"epoch": 0, "batches": 4}
    second = training_loader(frames, 2, workers, seed=1)
    second.load_state_dict(state)
    assert sums(second) == epochs[0][4:] and len(second) == 6
    second.sampler.set_epoch(1)
    assert sums(second) == epochs[1]


class OnOneThread(torch.utils.data.Dataset):
    """Warps images with OpenCV and tells how many threads it has."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        cv2.warpAffine(np.ones((500, 500), np.float32), np.eye(2, 3), (500, 500))
        return cv2.getNumThreads()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "make", [lambda d: training_loader(d, 2, 2, 0), lambda d: validation_loader(d, 2, 2)]
)
def test_workers_do_not_wait_for_the_threads_of_opencv_in_their_parent(make):
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        cv2.warpAffine(np.ones((2000, 2000), np.float32), np.eye(2, 3), (2000, 2000))  # starts the threads
        for _ in range(2):
            assert torch.cat(list(make(OnOneThread()))).tolist() == [1, 1, 1, 1]
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_a_draw_is_the_index_and_survives_the_way_to_a_worker():
    draw = SeededIndex(7)
    draw.seed = (3, 1)
    sent = pickle.loads(pickle.dumps(draw))
    assert [10, 20, 30, 40, 50, 60, 70, 80][sent] == 80
    assert sent.random.random() == draw.random.random() != SeededIndex(7).random.random()


def test_data_that_does_not_fill_a_batch_is_refused():
    with pytest.raises(ValueError, match="Data has 3 samples, fewer than one batch of 4."):
        training_loader(Shapes(3, 16, 24, 20), 4, 0, 0)


# Transforms --------------------------------------------------------------------------------------


def test_resizing_averages_as_pillow_does():
    image = pytest.importorskip("PIL.Image")
    pixels = camera_image((60, 80)) ^ np.uint8(1)
    expected = np.asarray(image.fromarray(pixels).resize((40, 30), image.Resampling.BILINEAR), np.int16)
    assert np.abs(transforms.resized(pixels, (30, 40)) - expected).max() <= 1
    larger = np.asarray(image.fromarray(pixels).resize((120, 90), image.Resampling.BICUBIC), np.int16)
    assert np.abs(transforms.resized(pixels, (90, 120), "bicubic") - larger).max() <= 1
    depth = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    expected = np.asarray(image.fromarray(depth).resize((40, 30), image.Resampling.BILINEAR))
    np.testing.assert_allclose(transforms.resized(depth, (30, 40)), expected, atol=1e-5)


def test_colours_change_as_pillow_changes_them():
    image = pytest.importorskip("PIL.Image")
    enhance = pytest.importorskip("PIL.ImageEnhance")
    pixels = camera_image((40, 50))
    for ours, theirs in (("brightness", "Brightness"), ("contrast", "Contrast"), ("saturation", "Color")):
        for factor in (0.6, 1.0, 1.4):
            expected = getattr(enhance, theirs)(image.fromarray(pixels)).enhance(factor)
            mine = getattr(transforms, ours)(pixels, factor)
            assert np.abs(mine.astype(int) - np.asarray(expected, int)).max() <= 2


def test_a_turn_by_a_quarter_is_a_turn_of_the_array():
    square = np.arange(49, dtype=np.float32).reshape(7, 7)
    np.testing.assert_array_equal(transforms.rotated(square, 90), np.rot90(square))


def test_the_short_side_sets_the_size():
    assert transforms.shape_with_short_side((480, 640), 240) == (240, 320)
    assert transforms.shape_with_short_side((640, 480), 240) == (320, 240)
