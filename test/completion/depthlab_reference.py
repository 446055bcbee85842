"""DepthLab in the order of operations of its authors, written out slowly; for tests and bench/depthlab.py.

Both rows of classifier-free guidance are computed in every step, though with guidance 1 only one counts;
cross-attention is computed, keys and values of the reference are made anew in every step, the reference
runs to its end.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor

from depth_completion_ros.completion.depthlab.attention import blocks_of
from depth_completion_ros.completion.depthlab.network import DepthLab
from depth_completion_ros.completion.depthlab.sampling import Noise, Planes, Sampling
from depth_completion_ros.completion.diffusion.networks import make_unet

FACTOR = 0.18215


def attend(attention, tokens, others):
    """Attention of tokens B x N x C to others B x M x D, head by head."""
    queries, keys, values = attention.to_q(tokens), attention.to_k(others), attention.to_v(others)
    width = queries.shape[2] // attention.heads
    mixed = []
    for head in range(attention.heads):
        own = slice(head * width, (head + 1) * width)
        scores = queries[..., own] @ keys[..., own].transpose(1, 2) / width**0.5
        mixed.append(scores.softmax(dim=2) @ values[..., own])
    return attention.to_out[0](torch.cat(mixed, dim=2))


def _block(block, self_attend, x, encoder_hidden_states=None, **others):
    """A transformer block."""
    x = x + self_attend(block.attn1, block.norm1(x))
    x = x + attend(block.attn2, block.norm2(x), encoder_hidden_states)
    return x + block.ff(block.norm3(x))


class Official:
    """Both U-Nets as published; they are changed.

    Args:
        reference, estimation: the U-Nets, of `diffusers`.
        vae: of it.
        text: token of the empty prompt, 1 x 1 x width, for the row that does not count.
        guidance: weight of the row that counts.
    """

    def __init__(self, reference, estimation, vae, text: torch.Tensor, guidance: float = 1.0):
        self.reference, self.estimation, self.vae = reference, estimation, vae
        self.text, self.guidance = text, guidance
        self.bank: dict[str, torch.Tensor] = {}
        for unet, self_attend in ((reference, self._write), (estimation, self._read)):
            unet.set_attn_processor(AttnProcessor())
            for name, block in blocks_of(unet).items():
                block.forward = partial(_block, block, partial(self_attend, name))

    @classmethod
    def like(cls, network: DepthLab, size: str, text: torch.Tensor) -> Official:
        """With copies of the weights of ours, on the device of `text`."""
        with torch.device(text.device):
            reference, estimation = make_unet(size, 4).eval(), make_unet(size, 12).eval()
        if not text.is_meta:
            reference.load_state_dict(network.reference.state_dict(), strict=False)
            estimation.load_state_dict(network.estimation.state_dict())
        return cls(reference, estimation, network.vae, text)

    def _write(self, name, attention, normed):
        self.bank[name] = normed
        return attend(attention, normed, normed)

    def _read(self, name, attention, normed):
        together = torch.cat([normed, self.bank[name].expand(2, -1, -1)], dim=1)
        both = attend(attention, normed, together)
        both[:1] = attend(attention, normed[:1], normed[:1])
        return both

    def look(self, image, token):
        """The reference pass."""
        self.reference(image, 0, token)

    def velocity(self, noisy, t, token):
        tokens = torch.cat([self.text, token])
        blind, seeing = self.estimation(noisy.repeat(2, 1, 1, 1), t, tokens).sample.split(1)
        return blind + self.guidance * (seeing - blind)

    def sample(self, planes: Planes, token, sampling: Sampling, noise: Noise) -> torch.Tensor:
        """What `sampling.sample` gives, for leading timesteps."""
        rgb, guess, masked, unknown = (self._encode(plane) for plane in planes)
        self.look(rgb, token)
        stride = 1000 // sampling.steps
        times = [stride * i + 1 for i in reversed(range(sampling.steps))]
        times = times[sampling.steps - min(int(sampling.steps * sampling.strength), sampling.steps) :]
        height, width = rgb.shape[-2:]
        rows = (np.arange(height) * planes.rgb.shape[2] / height).astype(int)
        columns = (np.arange(width) * planes.rgb.shape[3] / width).astype(int)
        wanted = (planes.unknown[0, 0].numpy()[rows][:, columns] > 0)[None, None]
        latents = _noised(guess, noise.added, times[0]) if sampling.strength < 1 else noise.start
        for number, t in enumerate(times):
            velocity = self.velocity(torch.cat([latents, unknown, masked], dim=1), t, token)
            a, b = _alpha_bar(t), _alpha_bar(max(t - stride, 0))
            clean = a**0.5 * latents - (1 - a) ** 0.5 * velocity
            epsilon = a**0.5 * velocity + (1 - a) ** 0.5 * latents
            latents = b**0.5 * clean + (1 - b) ** 0.5 * epsilon
            if sampling.blend and number + 1 < len(times):
                known = _noised(guess, noise.added, times[number + 1])
                latents = torch.where(torch.from_numpy(wanted), latents, known)
        return self.vae.decode(latents / FACTOR).sample.mean(dim=1, keepdim=True)

    def _encode(self, plane):
        return self.vae.encode(plane.repeat(1, 3 // plane.shape[1], 1, 1)).latent_dist.mean * FACTOR


def _alpha_bar(t: int) -> float:
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return float(np.cumprod(1 - betas)[t])


def _noised(latents, noise, t):
    return _alpha_bar(t) ** 0.5 * latents + (1 - _alpha_bar(t)) ** 0.5 * noise
