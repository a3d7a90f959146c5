"""MOT text files: read and checked at once, written frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from detector.detections import Detections, Index, IntArray
from tracking.tracklets import MAX_CLASSES
from tracking.tracks import Float64Array, Tracks

MAX_FRAME = 10_000_000
"""Frame numbers up to it are believed: four days at 30 frames/s."""

_LIMITS = {"frame": MAX_FRAME, "id": 1e15, "x": 1e7, "y": 1e7, "width": 1e7, "height": 1e7}
_NAMES = (*_LIMITS, "score")
_SCORE, _CLASS = 6, 7
_DEFAULTS = (1.0, -1.0)
"""The score and the class of rows that have none."""


@dataclass(frozen=True, slots=True, eq=False)
class MotRows:
    """The rows of a MOT file by ascending frame, in the file's order within a frame.

    Attributes:
        frames: `(N,)` int64, from 1, or from 0 in files that count so.
        ids: `(N,)` int64; -1 in files of detections.
        boxes: `(N, 4)` float64 xyxy, as in the file: not shifted, not clipped.
        scores: `(N,)` float64.
        classes: `(N,)` int64; 0 where the file has none.
        scored: Whether every row has a score of its own; else some are 1 for want of one.
    """

    frames: IntArray
    ids: IntArray
    boxes: Float64Array
    scores: Float64Array
    classes: IntArray
    scored: bool = True

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Index) -> MotRows:
        """The rows that a mask, an index array or a slice selects, by ascending frame."""
        return MotRows(
            self.frames[index],
            self.ids[index],
            self.boxes[index],
            self.scores[index],
            self.classes[index],
            self.scored,
        )

    @property
    def first_frame(self) -> int:
        """The number that the file gives to the first frame: 0 if it has such a row, else 1."""
        return min(int(self.frames[0]), 1) if len(self) else 1

    @property
    def last_frame(self) -> int:
        """The highest frame number; 0 if there are no rows."""
        return int(self.frames[-1]) if len(self) else 0

    def next_frame(self, frame: int) -> int:
        """The first frame from this one on that has rows; one past all if there is none."""
        index = int(np.searchsorted(self.frames, frame))
        return int(self.frames[index]) if index < len(self) else MAX_FRAME + 1

    def detections(self, frame: int) -> Detections:
        """The rows of one frame, empty if it has none."""
        begin, end = np.searchsorted(self.frames, (frame, frame + 1))
        rows = slice(int(begin), int(end))
        return Detections(self.boxes[rows], self.scores[rows], self.classes[rows])


def read_mot(path: Path) -> MotRows:
    """The rows of a file of `frame,id,x,y,w,h[,score[,class,...]]`, in any order.

    Commas separate, or spaces and tabs. Blank lines, and what follows a `#`, are passed over. A
    row of six columns has a score of 1. The eighth column holds classes if it is whole numbers
    from -1 (none) throughout; MOT15 keeps world coordinates there. An empty file has no rows.
    Sizes may be zero or negative, as the reference trackers take them.

    Raises:
        ValueError: If a row cannot be used; the line names file, row, value and the way out.
        OSError: If the file cannot be read.
    """
    table, scored = _read_table(path)
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
        scores=table[:, _SCORE].copy(),
        classes=np.maximum(classes, 0).astype(np.int64),
        scored=scored,
    )


def format_tracks(frame: int, tracks: Tracks, *, precise: bool = False) -> str:
    """Lines of `frame,id,x,y,w,h,score,class,visibility,-1` for one frame's tracks.

    The visibility is always 1. An empty frame has no lines.

    Args:
        frame: Its number.
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


def _read_table(path: Path) -> tuple[Float64Array, bool]:
    """`(N, 8)`: frame, id, x, y, width, height, score, class; and whether all have a score."""
    _, first = next(_filled_lines(path), (0, ""))
    if not first:
        return np.zeros((0, _CLASS + 1)), True
    columns = min(len(_fields(first)), _CLASS + 1)
    if columns < _SCORE:
        return _read_lines(path)
    try:
        table = np.loadtxt(
            path,
            delimiter="," if "," in first else None,
            # With fewer columns all rows must have as many: a class may follow in another.
            usecols=range(columns) if columns > _CLASS else None,
            ndmin=2,
            encoding="utf-8-sig",
        )
    except ValueError:
        return _read_lines(path)
    defaults = np.broadcast_to(_DEFAULTS[columns - _SCORE :], (len(table), _CLASS + 1 - columns))
    return np.concatenate((table, defaults), axis=1), columns > _SCORE


def _filled_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbers and contents of the lines that hold more than a comment."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            content = line.partition("#")[0].strip()
            if content:
                yield number, content


def _fields(line: str) -> list[str]:
    return line.split(",") if "," in line else line.split()


def _read_lines(path: Path) -> tuple[Float64Array, bool]:
    """As `_read_table`, for files with rows of different length, or with faults."""
    rows, scored = [], True
    for number, line in _filled_lines(path):
        fields = _fields(line)
        rows.append(_read_fields(fields, f"{path}, line {number}", line))
        scored &= len(fields) > _SCORE
    return np.array(rows), scored


def _read_fields(fields: list[str], place: str, line: str) -> list[float]:
    if len(fields) < _SCORE:
        raise ValueError(
            f"{place}: {len(fields)} column{'s' * (len(fields) != 1)} in {_short(line)!r}; "
            f"a row is frame,id,x,y,w,h,score[,class,...]"
        )
    if len(fields) > _CLASS and not fields[_CLASS].strip():
        fields = fields[:_CLASS]
    values = []
    for name, field in zip((*_NAMES, "class"), fields, strict=False):
        try:
            values.append(float(field))
        except ValueError:
            raise ValueError(f"{place}: {name} is {_short(field)!r}, not a number") from None
    return [*values, *_DEFAULTS[len(values) - _SCORE :]]


def _short(text: str) -> str:
    text = text.strip()
    return text if len(text) <= 40 else f"{text[:40]}..."


def _check(path: Path, table: Float64Array) -> None:
    """Refuses the first row that no tracker could use."""
    frames = table[:, 0]
    numbers = table[:, :_CLASS]
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(numbers).all(axis=1)
        usable &= (frames == np.floor(frames)) & (frames >= 0)
        usable &= (np.abs(numbers[:, :-1]) <= list(_LIMITS.values())).all(axis=1)
    if usable.all():
        return
    row = int(np.argmin(usable))
    line_number, _ = next(islice(_filled_lines(path), row, None))
    raise ValueError(f"{path}, line {line_number}: {_fault(numbers[row])}")


def _fault(row: Float64Array) -> str:
    values = dict(zip(_NAMES, row.tolist(), strict=True))
    for name, value in values.items():
        if not np.isfinite(value):
            return f"{name} is {value}; drop the row or give a finite number"
    frame = values["frame"]
    if frame < 0 or frame != np.floor(frame):
        return f"frame is {frame:g}; frames are whole numbers from 1, or from 0"
    name = next(name for name, limit in _LIMITS.items() if abs(values[name]) > limit)
    return f"{name} is {values[name]:.15g}; numbers up to {_LIMITS[name]:.15g} are believed"
