"""A loss against depth that is known up to scale and shift, as monocular networks give it."""

from __future__ import annotations

from torch import Tensor, nn

from .masked import masked_mean, mean_of_images

SCALES = 4
"""Resolutions of the gradient term: all pixels, every second, every fourth, every eighth."""
_FLAT = 1e-10
"""Share of the mean square of a map below which its variance is that of rounding: it has no structure."""


class SSILoss(nn.Module):
    """Error of a prediction against a map whose scale and shift are free (DMD3C, CVPR 2025; MiDaS, 2020).

    With p the prediction, m the map, and s, b per image: ssi = mean |R|, R = p - (s m + b). The paper asks
    for the least sum of |R|, which has no closed form; as in MiDaS, s and b are those of the least squares,
    s = cov(m, p) / var(m), b = mean(p) - s mean(m).

    The map is aligned to the prediction, as the paper writes it, and not the prediction to the map as in
    MiDaS: the error is then in the units of the prediction, metres, like the error of the measured depth
    that it is added to, whatever the units of the map. The price is that a flat prediction has no error, so
    this is no loss to train with alone. Gradients flow through s and b too; without that, the loss would
    push at scale and shift of the prediction, on which its value does not depend.

    gradient = sum over k of (1/N_k) sum |dx R_k| + |dy R_k|, where R_k is every 2^k-th pixel of R in rows
    and columns, k = 0 to 3, and N_k the number of those under the mask; a step counts where both of its
    pixels are under the mask. R is that of the aligned map, as in MiDaS; DMD3C does not say.

    Both are means over the images with a masked pixel: 0, with gradients of 0, where there is none. A map
    without structure under the mask, such as one pixel, gives s = 0.

    Args:
        gradient: weight of the gradient term; 0 to leave it out.
    """

    def __init__(self, gradient: float = 1.0):
        super().__init__()
        self.gradient = gradient

    def forward(self, depth: Tensor, mono: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """`ssi`, `gradient`, and `loss`, their weighted sum.

        Args:
            depth: the prediction, float32 [B,1,H,W].
            mono: the map, float32 [B,1,H,W], in the space of the prediction (depth to depth). What lies
                outside the mask may be infinite or NaN.
            mask: boolean [B,1,H,W].
        """
        rest = residual(depth, mono, mask)
        ssi = mean_of_images(rest.abs(), mask)
        if not self.gradient:
            return {"loss": ssi, "ssi": ssi}
        gradient = gradient_term(rest, mask)
        return {"loss": ssi + self.gradient * gradient, "ssi": ssi, "gradient": gradient}


def residual(depth: Tensor, mono: Tensor, mask: Tensor) -> Tensor:
    """R of `SSILoss`, [B,1,H,W], 0 outside the mask."""
    mono = mono.where(mask, mono.new_zeros(()))
    depth, centred = _centred(depth, mask), _centred(mono, mask)
    # Sums in place of means, as only their ratios count.
    variance, square = _sums(centred.square()), _sums(mono.square())
    flat = variance <= _FLAT * square
    scale = _sums(centred * depth) / variance.where(~flat, variance.new_ones(()))
    return depth - scale.where(~flat, scale.new_zeros(())) * centred


def gradient_term(residual: Tensor, mask: Tensor) -> Tensor:
    """The gradient term of `SSILoss` as a scalar.

    Args:
        residual: [B,1,H,W].
        mask: boolean [B,1,H,W].
    """
    images = residual.new_zeros(len(residual))
    for step in (2**k for k in range(SCALES)):
        rest, inside = residual[..., ::step, ::step], mask[..., ::step, ::step]
        number = inside.sum((1, 2, 3)).clamp(min=1)
        for axis in (2, 3):
            length = rest.shape[axis] - 1
            both = inside.narrow(axis, 0, length) & inside.narrow(axis, 1, length)
            steps = rest.diff(dim=axis).abs().where(both, rest.new_zeros(()))
            images = images + steps.sum((1, 2, 3)) / number
    return masked_mean(images, mask.flatten(1).any(1))


def _centred(values: Tensor, mask: Tensor) -> Tensor:
    """Values minus their mean under the mask, and 0 outside."""
    mean = masked_mean(values, mask, (1, 2, 3)).reshape(-1, 1, 1, 1)
    return (values - mean).where(mask, values.new_zeros(()))


def _sums(values: Tensor) -> Tensor:
    """Sums over each image, [B,1,1,1]."""
    return values.sum((1, 2, 3), keepdim=True)
