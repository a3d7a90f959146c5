"""Measures a detector: `python -m detector.evaluate --data DATA.yaml --root DIR --weights W`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from detector.config import DetectorConfig
from detector.data.annotations import LabelledImage
from detector.detections import Detections, Detector
from detector.evaluation.outputs import Outputs
from detector.evaluation.protocol import Protocol
from detector.evaluation.run import detect_images
from detector.evaluation.saved import read_detections
from detector.evaluation.selection import Choice, Selection, select
from detector.evaluation.settings import (
    LEAST_SCORE,
    OPTIONS,
    how_cut,
    read_detector_config,
    untiled,
)

if TYPE_CHECKING:
    from detector.evaluation.scoring import Run

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Tiling(StrEnum):
    """Which detectors are measured."""

    TILED = "tiled"
    UNTILED = "untiled"
    BOTH = "both"


def require_packages() -> None:
    """Names the package that is missing before anything else is done.

    Raises:
        ValueError: If hotcoco or matplotlib is not installed.
    """
    try:
        import detector.evaluation.html  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in ("hotcoco", "matplotlib"):
            raise
        raise ValueError(f"{error.name} is not installed; the extra `eval` brings it") from None


def run_networks(
    choice: Choice, config: DetectorConfig, tiling: Tiling, *, saving: bool
) -> tuple[Selection, list[Run]]:
    """The images, and what a detector finds there with tiles, without them, or both.

    Args:
        choice: What to measure on.
        config: The detector.
        tiling: Which variants of it.
        saving: Whether its detections are to be saved, so that it may find no class which the
            data set lacks.

    Raises:
        ValueError: If the detector cannot be built, the images not be read or the two not fit.
    """
    from detector.inference.build import build_detector

    variants = {Tiling.TILED: config, Tiling.UNTILED: untiled(config)}
    wanted = variants if tiling is Tiling.BOTH else {tiling: variants[tiling]}
    selection, runs = None, []
    for name, settings in wanted.items():
        detector = build_detector(settings)
        if selection is None:
            selection = select(choice, detector.class_names)
            if saving:
                selection.result_names().class_numbers(selection.class_names)
        found = _detect(detector, selection.images)
        runs.append(_score(choice, selection, found, (name.value, how_cut(settings))))
    assert selection is not None
    return selection, runs


def _detect(detector: Detector, images: Sequence[LabelledImage]) -> list[Detections]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    found: list[Detections] = []
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("evaluate", total=len(images))
        for detections in detect_images(detector, images):
            found.append(detections)
            bar.update(task, completed=len(found))
    return found


def run_saved(choice: Choice, path: Path) -> tuple[Selection, list[Run]]:
    """The images, and the detections that were saved of them.

    Raises:
        ValueError: If a file is missing or malformed, or the two do not fit.
    """
    selection = select(choice, None)
    found = read_detections(path, selection.paths, selection.result_names())
    return selection, [_score(choice, selection, found, ("saved", f"from {path.name}"))]


def _score(
    choice: Choice, selection: Selection, found: Sequence[Detections], names: tuple[str, str]
) -> Run:
    from detector.evaluation.scoring import Run, evaluate

    if choice.protocol is Protocol.UAVDT:
        found = selection.of_labelled_classes(found)
    result = evaluate(choice.protocol, selection.images, found, selection.class_names)
    return Run(*names, found, result)


def print_tables(choice: Choice, runs: Sequence[Run]) -> None:
    """Prints a table for each run, its title above and its notes below."""
    from detector.evaluation.report import make_sheet, rich_table

    console = Console(width=None if sys.stdout.isatty() else 110)
    for run in runs:
        sheet = make_sheet(run.result, choice.split, run.how)
        for part in (sheet.title, rich_table(sheet), *sheet.notes, ""):
            console.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))


@app.command()
def main(  # noqa: PLR0913 - an option each
    data: Annotated[Path, typer.Option(help="Description of the data set, a YAML file.")],
    root: Annotated[Path | None, typer.Option(help="The data set's folder.")] = None,
    flights: Annotated[
        str | None, typer.Option(help="Flights to measure on, with commas between; else all.")
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="How detections are scored; figures of two never compare.")
    ] = Protocol.COCO,
    weights: Annotated[
        str | None, typer.Option(help="`default`, `thermal`, or files, with commas between.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="A run's YAML file, such as configs/paper.yaml; its `detector` counts."),
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Longest side of a tile in pixels; else as the pipeline.")
    ] = None,
    tiling: Annotated[
        Tiling | None,
        typer.Option(
            help="tiled: as --tile and --config say (default); untiled: each whole image brought "
            "to the size of a tile; both: one after the other."
        ),
    ] = None,
    conf: Annotated[
        float | None,
        typer.Option(
            help=f"Least score; without it and --config {LEAST_SCORE}: AP wants the weak ones too."
        ),
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda:N.")] = None,
    backend: Annotated[
        str | None, typer.Option(help="What runs the network: auto, torch, onnx or openvino.")
    ] = None,
    detections: Annotated[
        Path | None,
        typer.Option(
            help="Measure saved detections instead of running a network: a COCO results json, or "
            "a folder with a VisDrone text file for each image."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save-detections",
            help="Also write the detections: to a COCO results json if the name ends in .json, "
            "else to a new folder in VisDrone's submission form.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures to this file.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Also write report.html to this folder: tables, curves, confusion matrix, the "
            "worst images."
        ),
    ] = None,
    max_images: Annotated[
        int | None, typer.Option(min=1, help="Most images, spread evenly over the set.")
    ] = None,
    *,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Measures detections on labelled images: average precision and recall of each class."""
    try:
        outputs = Outputs(json_file, report, save)
        outputs.require_room()
        require_packages()
        choice = Choice(data, root, flights, max_images, protocol)
        if detections is None:
            files = weights.split(",") if weights and "," in weights else weights
            least = LEAST_SCORE if conf is None and config is None else conf
            values = dict(zip(OPTIONS, (files, tile, least, device, backend), strict=True))
            settings = read_detector_config(config, values)
            if save is not None and tiling is Tiling.BOTH:
                raise ValueError("--save-detections: with --tiling tiled or untiled, not both")
            selection, runs = run_networks(
                choice, settings, tiling or Tiling.TILED, saving=save is not None
            )
        else:
            _refuse_network(weights=weights, config=config, tile=tile, tiling=tiling, conf=conf)
            _refuse_network(device=device, backend=backend)
            settings = None
            selection, runs = run_saved(choice, detections)
        print_tables(choice, runs)
        outputs.write(choice, selection, runs, settings)
    except ValueError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None


def _refuse_network(**options: object) -> None:
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"--{name}: --detections runs no network; leave one of the two out")


if __name__ == "__main__":
    app()
