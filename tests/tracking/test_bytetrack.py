"""ByteTrack's rules by hand-worked tables; each also holds for the slow reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from detector.detections import Detections
from tests.tracking.reference import ReferenceByteTrack
from tests.tracking.scenes import AsTracker, at, detections, ids_shown, run
from tracking.bytetrack import ByteTrack
from tracking.config import ByteTrackConfig
from tracking.tracks import Tracker

Make: TypeAlias = Callable[..., Tracker]


@pytest.fixture(params=["ours", "reference"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "ours":
        return lambda **values: ByteTrack(ByteTrackConfig(**values))
    return lambda **values: AsTracker(ReferenceByteTrack(**values))


# 64 x 64 keeps width / height and back exact.
HERE, THERE = at((128, 128, 64, 64)), at((512, 128, 64, 64))
BOTH, NONE = np.concatenate((HERE, THERE)), at()


def here(score: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return at((128, 128, 64, 64), score=score)


def test_shown_at_once_in_the_first_frame_later_from_the_second(make: Make) -> None:
    assert ids_shown(make(), [HERE, BOTH, BOTH]) == [[1], [1], [1, 2]]


def test_a_first_frame_without_objects_still_counts(make: Make) -> None:
    assert ids_shown(make(), [NONE, HERE, HERE]) == [[], [], [1]]


@pytest.mark.parametrize(
    ("score", "shown"), [(0.7, [1]), (np.nextafter(0.7, 0), []), (0.65, []), (0.6, [])]
)
def test_births_need_a_tenth_more_than_the_threshold(
    make: Make, score: float, shown: list[int]
) -> None:
    assert ids_shown(make(), [here(score)]) == [shown]


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (0.61, [1]),
        (0.6, []),  # exactly the threshold is neither strong nor weak
        (np.nextafter(0.6, 0), [1]),
        (0.11, [1]),
        (0.1, []),
        (0.05, []),
    ],
)
def test_which_scores_continue_a_track(make: Make, score: float, shown: list[int]) -> None:
    assert ids_shown(make(), [HERE, HERE, here(score)]) == [[1], [1], shown]


@pytest.mark.parametrize(
    ("second", "shown"), [(0.9, [1, 2]), (0.5, [1]), (0.6, [1]), (0.61, [1, 2])]
)
def test_a_new_track_is_confirmed_by_a_strong_detection_only(
    make: Make, second: float, shown: list[int]
) -> None:
    weak = np.concatenate((HERE, at((512, 128, 64, 64), score=second)))
    assert ids_shown(make(), [HERE, BOTH, weak])[-1] == shown


def test_an_unconfirmed_track_dies_when_missed_and_its_id_is_spent(make: Make) -> None:
    assert ids_shown(make(), [HERE, BOTH, HERE, BOTH, BOTH])[2:] == [[1], [1], [1, 3]]


def test_an_unconfirmed_track_waits_where_it_began(make: Make) -> None:
    """The limit is IoU * score > 0.3 for it; one confirmed needs 0.1 only."""
    frames = [HERE, BOTH, np.concatenate((HERE, at((512 + 36, 128, 64, 64))))]
    assert ids_shown(make(), frames)[-1] == [1]  # 29 of 101 columns, by 0.9: 0.26
    assert ids_shown(make(), [BOTH, *frames[1:]])[-1] == [1, 2]


@pytest.mark.parametrize(("buffer", "rate"), [(5, 30), (10, 15), (0, 30), (5, 35)])
def test_one_frame_more_than_the_buffer_is_bridged(make: Make, buffer: int, rate: int) -> None:
    # In the frame of its first miss a track is not looked at yet: two is the least.
    longest = max(int(rate / 30 * buffer) + 1, 2)
    for missed in (longest, longest + 1):
        frames = [HERE] * 3 + [NONE] * missed + [HERE] * 2
        shown = ids_shown(make(track_buffer=buffer, frame_rate=rate), frames)
        assert shown[3 : 3 + missed] == [[]] * missed
        # A track found again is shown at once; a new one from its second frame.
        assert shown[3 + missed :] == ([[1], [1]] if missed == longest else [[], [2]])


def test_the_default_buffer(make: Make) -> None:
    for missed, expected in ((31, [1]), (32, [])):
        frames = [HERE] * 3 + [NONE] * missed + [HERE]
        assert ids_shown(make(), frames)[-1] == expected


def test_a_track_that_expired_once_is_dropped_at_its_next_miss(make: Make) -> None:
    frames = [HERE] * 3 + [NONE] * 4 + [HERE] * 3 + [NONE] + [HERE] * 2
    assert ids_shown(make(track_buffer=3), frames)[7:] == [[1], [1], [1], [], [], [2]]
    # A bridge of one frame less does not expire.
    frames = [HERE] * 3 + [NONE] * 3 + [HERE] * 3 + [NONE] + [HERE] * 2
    assert ids_shown(make(track_buffer=3), frames)[6:] == [[1], [1], [1], [], [1], [1]]


def test_a_lost_track_is_not_found_by_a_weak_detection(make: Make) -> None:
    frames = [HERE, HERE, NONE, here(0.5), HERE]
    assert ids_shown(make(), frames) == [[1], [1], [], [], [1]]


def test_weak_detections_must_overlap_by_half(make: Make) -> None:
    # Whole pixels: 65 columns; shifted by 21: 44 / 86, by 22: 43 / 87.
    for shift, expected in ((21, [1]), (22, [])):
        frames = [HERE, at((128 + shift, 128, 64, 64), score=0.5)]
        assert ids_shown(make(), frames)[-1] == expected


def test_the_score_counts_in_the_first_association(make: Make) -> None:
    # IoU 13 / 117 = 0.111; by 0.95: 0.106, by 0.89: 0.099; the limit is 0.1.
    for score, fuse, expected in ((0.95, True, [1]), (0.89, True, []), (0.89, False, [1])):
        frames = [HERE, at((128 + 52, 128, 64, 64), score=score)]
        assert ids_shown(make(fuse_score=fuse), frames)[-1] == expected


def test_match_thresh(make: Make) -> None:
    frames = [HERE, at((128 + 32, 128, 64, 64), score=1.0)]  # IoU 33 / 97 = 0.34
    assert ids_shown(make(match_thresh=0.7), frames)[-1] == [1]
    assert ids_shown(make(match_thresh=0.6), frames)[-1] == []


def test_touching_boxes_overlap(make: Make) -> None:
    """A tiny box can step by its own width: it shares a column of pixels with where it was."""
    frames = [at((100, 100, 4, 4)), at((104, 100, 4, 4), score=1.0)]
    assert ids_shown(make(), frames)[-1] == [1]  # 5 / 45 = 0.11


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (2, [[2], [2], [2]]),  # the lost one was seen for less long: it goes
        (20, [[2], [2], [2]]),  # 19 frames between first and last, against 20
        (21, [[2], [], [1]]),  # as long: the tracked one goes, and the lost one is found again
        (40, [[2], [], [1]]),
    ],
)
def test_of_two_tracks_in_one_place_the_longer_fed_stays(
    make: Make, seen: int, shown: list[list[int]]
) -> None:
    """One is lost; the other moves to its place, and is as good as there at 4 px (0.88)."""
    path = [at((128, 128.0 + below, 64, 64)) for below in range(84, -4, -4)]
    frames = [HERE] * (seen - 1) + [np.concatenate((HERE, path[0]))] + path[1:]
    assert ids_shown(make(track_buffer=60), frames)[-3:] == shown


def test_a_box_without_height_is_shown_as_nan_and_never_again(make: Make) -> None:
    rows = run(make(track_buffer=1), [np.concatenate((HERE, at((512, 128, 64, 0)))), *[BOTH] * 4])
    assert np.isnan(rows[0]).any(axis=1).tolist() == [False, True]
    assert [r[:, 0].tolist() for r in rows[1:]] == [[1], [1, 3], [1, 3], [1, 3]]


def test_empty_frames_only(make: Make) -> None:
    assert ids_shown(make(), [NONE] * 3) == [[]] * 3


def test_tracks_name_the_row_that_fed_them() -> None:
    tracker = ByteTrack(ByteTrackConfig())
    tracker.update(detections(BOTH, np.array([4, 0])))
    frame = np.concatenate((at((700, 100, 40, 40), score=0.2), THERE, here(0.4)))
    tracks = tracker.update(detections(frame, np.array([7, 1, 2])))
    assert tracks.ids.tolist() == [1, 2]
    assert tracks.detection.tolist() == [2, 1]
    assert tracks.scores.tolist() == [0.4, 0.9]
    assert tracks.classes.tolist() == [4, 0]
    tracks = tracker.update(detections(BOTH, np.array([2, 1])))
    assert tracks.classes.tolist() == [2, 1]


def test_float32_detections_are_taken() -> None:
    single = Detections(
        HERE[:, :4].astype(np.float32), np.full(1, 0.75, np.float32), np.zeros(1, np.int64)
    )
    tracks = ByteTrack(ByteTrackConfig()).update(single)
    assert tracks.boxes.dtype == tracks.scores.dtype == np.float64
    np.testing.assert_allclose(tracks.boxes, HERE[:, :4], atol=1e-9)
