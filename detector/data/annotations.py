"""The record of one labelled image, the same for every data format. Needs numpy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.detections import IntArray

Float32Array: TypeAlias = NDArray[np.float32]


def no_boxes() -> Float32Array:
    """`(0, 4)` float32."""
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """One image's labels, in pixels of that image; checked when made. Pixels stay in the file.

    Attributes:
        path: The image file, read in place.
        image_wh: Width and height in pixels, as OpenCV decodes the file.
        boxes: `(N, 4)` float32, `x1, y1, x2, y2`, inside the image, none of zero area.
        class_ids: `(N,)` int64, rows of the class list that the reader was given.
        ignore: `(K, 4)` float32, `x1, y1, x2, y2`: regions that neither train nor count.
    """

    path: Path
    image_wh: tuple[int, int]
    boxes: Float32Array
    class_ids: IntArray
    ignore: Float32Array = field(default_factory=no_boxes)

    def __post_init__(self) -> None:
        for name in ("boxes", "ignore"):
            found = getattr(self, name)
            if found.shape != (len(found), 4) or found.dtype != np.float32:
                raise ValueError(
                    f"{self.path}: LabelledImage.{name}: expected (N, 4) float32, "
                    f"found {found.shape} {found.dtype}"
                )
        if self.class_ids.shape != (len(self.boxes),) or self.class_ids.dtype != np.int64:
            raise ValueError(
                f"{self.path}: LabelledImage.class_ids: expected ({len(self.boxes)},) int64, "
                f"found {self.class_ids.shape} {self.class_ids.dtype}"
            )

    def __len__(self) -> int:
        return len(self.boxes)
