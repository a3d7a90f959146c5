"""What is compared: the boxes of a sequence with their ids, true ones and found ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.detections import Index, IntArray
from tracking.tracks import Float64Array, Tracks

BoolArray: TypeAlias = NDArray[np.bool_]

NO_CLASS = -1


@dataclass(frozen=True, slots=True, eq=False)
class TrackRows:
    """Boxes of one sequence by ascending frame, as given within a frame; checked when made.

    Attributes:
        frames: `(N,)` int64, from 1.
        ids: `(N,)` int64.
        boxes: `(N, 4)` float64 xyxy in pixels.
        classes: `(N,)` int64; `NO_CLASS` where there is none.
    """

    frames: IntArray
    ids: IntArray
    boxes: Float64Array
    classes: IntArray

    def __post_init__(self) -> None:
        count = len(self.frames)
        for name, shape in {"ids": (count,), "boxes": (count, 4), "classes": (count,)}.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"TrackRows.{name}: expected shape {shape}, found {found}")
        if (np.diff(self.frames) < 0).any():
            raise ValueError("TrackRows.frames: not ascending")

    @classmethod
    def empty(cls) -> TrackRows:
        """No boxes."""
        none = np.zeros(0, np.int64)
        return cls(none, none, np.zeros((0, 4)), none)

    @classmethod
    def from_frames(cls, frames: Iterable[tuple[int, Tracks]]) -> TrackRows:
        """The boxes of what a tracker shows, frame by frame.

        Args:
            frames: Frame numbers from 1, ascending, and the tracks of each.
        """
        parts = [(number, tracks) for number, tracks in frames if len(tracks)]
        if not parts:
            return cls.empty()
        return cls(
            np.repeat([number for number, _ in parts], [len(tracks) for _, tracks in parts]),
            np.concatenate([tracks.ids for _, tracks in parts]),
            np.concatenate([tracks.boxes for _, tracks in parts]),
            np.concatenate([tracks.classes for _, tracks in parts]),
        )

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: Index) -> TrackRows:
        """The rows that a mask, an ascending index array or a slice selects."""
        return TrackRows(
            self.frames[index], self.ids[index], self.boxes[index], self.classes[index]
        )

    @property
    def last_frame(self) -> int:
        """The highest frame number; 0 if there are no rows."""
        return int(self.frames[-1]) if len(self) else 0

    def at(self, frame: int) -> slice:
        """Where the rows of one frame stand."""
        begin, end = np.searchsorted(self.frames, (frame, frame + 1))
        return slice(int(begin), int(end))


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What the annotation of one sequence says.

    Attributes:
        tracks: The boxes to be found.
        length: Number of frames; found boxes after the last are left out. 0: no frame is known
            to exist, and none is left out.
        ignored: Regions or objects in which found boxes are neither right nor wrong.
        neutral: Boxes that are not to be found, but excuse no found box either.
    """

    tracks: TrackRows
    length: int
    ignored: TrackRows = field(default_factory=TrackRows.empty)
    neutral: TrackRows = field(default_factory=TrackRows.empty)


Rule: TypeAlias = Callable[[Truth, TrackRows], tuple[TrackRows, TrackRows]]
"""The true and the found boxes that count, out of those given."""


def keep_all(truth: Truth, found: TrackRows) -> tuple[TrackRows, TrackRows]:
    """All true boxes and all found ones: the rule where nothing is ignored."""
    return truth.tracks, found


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a benchmark compares.

    Attributes:
        name: Of the benchmark.
        classes: Names of the classes that get figures of their own, by class id.
        merged: Whether the overall figures take all boxes as one class. Otherwise they add up
            the counts of `classes`, so a wrong class costs a miss and a false positive.
        rule: Which boxes count.
    """

    name: str
    classes: Mapping[int, str] = field(default_factory=dict)
    merged: bool = True
    rule: Rule = keep_all
