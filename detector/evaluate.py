"""Measures a detector: `python -m detector.evaluate --data DATA.yaml --root DIR --weights W`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from detector.config import DetectorConfig, TilingConfig
from detector.data.annotations import LabelledImage
from detector.data.config import DatasetConfig, load_dataset_config
from detector.data.reading import read_flights
from detector.detections import Detector

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


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


def _detector_config(weights: str, tile: int | None, conf: float, device: str) -> DetectorConfig:
    try:
        tiling = TilingConfig() if tile is None else TilingConfig(tile_px=tile)
        return DetectorConfig(weights=weights, confidence=conf, device=device, tiling=tiling)
    except ValidationError as error:
        fault = error.errors()[0]
        key = str(fault["loc"][-1])
        option = {"tile_px": "tile", "confidence": "conf"}.get(key, key)
        raise ValueError(f"--{option}: {fault['msg']}, found {fault['input']!r}") from None


@app.command()
def main(  # noqa: PLR0913 - an option each
    data: Annotated[Path, typer.Option(help="Description of the data set, a YAML file.")],
    root: Annotated[Path | None, typer.Option(help="The data set's folder.")] = None,
    flights: Annotated[
        str | None, typer.Option(help="Flights to measure on, with commas between; else all.")
    ] = None,
    weights: Annotated[
        str, typer.Option(help="`default`, or a .safetensors file.")
    ] = DetectorConfig.weights,
    protocol: Annotated[
        Protocol, typer.Option(help="How detections are scored; figures of two never compare.")
    ] = Protocol.COCO,
    tile: Annotated[
        int | None, typer.Option(help="Longest side of a tile in pixels; else as the pipeline.")
    ] = None,
    conf: Annotated[
        float, typer.Option(help="Least score; AP wants the weak detections too.")
    ] = 0.001,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = DetectorConfig.device,
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
        config = _detector_config(weights, tile, conf, device)
        dataset = load_dataset_config(data, root)
        from detector.inference.build import build_detector

        detector = build_detector(config)
        images = select_images(dataset, detector.class_names, flights, max_images)
        split = f"{data.stem}, flights {flights}" if flights else f"{data.stem}, all flights"
        figures = evaluate(detector, images, split)
        settings = {"weights": weights, "tile_px": config.tiling.tile_px, "confidence": conf}
        if json_file is not None:
            json_file.write_text(json.dumps(figures | settings, indent=2) + "\n", encoding="utf-8")
    except ValueError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
