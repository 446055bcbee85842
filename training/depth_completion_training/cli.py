"""The command line: Lightning's, with recipes by name, one folder a run, and errors in a sentence."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from pathlib import Path

from lightning import LightningDataModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.cli import LightningCLI
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

import depth_completion_ros
import depth_completion_training

from .callbacks.average import WeightAverage
from .callbacks.checkpoints import BEST, FOLDER, LAST, AtomicCheckpointIO, LastCheckpoint
from .callbacks.evaluation import Evaluation
from .callbacks.images import ValidationImages
from .callbacks.progress import ProgressLines
from .callbacks.throughput import Throughput
from .task import CompletionTask

RECIPES = Path(__file__).parent / "recipes"
USAGE = (
    "python -m depth_completion_training fit|validate|test --config RECIPE [--ckpt_path last|FILE] "
    "[--SECTION.NAME VALUE ...]"
)


class TrainingCLI(LightningCLI):
    """Sections of a recipe: `model`, `data`, `trainer`, `average`, `checkpoints`, `evaluation`, `monitor`."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Those of Lightning that a completion network has a use for."""
        return {name: LightningCLI.subcommands()[name] for name in ("fit", "validate", "test")}

    def add_arguments_to_parser(self, parser) -> None:
        parser.add_lightning_class_args(WeightAverage, "average")
        parser.add_lightning_class_args(LastCheckpoint, "checkpoints")
        parser.add_lightning_class_args(Evaluation, "evaluation")
        parser.add_lightning_class_args(ValidationImages, "images")
        parser.add_argument(
            "--monitor", type=str, default="val/rmse_m", help="What the best checkpoint is least in."
        )

    def before_instantiate_classes(self) -> None:
        config = self.config[self.subcommand]
        last = Path(config.trainer.default_root_dir) / LAST
        if config.ckpt_path == "last":
            config.ckpt_path = str(last) if last.is_file() else None
            print(f"Goes on from '{last}'." if last.is_file() else f"There is no '{last}' yet; starts anew.")
        elif self.subcommand == "fit" and config.ckpt_path is None and last.is_file():
            raise FileExistsError(
                f"'{last}' is there from an earlier run; go on with --ckpt_path last, or name another "
                "folder with --trainer.default_root_dir."
            )

    def instantiate_trainer(self, **given) -> Trainer:
        config = self._get(self.config_init, "trainer")
        root = Path(config["default_root_dir"])
        best = ModelCheckpoint(
            root / FOLDER,
            BEST,
            monitor=self._get(self.config_init, "monitor"),
            enable_version_counter=False,
        )
        if config["logger"] is None:
            loggers = [TensorBoardLogger(root, "tensorboard", version=""), CSVLogger(root, "csv")]
            given["logger"] = loggers
        if config["plugins"] is None:
            given["plugins"] = [AtomicCheckpointIO()]
        progress = TQDMProgressBar(refresh_rate=10) if sys.stderr.isatty() else ProgressLines()
        watchers = [LearningRateMonitor("step"), Throughput(), progress, best]
        given["callbacks"] = [*(config["callbacks"] or []), *watchers]
        return super().instantiate_trainer(**given)


def main(arguments: list[str] | None = None) -> None:
    """Run `fit`, `validate` or `test` of a recipe.

    Args:
        arguments: of the command line; those of this process when None.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _quieten()
    try:
        arguments, name = with_recipe_path(arguments)
        TrainingCLI(
            CompletionTask,
            LightningDataModule,
            subclass_mode_data=True,
            seed_everything_default=1,
            trainer_defaults={
                "default_root_dir": f"runs/{name}",
                "num_sanity_val_steps": 0,
                "enable_model_summary": False,
                "log_every_n_steps": 20,
            },
            save_config_kwargs={"overwrite": True},
            auto_configure_optimizers=False,
            parser_kwargs={"usage": USAGE} | {name: {"usage": USAGE} for name in TrainingCLI.subcommands()},
            args=arguments,
        )
    except (FileNotFoundError, FileExistsError, ImportError) as error:
        sys.exit(str(error))
    except ValueError as error:
        sentence = _own_sentence(error)
        if not sentence:
            raise
        sys.exit(sentence)


def with_recipe_path(arguments: list[str]) -> tuple[list[str], str]:
    """The arguments with the file of a recipe in place of its name, and that name.

    Raises:
        FileNotFoundError: neither a file nor a recipe; the sentence lists the recipes.
    """
    name = "unnamed"
    arguments = [part for text in arguments for part in _split(text)]
    for at, text in enumerate(arguments[:-1]):
        if text == "--config":
            path = find_recipe(arguments[at + 1])
            arguments[at + 1], name = str(path), path.stem
    return arguments, name


def find_recipe(text: str) -> Path:
    """The file of a recipe given by path or, with or without its ending, by name."""
    choices = (Path(text), RECIPES / text, RECIPES / f"{text}.yaml")
    found = next((path for path in choices if path.is_file()), None)
    if found is None:
        known = ", ".join(path.stem for path in sorted(RECIPES.glob("*.yaml")))
        raise FileNotFoundError(f"Recipe '{text}' is neither a file nor one of {known}.")
    return found


def _split(text: str) -> list[str]:
    return text.split("=", 1) if text.startswith("--config=") else [text]


def _own_sentence(error: ValueError) -> str:
    """What an error says that these packages raised, here or in a worker of a loader; else nothing."""
    text, place = str(error), traceback.extract_tb(error.__traceback__)[-1].filename
    if text.startswith("Caught ValueError in DataLoader worker"):  # with the traceback as text
        lines = text.strip().splitlines()
        place = [line.split('"')[1] for line in lines if line.lstrip().startswith('File "')][-1]
        text = lines[-1].removeprefix("ValueError: ")
    own = (Path(package.__file__).parent for package in (depth_completion_ros, depth_completion_training))
    return text if any(Path(place).is_relative_to(folder) for folder in own) else ""


def _quieten() -> None:
    """Leave out what Lightning says of things that are as they should be."""
    for sentence in (
        "LightningCLI's args parameter",
        ".*LeafSpec.*is deprecated",
        "Checkpoint directory .* exists and is not empty",
        "You're using the WeightAveraging callback, but loading",
    ):
        warnings.filterwarnings("ignore", sentence)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
