"""Curves of precision over recall, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.evaluation.curves import average_precision, pr_curves
from tests.detector.evaluation.scenes import found, labelled

A, B, C = [10, 10, 30, 30], [100, 100, 120, 120], [200, 200, 220, 220]


def test_hits_and_misses_of_two_images() -> None:
    truth = [labelled([A, B]), labelled([A], [1])]
    detections = [found([A, A, B], [0.9, 0.7, 0.5]), found([A, B], [0.8, 0.6], [1, 0])]
    car, van, bus = pr_curves(truth, detections, ("car", "van", "bus"))
    assert (car.name, car.objects, van.objects, bus.objects) == ("car", 2, 1, 0)
    assert car.scores.tolist() == pytest.approx([0.9, 0.7, 0.6, 0.5])
    assert car.recall.tolist() == [0.5, 0.5, 0.5, 1]
    assert car.precision.tolist() == pytest.approx([1, 1 / 2, 1 / 3, 1 / 2])
    assert [car.ap, van.ap] == pytest.approx([0.75, 1])
    assert math.isnan(bus.ap)
    assert len(bus.recall) == 0


def test_false_detections_in_ignore_regions_are_left_out() -> None:
    truth = [labelled([A], ignore=[[0, 0, 60, 60], [100, 100, 110, 120]])]
    detections = [found([A, A, B, C], [0.5, 0.4, 0.9, 0.8])]  # B has exactly half in a region
    (curve,) = pr_curves(truth, detections, ("car",))
    assert curve.precision.tolist() == [0, 0.5]
    assert curve.scores.tolist() == pytest.approx([0.8, 0.5])


def test_the_threshold_counts() -> None:
    guess = [found([[0, 0, 7, 10]], [0.9])]
    truth = [labelled([[0, 0, 10, 10]])]
    aps = [pr_curves(truth, guess, ("car",), iou)[0].ap for iou in (0.7, 0.71)]
    assert aps == [1, 0]


def test_average_precision() -> None:
    assert average_precision(np.zeros(0), np.zeros(0)) == 0
    falling = average_precision(np.array([0.25, 0.5, 0.75]), np.array([0.5, 1, 0.75]))
    assert falling == pytest.approx(0.25 * (1 + 1 + 0.75))
