"""`python -m depth_completion_training.rehearsal OUT`: all of DMD3C, small, on simulated frames.

What the recipes `dmd3c_stage1` and `dmd3c_stage2` do with real images, KITTI and half a million steps,
with a few frames and steps: images and monocular maps, LiDAR simulated in them, stage 1, stage 2 on
frames in KITTI's layout, evaluation. With --ablate also without pre-training and without SSI, so that the
table tells what each is worth after so little training.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer

from depth_completion_ros.data import open_reader
from depth_completion_ros.evaluation.report import table
from depth_completion_ros.evaluation.runner import completer_from_text, evaluate

from .callbacks.checkpoints import LAST
from .export import export
from .generation.layouts import Layouts
from .generation.options import parse_size, run

PACKAGE = __package__
NETWORK = "depth_completion_ros.completion.bpnet.network.BPNet"


@dataclass(frozen=True)
class Ablation:
    """What a network is trained with.

    Args:
        pretrained: whether stage 1 comes before.
        ssi: space of the SSI and gradient terms of stage 2; None to leave them out.
        longer: whether stage 2 also has the steps that stage 1 takes of the others.
    """

    name: str
    pretrained: bool
    ssi: str | None
    longer: bool = False


ABLATIONS = (
    Ablation("both", True, "inverse"),
    Ablation("SSI in depth", True, "depth"),
    Ablation("no SSI", True, None),
    Ablation("no stage 1", False, "inverse"),
    Ablation("neither", False, None),
    Ablation("neither, longer", False, None, longer=True),
)


@dataclass(frozen=True)
class Rehearsal:
    """Folders and sizes of a rehearsal; every step whose result is there is left out.

    Args:
        out: folder for everything.
        network: class path of the base network.
        size: height and width of a crop.
        steps: of stage 1 and of stage 2.
        batch: images of a step.
        more: further arguments of `depth_completion_training fit`, such as of the trainer.
    """

    out: Path
    network: str
    size: tuple[int, int]
    steps: tuple[int, int]
    batch: int
    more: tuple[str, ...] = ()

    @property
    def public(self) -> Layouts:
        return Layouts(self.out / "public")

    def make_frames(self, scenes: int, size: str, images: int | None, drives: int | None) -> None:
        """Simulated frames, unless `public` is there, which `generation.layouts` makes of them."""
        if self.public.root.is_dir():
            return
        frames, unfinished = self.out / "frames", self.out / "public.unfinished"
        if not frames.is_symlink():  # else they are another's
            python(f"{PACKAGE}.generation", frames, "--scenes", scenes, "--size", size)
        most = {"--images": images, "--drives": drives}
        options = [part for option in most.items() if option[1] for part in option]
        python(f"{PACKAGE}.generation.layouts", frames, unfinished, *options)
        unfinished.rename(self.public.root)

    def make_scans(self, name: str = "scanned", *choices: object) -> Path:
        """Frames of the images with LiDAR simulated in them, by choices of `generation.from_images`."""
        scanned, unfinished = self.out / name, self.out / f"{name}.unfinished"
        if not scanned.is_dir():
            images = self.public.images, f"{self.public.maps}@disparity"
            # Images that fail are reported and left out, with exit code 1.
            python(f"{PACKAGE}.generation.from_images", *images, unfinished, *choices, allowed=(0, 1))
            unfinished.rename(scanned)
        return scanned

    def pretrain(self, frames: Path, name: str = "stage1", *more: str) -> Path:
        """Weights after stage 1 on frames with scans."""
        data = {"folder": frames, "size": list(self.size)}
        return self._fit("dmd3c_stage1", name, self.steps[0], None, data, *more)

    def train(self, ablation: Ablation, pretrained: Path) -> Path:
        """Weights after stage 2, as an ablation has it."""
        folders = {"folder": self.public.depth, "raw_root": self.public.raw}
        start = pretrained if ablation.pretrained else None
        steps = self.steps[1] + (self.steps[0] if ablation.longer else 0)
        loss = f"space={ablation.ssi}" if ablation.ssi else "ssi=0"
        name = f"stage2_{ablation.name}".replace(" ", "_").replace(",", "")
        data = folders | {"crop": list(self.size)}
        return self._fit("dmd3c_stage2", name, steps, start, data, f"--model.loss.init_args.{loss}")

    def _fit(self, recipe: str, name: str, steps: int, start: Path | None, data: dict, *more: str) -> Path:
        weights = self.out / f"{name}.safetensors"
        if weights.is_file():
            return weights
        root = self.out / name
        values = {"batch_size": self.batch, "workers": 0, "plane": wants_plane(self.network)} | data
        given = [f"--data.init_args.{key}={value}" for key, value in values.items()]
        given += [f"--model.network.class_path={self.network}", f"--model.weights={start or 'null'}"]
        given += [f"--trainer.max_steps={steps}", "--trainer.accumulate_grad_batches=1"]
        given += ["--trainer.limit_val_batches=0", f"--trainer.default_root_dir={root}", "--ckpt_path=last"]
        python(PACKAGE, "fit", "--config", recipe, *given, *more, *self.more)
        export(root / LAST, weights, "none: a rehearsal")
        return weights


def wants_plane(network: str) -> bool:
    """Whether a network asks for the first fill that MSPN-lite starts from.

    Raises:
        ValueError: there is no such class.
    """
    module, _, name = network.rpartition(".")
    try:
        made = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        raise ValueError(f"Network '{network}' is no class; it must be given as {NETWORK} is.") from None
    return "plane" in signature(made.forward).parameters


def python(module: str, *arguments, allowed: tuple[int, ...] = (0,)) -> None:
    """Run a module; what it prints is shown.

    Raises:
        ValueError: it ended with an exit code that is not allowed.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    typer.echo(f"$ python {' '.join(command[1:])}")
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    if subprocess.run(command, env=environment, check=False).returncode not in allowed:
        raise ValueError(f"{module} failed; what it says is above.")


def compare(weights: dict[str, Path], completer: str, asked: dict[Path, tuple[str, ...]]) -> str:
    """Table of RMSE / MAE in mm, mean over frames, of weights by name and of linear completion.

    Args:
        asked: folders of data to the protocols that they are evaluated by.
    """
    completers = {name: completer_from_text(completer, weights=str(file)) for name, file in weights.items()}
    completers["linear"] = completer_from_text("linear")
    rows = []
    for data, protocols in asked.items():
        means = evaluate(open_reader(data), completers, protocols).means()
        found = {(mean.protocol, mean.completer): mean for mean in means}
        for protocol in protocols:
            served = [found[protocol, name] for name in completers if (protocol, name) in found]
            if served:
                errors = [f"{m.metrics.rmse_mm:.0f} / {m.metrics.mae_mm:.0f}" for m in served]
                rows.append([f"{data.name} ({served[0].frames})", protocol, *errors])
    return table(["data (frames)", "fed", *completers], rows)


# Command line ------------------------------------------------------------------------------------


def main(
    out: Annotated[Path, typer.Argument(help="Folder for frames, runs and weights.")],
    scenes: Annotated[int, typer.Option(min=1, help="Simulated scenes, of ten views each.")] = 60,
    frame: Annotated[str, typer.Option(metavar="HxW", help="Size of their images.")] = "256x384",
    images: Annotated[int | None, typer.Option(help="Of stage 1.", show_default="all")] = None,
    drives: Annotated[int | None, typer.Option(help="Of stage 2, a frame each.", show_default="all")] = None,
    steps: Annotated[tuple[int, int], typer.Option(help="Training steps of stage 1 and stage 2.")] = (
        400,
        400,
    ),
    size: Annotated[str, typer.Option(metavar="HxW", help="Height x width of a crop.")] = "128x256",
    batch: Annotated[int, typer.Option(min=1, help="Images of a step.")] = 2,
    network: Annotated[str, typer.Option(help="Class path of the base network.")] = NETWORK,
    completer: Annotated[str, typer.Option(help="What it is evaluated as.")] = "bpnet",
    ablate: Annotated[bool, typer.Option("--ablate", help="Also without either stage.")] = False,
    real: Annotated[
        list[Path] | None, typer.Option(help="More data to evaluate on, by lines:16 and points:500.")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(help="Further arguments of `fit`, after `--`.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
):
    """
    Rehearse both stages of DMD3C, from simulated frames to the table of errors.

    Goes on where it was interrupted. Frames are those of the simulator, and monocular maps spoilt truth.

    Example:

        python -m depth_completion_training.rehearsal rehearsal --ablate -- --trainer.accelerator=cpu
    """
    wants_plane(network)  # what is wrong with it shows here
    out.mkdir(parents=True, exist_ok=True)
    rehearsal = Rehearsal(out, network, parse_size(size), steps, batch, tuple(more or ()))
    rehearsal.make_frames(scenes, frame, images, drives)
    pretrained = rehearsal.pretrain(rehearsal.make_scans("scanned", "--size", frame))
    ablations = ABLATIONS if ablate else ABLATIONS[:1]
    weights = {ablation.name: rehearsal.train(ablation, pretrained) for ablation in ablations}
    asked = {rehearsal.public.selection: ("truth",)}
    asked |= dict.fromkeys(real or (), ("lines:16", "points:500"))
    typer.echo("\nRMSE / MAE in mm:\n\n" + compare(weights, completer, asked))


if __name__ == "__main__":
    run(main, f"python -m {PACKAGE}.rehearsal")
