"""Trains a network: `python -m detector.train CONFIG.yaml --root NAME=DIR --output DIR`."""

from __future__ import annotations

import dataclasses
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from detector.data.annotations import LabelledImage
from detector.data.config import load_dataset_config
from detector.data.reading import read_flights
from detector.data.views_config import SourceConfig
from detector.training.config import TrainConfig
from detector.training.console import shown_progress
from detector.training.loss_config import LossConfig, effective_gains, frequency_weights
from detector.training.run_file import claim_folder, load_train_config, relocate

if TYPE_CHECKING:
    from detector.training.distributed import World
    from detector.training.interruption import StopRequest

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

DEVICE = re.compile(r"auto|cpu|cuda:\d+")

EXTRA_PACKAGES = ("hotcoco", "matplotlib", "tensorboard")


def read_source(
    source: SourceConfig, config_path: Path, roots: dict[str, Path], class_names: tuple[str, ...]
) -> list[LabelledImage]:
    """The labelled images of one entry of a training file.

    Args:
        source: The entry.
        config_path: The training file, which `source.data` is relative to.
        roots: Folder of each data set, by the stem of its description.
        class_names: The class list of the run.

    Raises:
        ValueError: If a file is missing or malformed, or a flight is unknown.
    """
    path = config_path.parent / source.data
    dataset = load_dataset_config(path, roots.get(path.stem))
    return read_flights(dataset, class_names, source.flights, f"{config_path}: {path.stem}")


def _read_all(
    config: TrainConfig, config_path: Path, roots: dict[str, Path]
) -> tuple[list[list[LabelledImage]], list[LabelledImage]]:
    """The images of each training set, and those to measure on, which share none of them."""
    names = config.class_names
    train = [read_source(source, config_path, roots, names) for source in config.train]
    held_out = [
        image
        for source in config.validation
        for image in read_source(source, config_path, roots, names)
    ]
    for source, images in zip(config.train, train, strict=True):
        if not images:
            raise ValueError(f"{config_path}: train: {source.data}: no image to learn from")
    if not any(len(image.boxes) for images in train for image in images):
        raise ValueError(f"{config_path}: train: no object to learn")
    learned = {image.path.resolve() for images in train for image in images}
    for image in held_out:
        if image.path.resolve() in learned:
            raise ValueError(f"{config_path}: {image.path} is in both `train` and `validation`")
    if not any(len(image.boxes) for image in held_out):
        raise ValueError(f"{config_path}: validation: no object to measure on")
    return train, held_out


def train(
    config_path: Path,
    roots: dict[str, Path],
    output: Path,
    *,
    device_name: str = "auto",
    init: Path | None = None,
) -> int:
    """Runs or continues a training; see `detector.training.trainer.Trainer` for what it writes.

    Args:
        config_path: The YAML file.
        roots: Folder of each data set, by the stem of its description.
        output: Folder of the run.
        device_name: `auto`, `cpu` or `cuda:N`.
        init: Weights to start from, in the place of the file's `init`.

    Returns:
        0 if the run has come to its end, else the number of the signal that stopped it.

    Raises:
        ValueError: If a file is missing or malformed.
    """
    if not DEVICE.fullmatch(device_name):
        raise ValueError(f"--device {device_name}: expected auto, cpu or cuda:N")
    config = load_train_config(config_path)
    images, held_out = _read_all(config, config_path, roots)
    config = relocate(config, config_path.parent, output)
    if init is not None:
        moved = relocate(dataclasses.replace(config, init=str(init)), Path(), output)
        config = dataclasses.replace(config, init=moved.init)
    _import_measuring()
    from detector.training.distributed import join_world
    from detector.training.interruption import StopRequest

    with join_world(device_name) as world, StopRequest() as stop:
        if config.batch % world.size:
            raise ValueError(f"{config_path}: batch: {config.batch} for {world.size} processes")
        if world.rank == 0:
            try:
                output.mkdir(parents=True, exist_ok=True)
                claim_folder(output, config)
            except OSError as error:
                raise ValueError(
                    f"--output {output}: cannot be written: {error.strerror}"
                ) from None
        _run(config, images, held_out, output, world, stop)
    return stop.signal or 0


def _import_measuring() -> None:
    """Names the package that is missing before anything else is done."""
    try:
        import detector.training.trainer  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in EXTRA_PACKAGES:
            raise
        raise ValueError(f"{error.name} is not installed; the extra `train` brings it") from None


def _run(
    config: TrainConfig,
    images: list[list[LabelledImage]],
    held_out: list[LabelledImage],
    output: Path,
    world: World,
    stop: StopRequest,
) -> None:
    """Trains, and shows on the error stream how it goes."""
    import torch

    from detector.data.pool import Pool
    from detector.training.evaluation import measure
    from detector.training.trainer import Trainer

    pools = [Pool(part, source) for part, source in zip(images, config.train, strict=True)]
    config = dataclasses.replace(config, loss=_effective_loss(config, images))
    evaluate = partial(measure, images=held_out, device=str(world.device))
    with shown_progress(quiet=world.rank > 0) as show:
        trainer = Trainer(config, pools, output, evaluate, world, stop)
        try:
            for progress in trainer.run():
                show(progress, trainer.steps)
        except torch.OutOfMemoryError:
            raise ValueError(
                f"{world.device}: out of memory; lower `batch` and raise `accumulate`, or lower "
                "`image_px`"
            ) from None


def _effective_loss(config: TrainConfig, images: list[list[LabelledImage]]) -> LossConfig:
    """Gains and class weights as numbers."""
    loss = effective_gains(config.loss, config.spec)
    if loss.class_weights != "frequency":
        return loss
    shown = np.zeros(len(config.class_names))
    for part, source in zip(images, config.train, strict=True):
        class_ids = np.concatenate([image.class_ids for image in part])
        shown += np.bincount(class_ids, minlength=len(shown)) * source.share / len(part)
    return dataclasses.replace(loss, class_weights=frequency_weights(shown.tolist()))


@app.command()
def main(
    config: Annotated[Path, typer.Argument(help="The training run, a YAML file.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; continued if it holds one.")],
    root: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=DIR, the folder of the data set described by NAME.yaml; one for each."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = "auto",
    init: Annotated[
        Path | None, typer.Option(help="Weights to start from (.safetensors); what fits is taken.")
    ] = None,
    *,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Trains a network from labelled images; the best weights end up in OUTPUT."""
    roots: dict[str, Path] = {}
    try:
        for entry in root or []:
            name, separator, folder = entry.partition("=")
            if not separator:
                raise ValueError(f"--root {entry}: expected NAME=DIR")
            roots[name] = Path(folder)
        stopped_by = train(config, roots, output, device_name=device, init=init)
    except ValueError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    if stopped_by:
        if os.environ.get("RANK", "0") == "0":
            print("the same command goes on from there", file=sys.stderr)
        raise typer.Exit(128 + stopped_by)


if __name__ == "__main__":
    app()
