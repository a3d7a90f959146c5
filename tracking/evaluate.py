"""Measures tracks: `python -m tracking.evaluate --gt GT --results RES --format uavdt`."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

from tracking.command import INTERRUPTED, describe, fail, note, run_app
from tracking.evaluation import mot, uavdt, visdrone
from tracking.evaluation.dataset import Dataset
from tracking.evaluation.found import find_results, read_found, shorten, unknown_classes
from tracking.evaluation.rows import NO_CLASS, Protocol, TrackRows, Truth

if TYPE_CHECKING:
    from tracking.evaluation.run import Evaluation

WIDTH = 140
"""Columns that the tables take where there is no terminal."""

HELP = """Compare found tracks with the ground truth and print HOTA, CLEAR and identity figures.

GT is a file or a folder: SEQ/gt/gt.txt or SEQ.txt (mot; with classes.txt beside them for classes \
of your own), SEQ_gt.txt or SEQ_gt_whole.txt with SEQ_gt_ignore.txt (uavdt), SEQ.txt or \
annotations/SEQ.txt (visdrone).

RES is a file or a folder of SEQ.txt or SEQ/tracks.txt, rows of \
frame,id,x,y,w,h[,score,class,...] with frames from 1. With classes.txt beside it class 0 is its \
first name; without, classes are numbered as in the benchmark. A sequence without results is an \
error; results without a sequence are named and left out.

What counts. mot: pedestrians; found boxes matched to distractors are dropped (MOT15: everything \
counts). uavdt: all vehicles as one class, and per class; found boxes strictly inside ignored \
rectangles are dropped. visdrone: the sum over car, bus, truck, pedestrian and van; boxes with \
half of their area in ignored regions are dropped. Found boxes after the last frame of the truth \
are left out.

Counts are added up over the sequences and divided once. Shares are percent in the tables and 0 to \
1 in the json file. Exit codes: 0 done, 2 wrong input, 130 interrupted."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Format(StrEnum):
    """Formats of ground truth."""

    MOT = "mot"
    UAVDT = "uavdt"
    VISDRONE = "visdrone"


_OPEN = {
    Format.MOT: mot.open_dataset,
    Format.UAVDT: uavdt.open_dataset,
    Format.VISDRONE: visdrone.open_dataset,
}


@app.command(help=HELP)
def evaluate(  # noqa: PLR0913 - one for each option of the command
    *,
    gt: Annotated[Path, typer.Option(metavar="GT", help="Ground truth, a file or folder.")],
    results: Annotated[Path, typer.Option(metavar="RES", help="Tracks, a file or folder.")],
    format_: Annotated[Format, typer.Option("--format", help="Of the truth.")] = Format.MOT,
    sequences: Annotated[
        str | None, typer.Option(metavar="A,B", help="These sequences. (default: all of GT)")
    ] = None,
    class_agnostic: Annotated[
        bool, typer.Option("--class-agnostic", help="Take all boxes as one class.")
    ] = False,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Show each sequence class by class.")
    ] = False,
    attributes: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="UAVDT's M_attr, SEQ_attr.txt: show these groups."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write all figures there.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> int:
    """Reads the options, compares, and returns the exit code."""
    try:
        for option, path in (("--gt", gt), ("--results", results)):
            if not path.exists():
                raise ValueError(f"{option} {path}: no such file or folder")
        if json_file is not None and not json_file.parent.is_dir():
            raise ValueError(f"--json {json_file}: there is no folder {json_file.parent}")
        dataset = _OPEN[format_](gt, class_agnostic=class_agnostic)
        names = None if sequences is None else [name.strip() for name in sequences.split(",")]
        result = compare(dataset, results, names, attributes)
        _show(result, json_file, per_class=per_class)
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED)
    except (ValueError, OSError) as error:
        if debug:
            traceback.print_exception(error)
        return fail(describe(error), 2)
    return 0


def compare(
    dataset: Dataset,
    results: Path,
    sequences: Sequence[str] | None = None,
    attributes: Path | None = None,
) -> Evaluation:
    """The figures of the tracks at `results`; progress and notes go to stderr.

    Args:
        dataset: The truth.
        results: A file or folder of tracks.
        sequences: Names of those to compare; `None`: all.
        attributes: Folder of attribute files, for figures of these groups; `None`: no groups.

    Raises:
        ValueError: If a sequence has no tracks, a file cannot be used, or trackeval is missing.
    """
    try:
        from tracking.evaluation.run import evaluate_sequences
    except ModuleNotFoundError as error:
        if error.name != "trackeval":
            raise
        raise ValueError("trackeval is not installed; the extra `eval` brings it") from None
    known = dataset.files
    dataset = _choose(dataset, sequences)
    files, beside = find_results(results, dataset.files)
    if extra := [name for name in beside if name not in known]:
        note(f"{results}: {shorten(extra)}: not in the ground truth, left out")
    groups = None if attributes is None else uavdt.read_attributes(attributes, dataset.files)
    found = {name: read_found(path, dataset) for name, path in files.items()}
    unknown = {name for path in files.values() for name in unknown_classes(path, dataset)}
    if unknown:
        classes = ", ".join(dataset.class_ids)
        note(f"{results}: {shorten(sorted(unknown))}: not among {classes}; left out")
    protocol = _comparable(dataset, found, results)
    return evaluate_sequences(_sequences(dataset, found), protocol, groups)


def _comparable(dataset: Dataset, found: Mapping[str, TrackRows], results: Path) -> Protocol:
    """The data set's protocol; without its classes if the found tracks lack them."""
    protocol = dataset.protocol
    known = [rows.classes != NO_CLASS for rows in found.values()]
    if not protocol.classes or all(part.all() for part in known):
        return protocol
    classes = ", ".join(f"{at} {name}" for name, at in dataset.class_ids.items())
    if protocol.merged:
        note(f"{results}: not every box has a class ({classes}): no figures per class")
        return replace(protocol, classes={})
    if not any(part.any() for part in known):
        raise ValueError(
            f"{results}: no box has a class ({classes}); add classes.txt, or take all boxes as "
            f"one class with --class-agnostic"
        )
    note(f"{results}: boxes without a class ({classes}) are left out")
    return protocol


def _sequences(
    dataset: Dataset, found: Mapping[str, TrackRows]
) -> Iterator[tuple[str, Truth, TrackRows]]:
    """Each sequence with its truth; tells where tracks go on after it."""
    console = Console(stderr=True)
    files = track(
        list(dataset.files.items()),
        "comparing",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for name, path in files:
        truth = dataset.read(path)
        after = int((found[name].frames > truth.length).sum()) if truth.length else 0
        if after:
            note(f"{name}: {after} boxes after frame {truth.length}, the last, are left out")
        yield name, truth, found[name]


def _choose(dataset: Dataset, names: Sequence[str] | None) -> Dataset:
    """The data set with the named sequences alone."""
    if names is None:
        return dataset
    unknown = [name for name in names if name not in dataset.files]
    if unknown:
        raise ValueError(
            f"--sequences {shorten(unknown)}: not in the ground truth; "
            f"there is {shorten(list(dataset.files))}"
        )
    return replace(dataset, files={name: dataset.files[name] for name in names})


def _show(result: Evaluation, json_file: Path | None, *, per_class: bool) -> None:
    from tracking.evaluation.report import as_json, tables

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for table in tables(result, per_class=per_class):
        console.print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(result), indent=2) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    return run_app(app, "python -m tracking.evaluate", argv)


if __name__ == "__main__":
    sys.exit(main())
