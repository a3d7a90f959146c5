"""MOT text files: read and checked at once, written frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from detector.detections import Detections, IntArray
from tracking.tracklets import MAX_CLASSES
from tracking.tracks import Float64Array, Tracks

MAX_FRAME = 10_000_000
"""Frame numbers up to it are believed: four days at 30 frames/s."""

_LIMITS = {"frame": MAX_FRAME, "id": 1e15, "x": 1e7, "y": 1e7, "width": 1e7, "height": 1e7}
_NAMES = (*_LIMITS, "score")
_CLASS = 7


@dataclass(frozen=True, slots=True, eq=False)
class MotRows:
    """The rows of a MOT file by ascending frame, in the file's order within a frame.

    Attributes:
        frames: `(N,)` int64, from 1.
        ids: `(N,)` int64; -1 in files of detections.
        boxes: `(N, 4)` float64 xyxy, as in the file: not shifted, not clipped.
        scores: `(N,)` float64.
        classes: `(N,)` int64; 0 where the file has none.
    """

    frames: IntArray
    ids: IntArray
    boxes: Float64Array
    scores: Float64Array
    classes: IntArray

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def last_frame(self) -> int:
        """The highest frame number; 0 if there are no rows."""
        return int(self.frames[-1]) if len(self) else 0

    def detections(self, frame: int) -> Detections:
        """The rows of one frame, empty if it has none."""
        begin, end = np.searchsorted(self.frames, (frame, frame + 1))
        rows = slice(int(begin), int(end))
        return Detections(self.boxes[rows], self.scores[rows], self.classes[rows])


def read_mot(path: Path) -> MotRows:
    """The rows of a file of `frame,id,x,y,w,h,score[,class,...]`, in any order.

    The eighth column holds classes if it is whole numbers from -1 (none) throughout; MOT15
    keeps world coordinates there. An empty file has no rows. Sizes may be zero or negative, as
    the reference trackers take them.

    Raises:
        ValueError: If a row cannot be used; the line names file, row, value and the way out.
        OSError: If the file cannot be read.
    """
    table = _read_table(path)
    _check(path, table)
    table = table[np.argsort(table[:, 0], kind="stable")]
    classes = table[:, _CLASS]
    known = (classes == np.floor(classes)) & (classes >= -1) & (classes < MAX_CLASSES)
    if not known.all():
        classes = np.full(len(table), -1.0)
    return MotRows(
        frames=table[:, 0].astype(np.int64),
        ids=table[:, 1].astype(np.int64),
        boxes=np.concatenate((table[:, 2:4], table[:, 2:4] + table[:, 4:6]), axis=1),
        scores=table[:, 6].copy(),
        classes=np.maximum(classes, 0).astype(np.int64),
    )


def format_tracks(frame: int, tracks: Tracks, *, precise: bool = False) -> str:
    """Lines of `frame,id,x,y,w,h,score,class,visibility,-1` for one frame's tracks.

    The visibility is always 1. An empty frame has no lines.

    Args:
        frame: From 1.
        tracks: What the frame shows.
        precise: Whether numbers get 6 decimals, instead of 2 for the box and 4 for the score.
    """
    box, score = ("%.6f", "%.6f") if precise else ("%.2f", "%.4f")
    line = f"{frame},%d,{box},{box},{box},{box},{score},%d,1,-1\n"
    sizes = tracks.boxes[:, 2:] - tracks.boxes[:, :2]
    columns = (
        tracks.ids.tolist(),
        *tracks.boxes[:, :2].T.tolist(),
        *sizes.T.tolist(),
        tracks.scores.tolist(),
        tracks.classes.tolist(),
    )
    return "".join(line % row for row in zip(*columns, strict=True))


def _read_table(path: Path) -> Float64Array:
    """`(N, 8)`: frame, id, x, y, width, height, score, class (-1 where there is none)."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first = next((line for line in lines if line.strip()), None)
    if first is None:
        return np.zeros((0, _CLASS + 1))
    columns = min(first.count(",") + 1, _CLASS + 1)
    if columns < _CLASS:
        return _read_lines(path)
    try:
        table = np.loadtxt(
            path,
            delimiter=",",
            comments=None,
            # With seven columns all rows must have seven: a class may follow in another.
            usecols=range(columns) if columns > _CLASS else None,
            ndmin=2,
            encoding="utf-8-sig",
        )
    except ValueError:
        return _read_lines(path)
    return table if columns > _CLASS else np.c_[table, np.full(len(table), -1.0)]


def _read_lines(path: Path) -> Float64Array:
    """As `_read_table`, for files with rows of different length, or with faults."""
    rows = []
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                rows.append(_read_line(line, f"{path}, line {number}"))
    return np.array(rows)


def _read_line(line: str, place: str) -> list[float]:
    fields = line.strip().split(",")
    if len(fields) < _CLASS:
        raise ValueError(
            f"{place}: {len(fields)} column{'s' * (len(fields) != 1)} in {_short(line)!r}; "
            f"a row is frame,id,x,y,w,h,score[,class,...] with commas between"
        )
    if len(fields) == _CLASS or not fields[_CLASS].strip():
        fields[_CLASS:] = ["-1"]
    values = []
    for name, field in zip((*_NAMES, "class"), fields, strict=False):
        try:
            values.append(float(field))
        except ValueError:
            raise ValueError(f"{place}: {name} is {_short(field)!r}, not a number") from None
    return values


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 40 else f"{text[:40]}..."


def _check(path: Path, table: Float64Array) -> None:
    """Refuses the first row that no tracker could use."""
    frames = table[:, 0]
    numbers = table[:, :_CLASS]
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(numbers).all(axis=1)
        usable &= (frames == np.floor(frames)) & (frames >= 1)
        usable &= (np.abs(numbers[:, :-1]) <= list(_LIMITS.values())).all(axis=1)
    if usable.all():
        return
    row = int(np.argmin(usable))
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        filled = (number for number, line in enumerate(lines, start=1) if line.strip())
        line_number = next(islice(filled, row, None))
    raise ValueError(f"{path}, line {line_number}: {_fault(numbers[row])}")


def _fault(row: Float64Array) -> str:
    values = dict(zip(_NAMES, row.tolist(), strict=True))
    for name, value in values.items():
        if not np.isfinite(value):
            return f"{name} is {value}; drop the row or give a finite number"
    frame = values["frame"]
    if frame < 1 or frame != np.floor(frame):
        return f"frame is {frame:g}; frames are whole numbers from 1"
    name = next(name for name, limit in _LIMITS.items() if abs(values[name]) > limit)
    return f"{name} is {values[name]:.15g}; numbers up to {_LIMITS[name]:.15g} are believed"
