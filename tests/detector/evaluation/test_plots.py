"""Pictures of curves and tables: that they show what they are given."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.evaluation.curves import PrCurve, pr_curve
from detector.evaluation.plots import save_confusion, save_pr_curves


def curve(name: str, count: int) -> PrCurve:
    rng = np.random.default_rng(count)
    return pr_curve(name, rng.random(count) < 0.7, np.linspace(1, 0, count), max(count, 1))


def pixels(path: Path) -> np.ndarray:
    image = cv2.imread(str(path))
    assert image is not None
    return image


@pytest.mark.parametrize("counts", [[], [0], [1], [5, 30_000], [3] * 12])
def test_curves_of_any_length(tmp_path: Path, counts: list[int]) -> None:
    path = tmp_path / "curves.png"
    save_pr_curves([curve(f"class {n}", count) for n, count in enumerate(counts)], path, "title")
    empty = tmp_path / "empty.png"
    save_pr_curves([pr_curve("none", np.zeros(0, bool), np.zeros(0), 0)], empty, "title")
    assert (pixels(path).shape == pixels(empty).shape) is True
    assert bool((pixels(path) != pixels(empty)).any()) == bool(counts)
    assert path.stat().st_size < 150_000


def test_a_line_is_where_its_figures_are(tmp_path: Path) -> None:
    save_pr_curves([pr_curve("car", np.ones(50, bool), np.linspace(1, 0, 50), 100)], tmp_path / "a")
    image = pixels(tmp_path / "a")
    near_blue = np.abs(image.astype(int) - (0xD2, 0x69, 0x42)).max(-1) < 40
    rows, columns = np.nonzero(near_blue[:, :630])  # the legend is further right
    assert np.ptp(rows) <= 3  # precision 1 throughout
    is_dark = image.astype(int).max(-1) < 100
    left, right = np.flatnonzero(is_dark.mean(0) > 0.5)[[0, -1]]  # the frame
    assert columns.max() == pytest.approx((left + right) / 2, abs=9)  # up to recall one half


@pytest.mark.parametrize("classes", [1, 10])
def test_a_confusion_matrix_is_darkest_where_it_is_largest(tmp_path: Path, classes: int) -> None:
    path = tmp_path / "confusion.png"
    names = [f"awning-tricycle {n}" for n in range(classes)]
    save_confusion(np.diag([5] * classes + [0]), names, path)
    right = pixels(path)
    save_confusion(np.zeros((classes + 1, classes + 1), np.int64), names, path)
    assert right.shape == pixels(path).shape
    darker = (right.astype(int).sum(-1) < pixels(path).sum(-1) - 200).mean()
    assert 0.3 / classes**2 * classes < darker * 4 < 1


def test_no_global_state_of_matplotlib_is_touched(tmp_path: Path) -> None:
    save_pr_curves([curve("car", 3)], tmp_path / "curves.png")
    assert "matplotlib.pyplot" not in sys.modules
