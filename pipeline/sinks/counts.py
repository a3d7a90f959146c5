"""Counts per class as CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import InputError, ResumeError
from pipeline.frame import Counts, Result
from pipeline.sinks.files import GrowingText, Timer, write_atomically
from pipeline.state import State, field


@dataclass(frozen=True, slots=True)
class ClassTotals:
    """What a run saw of one class.

    Attributes:
        frames: Frames that show at least one track of the class.
        detections: Boxes of the class that the detector gave, tracked or not.
        unique_tracks: Distinct track ids, each under the class it has now.
    """

    frames: int
    detections: int
    unique_tracks: int


class CountsSink:
    """Writes `counts_per_frame.csv` line by line, and `counts.csv` anew about every second.

    `counts_per_frame.csv` has `frame` (1 for the source's first frame, as in `tracks.txt`),
    `time_s`, and the tracks in view of each class. `counts.csv` has a line of `ClassTotals`
    for each class. It is replaced in one step, so a reader never sees half of it; in this file
    a kill loses about the last second.

    Args:
        folder: Made if it is missing; files of an earlier run are overwritten.
        class_names: Indexed by class id.
        saved: State of an earlier run's sink, which goes on; `None` begins anew.

    Raises:
        InputError: If the files cannot be made.
        ResumeError: If the earlier lines are not there.
    """

    def __init__(
        self, folder: Path, class_names: Sequence[str], saved: State | None = None
    ) -> None:
        self._class_names = tuple(class_names)
        self._frames = np.zeros(len(class_names), np.int64)
        self._detections = np.zeros(len(class_names), np.int64)
        self._unique: tuple[int, ...] = (0,) * len(class_names)
        kept = None if saved is None else self._restore(saved)
        self._per_frame = GrowingText(folder / "counts_per_frame.csv", kept)
        self._totals = folder / "counts.csv"
        self._timer = Timer()
        self._broken = self._closed = False
        try:
            if kept is None:
                self._per_frame.write(_csv([("frame", "time_s", *class_names)]))
            self._write_totals()
        except InputError:
            self._per_frame.close()
            raise

    @property
    def totals(self) -> dict[str, ClassTotals]:
        """The counts so far by class name."""
        columns = (self._class_names, self._frames.tolist(), self._detections.tolist())
        rows = zip(*columns, self._unique, strict=True)
        return {name: ClassTotals(*numbers) for name, *numbers in rows}

    def write(self, result: Result) -> None:
        """Adds the frame's counts.

        Raises:
            InputError: If the disk is full, or the folder has gone.
        """
        counts = result.counts
        self._add(result, counts)
        number, time_s = result.frame.index + 1, result.frame.time_s
        visible = ",".join(map(str, counts.visible))
        self._per_frame.write(f"{number},{time_s:.6f},{visible}\n")
        if self._timer.due():
            self._write_totals()

    def state(self) -> State:
        """What it needs to go on after the last frame that it took."""
        columns = (self._frames, self._detections, np.array(self._unique, np.int64))
        return {"bytes": self._per_frame.size, "totals": np.stack(columns)}

    def _restore(self, saved: State) -> int:
        totals = field(saved, "totals", np.ndarray)
        if totals.shape != (3, len(self._class_names)) or totals.dtype != np.int64:
            raise ResumeError(f"totals: found {totals.dtype} of shape {totals.shape}")
        self._frames, self._detections = totals[:2].copy()
        self._unique = tuple(totals[2].tolist())
        kept: int = field(saved, "bytes", int)
        return kept

    def holds(self, _: State) -> bool:
        """Yes: each line is on its way to the disk at once."""
        return True

    def close(self) -> None:
        """Completes both files; may be called twice, and after an error does so in silence.

        Raises:
            InputError: If the last lines cannot be written.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._per_frame.close()
        finally:
            if not self._broken:
                self._write_totals()

    def _add(self, result: Result, counts: Counts) -> None:
        self._frames += np.array(counts.visible) > 0
        self._detections += np.bincount(
            result.detections.class_ids, minlength=len(self._class_names)
        )
        self._unique = counts.unique

    def _write_totals(self) -> None:
        rows = [(name, *astuple(totals)) for name, totals in self.totals.items()]
        header = ("class", "frames", "detections", "unique_tracks")
        try:
            write_atomically(self._totals, _csv([header, *rows]))
        except InputError:
            self._broken = True
            raise


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
