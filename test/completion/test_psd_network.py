"""PSD against a plain form of it, and its keys against the official checkpoints."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

import psd_reference as reference  # noqa: E402

from depth_completion_ros.completion.psd.foundation import official_shapes  # noqa: E402
from depth_completion_ros.completion.psd.network import PSD, rays_of, with_foundation  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
CHANNELS = (8, 8, 8, 8)


def randomised(official: bool = True, **options) -> PSD:
    """A network in which no scalar, norm or bias is what it starts as, and every stage moves depth."""
    torch.manual_seed(5)
    network = PSD(CHANNELS, official, **options)
    for name, value in network.state_dict().items():
        if name.endswith(("alpha", "alpha1", "alpha2", "beta1", "beta2")):
            value.uniform_(-0.4, 0.4)
        elif name.endswith(("bias", "running_mean")):
            value.uniform_(-0.1, 0.1)
        elif name.endswith(("running_var", "bn.weight")):
            value.uniform_(0.5, 1.5)
    return network.eval()


def inputs(height: int, width: int, points: int, dtype=torch.float64):
    """Features, inverse depth, sparse depth and camera of a seeded image."""
    make = torch.Generator().manual_seed(height * width + points)

    def noise(*shape):
        return torch.randn(*shape, generator=make, dtype=dtype)

    features = [noise(1, c, 3 << i, 4 << i) for i, c in enumerate(CHANNELS)]
    inverse = torch.rand(1, 1, 42, 56, generator=make, dtype=dtype)
    sparse = torch.zeros(height * width, dtype=dtype)
    chosen = torch.randperm(height * width, generator=make)[:points]
    sparse[chosen] = 1 + 9 * torch.rand(points, generator=make, dtype=dtype)
    K = torch.tensor([[[60.0, 0, width / 2], [0, 62, height / 2], [0, 0, 1]]], dtype=dtype)
    return features, inverse, sparse.view(1, 1, height, width), K


@pytest.mark.parametrize(("points", "post"), [(40, 1), (150, 0), (900, 6), (400, -1)])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (61, 83), (43, 50)])
def test_every_map_is_that_of_the_plain_form(height, width, points, post):
    network = randomised(post_iterations=post).double()
    given = inputs(height, width, points)
    with torch.no_grad():
        found = network(*given)._asdict()
        expected = reference.psd(network.state_dict(), *given, post)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        error = ((found[name] - value).abs() / value.abs().clamp(min=1)).flatten()
        # Where cosines of both signs nearly cancel, a single pixel makes more of the rounding.
        assert error.kthvalue(math.ceil(0.999 * len(error))).values < 1e-5 and error.max() < 1e-4, name
    moved = (expected["D_res"] - expected["depth_diff"]).abs().mean()
    assert moved > 0.05 and expected["probabilities"].std() > 0.01


def test_in_float32_it_is_as_near_as_rounding_lets_it():
    network = randomised()
    features, *others = inputs(52, 69, 200)
    # Features of both signs make weights that nearly cancel, and these make much of rounding.
    given = [[x.abs() for x in features], *others]
    exact = reference.psd({k: v.double() for k, v in network.state_dict().items()}, *given)
    with torch.no_grad():
        found = network(*([x.float() for x in g] if isinstance(g, list) else g.float() for g in given))
    for name, value in found._asdict().items():
        error = (value - exact[name]).abs() / exact[name].abs().clamp(min=1)
        assert error.flatten().kthvalue(int(0.99 * error.numel())).values < 1e-3, name


def test_without_official_the_bins_see_the_features():
    network, given = randomised(official=False).double(), inputs(48, 64, 150)
    with torch.no_grad():
        found, w = network(*given), network.state_dict()
        features, _, sparse, _ = given
        label = reference.bins(w, sparse, found.D_res, found.D_res - found.depth_diff, found.conf)[1]
        expected = reference.ib(w, sparse, found.D_res, label, found.conf, features)[0]
    torch.testing.assert_close(found.probabilities, expected, rtol=1e-5, atol=1e-6)


def test_officially_the_bins_do_not_see_the_features():
    network, (features, _, sparse, _) = randomised(), inputs(48, 64, 150, torch.float32)
    given = sparse, sparse + 1, torch.rand(1, 5, 48, 64), torch.rand(1, 1, 48, 64)
    with torch.no_grad():
        one = network.ib(*given, features)
        other = network.ib(*given, [torch.randn_like(x) for x in features])
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# Keys ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    with torch.device("meta"):
        return with_foundation(PSD(official=True), official_shapes())


def test_keys_and_numbers_are_those_of_the_checkpoints(whole):
    state = whole.state_dict()
    assert len(state) == 649 and sum(x.numel() for x in state.values()) == 353_285_013
    assert sum(x.numel() for x in whole.parameters() if x.requires_grad) == 17_969_314
    assert sum(key.endswith(".alpha") for key in state) == 38
    parts = {"mde": (407, 335_315_649), "rb": (92, 3_038_578), "ib": (115, 14_879_440), "pb": (30, 51_326)}
    for name, (entries, numbers) in (parts | {"sds": (1, 16)}).items():
        part = [x.numel() for key, x in state.items() if key.startswith(f"{name}.")]
        assert (len(part), sum(part)) == (entries, numbers), name


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("alpha1", (1,)),
        ("beta2", (1,)),
        ("sds.conv.weight", (1, 1, 4, 4)),
        ("rb.mconv4.0.conv.weight", (16, 256, 1, 1)),
        ("rb.mconv.1.alpha", ()),
        ("rb.conv1.0.conv.weight", (16, 3, 3, 3)),
        ("rb.all_fuse.gate.0.conv.weight", (32, 48, 3, 3)),
        ("rb.conv4.0.downsample.conv.weight", (128, 64, 1, 1)),
        ("rb.conv5.1.conv1.alpha", ()),
        ("rb.deconv4.0.deconv.weight", (192, 32, 3, 3)),
        ("rb.confhead.0.bn.running_var", (8,)),
        ("ib.conv.0.conv.weight", (16, 9, 3, 3)),
        ("ib.all_fuse.conv1.0.conv.weight", (64, 80, 3, 3)),
        ("ib.conv4.0.conv1.conv.weight", (512, 256, 3, 3)),
        ("ib.deconv4.1.ca.fc.0.weight", (64, 256, 1, 1)),
        ("ib.deconv2.1.sa.conv1.weight", (1, 2, 7, 7)),
        ("ib.confhead.0.deconv.weight", (128, 8, 3, 3)),
        ("pb.feat2global.0.conv.weight", (24, 128, 1, 1)),
        ("pb.predict_conf.1.conv.bias", (1,)),
        ("mde.net.pretrained.blocks.23.attn.qkv.weight", (3072, 1024)),
        ("mde.net.pretrained.mask_token", (1, 1024)),
        ("mde.net.depth_head.resize_layers.3.weight", (1024, 1024, 3, 3)),
        ("mde.net.depth_head.scratch.layer2_rn.weight", (256, 512, 3, 3)),
        ("mde.net.depth_head.scratch.output_conv2.2.weight", (1, 32, 1, 1)),
    ],
)
def test_a_key_has_its_shape(whole, key, shape):
    assert tuple(whole.state_dict()[key].shape) == shape


# Training ------------------------------------------------------------------------------------------


def gradients(official: bool, end_to_end: bool, of) -> set[str]:
    network = randomised(official, end_to_end=end_to_end).train()
    of(network(*inputs(48, 64, 150, torch.float32))).sum().backward()
    return {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}


def test_officially_twenty_tensors_of_the_bins_get_no_gradient():
    moved = gradients(True, True, lambda s: s.D_pix + s.conf + s.conf2 + s.conf3)
    still = {name for name, p in PSD(CHANNELS).named_parameters() if p.requires_grad} - moved
    assert len(still) == 20 and all(name.startswith(("ib.mconv", "ib.all_fuse")) for name in still)
    assert not {name for name in gradients(False, True, lambda s: s.D_pix) if name in still} ^ still


def test_gradients_stop_between_the_stages_unless_they_train_end_to_end():
    through_depth = gradients(True, False, lambda s: s.D_pix)
    assert {name.split(".")[0] for name in through_depth} == {
        "rb", "ib", "pb", "alpha1", "alpha2", "beta1", "beta2",
    }  # fmt: skip
    assert not any("confhead" in name for name in through_depth)
    assert any("rb.confhead" in name for name in gradients(True, True, lambda s: s.D_pix))
    later = gradients(True, False, lambda s: s.conf3)
    assert {name.split(".")[0] for name in later} == {"ib", "pb"}


def test_propagated_depth_has_no_gradient():
    features, inverse, sparse, K = inputs(48, 64, 150, torch.float32)
    features[0].requires_grad_()
    stages = randomised()(features, inverse.requires_grad_(), sparse, K)
    assert not stages.depth_diff.requires_grad and not stages.depth_polyfit.requires_grad


# Inputs --------------------------------------------------------------------------------------------


def test_sizes_within_the_residual_stage():
    network, seen = randomised(), {}
    for name in ("conv2", "conv3", "conv4", "conv5", "deconv5"):
        part = network.rb.get_submodule(name)
        part.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: tuple(out.shape[-2:])}))
    features, _, sparse, _ = inputs(64, 96, 100, torch.float32)
    network.rb(sparse, sparse, features)
    assert seen == {
        "conv2": (16, 24),
        "conv3": (8, 12),
        "conv4": (8, 12),
        "conv5": (8, 12),
        "deconv5": (16, 24),
    }


@pytest.mark.parametrize("official", [True, False])
@pytest.mark.parametrize("points", [0, 1, 2, 3, 64])
def test_any_number_of_points_in_any_image_of_a_batch_is_answered(official, points):
    network = randomised(official)
    features, inverse, sparse, K = inputs(30, 41, points, torch.float32)
    full = inputs(30, 41, 300, torch.float32)[2]
    both = [torch.cat([x, x]) for x in features], torch.cat([inverse] * 2), torch.cat([sparse, full])
    with torch.no_grad():
        batch, alone = network(*both, torch.cat([K, K])), network(features, inverse, sparse, K)
    for name, value in batch._asdict().items():
        assert value.isfinite().all(), name
        torch.testing.assert_close(value[:1], alone._asdict()[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("official", [True, False])
def test_points_in_a_row_and_points_of_one_depth_are_answered(official):
    network = randomised(official)
    features, inverse, sparse, K = inputs(30, 41, 0, torch.float32)
    sparse[..., 7, ::3] = 4.0
    with torch.no_grad():
        stages = network(features, inverse, sparse, K)
        assert torch.allclose(stages.depth_polyfit, torch.tensor(4.0))
        sparse[..., 7, ::3] = torch.linspace(2, 6, 14)
        assert network(features, inverse, sparse, K).depth.isfinite().all()


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 70), (17, 4)])
def test_images_of_a_few_pixels_are_answered(size):
    features, inverse, _, K = inputs(30, 41, 9, torch.float32)
    sparse = torch.full((1, 1, *size), 3.0)
    with torch.no_grad():
        stages = randomised()(features, inverse, sparse, K)
    assert all(value.isfinite().all() and value.shape[-2:] == size for value in stages)


def test_rays_are_those_of_the_inverse_matrix_with_its_skew():
    K = torch.tensor([[[50.0, 2, 20], [0, 60, 10], [0, 0, 1]]])
    rays = rays_of(K, 30, 40)
    torch.testing.assert_close(K[0] @ rays[0, :, 7, 11], torch.tensor([11.0, 7, 1]))


@pytest.mark.parametrize("wrong", [{"mode": "2D"}, {"neighbours": 0}, {"post_iterations": -2}])
def test_a_wrong_setting_is_refused_with_a_sentence(wrong):
    with pytest.raises(ValueError, match="of PSD is unknown; it must|PSD got"):
        PSD(CHANNELS, **wrong)
