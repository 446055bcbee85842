"""The propagation of PSD without its correction: a completer that needs no training."""

from __future__ import annotations

import cv2
import numpy as np

from ...core import Camera, SparseDepth
from ..classical.linear import Linear
from ..classical.nearest import completion_of, distance_confidence
from ..fallback import MemoryFallback
from ..interface import Completer, Completion
from ..learned.image import usable_image
from ..prior import MonocularPrior, align, create_prior
from .inputs import is_finite, prior_output, rays_or_assumed


class PropagationCompleter(Completer):
    """Measured depth carried to neighbours that look alike, by colours or a prior; needs no weights.

    The propagation of PSD (Chen and others, IEEE TIP 2025) without the correction after it. With a prior
    that has features (Depth Anything) it is that of PSD: the aligned prior puts pixels into space, and
    likeness is the cosine of its features; the most similar neighbours count. With any other prior, and
    without one, likeness is that of colours in the image alone (`diffuse`), and depth starts from the
    aligned prior, or from linear completion, which stays the more the surer it is. A missing image is one
    of a single colour.

    Measured depth is kept; without a single point all is unknown. A few points, or such in a row or of one
    depth, are answered as linear completion or the alignment answers them. Confidence is that of `Linear`,
    or with a prior that of `Nearest`.

    Args:
        prior: what `create_prior` takes; None for none.
        prior_side: pixels of the shorter side at which the prior sees the image; 0 for the usual ones.
        device, allow_noncommercial: see `create_prior`; without a prior the CPU works. When memory runs
            out, linear completion stands in from then on, which `degradations` tells.

    Raises:
        ValueError, FileNotFoundError, ImportError: there is no such prior, see `create_prior`.
    """

    name = "propagation"

    def __init__(
        self,
        prior: MonocularPrior | str | None = None,
        prior_side: int = 0,
        device: str = "auto",
        allow_noncommercial: bool = False,
    ):
        import torch  # noqa: F401, so that one learns of a lack at once

        from ..device import choose_device

        choose_device(device)
        if isinstance(prior, str):
            prior = create_prior(prior, device, allow_noncommercial, prior_side)
        self._prior, self._side = prior, prior_side
        self._memory = MemoryFallback()
        self.degradations = self._memory.degradations

    def complete(self, image, sparse: SparseDepth, camera=None, name="") -> Completion:
        if not sparse.count:
            return Completion.unknown(sparse.depth.shape)
        image = np.zeros((*sparse.depth.shape, 3), np.uint8) if image is None else image
        image = usable_image(image, sparse.depth.shape, self.name)
        return self._memory.complete(
            lambda: self._complete(image, sparse, camera, name),
            sparse,
            lambda: "Out of memory in 'propagation'",
        )

    def _complete(
        self, image: np.ndarray, sparse: SparseDepth, camera: Camera | None, name: str
    ) -> Completion:
        depth = sparse.depth
        prior = self._prior
        has_features = prior is not None and prior.feature_channels and prior.space != "depth"
        dense = self._by_features(image, depth, camera) if has_features else None
        if dense is not None:
            return completion_of(dense, depth, _nearness(depth))
        linear = Linear().complete(None, sparse)
        if prior is None or has_features:  # and the prior has failed
            dense = _by_colours(image, depth, linear.depth, linear.confidence)
            return completion_of(dense, depth, linear.confidence)
        prediction = prior.predict(image, name)
        aligned = align(prediction, depth, prior.space).apply(prediction)
        known = np.isfinite(aligned)
        trust = np.where(known, np.float32(1), linear.confidence)
        dense = _by_colours(image, depth, np.where(known, aligned, linear.depth), trust)
        return completion_of(dense, depth, _nearness(depth))

    def _by_features(self, image: np.ndarray, depth: np.ndarray, camera: Camera | None) -> np.ndarray | None:
        """Depth by `Propagation`; without a camera one of 53 degrees is assumed.

        None where the prior gives numbers that are not finite, with which nothing can be found in space.
        """
        import torch

        from .alignment import align_inverse_depth
        from .guide import SparseMean, bicubic
        from .propagation import Propagation

        with torch.inference_mode():
            seen = prior_output(self._prior, image, self._side)
            if not is_finite(seen):
                return None
            device = seen.prediction.device
            rays = np.stack([*rays_or_assumed(camera, *depth.shape), np.ones_like(depth)])
            sparse, rays = (torch.from_numpy(x)[None].to(device) for x in (depth[None], rays))
            aligned = align_inverse_depth(bicubic(seen.prediction, depth.shape), sparse)
            small = SparseMean().to(device)(sparse)
            dense = Propagation(aligned, seen.features[0], sparse, small, rays)(aligned)
            # Cosines below 0 lead out of what was measured.
            return dense.clamp(sparse[sparse > 0].min(), sparse.max())[0, 0].cpu().numpy()

    def warm_up(self, height: int, width: int) -> None:
        if self._prior is not None and not self._prior.feature_channels:
            self._prior.warm_up(height, width)  # it may know named frames alone
            return
        sparse = np.zeros((height, width), np.float32)
        sparse[::8, ::8] = 10
        self.complete(np.zeros((height, width, 3), np.uint8), SparseDepth(sparse))

    def report(self) -> dict[str, object]:
        if self._prior is None:
            return {"prior": "none: linear completion in its place"}
        return {"prior": self._prior.name, "licence of the prior": self._prior.licence}


def _by_colours(image: np.ndarray, depth: np.ndarray, start: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Depth by `diffuse`, on the CPU."""
    import torch

    from .diffusion import diffuse

    colours = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    measured = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
    inputs = (1 / start)[None], trust[None], measured[None], np.ascontiguousarray(colours.transpose(2, 0, 1))
    with torch.inference_mode():
        inverse = diffuse(*(torch.from_numpy(x)[None] for x in inputs))
    return 1 / inverse[0, 0].numpy()


def _nearness(depth: np.ndarray) -> np.ndarray:
    distance = cv2.distanceTransform((depth == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return distance_confidence(distance, np.count_nonzero(depth))
