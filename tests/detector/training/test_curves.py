"""The picture of a run's curves."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.training import curves
from detector.training.curves import save_curves
from detector.training.tables import STEP_COLUMNS


def columns(count: int) -> dict[str, curves.Floats]:
    rng = np.random.default_rng(0)
    return {
        name: np.arange(1.0, count + 1) if name == "step" else rng.random(count)
        for name in STEP_COLUMNS
    }


@pytest.mark.parametrize("count", [0, 1, 401, 5000])
def test_any_number_of_steps_is_drawn(tmp_path: Path, count: int) -> None:
    path = tmp_path / "curves.png"
    save_curves(columns(count), [{"step": max(count, 1), "AP": 0.5, "AP50 größer": 0.25}], path)
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (630, 1440, 3)
    # The first lower two panels hold figures, the others lines over the steps.
    blue = (picture.reshape(2, 315, 4, 360, 3) == (180, 119, 31)).all(-1).any((1, 3))
    assert blue.tolist() == [[count > 1] * 4, [True, True, count > 1, count > 1]]


def test_the_bold_curve_is_a_trailing_mean() -> None:
    means = curves._trailing_mean(np.array([4.0, 2, 0, 8, 8]), 3)
    np.testing.assert_allclose(means, [4, 3, 2, 10 / 3, 16 / 3])
