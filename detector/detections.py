"""The detector's contract: images in, detections out. Loads without torch and OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""`(H, W, 3)` uint8, RGB."""

FloatArray: TypeAlias = NDArray[np.floating[Any]]
IntArray: TypeAlias = NDArray[np.int64]
Index: TypeAlias = "NDArray[np.bool_] | NDArray[np.intp] | IntArray | slice"


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The objects found in one image; checked when made, empty rather than `None`.

    Attributes:
        boxes: `(N, 4)` float32 or float64, `x1, y1, x2, y2` in pixels of the full image.
            Detectors give float32; boxes read from text keep float64.
        scores: `(N,)` of the same dtype as `boxes`.
        class_ids: `(N,)` int64, rows of the detector's `class_names`.
        features: `(N, D)` float32 of length 1, how each object looks; `None` where nobody asked
            or nobody knows.
    """

    boxes: FloatArray
    scores: FloatArray
    class_ids: IntArray
    features: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        count = len(self.boxes)
        expected = {"boxes": (count, 4), "scores": (count,), "class_ids": (count,)}
        for name, shape in expected.items():
            found = getattr(self, name).shape
            if found != shape:
                raise ValueError(f"Detections.{name}: expected shape {shape}, found {found}")
        for name in ("boxes", "scores"):
            if getattr(self, name).dtype not in (np.float32, np.float64):
                found = getattr(self, name).dtype
                raise ValueError(f"Detections.{name}: expected float32 or float64, found {found}")
        if self.class_ids.dtype != np.int64:
            raise ValueError(f"Detections.class_ids: expected int64, found {self.class_ids.dtype}")
        features = self.features
        if features is not None and (features.ndim != 2 or len(features) != count):
            raise ValueError(f"Detections.features: expected ({count}, D), found {features.shape}")

    @classmethod
    def empty(cls) -> Detections:
        """No objects, in float32."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Index) -> Detections:
        """The rows that a mask, an index array or a slice selects."""
        features = None if self.features is None else self.features[index]
        return Detections(self.boxes[index], self.scores[index], self.class_ids[index], features)


class Detector(Protocol):
    """Finds objects in images."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, indexed by class id."""
        ...

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """One `Detections` for each image, in the same order; images may differ in size."""
        ...
