"""SORT's rules by hand-worked tables; each also holds for the slow reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from detector.detections import Detections
from tests.tracking.reference import Array, ReferenceSort
from tests.tracking.scenes import AsTracker, at, detections, ids_shown, run
from tracking.config import SortConfig
from tracking.sort import Sort
from tracking.tracks import Tracker

Make: TypeAlias = Callable[..., Tracker]


@pytest.fixture(params=["ours", "reference"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "ours":
        return lambda **values: Sort(SortConfig(**values))
    return lambda **values: AsTracker(ReferenceSort(**values))


HERE, THERE = at((100, 100, 40, 40)), at((300, 100, 40, 40))
BOTH, NONE = np.concatenate((HERE, THERE)), at()


def test_the_first_frames_show_all_then_three_hits_are_asked(make: Make) -> None:
    frames = [HERE, HERE, HERE, BOTH, BOTH, BOTH, BOTH]
    assert ids_shown(make(), frames) == [[1], [1], [1], [1], [1], [1], [1, 2]]


def test_min_hits(make: Make) -> None:
    frames = [HERE, BOTH, BOTH, BOTH]
    assert ids_shown(make(min_hits=1), frames) == [[1], [1], [1, 2], [1, 2]]
    assert ids_shown(make(min_hits=0), frames) == [[1], [1, 2], [1, 2], [1, 2]]


@pytest.mark.parametrize("max_age", [0, 1, 2, 5])
def test_max_age_frames_are_bridged_and_no_more(make: Make, max_age: int) -> None:
    for missed in (max_age, max_age + 1):
        frames = [HERE] * 6 + [NONE] * missed + [HERE] * 4
        shown = ids_shown(make(max_age=max_age), frames)
        assert shown[:6] == [[1]] * 6
        assert shown[6 : 6 + missed] == [[]] * missed
        after = shown[6 + missed :]
        if missed == 0:
            assert after == [[1]] * 4
        elif missed <= max_age:
            assert after == [[], [], [1], [1]]  # silent until three hits in a row
        else:
            assert after == [[], [], [], [2]]  # birth is no hit


def test_every_second_frame_is_never_shown_after_the_third(make: Make) -> None:
    assert ids_shown(make(), [HERE, NONE] * 6) == [[1], [], [1], *[[]] * 9]


def test_ids_are_spent_at_birth_in_detection_order(make: Make) -> None:
    noise = [at((700, 10.0 + 60 * i, 20, 20)) for i in range(3)]
    frames = [HERE] * 3 + [np.concatenate((HERE, box)) for box in noise]
    frames += [np.concatenate((THERE, at((500, 100, 40, 40)), HERE))] * 4
    rows = run(make(), frames)
    assert [sorted(r[:, 0]) for r in rows[:6]] == [[1]] * 6
    named = {row[0]: row[1] for row in rows[-1]}
    assert named == pytest.approx({1: 100, 5: 300, 6: 500})


def test_newest_first(make: Make) -> None:
    assert run(make(), [BOTH])[0][:, 0].tolist() == [2, 1]


# 13 x 1 boxes shifted by 7: 6 shared of 20, which is 0.3 to the last bit; in whole numbers
# the filter's box is exact.
_BOX, _SHIFTED = at((0, 50, 13, 1)), at((7, 50, 13, 1))
_PLAIN = at((200, 50, 13, 1))


def test_an_overlap_of_exactly_the_threshold_alone_is_kept(make: Make) -> None:
    """Nothing is above it, so the assignment decides, and it refuses only what is below."""
    assert ids_shown(make(), [_BOX, _SHIFTED]) == [[1], [1]]


def test_an_overlap_of_exactly_the_threshold_beside_a_better_is_refused(make: Make) -> None:
    """What is above it is one to one, and is taken as it is."""
    frames = [np.concatenate((_BOX, _PLAIN)), np.concatenate((_SHIFTED, _PLAIN))]
    assert ids_shown(make(), frames) == [[1, 2], [2, 3]]


def test_just_below_the_threshold_is_refused(make: Make) -> None:
    assert ids_shown(make(), [_BOX, at((7.0001, 50, 13, 1))]) == [[1], [2]]


def test_any_score_will_do(make: Make) -> None:
    frames = [at((100, 100, 40, 40), score=score) for score in (0.0, -3.0, 0.01)]
    assert ids_shown(make(), frames) == [[1], [1], [1]]


@pytest.mark.parametrize("size", [(0, 40), (40, 0), (0, 0)])
def test_a_box_without_area_is_shown_as_nan_and_ends(make: Make, size: tuple[int, int]) -> None:
    flat = at((300, 100, *size))
    rows = run(make(), [np.concatenate((HERE, flat)), HERE, HERE])
    assert np.isnan(rows[0]).any(axis=1).tolist() == [True, False]
    assert [r[:, 0].tolist() for r in rows[1:]] == [[1], [1]]


def test_empty_frames_only(make: Make) -> None:
    assert ids_shown(make(), [NONE] * 3) == [[]] * 3


def test_tracks_name_the_row_that_fed_them() -> None:
    tracker = Sort(SortConfig())
    tracker.update(detections(BOTH))
    frame = np.concatenate((at((500, 100, 40, 40), score=0.2), THERE, HERE))
    frame[:, 4] = [0.2, 0.3, 0.4]
    tracks = tracker.update(detections(frame, np.array([7, 1, 2])))
    assert tracks.ids.tolist() == [3, 2, 1]
    assert tracks.detection.tolist() == [0, 1, 2]
    assert tracks.scores.tolist() == [0.2, 0.3, 0.4]
    assert tracks.classes.tolist() == [7, 0, 0]  # the first frame's 0 had a score of 0.9


def test_float32_detections_are_taken() -> None:
    boxes: Array = HERE[:, :4]
    single = Detections(boxes.astype(np.float32), np.ones(1, np.float32), np.zeros(1, np.int64))
    tracks = Sort(SortConfig()).update(single)
    assert tracks.boxes.dtype == np.float64
    np.testing.assert_allclose(tracks.boxes, boxes, atol=1e-9)
