"""The tracker's contract: detections in, tracks out. Loads without torch and OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Index, IntArray

Float64Array: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The tracks that one frame shows; checked when made, empty rather than `None`.

    Attributes:
        ids: `(M,)` int64, positive, each at most once.
        boxes: `(M, 4)` float64, `x1, y1, x2, y2` in pixels of the full frame.
        classes: `(M,)` int64.
        scores: `(M,)` float64.
        detection: `(M,)` int64, the row of the frame's detections that fed each track;
            -1 where none did.
    """

    ids: IntArray
    boxes: Float64Array
    classes: IntArray
    scores: Float64Array
    detection: IntArray

    def __post_init__(self) -> None:
        count = len(self.ids)
        for name in ("ids", "classes", "scores", "detection"):
            found = getattr(self, name).shape
            if found != (count,):
                raise ValueError(f"Tracks.{name}: expected shape {(count,)}, found {found}")
        if self.boxes.shape != (count, 4):
            raise ValueError(f"Tracks.boxes: expected {(count, 4)}, found {self.boxes.shape}")
        if len(set(self.ids.tolist())) != count:
            raise ValueError("Tracks.ids: an id occurs twice in one frame")

    @classmethod
    def empty(cls) -> Tracks:
        """No tracks."""
        none = np.zeros(0, np.int64)
        return cls(none, np.zeros((0, 4)), none, np.zeros(0), none)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: Index) -> Tracks:
        """The rows that a mask, an index array or a slice selects."""
        return Tracks(
            self.ids[index],
            self.boxes[index],
            self.classes[index],
            self.scores[index],
            self.detection[index],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How the camera's view moved since the previous frame; checked when made.

    Attributes:
        matrix: `(2, 3)` float64, the affine map from pixels of the previous full frame to those
            of this one.
        cut: Whether the view shows another scene now; the matrix is the identity then.
    """

    matrix: Float64Array
    cut: bool = False

    def __post_init__(self) -> None:
        if self.matrix.shape != (2, 3) or not np.isfinite(self.matrix).all():
            raise ValueError(f"Motion.matrix: expected (2, 3) finite, found {self.matrix.tolist()}")

    @classmethod
    def identity(cls) -> Motion:
        """A view that did not move."""
        return cls(np.eye(2, 3))


class Tracker(Protocol):
    """Joins the detections of successive frames into tracks.

    Ids belong to the instance: a new tracker starts at 1 again.
    """

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame. Call it for every frame, empty ones too.

        Args:
            detections: What the frame shows.
            motion: Of the camera since the previous call; `None` if it is not known.
            time_s: Presentation time of the frame in seconds, rising from call to call; `None`
                if it is not known. Trackers that count in frames take no notice of it.
        """
        ...
