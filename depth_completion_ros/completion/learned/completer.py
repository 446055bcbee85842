"""What all learned completers share: weights, device, size, and what happens when memory runs out."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...core import Camera, SparseDepth
from ..classical.linear import Linear
from ..device import choose_device, is_out_of_memory, limit_memory
from ..interface import Completer, Completion, Source
from ..prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from ..weights.licences import refuse_noncommercial
from .inner_size import enlarge, inner_shape, shrink

if TYPE_CHECKING:
    import torch

    from ..weights.checkpoint import Checkpoint

SMALLEST = 64
"""Pixels below which the inner size is not halved, as a network sees nothing in less."""


class LearnedCompleter(Completer):
    """A network as a completer.

    When memory runs out, the frame at hand is done again, and all that follow are done, at half the
    inner size; where that fails too, on the CPU; and where that fails, by `Linear` without the network.
    `degradations` tells each step.

    Args:
        variant: one of `variants`.
        weights: path or stored name; None for seeded random ones, which `warnings` tells.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        precision: `auto`, `float32`, `bfloat16` or `float16`.
        inner_size: largest height and width at which the network works, 0 for any.
        max_gpu_memory: GiB of the GPU that this process may take, 0 for all.
        compiled: whether `torch.compile` makes the network faster, at the price of a slow first frame;
            where it fails the network runs as it is, which `degradations` tells.
        allow_noncommercial: load weights whose licence forbids commercial use.

    Attributes:
        network: the `torch.nn.Module`, with the keys of its checkpoints; None once there was no memory
            for it.
        quick: what runs, `network` itself or a copy made faster; see `prepared`.
        unreached: what depth is called in whose making no measurement had a part (confidence 0).

    Raises:
        ValueError, FileNotFoundError: weights or device cannot be used; in a sentence.
    """

    mean = IMAGENET_MEAN
    std = IMAGENET_STD
    unreached = Source.PROPAGATED

    def __init__(
        self,
        variant: str,
        weights: str | None = None,
        device: str = "auto",
        precision: str = "auto",
        inner_size: int = 0,
        max_gpu_memory: float = 0.0,
        compiled: bool = False,
        allow_noncommercial: bool = False,
    ):
        from .runner import choose_precision

        self.variant, self.inner_size = variant, inner_size
        self.warnings: list[str] = []
        self.degradations: list[str] = []
        self._halved, self._stand_in, self._warm = False, None, "no: the first frame takes longer"
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        limit_memory(self.device, max_gpu_memory)
        self.network = self._load(weights, allow_noncommercial)
        self.quick = self.prepared()
        self.compiled = compiled
        if compiled:
            self.steady_part().compile(dynamic=False)
        try:
            self._move_to(self.device)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._give_way(f"The memory of {self.device} does not hold the network")

    # For each network to say -----------------------------------------------------------------------

    @staticmethod
    @abstractmethod
    def make_network(variant: str) -> torch.nn.Module:
        """The network of a variant, with random weights."""

    @abstractmethod
    def forward(
        self, rgb: torch.Tensor, sparse: torch.Tensor, *planes: torch.Tensor, points: int
    ) -> Sequence[torch.Tensor]:
        """Depth in metres and confidence in [0, 1], 1 x 1 x H x W each.

        All is given in float32; the weights are in `precision`.

        Args:
            rgb: 1 x 3 x H x W, normalised by `mean` and `std`.
            sparse: 1 x 1 x H x W metres, 0 where not measured.
            planes: what `planes` gave, 1 x 1 x H x W each.
            points: number of measured pixels, at least 1.
        """

    def network_of(self, checkpoint: Checkpoint | None) -> torch.nn.Module:
        """The network with the weights of a checkpoint, or with random ones."""
        from ..weights.checkpoint import load_into

        network = self.make_network(self.variant)
        if checkpoint is not None:
            load_into(network, checkpoint)
        return network

    def prepared(self) -> torch.nn.Module:
        """The network as it runs: itself, or a copy that is faster, such as with its norms folded."""
        return self.network

    def steady_part(self) -> torch.nn.Module:
        """The part of what runs that does the same work for all frames of a size, and can be compiled."""
        return self.quick

    def planes(
        self, image: np.ndarray, sparse: SparseDepth, camera: Camera | None, name: str
    ) -> Sequence[np.ndarray]:
        """Dense float32 H x W inputs beside image and sparse depth; none for most."""
        return ()

    def without_points(self, image: np.ndarray, name: str) -> Completion:
        """What to answer where nothing was measured; unknown for most."""
        return Completion.unknown(image.shape[:2])

    # The completer ---------------------------------------------------------------------------------

    def complete(self, image, sparse: SparseDepth, camera=None, name="") -> Completion:
        image = usable_image(image, sparse.depth.shape, self.name)

        def work() -> Completion:
            if not sparse.count:
                return self.without_points(image, name)
            return self._run(image, sparse.depth, self.planes(image, sparse, camera, name))

        done = self._within_memory(work, sparse.depth.shape)
        return self._stand_in.complete(image, sparse, camera) if done is None else done

    def warm_up(self, height: int, width: int) -> None:
        """Run the network once at this size of image, which also tells whether memory suffices."""
        image = np.zeros((height, width, 3), np.uint8)
        sparse = np.zeros((height, width), np.float32)
        sparse[::8, ::8] = 10
        start = time.perf_counter()
        self._within_memory(lambda: self._run(image, sparse, self.planes_to_warm_up(image)), sparse.shape)
        self._warm = f"at {width} x {height}, in {time.perf_counter() - start:.1f} s"

    def planes_to_warm_up(self, image: np.ndarray) -> Sequence[np.ndarray]:
        """As many planes as `planes` gives, for a frame that there is not."""
        return ()

    def report(self) -> dict[str, object]:
        """Variant, weights with their licence, and where and how the network runs."""
        if self._stand_in is not None:
            return {"variant": self.variant, "device": "none: out of memory"}
        return {
            "variant": self.variant,
            "device": str(self.device),
            "precision": str(self.precision).removeprefix("torch."),
            "weights": self.weights_from,
            "licence of the weights": self.licence or "unknown",
            "compiled": self.compiled,
            "inner size": self.inner_size or "that of the image",
            "warmed up": self._warm,
        }

    def _run(self, image: np.ndarray, sparse: np.ndarray, planes: Sequence[np.ndarray]) -> Completion:
        small, inputs = shrink(image, sparse, planes, inner_shape(sparse.shape, self.inner_size))
        points = int(np.count_nonzero(inputs[0]))
        try:
            results = self._runner(small, inputs, points=points)
        except Exception as error:
            if not self.compiled or is_out_of_memory(error):
                raise
            self._run_as_it_is(error)
            results = self._runner(small, inputs, points=points)
        depth, confidence = enlarge(results, sparse.shape)
        return self._completion(depth, confidence, sparse)

    def _run_as_it_is(self, error: Exception) -> None:
        """Give compiling up."""
        self.compiled = False
        self.steady_part()._compiled_call_impl = None  # there is no public way back from `Module.compile`
        why = str(error).strip().partition("\n")[0]
        self.degradations.append(f"torch.compile failed ({type(error).__name__}: {why}); not compiled.")

    def _completion(self, depth: np.ndarray, confidence: np.ndarray, sparse: np.ndarray) -> Completion:
        """Depth of the network, changed in place, with what was measured; NaN where it gives no depth."""
        measured, unknown = sparse > 0, ~((depth > 0) & (depth < np.inf))
        np.copyto(depth, np.nan, where=unknown)
        np.copyto(depth, sparse, where=measured if self.keeps_measured else measured & unknown)
        confidence = np.fmin(np.fmax(confidence, 0, out=confidence), 1, out=confidence)  # NaN becomes 0
        np.copyto(confidence, 0, where=unknown)
        source = np.where(confidence > 0, np.uint8(Source.PROPAGATED), np.uint8(self.unreached))
        np.copyto(source, np.uint8(Source.UNKNOWN), where=unknown)
        np.copyto(confidence, 1, where=measured)
        np.copyto(source, np.uint8(Source.MEASURED), where=measured)
        return Completion(depth, confidence, source)

    # Weights and memory ----------------------------------------------------------------------------

    def _load(self, weights: str | None, allow_noncommercial: bool) -> torch.nn.Module:
        import torch

        from ..weights.folder import open_weights

        if weights:
            checkpoint = open_weights(weights)
            noted = checkpoint.metadata
            self.weights_from, self.licence = checkpoint.description, noted.get("licence", "")
            refuse_noncommercial(self.weights_from, self.licence, allow_noncommercial)
            stored_for = noted.get("networks", "").split()
            if stored_for and f"{self.name}:{self.variant}" not in stored_for:
                raise ValueError(
                    f"{self.weights_from} is stored as weights of {' or '.join(stored_for)}, "
                    f"not of {self.name}:{self.variant}."
                )
            network = self.network_of(checkpoint)
        else:
            self.weights_from, self.licence = "random", "none"
            self.warnings.append(f"The weights of '{self.name}' are random: its depth is meaningless.")
            with torch.random.fork_rng(devices=()):
                torch.manual_seed(0)
                network = self.network_of(None)
        return network.eval().requires_grad_(False)

    def _move_to(self, device: torch.device) -> None:
        import torch

        from .runner import NetworkRunner

        # Channels lie together, as the fast convolutions of CPUs and GPUs want them.
        for network in {self.network, self.quick}:
            network.to(device, self.precision, memory_format=torch.channels_last)
        self._runner = NetworkRunner(self.forward, device, self.mean, self.std)
        self.device = device

    def _within_memory(self, work: Callable[[], Completion], shape: tuple[int, int]) -> Completion | None:
        """What `work` gives, done again after each step that saves memory; None without a network left."""
        while self._stand_in is None:
            try:
                return work()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Here, as the traceback held on to what was allocated.
            height, width = inner_shape(shape, self.inner_size)
            self._give_way(f"Out of memory on {self.device} at {width} x {height}", shape)
        return None

    def _give_way(self, cause: str, shape: tuple[int, int] | None = None) -> None:
        """Take the next step that saves memory, and note it; halving only where a shape is given."""
        half = max(inner_shape(shape, self.inner_size)) // 2 if shape else 0
        if half >= SMALLEST and not self._halved:
            self._halved, self.inner_size = True, half
            step = f"the network works at {half} pixels at most"
        elif self._can_go_to_cpu():
            step = "the network runs on the CPU"
        else:
            self.network = self.quick = self._runner = None
            self._stand_in = Linear()
            step = "linear completion stands in for the network"
        self.degradations.append(f"{cause}; from now on {step}.")

    def _can_go_to_cpu(self) -> bool:
        """Move from the GPU to the CPU; False where it is there already or has no room."""
        import torch

        from .runner import choose_precision

        if self.device.type == "cpu":
            return False
        cpu = torch.device("cpu")
        self._runner, self.precision = None, choose_precision("auto", cpu)
        try:
            self._move_to(cpu)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False
        torch.cuda.empty_cache()
        return True


def usable_image(image: np.ndarray | None, shape: tuple[int, int], name: str) -> np.ndarray:
    """The image as uint8 H x W x 3; grey is taken three times."""
    if image is None:
        raise ValueError(f"Completer '{name}' needs an image, and there is none.")
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.shape != (*shape, 3) or image.dtype != np.uint8:
        raise ValueError(
            f"Completer '{name}' got an image of {image.dtype} {image.shape}; it must be uint8 "
            f"{(*shape, 3)}, as the sparse depth is."
        )
    return image
