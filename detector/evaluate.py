"""Measures a detector: `python -m detector.evaluate --data DATA.yaml --root DIR --weights W`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from detector.config import DetectorConfig
from detector.data.annotations import LabelledImage
from detector.data.config import DatasetConfig, load_dataset_config
from detector.data.reading import read_flights
from detector.detections import Detector
from detector.faults import first_fault
from detector.strict_yaml import read_yaml

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


LEAST_SCORE = 0.001

OPTIONS = {
    "weights": "--weights",
    "tiling.tile_px": "--tile",
    "confidence": "--conf",
    "device": "--device",
}
"""Options that set a key of the detector's settings."""


class Protocol(StrEnum):
    """Protocols that a detector can be measured under."""

    COCO = "coco"


def select_images(
    dataset: DatasetConfig, class_names: Sequence[str], flights: str | None, limit: int | None
) -> list[LabelledImage]:
    """The images of the named flights, or of all; at most `limit`, spread evenly over them.

    Args:
        dataset: Where the images lie.
        class_names: What the labels' class ids stand for.
        flights: Names with commas between; `None` takes every image.
        limit: Most images; `None` takes all.

    Raises:
        ValueError: If a flight is unknown, or a file is missing or malformed.
    """
    names = None if flights is None else [name.strip() for name in flights.split(",")]
    images = read_flights(dataset, class_names, names, "--flights")
    if limit is None or limit >= len(images):
        return images
    return [images[row] for row in np.linspace(0, len(images) - 1, limit).round().astype(int)]


def evaluate(detector: Detector, images: Sequence[LabelledImage], split: str) -> dict[str, Any]:
    """Runs the detector, prints the table and gives the figures as plain data.

    Raises:
        ValueError: If there is no image, one cannot be read, or hotcoco is not installed.
    """
    try:
        from detector.evaluation.report import coco_json, coco_table
        from detector.evaluation.run import evaluate_detector
    except ModuleNotFoundError as error:
        if error.name != "hotcoco":
            raise
        raise ValueError("hotcoco is not installed; the extra `eval` brings it") from None
    with _progress_bar() as bar:
        task = bar.add_task("evaluate", total=len(images))
        result = evaluate_detector(
            detector, images, progress=lambda done: bar.update(task, completed=done)
        )
    Console(width=None if sys.stdout.isatty() else 110).print(coco_table(result, split))
    return coco_json(result, split)


def _progress_bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def read_detector_config(path: Path | None, options: Mapping[str, Any]) -> DetectorConfig:
    """The detector of a run's YAML file, changed by options.

    Args:
        path: The file, of which only the section `detector` counts; `None` for the defaults.
        options: Key of the section, joined by dots, to value; `None` changes nothing.

    Raises:
        ValueError: In one line that names the file or the option, the key and the value.
    """
    given = None if path is None else read_yaml(path)
    section = given.get("detector") if isinstance(given, dict) else given
    if not isinstance(section, dict | None):
        raise ValueError(f"{path}: detector: expected a mapping of keys, found {section!r:.60}")
    values = dict(section or {})
    for key, value in options.items():
        name, _, part = key.partition(".")
        if value is not None and part:
            inner = values.get(name)
            values[name] = {**(inner if isinstance(inner, dict) else {}), part: value}
        elif value is not None:
            values[name] = value
    try:
        adapter = TypeAdapter(DetectorConfig)
        return adapter.validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        key, what = first_fault(error, DetectorConfig)
        origin = OPTIONS[key] if options.get(key) is not None else f"{path}: detector.{key}"
        raise ValueError(f"{origin}: {what}") from None


@app.command()
def main(  # noqa: PLR0913 - an option each
    data: Annotated[Path, typer.Option(help="Description of the data set, a YAML file.")],
    root: Annotated[Path | None, typer.Option(help="The data set's folder.")] = None,
    flights: Annotated[
        str | None, typer.Option(help="Flights to measure on, with commas between; else all.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="`default`, or .safetensors files with commas between.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="A run's YAML file, such as configs/paper.yaml; its `detector` counts."),
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="How detections are scored; figures of two never compare.")
    ] = Protocol.COCO,
    tile: Annotated[
        int | None, typer.Option(help="Longest side of a tile in pixels; else as the pipeline.")
    ] = None,
    conf: Annotated[
        float | None,
        typer.Option(
            help=f"Least score; without it and --config {LEAST_SCORE}: AP wants the weak ones too."
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda:N.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to this file.")
    ] = None,
    max_images: Annotated[
        int | None, typer.Option(min=1, help="Most images, spread evenly over the set.")
    ] = None,
    *,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Measures a detector on labelled images and prints average precision and recall per class."""
    try:
        if json_file is not None and not json_file.parent.is_dir():
            raise ValueError(f"--json: {json_file.parent}: no such folder")
        files = weights.split(",") if weights and "," in weights else weights
        least = LEAST_SCORE if conf is None and config is None else conf
        values = dict(zip(OPTIONS, (files, tile, least, device), strict=True))
        settings = read_detector_config(config, values)
        dataset = load_dataset_config(data, root)
        from detector.inference.build import build_detector

        detector = build_detector(settings)
        images = select_images(dataset, detector.class_names, flights, max_images)
        split = f"{data.stem}, flights {flights}" if flights else f"{data.stem}, all flights"
        figures = evaluate(detector, images, split)
        if json_file is not None:
            figures["detector"] = TypeAdapter(DetectorConfig).dump_python(settings, mode="json")
            json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except ValueError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
