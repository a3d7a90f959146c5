"""Trains a network: `python -m detector.train CONFIG.yaml --root NAME=DIR --output DIR`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from detector.data.annotations import LabelledImage
from detector.data.config import load_dataset_config, read_dataset, split_by_flight
from detector.training.config import SourceConfig, TrainConfig

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def load_train_config(path: Path) -> TrainConfig:
    """The run that a YAML file describes.

    Raises:
        ValueError: In one line, if the file is missing or a key is unknown or out of range.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(TrainConfig).validate_python(values)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise ValueError(f"{path}: {key}: {fault['msg']}") from None


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
    images = read_dataset(dataset, class_names)
    if source.flights is None:
        return images
    flights = split_by_flight(images, dataset.flights)
    unknown = sorted(set(source.flights) - set(flights))
    if unknown:
        raise ValueError(
            f"{config_path}: {path.stem} has no flight {unknown[0]!r}; it has {', '.join(flights)}"
        )
    return [image for flight in source.flights for image in flights[flight]]


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
        device_name: `cpu` or `cuda:N`.
        init: Weights to start from, with their anchors; `None` starts from nothing.

    Raises:
        ValueError: If a file is missing or malformed.
    """
    import torch

    from detector.data.dataset import Pool
    from detector.training.evaluation import measure
    from detector.training.trainer import Trainer

    config = load_train_config(config_path)
    names = config.class_names
    pools = [Pool(read_source(s, config_path, roots, names), s) for s in config.train]
    held_out = [
        image for s in config.validation for image in read_source(s, config_path, roots, names)
    ]
    output.mkdir(parents=True, exist_ok=True)
    evaluate = partial(measure, images=held_out, device=device_name)
    trainer = Trainer(config, pools, output, evaluate, torch.device(device_name), init)
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
    console = Console(stderr=True, soft_wrap=True)
    return Progress(*columns, console=console, disable=False)


@app.command()
def main(
    config: Annotated[Path, typer.Argument(help="The training run, a YAML file.")],
    output: Annotated[Path, typer.Option(help="Folder of the run; continued if it holds one.")],
    root: Annotated[
        list[str] | None,
        typer.Option(help="NAME=DIR, the folder of the data set described by NAME.yaml."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda:N.")] = "cpu",
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
