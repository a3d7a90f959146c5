"""A data set's labels before they are clipped and mapped, and what they then become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import Codes, Float32Array, LabelledImage, no_codes
from detector.data.classes import IGNORED
from detector.detections import IntArray


@dataclass(frozen=True, slots=True, eq=False)
class LabelRows:
    """One image's labels as its data set has them.

    Attributes:
        image_wh: Width and height in pixels.
        boxes: `(N, 4)` float64, `x1, y1, x2, y2` in pixels, finite, `x1 <= x2`, `y1 <= y2`; they
            may reach or lie outside the image.
        class_ids: `(N,)` int64, rows of the data set's own class names; `IGNORED` for a region
            that the data set itself says to ignore.
        place: What messages call a row: its file and line.
        truncation: As in `LabelledImage`.
        occlusion: As in `LabelledImage`.
        sequence: As in `LabelledImage`.
    """

    image_wh: tuple[int, int]
    boxes: NDArray[np.float64]
    class_ids: IntArray
    place: Callable[[int], str]
    truncation: Codes = field(default_factory=no_codes)
    occlusion: Codes = field(default_factory=no_codes)
    sequence: str = ""


class LabelSource(Protocol):
    """A folder of images with their labels in one format, opened but not yet read."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The data set's own names, without those of ignore regions."""
        ...

    @property
    def images(self) -> Sequence[Path]:
        """Every image, in order of file names."""
        ...

    @property
    def class_numbers(self) -> Sequence[int]:
        """What files in this format call the classes, in the order of `class_names`."""
        ...

    def image_id(self, image: Path) -> int | str:
        """What files of detections call one of `images`."""
        ...

    def read(self, image: Path) -> LabelRows:
        """The labels of one of `images`.

        Raises:
            ValueError: If its header or its labels are missing or malformed; the message names
                the file and line.
        """
        ...

    def without_image(self) -> list[str]:
        """Places of labels that none of `images` has, and of images that have no labels."""
        ...


def clipped(rows: LabelRows) -> tuple[Float32Array, NDArray[np.bool_]]:
    """The boxes cut at the image's border, `(N, 4)`, and which have an area left, `(N,)`."""
    boxes = np.clip(rows.boxes, 0, rows.image_wh * 2).astype(np.float32)
    return boxes, (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def labelled(image: Path, rows: LabelRows, mapped: IntArray, flight: str = "") -> LabelledImage:
    """One image's record: boxes cut at the border, classes mapped, ignore regions apart.

    A box without area inside the image is left out; `python -m detector.check` lists them.

    Args:
        image: The file.
        rows: Its labels.
        mapped: What each of the data set's classes becomes, as `map_classes` gives it.
        flight: Stands for the sequence where the format names none.
    """
    boxes, solid = clipped(rows)
    ids = np.full(len(boxes), IGNORED)
    own = rows.class_ids != IGNORED
    ids[own] = mapped[rows.class_ids[own]]
    kept = solid & (ids >= 0)
    return LabelledImage(
        image,
        rows.image_wh,
        boxes[kept],
        ids[kept],
        boxes[solid & (ids == IGNORED)],
        rows.truncation[kept] if len(rows.truncation) else rows.truncation,
        rows.occlusion[kept] if len(rows.occlusion) else rows.occlusion,
        rows.sequence or flight,
    )
