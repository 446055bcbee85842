"""The MSPN network computes what the published one does, at any size and sparsity."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import mspn_fill
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from depth_completion_ros.completion.mspn import MSPN  # noqa: E402
from depth_completion_ros.completion.mspn.encoder import STAGES, position_embedding  # noqa: E402
from depth_completion_ros.completion.mspn.transformer import drop_images  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")
VARIANTS = ("sdr_nyu", "conventional_kitti", "sdr_kitti", "conventional_nyu")
# The other two have the same guidance networks but for the number of channels.
two_variants = pytest.mark.parametrize("network", VARIANTS[:2], indirect=True)
GOLDEN = json.loads((Path(__file__).parent / "golden" / "mspn.json").read_text())["variants"]


@pytest.fixture(scope="session", params=VARIANTS)
def network(request):
    """A variant with deterministic weights, in double precision."""
    with torch.device("meta"):
        network = MSPN(request.param)
    shapes = {key: x.shape for key, x in network.state_dict().items()}
    network.load_state_dict(mspn_fill.filled(shapes), assign=True)
    return network.eval().double()


def inputs(network: MSPN, height: int, width: int, points: int, dtype=torch.float64):
    """What `network` takes of a synthetic image."""
    maps = {name: x.to(dtype) for name, x in mspn_fill.inputs(height, width, points).items()}
    if not network.backbone.takes_prior:
        del maps["prior"]
    return maps


def run(network: MSPN, *case, **options):
    with torch.no_grad():
        return network(**inputs(network, *case), **options)


# Against the published code ------------------------------------------------------------------------


def test_equals_the_published_code(network):
    for name, expected in GOLDEN[network.variant].items():
        size, points = name.removesuffix(" points").split(", ")
        maps = inputs(network, *map(int, size.split("x")), int(points))
        guides = []
        hook = network.backbone.register_forward_hook(lambda _, __, output, to=guides: to.append(output[0]))
        with torch.no_grad():
            depth, mask, initial = network(**maps)
        hook.remove()
        start = torch.where(maps["sparse"] > 0, maps["sparse"], initial)
        found = {"guidance": guides[0], "start": start, "depth": depth, "mask": mask}
        for stage, digest in expected.items():
            for kind, numbers in mspn_fill.digest(found[stage]).items():
                assert numbers == pytest.approx(digest[kind], rel=1e-9, abs=1e-9), (name, stage, kind)


def test_first_position_table_is_taken_as_it_is_where_the_number_of_pixels_agrees():
    table = torch.arange(112.0 * 112)[None, :, None]
    assert torch.equal(position_embedding(table, 112, (56, 224)).flatten(), table.flatten())
    small = torch.arange(4.0)[None, :, None]
    assert position_embedding(small, 2, (1, 4)).flatten().tolist() == [1, 1.25, 1.75, 2]


# Sizes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (13, 9), (31, 31), (32, 57)])
def test_any_size(network, size):
    points = max(1, size[0] * size[1] // 20)
    maps, (depth, mask, initial) = inputs(network, *size, points), run(network, *size, points)
    measured = maps["sparse"] > 0
    assert depth.shape == mask.shape == initial.shape == (1, 1, *size)
    assert depth.isfinite().all() and depth.min() >= 0
    assert mask.min() >= 0 and mask.max() <= 1 + 1e-12 and (mask[measured] == 1).all()
    if "nyu" in network.variant:
        assert torch.equal(depth[measured], maps["sparse"][measured])
    if network.backbone.takes_prior:
        assert torch.equal(initial, maps["prior"])


@two_variants
def test_a_small_image_gets_the_guidance_of_one_with_its_last_rows_and_columns_repeated(network):
    maps = list(inputs(network, 20, 28, 15).values())
    rows, columns = [min(y, 19) for y in range(31)], [min(x, 27) for x in range(31)]
    larger = [x[..., rows, :][..., columns] for x in maps]
    larger[1][..., 20:, :] = larger[1][..., 28:] = 0
    pair = [[*x, None][:3] for x in (maps, larger)]
    with torch.no_grad():
        small, large = (network.backbone(*x)[0] for x in pair)
    torch.testing.assert_close(small, large[..., :20, :28], rtol=1e-12, atol=1e-12)


# Sparsity ------------------------------------------------------------------------------------------


@two_variants
def test_a_batch_of_different_sparsities_equals_its_images_alone(network):
    cases = [(33, 40, 2), (33, 40, 300), (33, 40, 0)]
    alone = [run(network, *case) for case in cases]
    maps = [inputs(network, *case) for case in cases]
    with torch.no_grad():
        batch = network(**{name: torch.cat([x[name] for x in maps]) for name in maps[0]})
    for found, expected in zip(batch, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(found, torch.cat(expected), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("points", [None, 500])
def test_without_measurements_the_initial_depth_comes_back(network, points):
    depth, mask, initial = run(network, 33, 40, 0, points=points)
    assert torch.equal(depth, initial.clamp(min=0))
    assert not mask.any()


def test_measurements_everywhere(network):
    maps, (depth, mask, _) = inputs(network, 31, 34, 31 * 34), run(network, 31, 34, 31 * 34)
    assert (mask == 1).all()
    if "nyu" in network.variant:
        assert torch.equal(depth, maps["sparse"])
    else:
        assert maps["sparse"].min() <= depth.min() < depth.max() <= maps["sparse"].max()


@two_variants
def test_the_number_of_points_may_be_given_for_all_images_or_for_each(network):
    case = (33, 40, 100)
    counted, fewer = run(network, *case).depth, run(network, *case, points=1).depth
    assert not torch.equal(counted, fewer)
    assert torch.equal(run(network, *case, points=[100]).depth, counted)


# Inference and training ----------------------------------------------------------------------------


@two_variants
def test_lower_precision_changes_little(network):
    case = (33, 47, 60)
    expected, sparse = run(network, *case), mspn_fill.inputs(*case)["sparse"]
    for dtype, error in ((torch.float32, 1e-5), (torch.bfloat16, 0.02)):
        lower = deepcopy(network).to(dtype)
        with torch.no_grad():
            found = lower(**inputs(lower, *case, torch.float32))
        assert all(x.dtype == torch.float32 for x in found)
        assert torch.linalg.norm(found.depth - expected.depth) < error * torch.linalg.norm(expected.depth)
        if "nyu" in network.variant:
            assert torch.equal(found.depth[sparse > 0], sparse[sparse > 0])


@two_variants
def test_training_reaches_every_parameter_and_counts_its_batches(network):
    trained = deepcopy(network).float().train()
    maps = [inputs(trained, 33, 64, points, torch.float32) for points in (9, 200)]
    torch.manual_seed(0)
    output = trained(**{name: torch.cat([x[name] for x in maps]) for name in maps[0]})
    output.depth.square().mean().backward()
    still = [name for name, x in trained.named_parameters() if x.grad is None or not x.grad.any()]
    assert still == []
    assert all(x.grad.isfinite().all() for x in trained.parameters())
    assert {int(x) for name, x in trained.named_buffers() if name.endswith("tracked")} == {1}


def test_initial_weights_follow_the_seed_and_the_paper():
    torch.manual_seed(3)
    network = MSPN("sdr_nyu")
    torch.manual_seed(3)
    again = MSPN("sdr_nyu").state_dict()
    assert all(torch.equal(x, again[key]) for key, x in network.state_dict().items())
    encoder, layer = network.backbone.former, network.prop_layer.mspn
    for x in (encoder.block4[0].mlp.fc1.weight, encoder.pos_embed1, layer.rpb):
        assert x.std().item() == pytest.approx(0.02, rel=0.1)
    assert not encoder.block1[0].attn.q.bias.any()
    assert not network.backbone.dec2[1].beta.any() and not network.backbone.dec2[1].gamma.any()


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean():
    with torch.device("meta"):
        former = MSPN().backbone.former
    blocks = [block for s in range(len(STAGES)) for block in getattr(former, f"block{s + 1}")]
    assert [x.drop_path for x in blocks] == pytest.approx([0.1 * i / 15 for i in range(16)])
    torch.manual_seed(0)
    dropped = drop_images(torch.ones(2000, 2, 2, 1), 0.25)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (dropped == dropped[:, :1, :1]).all() and dropped.mean().item() == pytest.approx(1, abs=0.05)


# Errors --------------------------------------------------------------------------------------------


@two_variants
def test_what_does_not_fit_is_refused_in_a_sentence(network):
    maps = inputs(network, 31, 33, 5)
    with pytest.raises(
        ValueError, match=r"got sparse of shape \(1, 1, 31, 32\); it must be \(1, 1, 31, 33\)"
    ):
        network(**maps | {"sparse": maps["sparse"][..., 1:]})
    with pytest.raises(ValueError, match="points for 2 images; it must be 1, one for each"):
        network(**maps, points=[1, 2])
    prior = maps.pop("prior", maps["sparse"])
    needs, options = ("needs a", {}) if network.backbone.takes_prior else ("takes no", {"prior": prior})
    with pytest.raises(ValueError, match=f"MSPN variant '{network.variant}' {needs} prior"):
        network(**maps, **options)


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="'sdr' is unknown; it must be one of sdr_nyu, sdr_kitti, conv"):
        MSPN("sdr")
