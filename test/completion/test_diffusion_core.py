"""What the diffusion completers share: shapes, schedule, scale, fills, tiles and folders."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from synthetic import points_of, slope  # noqa: E402

from depth_completion_ros.completion.diffusion import fills  # noqa: E402
from depth_completion_ros.completion.diffusion.codec import decode, encode  # noqa: E402
from depth_completion_ros.completion.diffusion.fills import linear_fill, nearest_fill  # noqa: E402
from depth_completion_ros.completion.diffusion.folder import load_part, load_vae, scheduler_config  # noqa: E402
from depth_completion_ros.completion.diffusion.networks import make_unet, make_vae  # noqa: E402
from depth_completion_ros.completion.diffusion.normaliser import DepthNormaliser  # noqa: E402
from depth_completion_ros.completion.diffusion.schedule import (  # noqa: E402
    check_steps,
    make_scheduler,
    spacing_for,
    timesteps_of,
)
from depth_completion_ros.completion.diffusion.size import pad, resized_shape  # noqa: E402
from depth_completion_ros.completion.diffusion.tiles import feather, tiles  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SHAPE = (70, 99)


# Networks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "tensors", "parameters"),
    [
        (lambda: make_unet("official", 12), 686, 865_933_764),
        (lambda: make_unet("official", 4, head=False), 682, 865_898_560),
        (lambda: make_vae("official"), 248, 83_653_863),
        (lambda: make_unet("tiny", 12), 686, 2_154_164),
    ],
    ids=["estimation", "reference", "vae", "tiny"],
)
def test_networks_have_the_tensors_of_the_published_ones(make, tensors, parameters):
    with torch.device("meta"):
        network = make()
    assert len(network.state_dict()) == tensors
    assert sum(values.numel() for values in network.parameters()) == parameters


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return make_vae("tiny").eval().requires_grad_(False)


def test_the_codec_takes_the_mean_and_goes_an_eighth_down_and_back(vae):
    depth = torch.randn(1, 1, *SHAPE)
    latents = encode(vae, depth)
    assert latents.shape == (1, 4, 8, 12)
    moments = vae.quant_conv(vae.encoder(depth.repeat(1, 3, 1, 1)))
    torch.testing.assert_close(latents, moments[:, :4] * 0.18215)
    maps = decode(vae, latents)
    assert maps.shape == (1, 1, 64, 96)
    torch.testing.assert_close(maps, vae.decode(latents / 0.18215).sample.mean(dim=1, keepdim=True))


def test_the_codec_can_be_differentiated(vae):
    depth = torch.randn(1, 1, 16, 16, requires_grad=True)
    decode(vae, encode(vae, depth)).square().sum().backward()
    assert depth.grad.abs().sum() > 0


# Schedule --------------------------------------------------------------------------------------------


def test_the_schedule_is_that_of_marigold_v1_0():
    scheduler = make_scheduler("leading")
    times = timesteps_of(scheduler, 50)
    assert times[:2].tolist() == [981, 961] and times[-1] == 1
    bars = scheduler.alphas_cumprod
    assert bars[981] == pytest.approx(0.0058, abs=5e-5) and bars[781] == pytest.approx(0.0435, abs=5e-5)
    assert scheduler.final_alpha_cumprod == bars[0] == pytest.approx(0.99915)
    assert scheduler.config.prediction_type == "v_prediction" and not scheduler.config.clip_sample


@pytest.mark.parametrize(("steps", "kept"), [(50, 40), (20, 16), (10, 8), (4, 3), (1, 1)])
def test_strength_keeps_the_last_steps_and_one_at_least(steps, kept):
    scheduler = make_scheduler(spacing_for(steps))
    every = timesteps_of(scheduler, steps)
    assert timesteps_of(scheduler, steps, 0.8).tolist() == every[-kept:].tolist()


def test_few_steps_begin_in_pure_noise():
    few = timesteps_of(make_scheduler(spacing_for(4)), 4).tolist()
    assert few == [999, 749, 499, 249]
    assert timesteps_of(make_scheduler(spacing_for(1)), 1, 0.5).tolist() == [999]
    assert timesteps_of(make_scheduler("leading"), 4).tolist() == [751, 501, 251, 1]


def test_a_schedule_that_cannot_be_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="Spacing is 'even'; it must be leading or trailing"):
        make_scheduler("even")
    with pytest.raises(ValueError, match="number of steps is 0"):
        check_steps(0)
    with pytest.raises(ValueError, match="Strength is 1.5; it must be above 0"):
        check_steps(5, 1.5)


# Scale and size --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [1.0, 0.6])
def test_depth_comes_back_in_metres_and_is_not_clipped(bound):
    sparse = points_of(slope(), 50).depth
    normaliser = DepthNormaliser.of(sparse, bound)
    known = normaliser.normalise(sparse[sparse > 0])
    assert known.min() == -bound and known.max() == pytest.approx(bound, abs=1e-6)
    every = slope()
    normal = normaliser.normalise(every)
    assert normal.min() < -bound and normal.max() > bound
    np.testing.assert_allclose(normaliser.metres(normal), every, rtol=1e-5)
    torch.testing.assert_close(normaliser.normalise(torch.from_numpy(every)), torch.from_numpy(normal))


def test_a_single_depth_is_normalised_to_the_bound_and_all_comes_back_as_it():
    normaliser = DepthNormaliser.of(np.float32([[0, 7], [7, 0]]))
    assert normaliser.normalise(7.0) == -1
    assert normaliser.metres(np.float32([-3, 0.2, 5])).tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((480, 640), 768, (576, 768)),
        ((352, 1216), 768, (222, 768)),
        ((1216, 352), 768, (768, 222)),
        ((33, 17), 0, (33, 17)),
        ((1000, 1), 8, (8, 1)),
    ],
)
def test_the_longer_side_is_resized_and_the_other_one_cut(shape, side, expected):
    assert resized_shape(shape, side) == expected


def test_padding_repeats_the_last_row_and_column():
    plane = torch.arange(6.0).reshape(1, 1, 2, 3)
    padded = pad(plane)
    assert padded.shape == (1, 1, 8, 8)
    assert torch.equal(padded[..., :2, :3], plane)
    assert (padded[0, 0, 2:, 2:] == 5).all()
    assert pad(padded) is padded


# Fills -----------------------------------------------------------------------------------------------


def test_the_nearest_fill_takes_a_nearest_known_pixel():
    sparse = points_of(slope((20, 30)), 25).depth
    filled = nearest_fill(sparse)
    v, u = np.nonzero(sparse)
    for row, column in np.ndindex(sparse.shape):
        distance = np.hypot(v - row, u - column)
        near = distance <= distance.min() + 0.5  # of the distance transform, which is no more exact
        assert filled[row, column] in sparse[v[near], u[near]]
    assert np.array_equal(filled[v, u], sparse[v, u])


def test_the_linear_fill_is_exact_on_a_plane_and_nothing_outside_the_triangles():
    sparse = np.where(np.pad(np.ones((50, 60), bool), ((10, 0), (0, 30))), points_of(slope(), 2000).depth, 0)
    filled = linear_fill(np.float32(sparse))
    v, u = np.nonzero(sparse)
    hull = cv2.convexHull(np.column_stack([u, v]).astype(np.int32))
    inside = np.array(
        [
            [cv2.pointPolygonTest(hull, (float(column), float(row)), True) for column in range(90)]
            for row in range(60)
        ]
    )
    assert np.isnan(filled[inside < -0.01]).all()
    np.testing.assert_allclose(filled[inside > 0.01], slope()[inside > 0.01], rtol=1e-5)
    assert np.array_equal(filled[v, u], sparse[v, u])


@pytest.mark.parametrize("holes", [1, 5])
def test_known_pixels_inside_known_regions_do_not_change_the_linear_fill(holes, monkeypatch):
    random = np.random.default_rng(holes)
    depth = slope((48, 64)) + random.random((48, 64), np.float32)
    depth[random.random(depth.shape) < 0.02] = 0
    for _ in range(holes):
        v, u = random.integers(0, 40, 2)
        depth[v : v + 7, u : u + 11] = 0
    fewer = linear_fill(depth)
    monkeypatch.setattr(fills, "_inner", lambda sparse: np.zeros(sparse.shape, bool))
    everything = linear_fill(depth)
    unlike = ~np.isclose(fewer, everything, atol=1e-4, equal_nan=True)
    # Four corners of a circle can be cut into triangles in two ways, so that its middle is either.
    assert unlike[depth == 0].mean() < 0.2
    assert np.abs(fewer - everything)[unlike].max(initial=0) < 1.5


@pytest.mark.parametrize(
    "points", [[(3, 4)], [(3, 4), (9, 9)], [(2, 2), (4, 4), (9, 9)], [(5, 0), (5, 7), (5, 13)]]
)
def test_points_that_span_no_triangle_are_filled_by_the_nearest(points):
    sparse = np.zeros((12, 16), np.float32)
    for index, (v, u) in enumerate(points):
        sparse[v, u] = index + 2
    np.testing.assert_array_equal(linear_fill(sparse), nearest_fill(sparse))


def test_depth_that_is_known_everywhere_stays():
    depth = slope((15, 21))
    np.testing.assert_array_equal(linear_fill(depth), depth)
    np.testing.assert_array_equal(nearest_fill(depth), depth)


# Tiles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "side"), [((64, 96), 0), ((64, 96), 64), ((352, 1216), 320), ((72, 200), 70)]
)
def test_tiles_cover_the_image_overlap_and_fade_into_each_other(shape, side):
    total = np.zeros(shape, np.float32)
    for rows, columns in tiles(shape, side):
        assert all(x % 8 == 0 for piece in (rows, columns) for x in (piece.start, piece.stop))
        assert not side or max(rows.stop - rows.start, columns.stop - columns.start) <= side
        weight = feather(rows, columns, shape)
        assert (weight > 0).all() and weight.max() == 1
        if columns.start:
            assert weight[:, 0].max() < 0.1, "a border within the image"
        total[rows, columns] += weight
    assert total.min() >= 0.5
    assert not np.all(total == 1) or len(list(tiles(shape, side))) == 1


# Folders ---------------------------------------------------------------------------------------------


def test_the_vae_and_the_schedule_are_read_from_their_folders(vae, tmp_path):
    vae.save_pretrained(tmp_path / "vae")
    make_scheduler("trailing").save_pretrained(tmp_path / "scheduler")
    again = load_vae(tmp_path)
    for key, tensor in vae.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor)
    assert scheduler_config(tmp_path)["timestep_spacing"] == "trailing"
    assert scheduler_config(tmp_path / "vae") is None


def test_old_names_of_the_vae_s_attention_are_understood(vae, tmp_path):
    from safetensors.torch import load_file, save_file

    vae.save_pretrained(tmp_path / "vae")
    file = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state = load_file(file)
    for new, old in names.items():
        state = {key.replace(f"attentions.0.{new}.", f"attentions.0.{old}."): x for key, x in state.items()}
    assert any(".proj_attn." in key for key in state)
    save_file(state, file)
    again = load_vae(tmp_path)
    for key, tensor in vae.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor)


def test_a_vae_that_is_not_whole_is_refused_with_a_sentence(vae, tmp_path):
    from safetensors.torch import load_file, save_file

    with pytest.raises(FileNotFoundError, match="lacks vae/config.json"):
        load_vae(tmp_path)
    vae.save_pretrained(tmp_path / "vae")
    file = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    state = load_file(file)
    state.pop("encoder.conv_in.weight")
    save_file(state, file)
    with pytest.raises(ValueError, match="1 of the network's tensors, such as 'encoder.conv_in.weight'"):
        load_vae(tmp_path)
    file.write_bytes(b"broken")
    with pytest.raises(ValueError, match="cannot be loaded") as raised:
        load_vae(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_schedule_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "scheduler").mkdir()
    file = tmp_path / "scheduler" / "scheduler_config.json"
    file.write_text("{")
    with pytest.raises(ValueError, match="is no JSON"):
        scheduler_config(tmp_path)
    config = {"prediction_type": "v_prediction", "a": 1}
    file.write_text(json.dumps(config))
    assert scheduler_config(tmp_path) == config


@pytest.mark.parametrize("prefix", ["", "mapping_layer."])
def test_a_prefix_that_all_keys_have_is_taken_off(prefix, tmp_path):
    layer = torch.nn.Linear(3, 2)
    torch.save({prefix + key: x for key, x in layer.state_dict().items()}, tmp_path / "mapping_layer.pth")
    again = load_part(tmp_path, "mapping_layer", lambda: torch.nn.Linear(3, 2), prefix="mapping_layer.")
    assert torch.equal(again.weight, layer.weight) and torch.equal(again.bias, layer.bias)
