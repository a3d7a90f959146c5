"""The csv files of a run: a row for each step, a row for each measurement; exact after a kill."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.training.files import replacing
from detector.training.progress import Progress

LOSSES = ("box", "objectness", "classification")

STEP_COLUMNS = (
    "step",
    "epoch",
    *LOSSES,
    "learning_rate",
    "images_per_s",
    "memory_mb",
    "waited_share",
)


class StepTable:
    """`steps.csv`: a row for each step of a run, also at hand as numbers.

    Numbers have six digits in the file and here, so that a run that goes on has the same ones.

    Args:
        path: Of the file; what it holds of later steps is dropped.
        first_step: Steps that the run has done.

    Raises:
        ValueError: If the file is not such a table.
    """

    def __init__(self, path: Path, first_step: int) -> None:
        rows = [row for row in _read_steps(path) if row[0] <= first_step]
        with replacing(path) as partial, partial.open("w", encoding="ascii") as file:
            file.write(",".join(STEP_COLUMNS) + "\n")
            file.writelines(_line(row) for row in rows)
        self._path = path
        self._pending: list[str] = []
        # Flat: as tuples, the 210,000 steps of a long run would take five times the memory.
        self._values = array("d", chain.from_iterable(rows))

    def append(self, progress: Progress) -> None:
        """Adds the next step; it is in the file after `flush`."""
        values = (
            progress.epoch,
            *progress.loss,
            progress.learning_rate,
            progress.images_per_s,
            progress.memory_mb,
            progress.waited_share,
        )
        row = (progress.step, *(float(f"{value:.6g}") for value in values))
        self._values.extend(row)
        self._pending.append(_line(row))

    def numbers(self, since: int = 0) -> dict[str, NDArray[np.float64]]:
        """The columns by name, each of the same length: the steps after `since`."""
        width = len(STEP_COLUMNS)
        first = len(self._values)
        while first and self._values[first - width] > since:
            first -= width
        table = np.array(self._values[first:]).reshape(-1, width)
        return dict(zip(STEP_COLUMNS, table.T, strict=True))

    def flush(self) -> None:
        """Puts all rows into the file."""
        lines, self._pending = self._pending, []  # None is written twice if the disk is full.
        with self._path.open("a", encoding="ascii") as file:
            file.writelines(lines)


class ResultTable:
    """`results.csv`: a row for each measurement; the whole file is replaced by each.

    Args:
        path: Of the file; what it holds of later steps is dropped.
        first_step: Steps that the run has done.

    Raises:
        ValueError: If the file is not such a table.
    """

    def __init__(self, path: Path, first_step: int) -> None:
        self._path = path
        self.rows = [row for row in _read_results(path) if row["step"] <= first_step]
        if path.exists():
            self._write()

    def append(self, row: Mapping[str, float]) -> None:
        """Adds a measurement; `step` is among its columns, which may differ between rows."""
        self.rows.append(dict(row))
        self._write()

    def _write(self) -> None:
        columns = dict.fromkeys(name for row in self.rows for name in row) or ["step"]
        with (
            replacing(self._path) as partial,
            partial.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(columns), restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def _line(row: tuple[float, ...]) -> str:
    return ",".join((f"{row[0]:.0f}", *(f"{value:.6g}" for value in row[1:]))) + "\n"


def _read_steps(path: Path) -> list[tuple[float, ...]]:
    """The whole lines; a last one without an end was being written at a kill."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if not lines or not lines[-1].endswith("\n"):
        lines = lines[:-1]
    if lines and lines[0] != ",".join(STEP_COLUMNS) + "\n":
        raise ValueError(f"{path}: line 1: expected the columns {','.join(STEP_COLUMNS)}")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        try:
            row = tuple(map(float, line.split(",")))
        except ValueError:
            row = ()
        if len(row) != len(STEP_COLUMNS):
            raise ValueError(f"{path}: line {number}: expected {len(STEP_COLUMNS)} numbers")
        rows.append(row)
    return rows


def _read_results(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                numbers = {name: float(text) for name, text in row.items() if text}
                rows.append(numbers | {"step": int(row["step"])})
            except (ValueError, TypeError, KeyError):
                raise ValueError(
                    f"{path}: line {number}: expected a number in each column"
                ) from None
    return rows
