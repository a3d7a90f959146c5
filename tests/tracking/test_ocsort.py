"""OC-SORT's rules by hand-worked tables; each also holds for the slow reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from detector.detections import Detections
from tests.tracking.reference_ocsort import ReferenceOcSort
from tests.tracking.scenes import AsTracker, at, detections, ids_shown, run
from tracking.config import OcSortConfig
from tracking.ocsort import OcSort
from tracking.tracks import Tracker

Make: TypeAlias = Callable[..., Tracker]


@pytest.fixture(params=["ours", "reference"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "ours":
        return lambda **values: OcSort(OcSortConfig(**values))
    return lambda **values: AsTracker(ReferenceOcSort(**values))


HERE, THERE = at((100, 100, 40, 40)), at((300, 100, 40, 40))
BOTH, NONE = np.concatenate((HERE, THERE)), at()


def here(score: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return at((100, 100, 40, 40), score=score)


def test_the_first_frames_show_all_then_three_hits_are_asked(make: Make) -> None:
    frames = [HERE, HERE, HERE, BOTH, BOTH, BOTH, BOTH]
    assert ids_shown(make(), frames) == [[1], [1], [1], [1], [1], [1], [1, 2]]
    assert ids_shown(make(min_hits=1), frames)[3:5] == [[1], [1, 2]]


@pytest.mark.parametrize("max_age", [0, 1, 5, 30])
def test_max_age_frames_are_bridged_and_no_more(make: Make, max_age: int) -> None:
    for missed in (max_age, max_age + 1):
        frames = [HERE] * 4 + [NONE] * missed + [HERE] * 4
        shown = ids_shown(make(max_age=max_age), frames)[4 + missed :]
        if missed == 0:
            assert shown == [[1]] * 4
        elif missed <= max_age:
            assert shown == [[], [], [1], [1]]  # silent until three hits in a row
        else:
            assert shown == [[], [], [], [2]]  # birth is no hit


@pytest.mark.parametrize(
    ("score", "byte", "shown"),
    [
        (0.61, False, [1]),
        (0.6, False, []),  # exactly the threshold is neither strong nor weak
        (0.6, True, []),
        (0.59, False, []),
        (0.59, True, [1]),
        (0.11, True, [1]),
        (0.1, True, []),
    ],
)
def test_which_scores_continue_a_track(
    make: Make, score: float, byte: bool, shown: list[int]
) -> None:
    assert ids_shown(make(use_byte=byte), [HERE, HERE, here(score)])[-1] == shown


def test_a_weak_detection_starts_nothing(make: Make) -> None:
    assert ids_shown(make(use_byte=True), [here(0.5)] * 3) == [[]] * 3


def test_it_shows_what_was_seen_and_not_what_the_filter_says(make: Make) -> None:
    frames = [at((100 + 7.0 * step * step, 100, 40, 40)) for step in range(4)]
    for row, frame in zip(run(make(), frames), frames, strict=True):
        np.testing.assert_allclose(row[:, 1:5], frame[:, :4], atol=1e-4)


def test_the_last_place_is_tried_after_the_predicted_one(make: Make) -> None:
    """It moved by 20 px a frame and stops: the filter is far ahead, the last box is right here."""
    path = [at((100 + 20.0 * min(step, 5), 100, 40, 40)) for step in range(6)]
    frames = [*path, NONE, NONE, path[-1], path[-1], path[-1]]
    assert ids_shown(make(), frames)[-1] == [1]
    far = [at((x, 100, 40, 40)) for x in (230.0, 260, 290)]  # 30 px away: overlap 0.14
    assert ids_shown(make(), [*path, NONE, NONE, *far])[-1] == []


def test_the_direction_decides_between_equal_overlaps(make: Make) -> None:
    """Two boxes lie as far before the track as behind it; it goes on to the one before."""
    path = [at((100 + 4.0 * step, 100, 40, 40)) for step in range(6)]
    ahead, behind = at((124 + 12, 100, 40, 40)), at((124 - 12, 100, 40, 40))
    for inertia in (0.2, 1.0):
        rows = run(make(inertia=inertia), [*path, np.concatenate((behind, ahead))])
        assert rows[-1][rows[-1][:, 0] == 1][0, 1] == pytest.approx(136)


def test_boxes_far_to_the_left_are_taken_for_none(make: Make) -> None:
    """The reference tells 'never seen' by a negative sum: there it shows the filter's box."""
    for left, exact in ((-900.0, False), (900.0, True)):
        frames = [at((left + 5 * (step % 2), 100, 40, 40)) for step in range(5)]
        shown = run(make(), frames)[4][0, 1]
        assert (abs(shown - left) < 1e-4) == exact


def test_a_box_without_area_is_shown_as_nan_and_ends(make: Make) -> None:
    rows = run(make(), [np.concatenate((HERE, at((300, 100, 0, 40)))), HERE, HERE])
    assert np.isnan(rows[0]).any(axis=1).tolist() == [True, False]
    assert [r[:, 0].tolist() for r in rows[1:]] == [[1], [1]]


def test_areas_that_cancel_stop_the_search_at_last_places(make: Make) -> None:
    """One box of area 800 and one of -800 make an overlap of 0 / 0, and NaN is never enough."""
    turned = at((500, 500, 40, -20))
    path = [at((100 + 20.0 * min(step, 5), 100, 40, 20)) for step in range(6)]
    back = np.concatenate((path[-1], turned))
    assert ids_shown(make(), [*path, NONE, NONE, *[path[-1]] * 3])[-1] == [1]
    assert 1 not in ids_shown(make(), [*path, NONE, NONE, back, *[path[-1]] * 2])[-1]


def test_without_a_time_span_the_last_box_gives_the_direction(make: Make) -> None:
    frames = [at((100 + 4.0 * step, 100 + 9.0 * (step % 2), 40, 40)) for step in range(8)]
    assert ids_shown(make(delta_t=0), frames)[-1] == [1]


def test_tracks_name_the_row_that_fed_them() -> None:
    tracker = OcSort(OcSortConfig(use_byte=True))
    tracker.update(detections(BOTH))
    frame = np.concatenate((at((500, 100, 40, 40), score=0.8), THERE, here(0.4)))
    tracks = tracker.update(detections(frame, np.array([7, 1, 2])))
    assert tracks.ids.tolist() == [3, 2, 1]
    assert tracks.detection.tolist() == [0, 1, 2]
    assert tracks.scores.tolist() == [0.8, 0.9, 0.4]


def test_float32_detections_are_taken() -> None:
    single = Detections(
        HERE[:, :4].astype(np.float32), np.ones(1, np.float32), np.zeros(1, np.int64)
    )
    tracks = OcSort(OcSortConfig()).update(single)
    assert tracks.boxes.dtype == np.float64
