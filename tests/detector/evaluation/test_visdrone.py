"""The VisDrone-DET toolkit's protocol: each rule by hand, and a literal reading as oracle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings

from detector.evaluation.visdrone import VisDroneResult, counted, evaluate_visdrone
from tests.detector.evaluation import literal
from tests.detector.evaluation.scenes import Set, found, labelled, sets

NAMES = ("car", "van", "others")
A, B = [10, 10, 30, 30], [100, 100, 120, 120]


def figures(result: VisDroneResult) -> dict[str, float]:
    row = result.overall
    return {"AP": row.ap, "AP50": row.ap50, "AP75": row.ap75} | {
        f"AR{count}": ar for count, ar in row.ar.items()
    }


@settings(max_examples=200)
@given(sets())
@example(([labelled([])], [found([], [])]))
def test_equals_the_literal_reading(scene: Set) -> None:
    truth, detections = scene
    ours = figures(evaluate_visdrone(truth, detections, NAMES))
    expected = literal.visdrone(truth, detections, kinds=(0, 1))
    for name, value in ours.items():
        assert value == pytest.approx(expected.get(name, math.nan), nan_ok=True), name


def test_perfect_detections() -> None:
    truth, detections = labelled([A, B], [0, 1]), found([A, B], [0.9, 0.8], [0, 1])
    result = evaluate_visdrone([truth], [detections], NAMES)
    # The best detection is the car's: the van is not among the first one.
    assert figures(result) == pytest.approx(
        {"AP": 1, "AP50": 1, "AP75": 1, "AR1": 0.5, "AR10": 1, "AR100": 1, "AR500": 1}
    )
    assert [row.name for row in result.classes] == ["car", "van"]


def test_all_point_precision_is_raised_to_the_best_further_on() -> None:
    # Ranks: hit, miss, hit: area 1/2 * 1 + 1/2 * 2/3; COCO's 101 points give 0.8350.
    result = evaluate_visdrone([labelled([A, B])], [found([A, A, B], [0.9, 0.8, 0.7])], NAMES)
    assert result.overall.ap == pytest.approx(5 / 6)


@pytest.mark.parametrize(
    ("width", "ap", "ap75"),
    [(10, 0.1, 0), (9.99, 0, 0), (14, 0.5, 0), (15, 0.6, 1), (14.99, 0.5, 0), (18, 0.9, 1)],
)
def test_iou_exactly_at_a_threshold_is_a_hit(width: float, ap: float, ap75: float) -> None:
    truth = [labelled([[0, 0, 20, 20]])]
    result = evaluate_visdrone(truth, [found([[0, 0, width, 20]], [0.9])], NAMES)
    assert [result.overall.ap, result.overall.ap75] == pytest.approx([ap, ap75])


@pytest.mark.parametrize(("edge", "left"), [(20, 0), (19, 1)])
def test_half_of_the_own_area_in_a_region_removes_objects_and_detections(
    edge: float, left: int
) -> None:
    # The region takes the left half of A, or one pixel column less.
    truth = labelled([A, B], ignore=[[0, 0, edge, 100]])
    kept_truth, kept_found = counted([truth], [found([A], [0.9])])
    assert (len(kept_truth[0]), len(kept_found[0])) == (1 + left, left)
    result = evaluate_visdrone([truth], [found([A, B], [0.9, 0.8])], NAMES)
    assert (result.overall.objects, result.overall.ap) == (1 + left, 1.0)


def test_two_regions_remove_together_but_their_overlap_counts_once() -> None:
    halves = [[10, 10, 16, 30], [16, 10, 20, 30]]
    assert len(counted([labelled([A], ignore=halves)], [found([], [])])[0][0]) == 0
    twice = [[10, 10, 16, 30], [10, 10, 16, 30]]
    assert len(counted([labelled([A], ignore=twice)], [found([], [])])[0][0]) == 1


def test_a_detection_on_an_object_named_others_is_false() -> None:
    truth = labelled([A, B], [0, 2])
    result = evaluate_visdrone([truth], [found([A, B], [0.8, 0.9])], NAMES)
    assert result.overall.ap == pytest.approx(0.5)
    # Named "others" itself it is not measured, but takes a place among the best.
    result = evaluate_visdrone([truth], [found([A, B], [0.8, 0.9], [0, 2])], NAMES)
    assert (result.overall.ap, result.overall.ar[1], result.overall.ar[10]) == (1, 0, 1)


def test_the_mean_takes_a_class_once_for_each_image_that_has_it() -> None:
    # Cars in three images, all found; vans in one, not found: 3/4, where a plain mean is 1/2.
    truth = [labelled([A, B]), labelled([A]), labelled([A, B], [0, 1])]
    detections = [found([A, B], [0.9, 0.9]), found([A], [0.9]), found([A], [0.9])]
    result = evaluate_visdrone(truth, detections, NAMES)
    assert [row.images for row in result.classes] == [3, 1]
    assert figures(result) == pytest.approx(
        {"AP": 0.75, "AP50": 0.75, "AP75": 0.75}
        | {"AR1": 0.75 * 3 / 4, "AR10": 0.75, "AR100": 0.75, "AR500": 0.75}
    )


def test_an_image_whose_objects_a_region_removes_does_not_weigh() -> None:
    truth = [labelled([A], [0], ignore=[A]), labelled([B], [1])]
    result = evaluate_visdrone(truth, [found([], []), found([B], [0.9], [1])], NAMES)
    assert [row.images for row in result.classes] == [0, 1]
    assert (result.overall.ap, math.isnan(result.classes[0].ap)) == (1.0, True)


def test_only_the_best_500_of_an_image_count_over_all_classes() -> None:
    corner = [[x * 4.0, y * 4.0] for x in range(30) for y in range(20)]
    boxes = [[x, y, x + 3, y + 3] for x, y in corner]
    truth = labelled(boxes, [0] * 300 + [1] * 300)
    detections = found(boxes, np.linspace(0.1, 0.9, 600).tolist(), [0] * 300 + [1] * 300)
    result = evaluate_visdrone([truth], [detections], NAMES)
    car, van = result.classes
    assert [car.ap, van.ap] == pytest.approx([200 / 300, 1])
    assert van.ar == pytest.approx({1: 1 / 300, 10: 10 / 300, 100: 100 / 300, 500: 1})
    assert car.ar == pytest.approx({1: 0, 10: 0, 100: 0, 500: 200 / 300})


def test_regions_remove_before_the_best_are_taken() -> None:
    truth = labelled([A], ignore=[[50, 50, 300, 300]])
    result = evaluate_visdrone([truth], [found([B, A], [0.9, 0.1])], NAMES)
    assert result.overall.ar[1] == 1.0


def test_of_equal_scores_the_earlier_goes_first() -> None:
    beside = [12, 10, 32, 30]  # IoU 0.82 with A
    first = evaluate_visdrone([labelled([A])], [found([A, beside], [0.5, 0.5])], NAMES)
    second = evaluate_visdrone([labelled([A])], [found([beside, A], [0.5, 0.5])], NAMES)
    assert first.overall.ap == 1.0
    assert second.overall.ap == pytest.approx((7 * 1 + 3 * 0.5) / 10)


def test_classes_and_sets_without_objects_are_nan() -> None:
    result = evaluate_visdrone([labelled([])], [found([A], [0.9])], NAMES)
    assert all(math.isnan(value) for value in figures(result).values())
    result = evaluate_visdrone([labelled([A])], [found([B], [0.9], [1])], NAMES)
    assert math.isnan(result.classes[1].ap)
    assert result.overall.ap == 0.0
    assert [len(curve.recall) for curve in result.curves] == [0, 0]


def test_curves_are_those_at_the_first_threshold() -> None:
    result = evaluate_visdrone([labelled([A, B])], [found([A, A, B], [0.9, 0.8, 0.7])], NAMES)
    curve = result.curves[0]
    assert curve.recall.tolist() == [0.5, 0.5, 1.0]
    assert curve.precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3])
    assert curve.ap == result.overall.ap50


def test_refuses_what_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match=r"^no image to evaluate on$"):
        evaluate_visdrone([], [], NAMES)
    with pytest.raises(ValueError, match=r"a detection of class 3; there are 3 classes$"):
        evaluate_visdrone([labelled([A])], [found([A], [0.9], [3])], NAMES)
