"""A tracker stepped through a file's detections, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import track

from tracking.mot import MotRows
from tracking.tracks import Motion, Tracker, Tracks


def track_rows(
    rows: MotRows, tracker: Tracker, motions: Sequence[Motion] | None, steps: range
) -> Iterator[tuple[int, Tracks]]:
    """Number and tracks of each frame in turn, with progress on stderr if that is a terminal.

    Args:
        rows: The detections.
        tracker: At its first frame.
        motions: Of the camera, from the first frame on, then none; `None` if they are not known.
        steps: Numbers of the frames to step.
    """
    console = Console(stderr=True)
    numbers = track(
        frames_to_step(rows, tracker, steps),
        "tracking",
        len(steps),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for frame in numbers:
        motion = None
        if motions is not None:
            index = frame - steps.start
            motion = motions[index] if index < len(motions) else Motion.identity()
        yield frame, tracker.update(rows.detections(frame), motion=motion)


@runtime_checkable
class _Skips(Protocol):
    def skip(self, frames: int) -> int: ...


def frames_to_step(rows: MotRows, tracker: Tracker, steps: range) -> Iterator[int]:
    """The numbers of the frames to step, but for those that the tracker skips.

    Each is to be stepped before the next is asked for. A tracker skips frames without detections
    at once while it has no tracks.
    """
    frame = steps.start
    while frame < steps.stop:
        empty = min(rows.next_frame(frame), steps.stop) - frame
        if empty and isinstance(tracker, _Skips):
            frame += tracker.skip(empty)
        if frame < steps.stop:
            yield frame
        frame += 1
