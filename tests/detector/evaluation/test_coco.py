"""The COCO protocol: cases worked by hand, and pycocotools as oracle."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detector.data.annotations import LabelledImage
from detector.detections import Detections
from detector.evaluation.coco import (
    MAX_DETS,
    CocoResult,
    coco_detections,
    coco_labels,
    evaluate_coco,
)
from tests.detector.evaluation.scenes import Set, found, labelled, sets

NAMES = ("car", "truck", "bus")


A, B = [10.0, 10.0, 30.0, 30.0], [100.0, 100.0, 120.0, 120.0]


def test_perfect_detections() -> None:
    result = evaluate_coco([labelled([A, B], [0, 2])], [found([A, B], [0.9, 0.8], [0, 2])], NAMES)
    overall = result.overall
    # COCO adds an epsilon to the divisor of each precision.
    assert [overall.ap, overall.ap50, overall.ap_small, overall.ar] == pytest.approx([1, 1, 1, 1])
    assert math.isnan(result.overall.ap_medium)
    assert [row.objects for row in result.classes] == [1, 0, 1]
    assert math.isnan(result.classes[1].ap)
    assert result.ar == {1: 1.0, 10: 1.0, 100: 1.0, 500: 1.0}


def test_no_detections() -> None:
    result = evaluate_coco([labelled([A])], [Detections.empty()], NAMES)
    assert (result.overall.ap, result.overall.ar) == (0.0, 0.0)


def test_no_objects_gives_nan_not_zero() -> None:
    result = evaluate_coco([labelled([])], [found([A], [0.9])], NAMES)
    assert math.isnan(result.overall.ap)
    assert result.overall.objects == 0


def test_a_duplicate_above_the_second_object_costs_precision() -> None:
    # Hits at ranks 1 and 3: precision 1 up to recall .5 (51 of 101 points), then 2/3.
    detections = found([A, A, B], [0.9, 0.8, 0.7])
    result = evaluate_coco([labelled([A, B])], [detections], NAMES)
    assert result.overall.ap == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert result.overall.ar == 1.0


def test_a_duplicate_below_all_objects_is_free() -> None:
    result = evaluate_coco([labelled([A, B])], [found([A, A, B], [0.9, 0.1, 0.7])], NAMES)
    assert result.overall.ap == pytest.approx(1)


def test_all_of_the_wrong_class() -> None:
    result = evaluate_coco([labelled([A, B])], [found([A, B], [0.9, 0.8], [1, 1])], NAMES)
    assert result.overall.ap == 0.0
    assert math.isnan(result.classes[1].ap)


@pytest.mark.parametrize(("width", "ap"), [(10.0, 0.1), (9.99, 0.0)])
def test_iou_exactly_at_the_first_threshold_is_a_hit(width: float, ap: float) -> None:
    result = evaluate_coco([labelled([[0, 0, 20, 20]])], [found([[0, 0, width, 20]], [0.9])], NAMES)
    assert result.overall.ap50 == pytest.approx(1.0 if ap else 0.0)
    assert result.overall.ap75 == 0.0
    assert result.overall.ap == pytest.approx(ap)


def test_detections_in_an_ignore_region_do_not_count_whatever_their_class() -> None:
    region = [[90.0, 90.0, 200.0, 200.0]]
    bus, inside = [300.0, 300.0, 320.0, 320.0], [150.0, 150.0, 160.0, 160.0]
    detections = found([B, A, inside, bus], [0.95, 0.5, 0.9, 0.4], [0, 0, 2, 2])
    with_region = evaluate_coco([labelled([A, bus], [0, 2], region)], [detections], NAMES)
    without = evaluate_coco([labelled([A, bus], [0, 2])], [detections], NAMES)
    assert [row.objects for row in with_region.classes] == [1, 0, 1]
    for row in (0, 2):
        assert with_region.classes[row].ap == pytest.approx(1)
        assert without.classes[row].ap == pytest.approx(0.5)
    assert math.isnan(with_region.classes[1].ap)


def test_an_object_inside_an_ignore_region_is_still_to_be_found() -> None:
    truth = labelled([A], ignore=[[0.0, 0.0, 50.0, 50.0]])
    assert evaluate_coco([truth], [Detections.empty()], NAMES).overall.ap == 0.0
    assert evaluate_coco([truth], [found([A], [0.9])], NAMES).overall.ap == pytest.approx(1)


def test_more_objects_than_max_dets_are_beyond_reach() -> None:
    boxes = [[x * 10.0, y * 10.0, x * 10.0 + 8, y * 10.0 + 8] for x in range(30) for y in range(20)]
    scores = np.linspace(0.9, 0.1, 600).tolist()
    result = evaluate_coco([labelled(boxes)], [found(boxes, scores)], NAMES)
    assert result.ar == pytest.approx({1: 1 / 600, 10: 10 / 600, 100: 100 / 600, 500: 500 / 600})
    assert result.overall_100.max_dets == 100
    assert result.overall_100.ap == pytest.approx(17 / 101)  # recall points 0, .01 .. .16
    assert result.overall.ap == pytest.approx(84 / 101)


def random_scene(rng: np.random.Generator) -> tuple[LabelledImage, Detections]:
    """Objects of all sizes, some regions; hits with noise, doubles, wrong classes, inventions."""
    count = int(rng.integers(0, 40))
    corner = rng.uniform(0, 500, (count, 2))
    boxes = np.hstack([corner, corner + rng.choice([12, 50, 130], (count, 1))]).astype(np.float32)
    boxes[:, 2:] += rng.uniform(0, 20, (count, 2)).astype(np.float32)
    ids = rng.integers(0, len(NAMES), count)
    regions = rng.uniform(0, 400, (int(rng.integers(0, 3)), 2))
    ignore = np.hstack([regions, regions + rng.uniform(20, 150, regions.shape)]).astype(np.float32)

    source = rng.integers(0, max(count, 1), int(rng.integers(0, 160)) if count else 0)
    noise = rng.normal(0, rng.choice([0.5, 3, 12]), (len(source), 4)).astype(np.float32)
    guess = boxes[source] + noise
    guess = np.hstack(
        [np.minimum(guess[:, :2], guess[:, 2:]), np.maximum(guess[:, :2], guess[:, 2:])]
    )
    classes = np.where(rng.random(len(source)) < 0.8, ids[source], rng.integers(0, 3, len(source)))
    scores = rng.random(len(source)).astype(np.float32).round(2)  # rounded: with ties
    return (
        LabelledImage(Path("frame.jpg"), (640, 640), boxes, ids, ignore),
        Detections(guess, scores, classes.astype(np.int64)),
    )


def oracle(truth: list[LabelledImage], detections: list[Detections]) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = coco_labels(truth, NAMES) | {"info": {}}
        labels.createIndex()
        evaluation = COCOeval(labels, labels.loadRes(coco_detections(detections)), "bbox")
        evaluation.params.maxDets = list(MAX_DETS)
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def mean(values: np.ndarray) -> float:
    return float(np.mean(values[values > -1])) if (values > -1).any() else math.nan


def assert_equals_oracle(result: CocoResult, reference: COCOeval) -> None:
    precision, recall = reference.eval["precision"], reference.eval["recall"]
    for figures, at in ((result.overall, 3), (result.overall_100, 2)):
        ours = [figures.ap, figures.ap50, figures.ap75]
        ours += [figures.ap_small, figures.ap_medium, figures.ap_large, figures.ar]
        theirs = [mean(precision[:, :, :, 0, at])]
        theirs += [mean(precision[row, :, :, 0, at]) for row in (0, 5)]
        theirs += [mean(precision[:, :, :, area, at]) for area in (1, 2, 3)]
        theirs += [mean(recall[:, :, 0, at])]
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for row, figures in enumerate(result.classes):
        theirs = [mean(precision[:, :, row, 0, 3]), mean(precision[0, :, row, 0, 3])]
        np.testing.assert_allclose([figures.ap, figures.ap50], theirs, atol=1e-5)
    theirs = [mean(recall[:, :, 0, at]) for at in range(4)]
    np.testing.assert_allclose(list(result.ar.values()), theirs, atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_equals_pycocotools_on_random_scenes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, detections = map(list, zip(*(random_scene(rng) for _ in range(6)), strict=True))
    result = evaluate_coco(truth, detections, NAMES)
    assert 0.02 < result.overall.ap < 0.98
    assert_equals_oracle(result, oracle(truth, detections))


@settings(max_examples=60)
@given(sets())
def test_equals_pycocotools_on_small_scenes_full_of_ties(scene: Set) -> None:
    truth, detections = scene
    assume(any(map(len, detections)))  # without any, pycocotools fails
    result = evaluate_coco(truth, detections, NAMES)
    assert_equals_oracle(result, oracle(truth, detections))


def test_curves_are_those_that_ap50_is_the_mean_of() -> None:
    truth = [labelled([A, B])]
    result = evaluate_coco(truth, [found([A, A, B], [0.9, 0.8, 0.7])], NAMES)
    car, truck, _ = result.curves
    assert car.precision.tolist() == pytest.approx([1] * 51 + [2 / 3] * 50)
    assert car.recall.tolist() == pytest.approx(np.linspace(0, 1, 101).tolist())
    assert car.scores.tolist() == pytest.approx([0.9] * 51 + [0.7] * 50)
    assert car.ap == result.classes[0].ap50 == pytest.approx(float(car.precision.mean()))
    assert (truck.objects, len(truck.recall)) == (0, 0)


def test_equals_pycocotools_beyond_500_detections() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 1000, (700, 2))
    boxes = np.hstack([corner, corner + 12]).astype(np.float32)
    # Few objects, or pycocotools takes seconds.
    truth = [LabelledImage(Path("a.jpg"), (1024, 1024), boxes[:60], np.zeros(60, np.int64))]
    noisy = (boxes + rng.normal(0, 1, boxes.shape)).astype(np.float32)
    detections = [Detections(noisy, rng.random(700).astype(np.float32), np.zeros(700, np.int64))]
    assert_equals_oracle(evaluate_coco(truth, detections, NAMES), oracle(truth, detections))


def test_refuses_what_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match=r"^no image to evaluate on$"):
        evaluate_coco([], [], NAMES)
    with pytest.raises(ValueError, match=r"^1 labelled images but 0 detections$"):
        evaluate_coco([labelled([A])], [], NAMES)
    with pytest.raises(ValueError, match=r"^frame\.jpg: a detection of class 3; there are 3 class"):
        evaluate_coco([labelled([A])], [found([A], [0.9], [3])], NAMES)
    with pytest.raises(ValueError, match=r"^frame\.jpg: a label of class -1; there are 3 classes$"):
        evaluate_coco([labelled([A], [-1])], [Detections.empty()], NAMES)
