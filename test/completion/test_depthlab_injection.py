"""DepthLab against its authors' order of operations, written out slowly; tiny networks of random weights."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from depthlab_reference import Official, attend  # noqa: E402
from synthetic import camera_image, points_of, slope  # noqa: E402

from depth_completion_ros.completion.depthlab.attention import (  # noqa: E402
    AllWritten,
    Guide,
    blocks_of,
    constants_of,
    guide_of,
    written_by,
)
from depth_completion_ros.completion.depthlab.network import DepthLab  # noqa: E402
from depth_completion_ros.completion.depthlab.sampling import (  # noqa: E402
    Noise,
    Planes,
    Sampling,
    predict,
    prepare,
    sample,
)
from depth_completion_ros.completion.diffusion.networks import make_unet  # noqa: E402
from depth_completion_ros.completion.diffusion.normaliser import DepthNormaliser  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
SIZES = ((64, 96), (70, 99))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = DepthLab.of_size("tiny").eval().requires_grad_(False)
    for block in blocks_of(network.estimation).values():  # else attention is nearly uniform
        block.attn1.to_q.weight.mul_(4)
        block.attn1.to_k.weight.mul_(4)
    return network


@pytest.fixture(scope="module")
def official(network):
    torch.manual_seed(7)
    return Official.like(network, "tiny", torch.randn(1, 1, 24))


def rgb_of(shape) -> torch.Tensor:
    return torch.from_numpy(camera_image(shape).transpose(2, 0, 1)[None] / np.float32(127.5) - 1)


def noise_of(shape, seed=3) -> Noise:
    return Noise.draw(shape[0], shape[1], seed)


@pytest.fixture(scope="module")
def given(network):
    """Latents of an image, its token, what the estimator takes, and its guide."""
    make = torch.Generator().manual_seed(1)
    image_latents = torch.randn(1, 4, 8, 12, generator=make)
    token = network.token(rgb_of((64, 96)))
    noisy = torch.randn(1, 12, 8, 12, generator=make)
    return image_latents, token, noisy, network.guide(image_latents, token)


# The whole -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(steps=20, strength=0.2, padded=False),
        Sampling(steps=20, strength=0.25, blend=True, normalize_scale=0.6, padded=False),
        Sampling(steps=11, strength=1.0, blend=True, normalize_scale=0.5, padded=False),
    ],
    ids=["from a guess", "blended", "from noise"],
)
@torch.no_grad()
def test_depth_is_that_of_the_official_order_of_operations(network, official, shape, sampling):
    sparse, rgb, noise = points_of(slope(shape), 900).depth, rgb_of(shape), noise_of(shape)
    planes = prepare(rgb, sparse, DepthNormaliser.of(sparse, sampling.normalize_scale))
    token = network.token(rgb)
    expected = official.sample(planes, token, sampling, noise)
    found = sample(network, planes, token, sampling, noise)
    assert found.shape == (1, 1, shape[0] // 8 * 8, shape[1] // 8 * 8)
    assert expected.std() > 0.01, "the network gives a constant, so that this test says nothing"
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_an_initial_depth_is_what_is_refined(network, official):
    shape, sampling = (64, 96), Sampling(steps=20, strength=0.15)
    sparse, rgb, noise = points_of(slope(shape), 50).depth, rgb_of(shape), noise_of(shape)
    initial, normaliser = slope(shape) + 1, DepthNormaliser.of(sparse)
    planes = prepare(rgb, sparse, normaliser)
    refined = normaliser.normalise(np.where(sparse > 0, sparse, initial))
    planes = planes._replace(guess=torch.from_numpy(np.float32(refined))[None, None])
    expected = normaliser.metres(official.sample(planes, network.token(rgb), sampling, noise))[0, 0]
    found = predict(network, rgb, sparse, sampling, initial, noise)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-5)
    other = predict(network, rgb, sparse, sampling, None, noise)
    assert (other - found).abs().max() > 0.01


# Self-attention --------------------------------------------------------------------------------------


@torch.no_grad()
def test_velocity_is_that_of_the_conditional_row(network, official, given):
    image_latents, token, noisy, guide = given
    official.look(image_latents, token)
    expected = official.velocity(noisy, 501, token)
    found = network.velocity(noisy, torch.tensor(501), guide)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_without_reference_features_the_estimator_is_the_stock_network(network, given):
    _, token, noisy, guide = given
    nothing = Guide(*(tuple(x[:, :, :0] for x in pairs) for pairs in guide[:2]), guide.constants)
    stock = make_unet("tiny", 12).eval()
    stock.load_state_dict(network.estimation.state_dict())
    expected = stock(noisy, 501, token).sample
    torch.testing.assert_close(network.velocity(noisy, torch.tensor(501), nothing), expected)


@torch.no_grad()
def test_the_order_of_reference_features_does_not_matter_and_their_values_do(network, given):
    _, _, noisy, guide = given
    t = torch.tensor(501)
    plain = network.velocity(noisy, t, guide)
    turned = [tuple(x.flip(2) for x in pairs) for pairs in guide[:2]]
    torch.testing.assert_close(
        network.velocity(noisy, t, Guide(*turned, guide.constants)), plain, atol=1e-5, rtol=1e-5
    )
    larger = guide._replace(values=tuple(2 * x for x in guide.values))
    assert (network.velocity(noisy, t, larger) - plain).abs().max() > 1e-3


@torch.no_grad()
def test_kept_keys_and_values_are_those_made_anew(network, given):
    image_latents, token, _, guide = given
    features = written_by(network.reference, image_latents, token)
    again = guide_of(network.estimation, features, token)
    for index, block in enumerate(blocks_of(network.estimation).values()):
        width = block.attn1.to_k.out_features // block.attn1.heads
        for kept, anew, layer in (
            (guide.keys, again.keys, block.attn1.to_k),
            (guide.values, again.values, block.attn1.to_v),
        ):
            torch.testing.assert_close(kept[index], anew[index])
            side_by_side = kept[index].transpose(1, 2).flatten(2)
            torch.testing.assert_close(side_by_side, layer(features[index]))
            assert kept[index].shape[3] == width


@torch.no_grad()
def test_two_images_at_once_do_not_get_into_each_other(network, given):
    image_latents, token, noisy, guide = given
    t = torch.tensor(501)
    alone = network.velocity(noisy, t, guide)
    other = network.guide(-image_latents, token)
    assert (network.velocity(noisy, t, other) - alone).abs().max() > 1e-4
    torch.testing.assert_close(network.velocity(noisy, t, guide), alone, rtol=0, atol=0)
    both = Guide(*(tuple(map(torch.cat, zip(*two, strict=True))) for two in zip(guide, other, strict=True)))
    together = network.velocity(noisy.expand(2, -1, -1, -1), t, both)
    torch.testing.assert_close(together[:1], alone, atol=1e-5, rtol=1e-5)


# Cross-attention and the reference -------------------------------------------------------------------


@torch.no_grad()
def test_cross_attention_to_one_token_is_a_constant(network, given):
    token = given[1]
    for block, constant in zip(
        blocks_of(network.estimation).values(), constants_of(network.estimation, token), strict=True
    ):
        pixels = torch.randn(1, 5, block.attn2.to_q.in_features)
        expected = attend(block.attn2, pixels, token)
        torch.testing.assert_close(constant.expand_as(expected), expected, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_the_reference_writes_what_it_does_when_it_runs_to_its_end(network, official, given):
    image_latents, token, *_ = given
    official.look(image_latents, token)
    written = written_by(network.reference, image_latents, token)
    assert len(written) == 16
    for name, features in zip(blocks_of(network.reference), written, strict=True):
        torch.testing.assert_close(features, official.bank[name], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_twenty_tensors_of_the_reference_are_dead(network, given):
    image_latents, token, noisy, guide = given
    end = "up_blocks.3.attentions.2."
    alive = (end + "norm.", end + "proj_in.", end + "transformer_blocks.0.norm1.")
    state = {key: tensor.clone() for key, tensor in network.reference.state_dict().items()}
    dead = [key for key in state if key.startswith(end) and not key.startswith(alive)]
    assert len(dead) == 20
    try:
        network.reference.load_state_dict(
            state | {key: torch.full_like(state[key], torch.nan) for key in dead}
        )
        again = network.guide(image_latents, token)
    finally:
        network.reference.load_state_dict(state)
    torch.testing.assert_close(again, guide, rtol=0, atol=0)


def test_gradients_reach_all_that_counts(network, given):
    image_latents, token, noisy, _ = given
    nets = {"reference": network.reference, "estimation": network.estimation}
    for net in nets.values():
        net.requires_grad_(True)
    try:
        network.velocity(noisy, torch.tensor(501), network.guide(image_latents, token)).sum().backward()
        without = {
            name: [key for key, values in net.named_parameters() if values.grad is None]
            for name, net in nets.items()
        }
    finally:
        for net in nets.values():
            net.requires_grad_(False).zero_grad()
    inert = ("attn2.to_q.weight", "attn2.to_k.weight", "norm2.weight", "norm2.bias")
    assert all(key.endswith(inert) for key in without["estimation"])
    end = [key for key in without["reference"] if not key.endswith(inert)]
    assert len(end) == 16 and all(key.startswith("up_blocks.3.attentions.2.") for key in end)


def test_the_reference_is_stopped_by_its_last_block(network, given):
    written = [None] * 16
    constants = constants_of(network.reference, given[1])
    with pytest.raises(AllWritten), torch.no_grad():
        network.reference(
            given[0], 0, None, cross_attention_kwargs={"written": written, "constants": constants}
        )


def test_a_block_that_reads_is_one_graph_for_the_compiler(network, given):
    guide = given[3]
    block = network.estimation.mid_block.attentions[0].transformer_blocks[0]
    tokens = torch.randn(1, 2, guide.constants[-1].shape[2])
    torch._dynamo.reset()
    with torch.no_grad():
        expected = block(tokens, cross_attention_kwargs={"guide": guide})
        compiled = torch.compile(block, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(tokens, cross_attention_kwargs={"guide": guide}), expected)


def test_planes_are_those_that_the_paper_encodes():
    shape = (20, 30)
    sparse = np.zeros(shape, np.float32)
    sparse[5:15, 5:25:4] = slope(shape)[5:15, 5:25:4]
    normaliser = DepthNormaliser.of(sparse, 0.5)
    planes = prepare(rgb_of(shape), sparse, normaliser)
    assert isinstance(planes, Planes)
    known = torch.from_numpy(sparse > 0)
    assert (planes.unknown[0, 0][known] == -1).all() and (planes.unknown[0, 0][~known] == 1).all()
    for plane in (planes.guess, planes.masked):
        values = plane[0, 0][known]
        torch.testing.assert_close(values, torch.from_numpy(normaliser.normalise(sparse[sparse > 0])))
        assert values.min() == -0.5 and values.max() == pytest.approx(0.5, abs=1e-6)
    assert not planes.masked[0, 0, :5].any() and not planes.masked[0, 0, :, 22:].any()
    assert planes.guess.abs().max() <= 0.5
