"""The greedy rule against a loop that applies it one detection after the other."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from detector.evaluation.matching import all_found, all_truth, box_ious, match, overlapping
from tests.detector.evaluation.literal import iou, whole
from tests.detector.evaluation.scenes import Set, found, labelled, sets


def one_by_one(scene: Set, threshold: Fraction, *, any_class: bool) -> list[tuple[int, ...]]:
    """Image and row of each detection that found an object, and the object's row."""
    truth, detections = scene
    ranked = [(i, d, r) for i, d in enumerate(detections) for r in range(len(d))]
    ranked.sort(key=lambda entry: -entry[1].scores[entry[2]])
    taken: set[tuple[int, int]] = set()
    matches = []
    for image, detection, row in ranked:
        box, kind = whole(detection.boxes)[row], detection.class_ids[row]
        best: tuple[Fraction, int] | None = None
        for at, other in enumerate(whole(truth[image].boxes)):
            fits = any_class or truth[image].class_ids[at] == kind
            if fits and (image, at) not in taken and iou(box, other) >= threshold:
                best = max(best or (Fraction(0), -1), (iou(box, other), at))
        if best is not None:
            taken.add((image, best[1]))
            matches.append((image, row, best[1]))
    return sorted(matches)


@pytest.mark.parametrize("any_class", [False, True])
@given(scene=sets())
def test_equals_the_rule_applied_one_by_one(scene: Set, any_class: bool) -> None:
    objects = all_truth(scene[0])
    guesses, scores = all_found(scene[1])
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    pairs = overlapping(objects, guesses, 0.3, any_class=any_class)
    for percent in (30, 50, 75):
        took = match(pairs, percent / 100, len(guesses), len(objects))
        hits = np.flatnonzero(took >= 0)
        rows = (guesses.images[hits], guesses.rows[hits], objects.rows[took[hits]])
        ours = np.column_stack(rows)
        expected = one_by_one(scene, Fraction(percent, 100), any_class=any_class)
        assert sorted(map(tuple, ours.tolist())) == expected


def test_a_chain_of_rivals() -> None:
    # Each detection prefers the object that the one before it takes.
    boxes = [[x, 0, x + 10, 10] for x in (0, 4, 8, 12)]
    guesses, _ = all_found([found(boxes, [0.9, 0.8, 0.7, 0.6])])
    objects = all_truth([labelled([[1, 0, 11, 10], [3, 0, 13, 10], [7, 0, 17, 10]])])
    took = match(overlapping(objects, guesses, 0.3), 0.3, 4, 3)
    assert took.tolist() == [0, 1, 2, -1]


def test_of_two_objects_that_it_overlaps_equally_a_detection_takes_the_later() -> None:
    guesses, _ = all_found([found([[2, 0, 12, 10]], [0.9])])
    objects = all_truth([labelled([[0, 0, 10, 10], [4, 0, 14, 10]])])
    assert match(overlapping(objects, guesses, 0.5), 0.5, 1, 2).tolist() == [1]


def test_ious() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [5, 5, 5, 9], [20, 20, 30, 30]])
    expected = [[1, 0, 0], [0, 0, 0], [0, 0, 1]]  # a box without area has 0 with itself too
    assert box_ious(boxes, boxes).tolist() == expected
    assert box_ious(boxes[:1], np.array([[0.0, 0, 7, 10], [10, 0, 20, 10]])).tolist() == [[0.7, 0]]


def test_nothing_to_match() -> None:
    objects, (guesses, _) = all_truth([labelled([])]), all_found([found([], [])])
    assert match(overlapping(objects, guesses, 0.5), 0.5, 0, 0).tolist() == []
    objects = all_truth([])
    assert len(objects) == 0
