"""Monocular priors of the `transformers` library, above all Depth Anything V2."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.safe.files import read_json
from ..device import choose_device
from ..weights.licences import licence_of_folder
from .interface import MonocularPrior, PriorOutput, first_line
from .preprocessing import IMAGENET_MEAN, IMAGENET_STD, SIDE, network_size, resize_map

if TYPE_CHECKING:
    import torch

SPACE_OF_TYPE = {
    "depth_anything": "disparity",
    "dpt": "disparity",
    "depth_pro": "metric",
    "glpn": "metric",
    "zoedepth": "metric",
}
"""What the `model_type` of a config.json predicts, where the file itself does not say more."""
NEEDS_TORCHVISION = ("depth_pro", "zoedepth")


class TransformersPrior(MonocularPrior):
    """Any network for depth estimation in a folder of config.json and safetensors.

    Images for Depth Anything are prepared here, several times faster than by its image processor;
    for all others the processor that the folder names is used, so it must hold preprocessor_config.json.
    Features of Depth Anything are the four maps of the decoder (path_4 to path_1 of the original).

    Args:
        folder: with config.json and model.safetensors.
        name: see `MonocularPrior`.
        licence: likewise; what the model card of the folder says when empty.
        space: overrides what the folder says, as for a DPT that was trained to metres.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        side: pixels of the input's shorter side, for Depth Anything; the time grows with its square or
            faster. 0 for the size that the weights were trained at.

    Attributes:
        kind: `model_type` of its config.json, such as depth_anything.
        network: the `torch.nn.Module`; takes what `network_input` gives.

    Raises:
        ImportError: transformers, PyTorch or torchvision is not installed and needed.
        FileNotFoundError, ValueError: the folder is no such network, or its weights do not fit.
    """

    def __init__(
        self,
        folder: str | Path,
        name: str = "",
        licence: str = "",
        space: str | None = None,
        device: str = "auto",
        side: int = 0,
    ):
        folder = Path(folder)
        config = read_json(folder / "config.json")
        kind = config.get("model_type")
        if kind not in SPACE_OF_TYPE:
            raise ValueError(
                f"Folder '{folder}' holds a network of type '{kind}'; it must be one of "
                f"{', '.join(SPACE_OF_TYPE)}."
            )
        licence = licence or licence_of_folder(folder) or "unknown (your file)"
        super().__init__(name or folder.name, licence, space or _space_of(config))
        if side and kind != "depth_anything":
            raise ValueError(
                f"Prior '{self.name}' is of type '{kind}' and takes images of its own size only."
            )
        _require("torch", self.name)
        _require("transformers", self.name)
        device = str(choose_device(device))
        self._take(_load_model(folder, self.name), folder / "preprocessor_config.json", side)
        if not self._is_depth_anything:
            self._processor = _load_processor(folder, self.name, kind)
        self.to(device)

    @classmethod
    def of_depth_anything(cls, model, name: str, licence: str) -> TransformersPrior:
        """A prior of a `DepthAnythingForDepthEstimation` that is there already; it stays where it is."""
        prior = cls.__new__(cls)
        MonocularPrior.__init__(prior, name, licence, _space_of(model.config.to_dict()))
        prior._take(model)
        prior.to(model.device)
        return prior

    def _take(self, model, settings_file: Path | None = None, side: int = 0) -> None:
        import torch

        self.network = model.eval().requires_grad_(False)
        self.kind = model.config.model_type
        self._is_depth_anything = self.kind == "depth_anything"
        if not self._is_depth_anything:
            return
        settings = read_json(settings_file) if settings_file and settings_file.is_file() else {}
        self._side = side or settings.get("size", {}).get("height", SIDE)
        self.patch = model.config.patch_size
        self.feature_channels = (model.config.fusion_hidden_size,) * len(model.config.neck_hidden_sizes)
        self._mean, self._std = (
            torch.tensor(settings.get(key, values)).view(1, 3, 1, 1) * 255
            for key, values in (("image_mean", IMAGENET_MEAN), ("image_std", IMAGENET_STD))
        )

    def to(self, device: torch.device | str) -> None:
        """Move the network to a device."""
        self._device = device
        self.network.to(device)
        if self._is_depth_anything:
            self._mean, self._std = self._mean.to(device), self._std.to(device)

    def predict_with_features(self, pixels: torch.Tensor) -> PriorOutput:
        import torch

        if not self._is_depth_anything:
            return super().predict_with_features(pixels)
        maps: list[torch.Tensor] = []
        hook = self.network.neck.register_forward_hook(lambda _neck, _given, fused: maps.extend(fused))
        try:
            with torch.no_grad():
                pixels = (pixels.to(self._device) - self._mean) / self._std
                prediction = self.network(pixels).predicted_depth
        finally:
            hook.remove()
        return PriorOutput(prediction[:, None].float(), tuple(maps))

    def warm_up(self, height: int, width: int) -> None:
        self.predict(np.zeros((height, width, 3), np.uint8))

    def _predict(self, image: np.ndarray, name: str) -> np.ndarray:
        import torch

        with torch.inference_mode():
            if self._is_depth_anything:
                prediction = self.network(self.network_input(image)).predicted_depth[0]
                return resize_map(prediction.float().cpu().numpy(), *image.shape[:2])
            inputs = self._processor(images=image, return_tensors="pt").to(self._device)
            sizes = [tuple(image.shape[:2])]
            padded = {"source_sizes": sizes} if self.kind == "zoedepth" else {}
            result = self._processor.post_process_depth_estimation(
                self.network(**inputs), target_sizes=sizes, **padded
            )
            return result[0]["predicted_depth"].float().cpu().numpy()

    def network_input(self, image: np.ndarray):
        """Input of the network on its device, tensor 1 x 3 x h x w: bicubic, antialiased, normalised.

        Of others than Depth Anything as their image processor makes it.
        """
        import torch

        if not self._is_depth_anything:
            return self._processor(images=image, return_tensors="pt").pixel_values.to(self._device)
        size = network_size(*image.shape[:2], self._side, self.patch)
        planes = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        # In uint8, as the processor does it: overshoots are cut, and little goes to the device.
        planes = torch.nn.functional.interpolate(planes, size, mode="bicubic", antialias=True)
        return (planes.to(self._device, torch.float32) - self._mean) / self._std


def _space_of(config: dict) -> str:
    if config["model_type"] == "depth_anything" and config.get("depth_estimation_type") == "metric":
        return "metric"
    if config["model_type"] == "depth_pro" and not config.get("use_fov_model", False):
        return "depth"  # without its own focal length it knows no scale
    return SPACE_OF_TYPE[config["model_type"]]


def _require(module: str, name: str, install: str = "'depth_completion_ros[prior]'"):
    """An ImportError that says what to install, where a Python package is not installed."""
    if find_spec(module) is None:
        raise ImportError(f"Prior '{name}' needs the Python package '{module}': pip install {install}.")


def _load_model(folder: Path, name: str):
    from transformers import AutoModelForDepthEstimation

    try:
        model, info = AutoModelForDepthEstimation.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:  # of many kinds, by what is broken
        raise ValueError(f"Prior '{name}' cannot be loaded from '{folder}': {first_line(error)}.") from None
    # What is missing would silently be random.
    missing = sorted(info["missing_keys"])
    if missing:
        raise ValueError(
            f"Weights in '{folder}' lack {len(missing)} of the network's parameters, such as '{missing[0]}'."
        )
    return model


def _load_processor(folder: Path, name: str, kind: str):
    if kind in NEEDS_TORCHVISION:
        _require("torchvision", name, "torchvision")
    from transformers import AutoImageProcessor

    try:
        return AutoImageProcessor.from_pretrained(folder, local_files_only=True)
    except ImportError as error:
        raise ImportError(f"Prior '{name}' cannot prepare images: {first_line(error)}.") from None
    except (OSError, ValueError):
        raise FileNotFoundError(
            f"Folder '{folder}' lacks preprocessor_config.json, which a network of type '{kind}' needs."
        ) from None
