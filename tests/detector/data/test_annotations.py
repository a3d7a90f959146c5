"""The record refuses what does not fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.data.annotations import LabelledImage, no_boxes


def test_wrong_shapes_and_types_are_named() -> None:
    path, wh = Path("a.jpg"), (8, 8)
    with pytest.raises(ValueError, match=r"^a\.jpg: LabelledImage\.boxes: expected \(N, 4\) float"):
        LabelledImage(path, wh, np.zeros((2, 4)), np.zeros(2, np.int64))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"class_ids: expected \(0,\) int64, found \(1,\) int64$"):
        LabelledImage(path, wh, no_boxes(), np.zeros(1, np.int64))
    with pytest.raises(ValueError, match=r"LabelledImage\.ignore: .* found \(2, 5\) float32$"):
        LabelledImage(path, wh, no_boxes(), np.zeros(0, np.int64), np.zeros((2, 5), np.float32))
