"""PSD as its fact sheet orders it: slow, plain, and independent of the package but for the state dict."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]


# Propagation ---------------------------------------------------------------------------------------


def align(inverse: Tensor, sparse: Tensor) -> Tensor:
    """Official alignment of one image: strictly between the least and the greatest measurement."""
    s, p = sparse[sparse > 0], inverse[sparse > 0]
    near, far = s.min(), s.max()
    part = (s > near) & (s < far)
    A = torch.stack([p[part], torch.ones_like(p[part])], dim=1).double()
    normal = A.T @ A
    line = torch.zeros(2, dtype=torch.float64)
    if part.any() and torch.linalg.det(normal) > 1e-12 * normal[0, 0] * normal[1, 1]:
        line = torch.linalg.solve(normal, A.T @ (1 / s[part].double()))
    q = line[0] * inverse.double() + line[1]
    return (1 / q.clamp(1 / far.double(), 1 / near.double())).to(inverse.dtype)


def block_mean(sparse: Tensor) -> Tensor:
    height, width = (n // 4 for n in sparse.shape[-2:])
    out = torch.zeros(1, 1, height, width, dtype=sparse.dtype)
    for i in range(height):
        for j in range(width):
            block = sparse[0, 0, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
            out[0, 0, i, j] = block.sum() / ((block > 0).sum() + 1e-5)
    return out


def trilinear(features: Tensor, channels: int, size) -> Tensor:
    return F.interpolate(features[:, None], (channels, *size), mode="trilinear", align_corners=False)[:, 0]


def bicubic(x: Tensor, size) -> Tensor:
    return F.interpolate(x, size, mode="bicubic", align_corners=False)


def in_space(points: Tensor, guide: Tensor, dense: Tensor, sparse: Tensor, neighbours: int) -> Tensor:
    """Query by query: nearest by all distances, of those the least similar, mean weighted by the cosines."""
    out, s = dense.clone().flatten(), sparse.flatten()
    points, guide = points[0].flatten(1).T, guide[0].flatten(1).T
    source = (s > 1e-4).nonzero()[:, 0]
    for q in (s <= 0).nonzero()[:, 0]:
        distance = (points[source] - points[q]).square().sum(1)
        near = source[distance.argsort(stable=True)[: 2 * neighbours]]
        cosine = F.cosine_similarity(guide[near], guide[q][None])
        cosine, kept = cosine.topk(min(neighbours, len(near)), largest=False)
        depth = s[near[kept]]
        out[q] = depth[0] if len(depth) == 1 else (cosine * depth).sum() / cosine.sum()
    return out.view_as(dense)


def cspn(guide: Tensor, dense: Tensor, sparse: Tensor, iterations: int) -> Tensor:
    """Unfolds guide and depth; the centre of the window is what it began with."""
    _, channels, height, width = guide.shape
    unit = F.normalize(guide, dim=1, eps=1e-12)
    around = F.unfold(unit, 3, padding=1).view(channels, 9, height, width)
    cosine = (around * unit[0][:, None]).sum(0)
    others = [0, 1, 2, 3, 5, 6, 7, 8]
    weight = cosine[others] / cosine[others].abs().sum(0).clamp(min=1e-30)
    rest = 1 - weight.sum(0)
    start = torch.where(sparse > 0, sparse, dense)
    depth = dense
    for _ in range(iterations):
        held = torch.where(sparse > 0, sparse, depth)
        window = F.unfold(held, 3, padding=1).view(9, height, width)[others]
        depth = rest * start + (weight * window).sum(0)
    return depth


def propagate(guide, inverse, sparse, K, neighbours=1, mode="3D-2D") -> tuple[Tensor, Tensor]:
    """Aligned prior and propagated depth of one image."""
    height, width = sparse.shape[-2:]
    quarter = (height // 4, width // 4)
    aligned = align(bicubic(inverse, (height, width)), sparse)
    pixels = torch.stack(
        [torch.tensor([x, y, 1.0]).to(K) for y in range(height) for x in range(width)], dim=1
    )
    points = aligned * (torch.linalg.inv(K[0]) @ pixels).view(1, 3, height, width)
    small, down = block_mean(sparse), bicubic(points, quarter)
    coarse = torch.cat([down, trilinear(guide, 9, quarter)], dim=1)
    fine, initial = trilinear(guide, 16, (height, width)), bicubic(aligned, quarter)

    def image(depth):
        return cspn(fine, bicubic(cspn(coarse, depth, small, 3), (height, width)), sparse, 3)

    if mode == "3D-2D":
        return aligned, image(in_space(down, coarse, initial, small, neighbours))
    if mode == "3D+2D":
        spatial = bicubic(in_space(down, coarse, initial, small, neighbours), (height, width))
        return aligned, (image(initial) + spatial) / 2
    flat = bicubic(image(initial), quarter)
    return aligned, bicubic(in_space(down, coarse, flat, small, neighbours), (height, width))


# Correction ----------------------------------------------------------------------------------------


def conv(w: Weights, key: str, x: Tensor, stride: int = 1, act: bool = True) -> Tensor:
    kernel = w[f"{key}.conv.weight"]
    margin = kernel.shape[-1] // 2
    padded = F.pad(x, (margin,) * 4, mode="reflect") if margin else x
    y = F.conv2d(padded, kernel, w[f"{key}.conv.bias"], stride)
    y = w[f"{key}.alpha"] * y + x if f"{key}.alpha" in w else y
    return F.leaky_relu(y, 0.2) if act else y


def norm(w: Weights, key: str, x: Tensor) -> Tensor:
    values = (w[f"{key}.bn.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *values)


def up(w: Weights, key: str, x: Tensor) -> Tensor:
    y = F.conv_transpose2d(x, w[f"{key}.deconv.weight"], w[f"{key}.deconv.bias"], 2, 1, 1)
    return F.leaky_relu(norm(w, key, y) if f"{key}.bn.weight" in w else y, 0.2)


def residual(w: Weights, key: str, x: Tensor, stride: int = 1) -> Tensor:
    y = conv(w, f"{key}.conv2", conv(w, f"{key}.conv1", x, stride), act=False)
    return y + (conv(w, f"{key}.downsample", x, stride, False) if f"{key}.downsample.conv.weight" in w else x)


def gate(w: Weights, key: str, x: Tensor) -> Tensor:
    y = conv(w, f"{key}.conv1.1", conv(w, f"{key}.conv1.0", x))
    return conv(w, f"{key}.gate.0", x, act=False).sigmoid() * y


def attention(w: Weights, key: str, x: Tensor) -> Tensor:
    y = F.conv2d(F.conv2d(x, w[f"{key}.conv1.weight"], padding=1).relu(), w[f"{key}.conv2.weight"], padding=1)
    y = w[f"{key}.alpha"] * y + x

    def fc(z):
        return F.conv2d(F.conv2d(z, w[f"{key}.ca.fc.0.weight"]).relu(), w[f"{key}.ca.fc.2.weight"])

    y = y * (fc(F.adaptive_avg_pool2d(y, 1)) + fc(F.adaptive_max_pool2d(y, 1))).sigmoid()
    both = torch.cat([y.mean(1, keepdim=True), y.max(1, keepdim=True).values], dim=1)
    y = y * F.conv2d(both, w[f"{key}.sa.conv1.weight"], padding=3).sigmoid()
    return (y + x).relu()


def resize(x: Tensor, size) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


def cat(a: Tensor, b: Tensor) -> Tensor:
    return torch.cat([resize(a, b.shape[-2:]) if a.shape[-2:] != b.shape[-2:] else a, b], dim=1)


def adapted(w: Weights, stage: str, features, size) -> Tensor:
    maps = [resize(conv(w, f"{stage}.mconv{i + 1}.0", f, act=False), size) for i, f in enumerate(features)]
    return conv(w, f"{stage}.mconv.1", conv(w, f"{stage}.mconv.0", torch.cat(maps, dim=1)))


def rb(w: Weights, sparse, depth, features) -> tuple[Tensor, Tensor]:
    x = torch.cat([sparse, depth, (sparse - depth) * (sparse > 0)], dim=1)
    x = conv(w, "rb.conv1.2", conv(w, "rb.conv1.1", conv(w, "rb.conv1.0", x, 2)))
    x = gate(w, "rb.all_fuse", torch.cat([x, adapted(w, "rb", features, x.shape[-2:])], dim=1))
    x3 = conv(w, "rb.conv2.1", conv(w, "rb.conv2.0", x, 2))
    x3 = conv(w, "rb.conv3.1", conv(w, "rb.conv3.0", x3, 2))
    x4 = residual(w, "rb.conv4.1", residual(w, "rb.conv4.0", x3))
    x5 = residual(w, "rb.conv5.1", residual(w, "rb.conv5.0", x4))
    d4 = conv(w, "rb.deconv5.1", up(w, "rb.deconv5.0", x5))
    d3 = conv(w, "rb.deconv4.1", up(w, "rb.deconv4.0", cat(d4, x4)))
    d2 = conv(w, "rb.deconv3.1", up(w, "rb.deconv3.0", cat(d3, x3)))
    size = sparse.shape[-2:]
    offset = conv(w, "rb.regressor.1", conv(w, "rb.regressor.0", d2), act=False)
    head = conv(w, "rb.confhead.0", d2, act=False)
    head = F.leaky_relu(norm(w, "rb.confhead.0", head), 0.2)
    return resize(offset, size), resize(conv(w, "rb.confhead.1", head, act=False), size).sigmoid()


def bins(w: Weights, sparse, depth, offset, conf) -> tuple[Tensor, Tensor]:
    width = offset.abs() * (2 - conf) + 0.05
    high = torch.maximum((1 + w["alpha1"]) * width + w["beta1"], torch.tensor(0.05))
    low = torch.minimum((-1 + w["alpha2"]) * width + w["beta2"], torch.tensor(-0.05))
    found = torch.cat([low + (high - low) * i / 4 for i in range(5)], dim=1)
    label = (-((sparse - depth) - found).abs()).softmax(1) * (sparse > 0)
    return found, label


def ib(w: Weights, sparse, depth, label, conf, features=None) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities, confidence and maps; with `features` as the paper means it."""
    x = torch.cat([sparse, depth, (sparse - depth) * (sparse > 0), label, conf], dim=1)
    x = conv(w, "ib.conv.2", conv(w, "ib.conv.1", conv(w, "ib.conv.0", x, 2)))
    if features is not None:
        x = gate(w, "ib.all_fuse", torch.cat([x, adapted(w, "ib", features, x.shape[-2:])], dim=1))
    fe1 = residual(w, "ib.conv1.1", residual(w, "ib.conv1.0", x))
    fe2 = residual(w, "ib.conv2.1", residual(w, "ib.conv2.0", fe1, 2))
    fe3 = residual(w, "ib.conv3.1", residual(w, "ib.conv3.0", fe2, 2))
    fe4 = residual(w, "ib.conv4.1", residual(w, "ib.conv4.0", fe3, 2))
    fd3 = attention(w, "ib.deconv4.1", up(w, "ib.deconv4.0", fe4))
    fd2 = attention(w, "ib.deconv3.1", up(w, "ib.deconv3.0", cat(fd3, fe3)))
    fd1 = attention(w, "ib.deconv2.1", up(w, "ib.deconv2.0", cat(fd2, fe2)))
    maps, size = cat(fd1, fe1), sparse.shape[-2:]
    logits = conv(w, "ib.classifier.1", up(w, "ib.classifier.0", maps), act=False)
    conf = conv(w, "ib.confhead.1", up(w, "ib.confhead.0", maps), act=False)
    return resize(logits, size).softmax(1), resize(conf, size).sigmoid(), maps


def pb(w: Weights, sparse, depth, conf, maps) -> tuple[Tensor, Tensor]:
    x = torch.cat([sparse, depth, (sparse - depth) * (sparse > 0), conf], dim=1)
    x = conv(w, "pb.conv1.1", conv(w, "pb.conv1.0", x, 2))
    x = conv(w, "pb.conv1.3", conv(w, "pb.conv1.2", x))
    g = conv(w, "pb.feat2global.1", conv(w, "pb.feat2global.0", maps, act=False))
    g, size = gate(w, "pb.fuse_global", cat(g, x)), sparse.shape[-2:]
    offset = conv(w, "pb.predict_global.1", up(w, "pb.predict_global.0", g), act=False)
    conf = conv(w, "pb.predict_conf.1", up(w, "pb.predict_conf.0", g), act=False)
    return resize(offset, size), resize(conf, size).sigmoid()


def psd(w: Weights, features, inverse, sparse, K, post: int = 0) -> dict[str, Tensor]:
    """All maps of the official evaluation of one image, with its official modes."""
    polyfit, diff = propagate(features[0], inverse, sparse, K)
    offset, conf = rb(w, sparse, diff, features)
    D_res = offset + diff
    found, label = bins(w, sparse, D_res, offset, conf)
    probabilities, conf2, maps = ib(w, sparse, D_res, label, conf)
    D_img = (found * probabilities).sum(1, keepdim=True) + D_res
    offset, conf3 = pb(w, sparse, D_img, conf2, maps)
    D_pix = offset + D_img
    depth = torch.where(sparse > 0, sparse, D_pix) if post == 0 else D_pix
    if post > 0:
        depth = cspn(trilinear(maps, 32, sparse.shape[-2:]), D_pix, sparse, post)
    return {
        "depth": depth, "depth_polyfit": polyfit, "depth_diff": diff, "D_res": D_res, "D_img": D_img,
        "D_pix": D_pix, "conf": conf, "conf2": conf2, "conf3": conf3, "offsets": found,
        "probabilities": probabilities,
    }  # fmt: skip
