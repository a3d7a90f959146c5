"""The record of one labelled image, the same for every data format. Needs numpy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.detections import IntArray

Float32Array: TypeAlias = NDArray[np.float32]
Codes: TypeAlias = NDArray[np.int8]
"""`(N,)` int8, one code of the data set's own for each box; `(0,)` where its format has none."""


def no_boxes() -> Float32Array:
    """`(0, 4)` float32."""
    return np.zeros((0, 4), np.float32)


def no_codes() -> Codes:
    """`(0,)` int8."""
    return np.zeros(0, np.int8)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """One image's labels, in pixels of that image; checked when made. Pixels stay in the file.

    Attributes:
        path: The image file, read in place.
        image_wh: Width and height in pixels, as OpenCV decodes the file.
        boxes: `(N, 4)` float32, `x1, y1, x2, y2`, inside the image, none of zero area.
        class_ids: `(N,)` int64, rows of the class list that the reader was given.
        ignore: `(K, 4)` float32, `x1, y1, x2, y2`: regions that neither train nor count.
        truncation: Of each box, as its format codes it. VisDrone: 0 whole, 1 partly outside the
            image. UAVDT's out-of-view: 1 whole, 2 and 3 partly outside.
        occlusion: Of each box, as its format codes it. VisDrone: 0 none, 1 up to half, 2 more.
            UAVDT: 1 none, 2 large, 3 medium, 4 small.
        sequence: The flight that the image is a frame of, whose images look alike: UAVDT's
            folder, the number that VisDrone's names begin with, else the flight that the data
            set's description puts it in; empty where nothing says.
    """

    path: Path
    image_wh: tuple[int, int]
    boxes: Float32Array
    class_ids: IntArray
    ignore: Float32Array = field(default_factory=no_boxes)
    truncation: Codes = field(default_factory=no_codes)
    occlusion: Codes = field(default_factory=no_codes)
    sequence: str = ""

    def __post_init__(self) -> None:
        count = len(self.boxes)
        for name in ("boxes", "ignore"):
            found = getattr(self, name)
            if found.shape != (len(found), 4) or found.dtype != np.float32:
                raise self._misfit(name, "(N, 4) float32")
        if self.class_ids.shape != (count,) or self.class_ids.dtype != np.int64:
            raise self._misfit("class_ids", f"({count},) int64")
        for name in ("truncation", "occlusion"):
            found = getattr(self, name)
            if found.shape not in ((count,), (0,)) or found.dtype != np.int8:
                raise self._misfit(name, f"({count},) or (0,) int8")

    def _misfit(self, name: str, expected: str) -> ValueError:
        found = getattr(self, name)
        return ValueError(
            f"{self.path}: LabelledImage.{name}: expected {expected}, "
            f"found {found.shape} {found.dtype}"
        )

    def __len__(self) -> int:
        return len(self.boxes)
