"""Looks a data set through: `python -m detector.check DATA.yaml --root DIR --sheet FILE.jpg`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from detector.data.checking import FAULTS, NOTES, SIZES_PX, Findings, check_part
from detector.data.classes import REST, kept_classes
from detector.data.config import SPLIT, DatasetConfig, load_dataset_config
from detector.data.contact_sheet import contact_cell, contact_sheet
from detector.data.labels import labelled
from detector.data.reading import Part, mapped_classes, open_parts
from detector.detections import Image

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def present_parts(config: DatasetConfig, names: Sequence[str] | None, origin: str) -> list[Part]:
    """The named splits or flights, opened; without names, all whose images are there.

    Raises:
        ValueError: If a name is unknown, nothing is there, or a label file is malformed.
    """
    if names is None and config.splits:
        folders = {name: config.images.replace(SPLIT, name) for name in config.splits}
        names = [name for name in config.splits if (config.root / folders[name]).is_dir()]
        if not names:
            raise ValueError(f"{config.root}: none of {', '.join(folders.values())} is there")
    return list(open_parts(config, names, origin))


def look_through(
    config: DatasetConfig, parts: Sequence[Part], class_names: Sequence[str], cells: int
) -> tuple[Findings, list[Image]]:
    """What is wrong in some parts of a data set, and drawings of `cells` of its images.

    Raises:
        ValueError: If the class map does not fit.
    """
    maps = [mapped_classes(config, part.source, class_names) for part in parts]
    total = sum(len(part.images) for part in parts)
    drawn = set(np.linspace(0, total - 1, min(cells, total)).round().astype(int).tolist())
    findings, sheet = Findings(), []
    with _progress_bar() as bar:
        task = bar.add_task("check", total=total)
        for part, mapped in zip(parts, maps, strict=True):
            for image in check_part(part, findings):
                if findings.images - 1 in drawn and image.pixels is not None and image.rows:
                    record = labelled(image.path, image.rows, mapped)
                    sheet.append(contact_cell(image.pixels, record, class_names))
                bar.advance(task)
            _find_alone(part, parts, findings)
    return findings, sheet


def _find_alone(part: Part, parts: Sequence[Part], findings: Findings) -> None:
    """Flights share a reader, which is asked once, for the first of them."""
    if next(other for other in parts if other.source is part.source) is not part:
        return
    try:
        for place in part.source.without_image():
            findings.add("files alone", place)
    except ValueError as error:
        findings.add("bad labels", str(error))


def report(findings: Findings, class_map: Mapping[str, str | None], show: int) -> list[str | Table]:
    """The findings for a terminal: a table of the classes, then what was found where.

    Args:
        findings: Of all parts.
        class_map: Of the data set.
        show: Most places of each kind.
    """
    bounds = [f"<{SIZES_PX[0]}", *(f"{low}+" for low in SIZES_PX)]
    table = Table(caption="boxes by the square root of their area, in pixels")
    for name in ("class", "becomes", "boxes", *bounds):
        table.add_column(name, justify="left" if name in ("class", "becomes") else "right")
    for name, sizes in findings.sizes.items():
        target = class_map.get(name, name)
        becomes = "(dropped)" if target is None else target
        if name not in class_map and REST in class_map:
            becomes = f"{name}, or {class_map[REST] or '(dropped)'}"
        table.add_row(name, becomes, str(sizes.sum()), *map(str, sizes.tolist()))
    table.add_row("(ignore regions)", "ignore", str(findings.regions))
    lines: list[str | Table] = [table]
    for title, kinds in (("fault", FAULTS), ("note", NOTES)):
        for kind in kinds:
            places = findings.places[kind]
            if places:
                lines.append(f"{title}: {len(places)} {kind}")
            lines += [f"  {place}" for place in places[:show]]
            if len(places) > show:
                lines.append(f"  and {len(places) - show} more")
    sequences = f", {len(findings.sequences)} sequences" if findings.sequences else ""
    lines.append(f"{findings.images} images{sequences}: {findings.faults or 'no'} faults")
    return lines


def _progress_bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def write_sheet(path: Path, cells: Sequence[Image], class_names: Sequence[str]) -> None:
    """Writes the contact sheet as the kind of picture that the file's name says.

    Raises:
        ValueError: If it cannot be written.
    """
    bgr = cv2.cvtColor(contact_sheet(cells, class_names), cv2.COLOR_RGB2BGR)
    try:
        encoded = cv2.imencode(path.suffix or ".", bgr)[1]
        path.write_bytes(encoded.tobytes())
    except cv2.error:
        raise ValueError(f"--sheet {path}: expected a name that ends in .jpg or .png") from None
    except OSError as error:
        raise ValueError(f"--sheet {path}: cannot be written: {error.strerror}") from None


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


@app.command()
def main(  # noqa: PLR0913 - an option each
    data: Annotated[Path, typer.Argument(help="Description of the data set, a YAML file.")],
    root: Annotated[Path | None, typer.Option(help="The data set's folder.")] = None,
    flights: Annotated[
        str | None, typer.Option(help="Flights or splits, with commas between; else all there.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="Class list of a training, with commas between; else all are kept."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Also draw images with their labels to this .jpg or .png.")
    ] = None,
    sheet_images: Annotated[int, typer.Option(min=1, max=400, help="Images on the sheet.")] = 24,
    show: Annotated[int, typer.Option(min=0, help="Places shown of each kind of finding.")] = 5,
    *,
    debug: Annotated[bool, typer.Option(help="Show tracebacks.")] = False,
) -> None:
    """Reads all images and labels of a data set and reports what is wrong with them.

    Exits with 0 if nothing is, with 1 if an image or a label is, with 2 if the data set
    cannot be opened.
    """
    try:
        config = load_dataset_config(data, root)
        parts = present_parts(config, _names(flights), "--flights")
        own = dict.fromkeys(name for part in parts for name in part.source.class_names)
        class_names = kept_classes(list(own), config.class_map, _names(classes))
        findings, cells = look_through(config, parts, class_names, sheet_images if sheet else 0)
        console = Console(width=None if Console().is_terminal else 110, soft_wrap=True)
        counts = [f"{part.name or data.stem}: {len(part.images)} images" for part in parts]
        for line in (*counts, *report(findings, config.class_map, show)):
            console.print(line, markup=False, highlight=False)
        if sheet is not None:
            write_sheet(sheet, cells, class_names)
    except ValueError as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    raise typer.Exit(1 if findings.faults else 0)


if __name__ == "__main__":
    app()
