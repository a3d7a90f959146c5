"""Tracks as a MOT text file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.frame import Result
from pipeline.sinks.files import GrowingText, write_atomically
from pipeline.state import State, field
from tracking.tracks import Float64Array, Tracks


class MotSink:
    """Writes `tracks.txt`, and `classes.txt` that names its class ids.

    A line of `tracks.txt` is one track in one frame:
    `frame,id,x,y,w,h,score,class,visibility,-1`.

    - `frame`: 1 for the source's first frame (`Frame.index + 1`); frames without tracks have
      no line.
    - `x,y,w,h`: left, top, width and height in pixels of the full frame, 0 at the image's
      left and top edge; boxes are not clipped.
    - `class`: 0-based, line `class + 1` of `classes.txt`.
    - `visibility`: share of the box's area inside the frame, 0 to 1.

    Lines are on their way to the disk at once, so a kill of the process loses none.

    Args:
        folder: Made if it is missing; files of an earlier run are overwritten.
        class_names: Indexed by class id.
        saved: State of an earlier run's sink, whose lines stay; `None` begins anew.

    Raises:
        InputError: If the files cannot be made.
        ResumeError: If the earlier lines are not there.
    """

    def __init__(
        self, folder: Path, class_names: Sequence[str], saved: State | None = None
    ) -> None:
        kept = None if saved is None else field(saved, "bytes", int)
        self._file = GrowingText(folder / "tracks.txt", kept)
        write_atomically(folder / "classes.txt", "".join(f"{_line(n)}\n" for n in class_names))

    def write(self, result: Result) -> None:
        """Appends the frame's tracks.

        Raises:
            InputError: If the disk is full, or the file has gone.
        """
        height, width = result.frame.image.shape[:2]
        self._file.write(mot_lines(result.frame.index + 1, result.tracks, (width, height)))

    def state(self) -> State:
        """What it needs to go on after the last frame that it took."""
        return {"bytes": self._file.size}

    def holds(self, _: State) -> bool:
        """Yes: each line is on its way to the disk at once."""
        return True

    def close(self) -> None:
        """Completes the file; may be called twice.

        Raises:
            InputError: If the last lines cannot be written.
        """
        self._file.close()


def mot_lines(number: int, tracks: Tracks, image_wh: tuple[int, int]) -> str:
    """A frame's lines, see `MotSink`; none for a frame without tracks.

    Args:
        number: Of the frame, from 1.
        tracks: What it shows.
        image_wh: Its size.
    """
    xywh = tracks.boxes.copy()
    xywh[:, 2:] -= xywh[:, :2]
    rows = zip(
        tracks.ids.tolist(),
        xywh.tolist(),
        tracks.scores.tolist(),
        tracks.classes.tolist(),
        visible_share(tracks.boxes, image_wh).tolist(),
        strict=True,
    )
    return "".join(
        f"{number},{i},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.4f},{c},{share:.2f},-1\n"
        for i, (x, y, w, h), score, c, share in rows
    )


def visible_share(boxes: Float64Array, image_wh: tuple[int, int]) -> Float64Array:
    """The share of each box's area inside the image, 0 to 1; 0 for a box without area.

    >>> import numpy as np
    >>> boxes = np.array([[-10.0, 0, 10, 10], [20, 20, 30, 30], [200, 0, 210, 10]])
    >>> visible_share(boxes, (100, 100)).tolist()
    [0.5, 1.0, 0.0]
    """
    limit = np.array([*image_wh, *image_wh], np.float64)
    inside = np.clip(boxes, 0.0, limit)
    area = _area(boxes)
    return np.divide(_area(inside), area, out=np.zeros(len(boxes)), where=area > 0)


def _area(boxes: Float64Array) -> Float64Array:
    sides: Float64Array = np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0)
    return sides[:, 0] * sides[:, 1]


def _line(name: str) -> str:
    """A class name on one line, so that line numbers stay class ids."""
    return " ".join(name.split())
