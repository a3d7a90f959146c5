"""Trains a network: `python -m detector.train CONFIG.yaml --root NAME=DIR --output DIR`."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from detector.data.annotations import LabelledImage
from detector.data.config import load_dataset_config
from detector.data.reading import read_flights
from detector.strict_yaml import read_yaml
from detector.training.config import SourceConfig, TrainConfig

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

DEVICE = re.compile(r"auto|cpu|cuda:\d+")


def load_train_config(path: Path) -> TrainConfig:
    """The run that a YAML file describes.

    Raises:
        ValueError: In one line, if the file is missing or a key is unknown or out of range.
    """
    values = read_yaml(path)
    try:
        # Strict, and through JSON: there a list is a tuple, yet "3" is no number.
        return TypeAdapter(TrainConfig).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"]) or "the file"
        what = fault["msg"].removeprefix("Value error, ").replace("Input should", "should")
        if fault["type"] == "unexpected_keyword_argument":
            raise ValueError(f"{path}: {key}: unknown key") from None
        if fault["type"] == "missing":
            raise ValueError(f"{path}: {key}: missing") from None
        found = json.dumps(fault["input"])
        raise ValueError(f"{path}: {key}: {what}, found {found:.60}") from None


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
    device_name: str = "cpu",
    init: Path | None = None,
) -> None:
    """Runs or continues a training; see `detector.training.trainer.Trainer` for what it writes.

    Args:
        config_path: The YAML file.
        roots: Folder of each data set, by the stem of its description.
        output: Folder of the run.
        device_name: `auto`, `cpu` or `cuda:N`.
        init: Weights to start from, with their anchors; `None` starts from nothing.

    Raises:
        ValueError: If a file is missing or malformed.
    """
    if not DEVICE.fullmatch(device_name):
        raise ValueError(f"--device {device_name}: expected auto, cpu or cuda:N")
    config = load_train_config(config_path)
    images, held_out = _read_all(config, config_path, roots)
    from detector.data.dataset import Pool
    from detector.inference.device import choose_device
    from detector.training.trainer import Trainer

    try:
        from detector.training.evaluation import measure
    except ModuleNotFoundError as error:
        if error.name != "hotcoco":
            raise
        raise ValueError("hotcoco is not installed; the extra `eval` brings it") from None

    device = choose_device(device_name)
    pools = [Pool(part, source) for part, source in zip(images, config.train, strict=True)]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--output {output}: cannot be made: {error.strerror}") from None
    evaluate = partial(measure, images=held_out, device=str(device))
    trainer = Trainer(config, pools, output, evaluate, device, init)
    with _progress_bar() as bar:
        task = bar.add_task("train", total=config.steps, figures="")
        for step in trainer.run():
            box, objectness, classes = step.loss
            figures = (
                f"box {box:.4f} obj {objectness:.4f} cls {classes:.4f} "
                f"lr {step.learning_rate:.5f} {step.images_per_s:.1f} images/s"
            )
            bar.update(task, completed=step.step, figures=figures)
            if not bar.console.is_terminal and step.step % 50 == 0:
                bar.console.print(f"step {step.step}/{config.steps} {figures}", highlight=False)


def _progress_bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} {task.fields[figures]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True, soft_wrap=True))


@app.command()
def main(
    config: Annotated[Path, typer.Argument(help="The training run, a YAML file.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; continued if it holds one.")],
    root: Annotated[
        list[str] | None,
        typer.Option(help="NAME=DIR, the folder of the data set described by NAME.yaml."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = "cpu",
    init: Annotated[
        Path | None, typer.Option(help="Weights to start from (.safetensors), with their anchors.")
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
        train(config, roots, output, device_name=device, init=init)
    except ValueError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
