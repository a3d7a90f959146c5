"""The contract's features: checked, kept by indexing, absent where nobody asked."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Detections


def _three(features: np.ndarray | None) -> Detections:
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    return Detections(boxes, np.ones(3, np.float32), np.zeros(3, np.int64), features)


def test_indexing_keeps_features() -> None:
    found = _three(np.eye(3, 5, dtype=np.float32))[np.array([2, 0])]
    assert found.features is not None
    assert found.features.tolist() == [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]
    assert _three(None)[:2].features is None
    assert Detections.empty().features is None


@pytest.mark.parametrize("shape", [(2, 5), (3,), (3, 5, 1)])
def test_features_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Detections\.features: expected"):
        _three(np.zeros(shape, np.float32))
