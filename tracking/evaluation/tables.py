"""Number tables of text files, with faults that name the line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from detector.detections import IntArray
from tracking.evaluation.rows import BoolArray, TrackRows
from tracking.tracks import Float64Array

BOX_COLUMNS = ("frame", "id", "x", "y", "width", "height")

LIMIT = 1e15
"""Up to it float64 holds every whole number."""


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of a text file.

    Attributes:
        path: The file.
        columns: Names of the columns.
        values: `(N, len(columns))` float64, finite; -1 in columns that the file does not have.
    """

    path: Path
    columns: tuple[str, ...]
    values: Float64Array

    def __getitem__(self, column: str) -> Float64Array:
        """`(N,)`, one column."""
        return np.asarray(self.values[:, self.columns.index(column)])

    def whole(self, column: str, low: float, high: float) -> IntArray:
        """A column of whole numbers.

        Raises:
            ValueError: If a value is not whole or not within `low` to `high`, both included.
        """
        values = self[column]
        wrong = (values != np.floor(values)) | (values < low) | (values > high)
        if wrong.any():
            row = int(np.argmax(wrong))
            meant = f"from {low:g} to {high:g}" if high < LIMIT else f"from {low:g} up"
            raise self.fault(row, f"{column} is {values[row]:.15g}, not a whole number {meant}")
        return values.astype(np.int64)

    def fault(self, row: int, message: str) -> ValueError:
        """The error that says what is wrong with a row."""
        with self.path.open(encoding="utf-8-sig", errors="replace") as lines:
            filled = (number for number, line in enumerate(lines, start=1) if line.strip())
            number = next(islice(filled, row, None))
        return ValueError(f"{self.path}, line {number}: {message}")

    def tracks(self, classes: IntArray, rows: BoolArray | None = None) -> TrackRows:
        """Rows as tracks by ascending frame.

        Args:
            classes: `(N,)`, the class of every row.
            rows: `(N,)`, which of them; `None`: all.

        Raises:
            ValueError: If a frame is not a whole number from 1, or an id not a whole one.
        """
        frames, ids = self.whole("frame", 1, LIMIT), self.whole("id", -LIMIT, LIMIT)
        taken = np.arange(len(frames)) if rows is None else np.flatnonzero(rows)
        taken = taken[np.argsort(frames[taken], kind="stable")]
        boxes = self.values[taken, 2:6]
        boxes[:, 2:] += boxes[:, :2]
        return TrackRows(frames[taken], ids[taken], boxes, classes[taken])


def read_table(path: Path, columns: Sequence[str], required: int) -> Table:
    """The rows of a file of numbers with commas or blanks between; empty lines do not count.

    Args:
        path: The file; an empty one has no rows.
        columns: What the first columns hold; further ones are not read.
        required: The file has at least so many of them.

    Raises:
        ValueError: If a row is too short or holds something else than finite numbers.
        OSError: If the file cannot be read.
    """
    names = tuple(columns)
    values = _load(path, len(names))
    if values is None or values.shape[1] < required or not np.isfinite(values).all():
        values = _read_lines(path, names, required)
    missing = len(names) - values.shape[1]
    values = np.pad(values, ((0, 0), (0, missing)), constant_values=-1.0)
    return Table(path, names, values)


def _load(path: Path, most: int) -> Float64Array | None:
    """The numbers of a file whose rows are all alike; `None` if they are not."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first = next((line.strip() for line in lines if line.strip()), None)
    if first is None:
        return np.zeros((0, most))
    delimiter = "," if "," in first else None
    columns = len(first.split(delimiter))
    try:
        return np.loadtxt(
            path,
            delimiter=delimiter,
            comments=None,
            # Without `usecols` numpy refuses rows of another length.
            usecols=range(most) if columns > most else None,
            ndmin=2,
            encoding="utf-8-sig",
        )
    except ValueError:
        return None


def _read_lines(path: Path, columns: tuple[str, ...], required: int) -> Float64Array:
    """As `_load`, for files whose rows differ in length, and to name the line at fault."""
    rows = []
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                rows.append(_read_line(line, columns, required, f"{path}, line {number}"))
    return np.array(rows).reshape(-1, len(columns))


def _read_line(line: str, columns: tuple[str, ...], required: int, place: str) -> list[float]:
    text = line.strip().removesuffix(",")
    fields = text.split("," if "," in text else None)[: len(columns)]
    if len(fields) < required:
        raise ValueError(
            f"{place}: {len(fields)} column{'s' * (len(fields) != 1)} in {text[:40]!r}; "
            f"a row begins with {','.join(columns[:required])}"
        )
    values = [-1.0] * len(columns)
    for at, field in enumerate(fields):
        try:
            values[at] = float(field)
        except ValueError:
            raise ValueError(
                f"{place}: {columns[at]} is {field.strip()[:40]!r}, not a number"
            ) from None
        if not np.isfinite(values[at]):
            raise ValueError(f"{place}: {columns[at]} is {values[at]}, not a finite number")
    return values
