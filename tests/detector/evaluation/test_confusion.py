"""The confusion matrix, cell by cell."""

from __future__ import annotations

import numpy as np
from hypothesis import given

from detector.evaluation.confusion import confusion_matrix
from tests.detector.evaluation.scenes import Set, found, labelled, sets

NAMES = ("car", "van", "bus")
A, B, C, D = ([x, 10, x + 20, 30] for x in (10, 110, 210, 310))


def test_each_kind_of_cell() -> None:
    truth = [labelled([A, B, C], [0, 1, 2], ignore=[[300, 0, 400, 400]]), labelled([A])]
    detections = [
        # found, found as another class, false beside it, ignored, too weak
        found([A, B, B, D, C], [0.9, 0.8, 0.7, 0.9, 0.2], [0, 2, 1, 0, 2]),
        found([B], [0.25], [1]),
    ]
    matrix = confusion_matrix(truth, detections, NAMES)
    assert matrix.tolist() == [[1, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0, 2, 0, 0]]
    assert matrix.dtype == np.int64
    weak = confusion_matrix(truth, detections, NAMES, score=0.1)
    assert weak[2].tolist() == [0, 0, 1, 0]


def test_the_threshold_counts() -> None:
    truth, guess = [labelled([[0, 0, 10, 10]])], [found([[0, 0, 7, 10]], [0.9], [1])]
    assert confusion_matrix(truth, guess, NAMES, iou=0.7)[0].tolist() == [0, 1, 0, 0]
    assert confusion_matrix(truth, guess, NAMES, iou=0.71)[0].tolist() == [0, 0, 0, 1]


@given(sets(regions=0))
def test_rows_are_all_objects_and_columns_all_detections(scene: Set) -> None:
    truth, detections = scene
    matrix = confusion_matrix(truth, detections, NAMES)
    for class_id in range(3):
        assert matrix[class_id].sum() == sum((t.class_ids == class_id).sum() for t in truth)
        assert matrix[:, class_id].sum() == sum((d.class_ids == class_id).sum() for d in detections)
    assert matrix[-1, -1] == 0
