"""The UAVDT toolkit's protocol: each rule by hand, and a literal reading as oracle."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings

from detector.data.annotations import LabelledImage
from detector.evaluation import uavdt
from detector.evaluation.uavdt import TEST_FRAMES, TEST_SEQUENCES, evaluate_uavdt
from tests.detector.evaluation import literal
from tests.detector.evaluation.scenes import Set, found, labelled, sets

NAMES = ("car", "truck", "bus")
A, B = [10, 10, 30, 30], [100, 100, 120, 120]


@settings(max_examples=200)
@given(sets())
def test_equals_the_literal_reading(scene: Set) -> None:
    expected = literal.uavdt(*scene)
    result = evaluate_uavdt(*scene, NAMES)
    assert result.ap == pytest.approx(math.nan if expected is None else expected, nan_ok=True)


def test_classes_are_merged() -> None:
    result = evaluate_uavdt([labelled([A, B], [0, 2])], [found([A, B], [0.9, 0.8], [1, 1])], NAMES)
    assert (result.ap, result.objects, result.detections) == (1.0, 2, 2)
    # So an object found as two classes is found once and a false alarm once.
    twice = found([A, A, B], [0.9, 0.8, 0.7], [0, 1, 2])
    assert evaluate_uavdt([labelled([A, B])], [twice], NAMES).ap == pytest.approx(5 / 6)


@pytest.mark.parametrize(("width", "ap"), [(14, 1.0), (13.99, 0.0)])
def test_an_iou_of_exactly_seven_tenths_is_a_hit(width: float, ap: float) -> None:
    truth = [labelled([[0, 0, 20, 20]])]
    assert evaluate_uavdt(truth, [found([[0, 0, width, 20]], [0.9])], NAMES).ap == ap


@pytest.mark.parametrize(
    ("box", "dropped"),
    [
        ([51, 51, 79, 79], True),
        ([50, 51, 79, 79], False),  # touches the left side
        ([51, 51, 79, 80], False),  # and the lower one
        ([51, 51, 90, 79], False),  # reaches over it
        ([45, 45, 85, 85], False),  # holds the rectangle
    ],
)
def test_only_detections_strictly_inside_a_rectangle_are_dropped(
    box: list[float], dropped: bool
) -> None:
    truth = labelled([A], ignore=[[50, 50, 80, 80], [200, 200, 300, 300]])
    result = evaluate_uavdt([truth], [found([box, A], [0.9, 0.5])], NAMES)
    assert result.detections == (1 if dropped else 2)
    assert result.ap == pytest.approx(1.0 if dropped else 0.5)


def test_two_rectangles_drop_only_what_one_of_them_holds() -> None:
    truth = labelled([A], ignore=[[50, 50, 65, 80], [60, 50, 80, 80]])
    assert evaluate_uavdt([truth], [found([[52, 52, 78, 78]], [0.9])], NAMES).detections == 1


def test_an_object_inside_a_rectangle_is_still_to_be_found() -> None:
    truth = labelled([A], ignore=[[0, 0, 99, 99]])
    result = evaluate_uavdt([truth], [found([A], [0.9])], NAMES)
    assert (result.objects, result.detections, result.ap) == (1, 0, 0.0)


def test_images_without_objects_or_detections() -> None:
    assert math.isnan(evaluate_uavdt([labelled([])], [found([A], [0.9])], NAMES).ap)
    truth, detections = [labelled([A]), labelled([])], [found([], []), found([B], [0.9])]
    result = evaluate_uavdt(truth, detections, NAMES)
    assert (result.images, result.objects, result.ap) == (2, 1, 0.0)


def frames(sequence: str, count: int) -> list[LabelledImage]:
    return [labelled([], sequence=sequence)] * count


def test_tells_the_official_split(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (len(set(TEST_SEQUENCES)), TEST_FRAMES) == (20, 16_592)
    monkeypatch.setattr(uavdt, "TEST_FRAMES", 60)
    first, *others = TEST_SEQUENCES
    images = [image for name in others for image in frames(name, 2)]
    images += frames(first, 60 - len(images))
    nothing = [found([], [])] * len(images)
    result = evaluate_uavdt(images, nothing, NAMES)
    assert (result.is_official_split, result.sequences) == (True, 20)
    assert not evaluate_uavdt(images[1:], nothing[1:], NAMES).is_official_split
    fewer = [image for image in images if image.sequence != first]
    fewer += frames(others[0], 60 - len(fewer))
    assert not evaluate_uavdt(fewer, nothing, NAMES).is_official_split
    images[0] = labelled([], sequence="M0101")
    assert not evaluate_uavdt(images, nothing, NAMES).is_official_split


def test_refuses_what_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match=r"^1 labelled images but 0 detections$"):
        evaluate_uavdt([labelled([A])], [], NAMES)
