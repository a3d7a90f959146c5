from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Detections
from tracking.tracklets import MAX_CLASSES, Tracklets

ONE = np.array([0])


def _seen(class_id: int, score: float) -> Detections:
    return Detections(np.zeros((1, 4)), np.array([score]), np.array([class_id], np.int64))


def _fed(feeds: list[tuple[int, float]]) -> Tracklets:
    tracklets = Tracklets()
    for frame, (class_id, score) in enumerate(feeds, start=1):
        if frame == 1:
            tracklets.append(frame, _seen(class_id, score), ONE)
        else:
            tracklets.update(ONE, frame, _seen(class_id, score), ONE)
    return tracklets


@pytest.mark.parametrize(
    ("feeds", "expected"),
    [
        ([(2, 0.9)], 2),
        ([(2, 0.9), (5, 0.5)], 2),
        ([(2, 0.9), (5, 0.5), (5, 0.5)], 5),  # 0.9 against 1.0
        ([(1, 0.4), (0, 0.9), (1, 0.4)], 0),  # scores weigh, not numbers
        ([(3, 0.5), (1, 0.5)], 1),  # a tie goes to the lower id
        ([(3, -2.0)], 3),  # a score below zero is still a vote
        ([(3, 0.0), (3, 0.0), (1, 0.1)], 1),
    ],
)
def test_class_vote(feeds: list[tuple[int, float]], expected: int) -> None:
    tracks = _fed(feeds).tracks(ONE, np.zeros((1, 4)))
    assert tracks.classes.tolist() == [expected]
    assert tracks.scores.tolist() == [feeds[-1][1]]


def test_votes_move_with_their_track() -> None:
    tracklets = Tracklets()
    three = Detections(np.zeros((3, 4)), np.array([0.9, 0.8, 0.7]), np.array([4, 0, 2]))
    tracklets.append(1, three, np.array([0, 2]))
    tracklets.keep(np.array([1, 0]))
    tracklets.append(2, three, np.array([1]))
    tracks = tracklets.tracks(np.arange(3), np.zeros((3, 4)))
    assert tracks.ids.tolist() == [2, 1, 3]
    assert tracks.classes.tolist() == [2, 4, 0]
    assert tracks.detection.tolist() == [2, 0, 1]


def test_ids_are_never_used_again() -> None:
    tracklets = Tracklets()
    for frame in range(1, 5):
        tracklets.append(frame, _seen(0, 0.5), ONE)
        assert tracklets.life["id"].tolist() == [frame]
        tracklets.keep(np.zeros(0, np.intp))


def test_hits_in_a_row() -> None:
    tracklets = _fed([(0, 0.5)] * 4)
    assert tracklets.life["hits_in_a_row"].tolist() == [3]
    tracklets.update(ONE, 6, _seen(0, 0.5), ONE)
    assert tracklets.life["hits_in_a_row"].tolist() == [1]


@pytest.mark.parametrize("class_id", [-1, MAX_CLASSES])
def test_a_class_id_out_of_range_is_refused(class_id: int) -> None:
    with pytest.raises(ValueError, match=f"class id {class_id}: "):
        Tracklets().append(1, _seen(class_id, 0.5), ONE)


def test_shown_tracks_do_not_change_later() -> None:
    tracklets = _fed([(0, 0.5)])
    shown = tracklets.tracks(ONE, np.zeros((1, 4)))
    tracklets.update(ONE, 2, _seen(1, 0.9), ONE)
    assert (shown.scores[0], shown.classes[0]) == (0.5, 0)
