"""DepthLab as it is trained: both U-Nets and the mapping layer, with VAE and image encoder frozen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from depth_completion_ros.completion.depthlab.attention import blocks_of
from depth_completion_ros.completion.depthlab.network import DepthLab
from depth_completion_ros.completion.depthlab.sampling import Planes, Sampling, predict, prepare
from depth_completion_ros.completion.diffusion.codec import MULTIPLE, encode
from depth_completion_ros.completion.diffusion.fills import nearest_fill
from depth_completion_ros.completion.diffusion.normaliser import DepthNormaliser
from depth_completion_ros.completion.diffusion.schedule import make_scheduler
from depth_completion_ros.completion.diffusion.size import pad

from ..losses.masked import known
from .depthlab_start import start


class Denoised(NamedTuple):
    """What the loss compares.

    Args:
        velocity, target: float32 B x 4 x h x w, of the network and as it should be.
        known: bool B x 1 x h x w, latents of which every pixel has a truth.
    """

    velocity: Tensor
    target: Tensor
    known: Tensor


class Painted(NamedTuple):
    """Depth B x 1 x H x W in metres."""

    depth: Tensor


class TrainedDepthLab(DepthLab):
    """DepthLab (arXiv 2412.18153) that learns to take noise from the latents of depth.

    Known and true depth are normalised by the range of what is known, to [-b, b] with b uniform in
    [`least_bound`, 1]; image, truth, known depth with its holes interpolated, and mask are encoded at once
    in float32, whatever the precision of the rest. A timestep, uniform in 0 to 999, and noise are drawn for
    each sample, on the CPU, so that they are the same on all devices.

    Its state dict has what is trained, without VAE and image encoder. Not trained are also the weights
    that nothing depends on: the end of the reference, of which no feature is taken (20 tensors), and
    queries, keys and their norm in cross-attention, which has but one token to attend to.

    It wants images in [-1, 1].

    Args:
        size: `official`, or `tiny` for tests.
        folder: what it starts from, see `depthlab_start.start`; None for random weights, with which VAE
            and image encoder are random and stay so.
        freeze_reference: leave the reference U-Net as it is at the start.
        checkpointing: keep less for the gradients, and compute it again.
        least_bound: least b.
        steps: trailing steps of DDIM that validation takes, from noise alone and without paste-back.
    """

    def __init__(
        self,
        size: str = "official",
        folder: str | None = None,
        freeze_reference: bool = False,
        checkpointing: bool = False,
        least_bound: float = 0.2,
        steps: int = 4,
    ):
        if not 0 < least_bound <= 1:
            raise ValueError(f"The least bound of depth is {least_bound:g}; it must be above 0, at most 1.")
        self.sampling = Sampling(steps, strength=1.0)
        self.least_bound = least_bound
        whole = start(size, folder)
        parts = (whole.estimation, whole.reference, whole.mapping, whole.vae, whole.vision)
        super().__init__(*parts, whole.schedule)
        self._frozen = _Frozen(self._modules.pop("vae"), self._modules.pop("vision"))
        self._noising = make_scheduler("leading", self.schedule)
        self._choose_trained(freeze_reference)
        if checkpointing:
            self._keep_less()

    @property
    def vae(self) -> nn.Module:
        """On the device of the U-Nets."""
        return self._frozen.on(self.mapping.weight.device)[0]

    @property
    def vision(self) -> nn.Module:
        """On the device of the U-Nets."""
        return self._frozen.on(self.mapping.weight.device)[1]

    def forward(self, rgb: Tensor, sparse: Tensor) -> Painted:
        """Depth by few steps from a fixed noise; 0 in images without a measurement."""
        depths = []
        with torch.no_grad():
            for image, measured in zip(rgb, sparse, strict=True):
                nothing = torch.zeros_like(measured[0])
                plane = measured[0].cpu().numpy()
                found = predict(self, image[None], plane, self.sampling) if plane.any() else nothing
                depths.append(found)
        return Painted(torch.stack(depths)[:, None])

    def learn(self, rgb: Tensor, sparse: Tensor, depth: Tensor) -> Denoised:
        """What the network makes of noisy depth, and what it should.

        Args:
            rgb: B x 3 x H x W in [-1, 1].
            sparse: B x 1 x H x W metres, 0 where unknown; an image without any takes no part.
            depth: the truth, B x 1 x H x W metres, 0 where unknown, inf for sky.

        Raises:
            ValueError: images in another range.
        """
        if rgb.abs().amax() > 1.01:
            raise ValueError(
                "DepthLab is trained on images from -1 to 1, and these were normalised otherwise: set mean "
                "and std to [127.5, 127.5, 127.5]."
            )
        planes, mask = self._planes(rgb, sparse, depth)
        with torch.no_grad(), torch.autocast(rgb.device.type, enabled=False):
            everything = torch.cat([plane.float().expand(-1, 3, -1, -1) for plane in planes])
            image, clean, masked, unknown = encode(self.vae, everything).chunk(4)
        t = torch.randint(self._noising.config.num_train_timesteps, (len(rgb),))
        noise = torch.randn(clean.shape).to(clean.device)
        noisy = self._noising.add_noise(clean, noise, t)
        target = self._noising.get_velocity(clean, noise, t)
        guide = self.guide(image, self.token(rgb))
        given = torch.cat([noisy, unknown, masked], dim=1)
        return Denoised(self.velocity(given, t.to(clean.device), guide), target, mask)

    def _planes(self, rgb: Tensor, sparse: Tensor, depth: Tensor) -> tuple[Planes, Tensor]:
        """What is encoded, of all samples, and the latents that count."""
        bounds = (self.least_bound + (1 - self.least_bound) * torch.rand(len(rgb))).tolist()
        measured, truth = (x[:, 0].float().cpu().numpy() for x in (sparse, depth))
        mask = known(depth) & sparse.flatten(1).any(1).reshape(-1, 1, 1, 1)
        images, masks = rgb.split(1), mask[:, 0].cpu().numpy()
        samples = map(_normalised, images, measured, truth, masks, bounds)
        planes = Planes(*(pad(torch.cat(kind)) for kind in zip(*samples, strict=True)))
        counting = pad(mask.float())
        return planes, -F.max_pool2d(-counting, MULTIPLE) > 0.5

    def _choose_trained(self, freeze_reference: bool) -> None:
        """Leave out what gets no gradient: to train it would be decay alone, and DDP does not allow it."""
        self.requires_grad_(True)
        for unet in (self.estimation, self.reference):
            for block in blocks_of(unet).values():
                for part in (block.norm2, block.attn2.to_q, block.attn2.to_k):
                    part.requires_grad_(False)
        last = self._last_of_reference()
        block = last.transformer_blocks[0]
        for part in (block.attn1, block.attn2, block.norm3, block.ff, last.proj_out):
            part.requires_grad_(False)
        if freeze_reference:
            self.reference.requires_grad_(False)

    def _keep_less(self) -> None:
        for unet in (self.estimation, self.reference):
            unet.enable_gradient_checkpointing()
        # It ends with an exception, which checkpointing cannot run a second time.
        self._last_of_reference().gradient_checkpointing = False

    def _last_of_reference(self) -> nn.Module:
        return self.reference.up_blocks[-1].attentions[-1]


def _normalised(rgb: Tensor, sparse: np.ndarray, truth: np.ndarray, mask: np.ndarray, bound: float) -> Planes:
    """The planes of one sample, with the truth as the guess; zeros where no pixel counts."""
    if not mask.any():
        nothing = rgb.new_zeros(1, 1, *sparse.shape)
        return Planes(rgb, nothing, nothing, nothing)
    normaliser = DepthNormaliser.of(sparse, bound)
    filled = nearest_fill(np.where(mask, truth, np.float32(0)))  # what the fill tells is not counted
    planes = prepare(rgb, sparse, normaliser, filled)
    whole = torch.from_numpy(np.float32(normaliser.normalise(filled))).to(rgb.device)
    return planes._replace(guess=whole[None, None])  # at measured pixels too, whose noise is not the truth


class _Frozen:
    """VAE and image encoder that copies of a network share, and that follow it to its device."""

    def __init__(self, *networks: nn.Module):
        self._networks = tuple(network.float().eval().requires_grad_(False) for network in networks)
        self._device = torch.device("cpu")

    def on(self, device: torch.device) -> tuple[nn.Module, ...]:
        """The networks on a device."""
        if device != self._device:
            for network in self._networks:
                network.to(device)
            self._device = device
        return self._networks

    def __deepcopy__(self, _seen) -> _Frozen:
        return self
