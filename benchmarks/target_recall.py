"""How well tracks follow one labelled target: recall, ids and gaps.

`python -m benchmarks.target_recall CLIP.target.txt tracks.txt [tracks.txt ...]` prints, for each
tracks file and for IoU 0.5 and 0.3, the share of the frames with a visible target in which a box
covers it, how many ids did so, how often the id changed, the share of the most frequent id and
the longest run of visible frames without a box. Other objects of the clip are unlabelled, so
nothing is said about false alarms.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

Float64Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How boxes followed the target.

    Attributes:
        visible: Frames in which the target is labelled.
        covered: Those of them in which a box reaches the IoU.
        ids: Different ids that covered it; 0 if the boxes are detections without ids.
        changes: Times that another id covered it than the frame before it was covered.
        main: Frames that the most frequent id covered.
        longest_gap: Longest run of visible frames without a covering box; hidden frames between
            two visible ones neither break nor lengthen it.
        gap_start: Frame where that run begins, from 1; 0 if there is none.
    """

    visible: int
    covered: int
    ids: int
    changes: int
    main: int
    longest_gap: int
    gap_start: int


def coverage(targets: Float64Array, rows: Float64Array, min_iou: float) -> Coverage:
    """How the boxes of a MOT file followed a target.

    Args:
        targets: `(F, 4)` x, y, w, h per frame, NaN where hidden.
        rows: `(N, 6)` frame (from 1), id, x, y, w, h.
        min_iou: Least intersection over union that covers the target. While the id of the last
            covered frame reaches it, that id is taken, else the box of the largest IoU.
    """
    visible = [frame for frame in range(len(targets)) if np.isfinite(targets[frame]).all()]
    owners: list[int] = []
    gaps: list[tuple[int, int]] = [(0, 0)]
    run = 0
    for frame in visible:
        owner = _owner(targets[frame], rows[rows[:, 0] == frame + 1], min_iou, owners)
        if owner is None:
            first = gaps[-1][1] if run else frame + 1
            run += 1
            gaps.append((run, first))
        else:
            run = 0
            owners.append(owner)
    longest, start = max(gaps, key=lambda gap: gap[0])
    frames_of = Counter(owner for owner in owners if owner > 0)
    changes = sum(a != b for a, b in pairwise(owners))
    main = max(frames_of.values(), default=0)
    return Coverage(len(visible), len(owners), len(frames_of), changes, main, longest, start)


def _owner(
    target: Float64Array, rows: Float64Array, min_iou: float, before: list[int]
) -> int | None:
    overlap = _iou(target, rows[:, 2:6])
    fits = overlap >= min_iou
    if not fits.any():
        return None
    ids = rows[:, 1].astype(int)
    if before and before[-1] in ids[fits]:
        return before[-1]
    return int(ids[overlap.argmax()])


def _iou(target: Float64Array, boxes: Float64Array) -> Float64Array:
    """Intersection over union of one x, y, w, h box with `(N, 4)` of them."""
    low = np.maximum(target[:2], boxes[:, :2])
    high = np.minimum(target[:2] + target[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    return np.asarray(shared / (target[2:].prod() + boxes[:, 2:].prod(1) - shared))


def read_rows(path: Path, columns: int) -> Float64Array:
    """The first columns of a file of numbers with commas between.

    Raises:
        ValueError: If it cannot be read, or a line has fewer columns or something else in it.
    """
    rows: list[list[float]] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                try:
                    values = [float(value) for value in row[:columns]]
                except ValueError:
                    values = []
                if len(values) != columns:
                    raise ValueError(f"{path}: line {number}: expected {columns} numbers: {row}")
                rows.append(values)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    return np.array(rows).reshape(-1, columns)


def main(
    target: Annotated[Path, typer.Argument(help="x,y,w,h per frame; NaN where hidden.")],
    tracks: Annotated[list[Path], typer.Argument(help="MOT tracks or detections (id -1).")],
) -> None:
    """Prints how well tracks follow one labelled target."""
    table = Table(title=f"{target.name}: one target, other objects unlabelled")
    for name in ("file", "IoU", "visible", "covered", "recall", "ids", "changes", "main id"):
        table.add_column(name, justify="left" if name == "file" else "right", overflow="fold")
    table.add_column("longest gap", justify="right")
    try:
        targets = read_rows(target, 4)
        for path in tracks:
            rows = read_rows(path, 6)
            beyond = int(rows[:, 0].max(initial=0)) - len(targets)
            if beyond > 0:
                raise ValueError(
                    f"{path}: {beyond} frames more than the {len(targets)} of {target}"
                )
            for min_iou in (0.5, 0.3):
                table.add_row(str(path), f"{min_iou}", *_cells(coverage(targets, rows, min_iou)))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _cells(found: Coverage) -> list[str]:
    def share(count: int) -> str:
        return f"{100 * count / found.visible:.1f} %" if found.visible else "-"

    gap = f"{found.longest_gap} from {found.gap_start}" if found.longest_gap else "0"
    ids = [str(found.ids), str(found.changes), share(found.main)] if found.ids else ["-"] * 3
    return [str(found.visible), str(found.covered), share(found.covered), *ids, gap]


if __name__ == "__main__":
    typer.run(main)
