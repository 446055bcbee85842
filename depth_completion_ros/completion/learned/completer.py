"""A network as a completer: derive from `LearnedCompleter`, and name the class in registry.py."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core import Camera, SparseDepth
from ...core.safe.files import check_is_file
from ..device import CPU, Device, choose_device, is_out_of_memory, limit_memory
from ..exported.files import check_exported, refuse_int8, size_of, stored_export
from ..exported.runtimes import (
    choose_runtime,
    device_and_precision,
    is_exported,
    open_runner,
    refuse_without_export,
)
from ..fallback import MemoryFallback
from ..interface import Completer, Completion, Source
from ..prior.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from ..weights.licences import unknown_licence
from .image import usable_image
from .inner_size import enlarge, inner_shape, shrink
from .options import NetworkOptions
from .precision import choose_precision, is_emulated
from .results import completion_from
from .weights import SHIPPED, open_checkpoint, with_random_weights

if TYPE_CHECKING:
    import torch

    from ..weights.checkpoint import Checkpoint

SMALLEST = 64
"""Pixels below which the inner size is not halved, as a network sees nothing in less."""


class LearnedCompleter(Completer):
    """A network as a completer.

    A subclass says `name`, `variants`, `make_network` and `forward`; all other hooks have a default. It is
    made by `create`: the constructor takes the options, and `load` then the weights, so that a subclass may
    set its own state in a constructor of its own, after that of this class.

    When memory runs out, the frame at hand is done again, and all that follow are done, at half the
    inner size; where that fails too, on the CPU; and where that fails, by `Linear` without the network.
    `degradations` tells each step.

    Attributes:
        Options: the frozen dataclass of what can be chosen; its fields are what `create_completer` takes.
        shipped: weights that ship with the package, taken where none are chosen.
        shipped_export: the same as ONNX, where that ships too.
        usual_size: `inner_size` where none is chosen, 0 for any.
        size_varies: whether the size at which it sees images depends on what was measured.
        exports, exports_at_one_size: whether `exported.export` can write it, and that for one size alone.
        mean, std: of the normalisation of the image, in [0, 1], red, green, blue.
        unreached: source of depth in whose making no measurement had a part (confidence 0).
        measured_tolerance: where measured depth is not kept, relative difference up to which the network's
            depth is taken for agreement, and the measurement stays as it is.
        network: the `torch.nn.Module`, with the keys of its checkpoints; None once there was no memory
            for it.
        inference_network: what runs, `network` itself or a faster copy; see `make_inference_network`.
        weights_from, licence: what the weights are and their licence, for people.
        runtime: which of `exported.runtimes.RUNTIMES` was asked for; `auto` is for the network to choose.
        runs_in: what runs the network, for people: PyTorch, ONNX Runtime, OpenVINO or TensorRT.
    """

    Options = NetworkOptions
    shipped: Path | None = None
    shipped_export: Path | None = None
    usual_size = 0
    size_varies, exports, exports_at_one_size = False, False, False
    mean = IMAGENET_MEAN
    std = IMAGENET_STD
    unreached = Source.PROPAGATED
    measured_tolerance = 0.0

    def __init__(self, options: NetworkOptions):
        self.options = options
        self.variant = options.variant or self.variants[0]
        self.inner_size = options.inner_size or self.usual_size
        self.warnings: list[str] = []
        self.memory = MemoryFallback(self._save_memory, "linear completion stands in for the network")
        self.degradations: list[str] = self.memory.degradations
        self._frame_shape, self._halved = None, False
        self._warm = "no: the first frame takes longer"
        self.runtime = choose_runtime(options.runtime, options.weights)
        if self.runtime in ("auto", "pytorch"):
            self.device = choose_device(options.device)
            self.precision = choose_precision(
                options.precision, self.device, self.auto_precision(self.device)
            )
        else:  # without PyTorch, which some networks ask for what is fast
            self.device, self.precision = device_and_precision(
                self.runtime, options.device, options.precision
            )
        if is_emulated(self.precision, self.device):
            self.warnings.append(
                "This processor has no instructions for bfloat16, in which networks are several times slower "
                "on it than in float32; precision should be auto or float32."
            )
        self.compiled = options.compiled
        self.network: Any = None
        self.inference_network: Any = None
        self.runner: Any = None
        self.weights_from, self.licence, self.runs_in = "not loaded", "", "PyTorch"

    @classmethod
    def create(cls, **options) -> LearnedCompleter:
        """A completer with its weights, ready to run.

        Args:
            options: fields of `Options`.

        Raises:
            ValueError, FileNotFoundError: weights or device cannot be used; in a sentence.
        """
        completer = cls(cls.Options(**options))
        completer.load()
        return completer

    # For each network to say -----------------------------------------------------------------------

    @staticmethod
    @abstractmethod
    def make_network(variant: str) -> torch.nn.Module:
        """The network of a variant, with random weights."""

    @abstractmethod
    def forward(
        self, rgb: torch.Tensor, sparse: torch.Tensor, *planes: torch.Tensor, points: int
    ) -> Sequence[torch.Tensor]:
        """Depth in metres and confidence in [0, 1], 1 x 1 x H x W each, by `inference_network`.

        All is given in float32; the weights are in `precision`.

        Args:
            rgb: 1 x 3 x H x W, normalised by `mean` and `std`.
            sparse: 1 x 1 x H x W metres, 0 where not measured.
            planes: what `planes` gave, 1 x 1 x H x W each.
            points: number of measured pixels, at least 1.
        """

    # What a network may say differently --------------------------------------------------------------

    def auto_precision(self, device: Device) -> str:
        """What `precision="auto"` means; float32 for most, which official figures are made with."""
        return "float32"

    def read_network(self) -> torch.nn.Module:
        """The network with its weights; sets `weights_from` and `licence`, and warns of random ones."""
        checkpoint = open_checkpoint(
            self.options.weights,
            self.shipped,
            f"{self.name}:{self.variant}",
            self.options.allow_noncommercial,
        )
        if checkpoint is None:
            return self.random_network()
        ships = not self.options.weights
        self.weights_from = SHIPPED if ships else checkpoint.description
        self.licence = checkpoint.metadata.get("licence", "")
        return self.build_network(checkpoint)

    def random_network(self) -> torch.nn.Module:
        """The network with seeded random weights, which is told."""
        self.weights_from, self.licence = "random", "none"
        self.warnings.append(f"The weights of '{self.name}' are random: its depth is meaningless.")
        return with_random_weights(lambda: self.build_network(None))

    def build_network(self, checkpoint: Checkpoint | None) -> torch.nn.Module:
        """The network with the weights of a checkpoint, or with random ones."""
        from ..weights.checkpoint import load_into

        network = self.make_network(self.variant)
        if checkpoint is not None:
            load_into(network, checkpoint)
        return network

    def make_inference_network(self) -> torch.nn.Module:
        """What runs: the network itself, or a copy that is faster, such as with its norms folded."""
        return self.network

    def compilable_part(self) -> torch.nn.Module:
        """The part of what runs that does the same work for all frames of a size, for `torch.compile`."""
        return self.inference_network

    def planes(
        self, image: np.ndarray, sparse: SparseDepth, camera: Camera | None, name: str
    ) -> Sequence[np.ndarray]:
        """Dense float32 H x W inputs beside image and sparse depth; none for most."""
        return ()

    def warm_up_planes(self, image: np.ndarray) -> Sequence[np.ndarray]:
        """As many planes as `planes` gives, for a frame that there is not."""
        return ()

    def searched(self, sparse: np.ndarray) -> Sequence[np.ndarray]:
        """What an exported network is given after the planes, found in the sparse depth; none for most."""
        return ()

    def without_points(self, image: np.ndarray, name: str) -> Completion:
        """What to answer where nothing was measured; unknown for most."""
        return Completion.unknown(image.shape[:2])

    def completion(self, depth: np.ndarray, confidence: np.ndarray, sparse: np.ndarray) -> Completion:
        """A completion of what `forward` gave, at the size of the image; see `completion_from`."""
        tolerance = np.inf if self.keeps_measured else self.measured_tolerance
        return completion_from(depth, confidence, sparse, tolerance, self.unreached)

    # The completer ---------------------------------------------------------------------------------

    def load(self) -> None:
        """Load the weights and move what runs to the device, or to the CPU where memory does not suffice."""
        if file := self.exported_file():
            self.load_exported(file)
        else:
            self._load_in_pytorch()

    def _load_in_pytorch(self) -> None:
        limit_memory(self.device, self.options.max_gpu_memory)
        self.network = self.read_network().eval().requires_grad_(False)
        if self.options.weights and not self.licence and not self.options.allow_noncommercial:
            self.warnings.append(unknown_licence(self.weights_from))
        self.inference_network = self.make_inference_network()
        if self.compiled:
            self.compilable_part().compile(dynamic=False)
        try:
            self.move_to(self.device)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self.memory.give_way(f"The memory of {self.device} does not hold the network")

    def exported_file(self) -> str | Path | None:
        """The exported file that is to run; None where the network runs in PyTorch."""
        weights = self.options.weights
        if is_exported(weights):
            return weights
        if self.runtime in ("auto", "pytorch"):
            return None
        found = stored_export(weights) if weights else self.shipped_export
        if found is None:
            refuse_without_export(self.name, self.runtime, self.exports)
        return found

    def load_exported(self, file: str | Path) -> None:
        """Take a network that `depth-completion export` wrote, or the one that ships as ONNX."""
        path, options = Path(file).expanduser(), self.options
        check_is_file(path)
        runtime = choose_runtime(self.runtime, str(path))
        self.device, self.precision = device_and_precision(runtime, options.device, options.precision)
        refuse_int8(path, runtime)
        runner = open_runner(path, runtime, self.device, self.precision, options.max_gpu_memory)
        self.runner = partial(self.run_exported, runner)
        self.runs_in, metadata = runner.runtime, runner.metadata
        if self.compiled:
            self.warnings.append(f"Setting 'compiled' is for PyTorch, but {self.runs_in} runs the network.")
        self.compiled = False
        self._halved = runtime == "tensorrt"  # for another size it builds another engine, which takes minutes
        if file == self.shipped_export:
            self.weights_from, self.licence = SHIPPED, metadata["licence"]
            return
        check_exported(runner, str(file), self.name, self.variant, options.allow_noncommercial)
        self.precision = metadata.get("precision", self.precision)
        self.inner_size = options.inner_size or int(metadata["inner_size"])
        self.licence = metadata["licence"]
        self.weights_from = f"{path.name}, exported from {metadata['weights']}"
        self.only_size = size_of(metadata)
        self._halved |= self.only_size is not None  # a file for one size cannot be given less to do

    def run_exported(self, runner, image: np.ndarray, planes: Sequence[np.ndarray], **known) -> np.ndarray:
        """Run an exported network on what it sees of a frame; see `OnnxRunner`."""
        return runner(image, [*planes, *self.searched(planes[0])], **known)

    def run_in_pytorch(self) -> None:
        """Run the network by PyTorch, also where something else is usual for it."""
        if self.network is None:
            self._load_in_pytorch()
        LearnedCompleter.move_to(self, self.device)
        self.runs_in = "PyTorch"

    def complete(self, image, sparse: SparseDepth, camera=None, name="") -> Completion:
        image = usable_image(image, sparse.depth.shape, self.name)

        def work() -> Completion:
            if not sparse.count:
                return self.without_points(image, name)
            return self.run(image, sparse.depth, self.planes(image, sparse, camera, name))

        self._frame_shape = sparse.depth.shape
        return self.memory.complete(work, sparse, self._out_of_memory)

    def run(self, image: np.ndarray, sparse: np.ndarray, planes: Sequence[np.ndarray]) -> Completion:
        """Complete by the network, at the inner size.

        Args:
            image: uint8 H x W x 3.
            sparse: float32 H x W metres, 0 where not measured.
            planes: as `planes` gives them.
        """
        small, inputs = shrink(image, sparse, planes, inner_shape(sparse.shape, self.inner_size))
        points = int(np.count_nonzero(inputs[0]))
        try:
            results = self.runner(small, inputs, points=points)
        except Exception as error:
            if not self.compiled or is_out_of_memory(error):
                raise
            self._give_up_compiling(error)
            results = self.runner(small, inputs, points=points)
        depth, confidence = enlarge(results, sparse.shape)
        return self.completion(depth, confidence, sparse)

    def warm_up(self, height: int, width: int) -> None:
        """Run the network once at this size of image, which also tells whether memory suffices."""
        image = np.zeros((height, width, 3), np.uint8)
        sparse = np.zeros((height, width), np.float32)
        sparse[::8, ::8] = 10
        start = time.perf_counter()
        self._frame_shape = sparse.shape
        self.memory.attempt(lambda: self.warm_up_run(image, sparse), self._out_of_memory)
        self._warm = f"at {width} x {height}, in {time.perf_counter() - start:.1f} s"

    def warm_up_run(self, image: np.ndarray, sparse: np.ndarray) -> None:
        """What a warm-up runs; more than once where the network will see frames at several sizes."""
        self.run(image, sparse, self.warm_up_planes(image))

    def report(self) -> dict[str, object]:
        """Variant, weights with their licence, and where and how the network runs."""
        if self.memory.is_linear:
            return {"variant": self.variant, "device": "none: out of memory"}
        return {
            "variant": self.variant,
            "device": str(self.device),
            "precision": self.precision,
            "weights": self.weights_from,
            "licence of the weights": self.licence or "unknown",
            "compiled": self.compiled,
            "runs in": self.runs_in,
            "inner size": self.inner_size or "that of the image",
            "warmed up": self._warm,
        }

    def move_to(self, device: Device) -> None:
        """Move the network, and what belongs to it, to a device."""
        import torch

        from .runner import NetworkRunner

        # Channels lie together, as the fast convolutions of CPUs and GPUs want them.
        for network in {self.network, self.inference_network}:
            network.to(str(device), getattr(torch, self.precision), memory_format=torch.channels_last)
        self.runner = NetworkRunner(self.forward, device, self.mean, self.std)
        self.device = device

    # When something fails ----------------------------------------------------------------------------

    def _give_up_compiling(self, error: Exception) -> None:
        self.compiled = False
        self.compilable_part()._compiled_call_impl = None  # no public way back from `Module.compile`
        why = str(error).strip().partition("\n")[0]
        self.degradations.append(f"torch.compile failed ({type(error).__name__}: {why}); not compiled.")

    def _out_of_memory(self) -> str:
        height, width = inner_shape(self._frame_shape, self.inner_size)
        return f"Out of memory on {self.device} at {width} x {height}"

    def _save_memory(self) -> str | None:
        """Halve the inner size, once a frame was seen; then go to the CPU; then drop the network."""
        half = max(inner_shape(self._frame_shape, self.inner_size)) // 2 if self._frame_shape else 0
        if half >= SMALLEST and not self._halved:
            self._halved, self.inner_size = True, half
            return f"the network works at {half} pixels at most"
        if self._went_to_cpu():
            return "the network runs on the CPU"
        self.network = self.inference_network = self.runner = None
        return None

    def _went_to_cpu(self) -> bool:
        """Move from the GPU to the CPU; False where it is there already or has no room."""
        if self.device.type == "cpu" or self.network is None:  # what was exported for a GPU stays there
            return False
        self.runner, self.precision = None, choose_precision("auto", CPU)
        try:
            self.move_to(CPU)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False
        import torch

        torch.cuda.empty_cache()
        return True
