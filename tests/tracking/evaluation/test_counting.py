"""Figures by hand: boxes of 30 x 10 px; shifted by 10 px two have an IoU of exactly 0.5."""

from __future__ import annotations

import math

import pytest

from tests.tracking.evaluation.moving import rows
from tracking.evaluation.counting import Figures, add_up, count, figures, mean
from tracking.evaluation.rows import TrackRows

NAN = float("nan")


def compare(true: TrackRows, found: TrackRows) -> Figures:
    return figures(count(true, found))


def check(result: Figures, **expected: float) -> None:
    found = {name: getattr(result, name) for name in expected}
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_perfect_result() -> None:
    true = rows((1, 4, 0), (1, 9, 100), (2, 4, 5))
    result = compare(true, rows((1, 70, 0), (1, 3, 100), (2, 70, 5)))
    check(result, HOTA=1, DetA=1, AssA=1, LocA=1, MOTA=1, MOTP=1, IDF1=1, IDP=1, IDR=1)
    check(result, TP=3, FP=0, FN=0, IDSW=0, Frag=0, MT=2, PT=0, ML=0, gt_tracks=2, tracks=2)


def test_a_switch() -> None:
    true = rows((1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0))
    result = compare(true, rows((1, 1, 0), (2, 1, 0), (3, 2, 0), (4, 2, 0)))
    check(result, TP=4, FP=0, FN=0, IDSW=1, Frag=0, MT=1, MOTA=0.75)
    check(result, IDF1=0.5, IDP=0.5, IDR=0.5)  # one of the two ids counts, 2 of 4 frames
    check(result, DetA=1, AssA=0.5, HOTA=math.sqrt(0.5))  # ids agree in 2 of 4 frames


def test_a_miss_breaks_a_track() -> None:
    true = rows(*((frame, at, 100 * at) for frame in (1, 2, 3) for at in (1, 2)))
    found = rows((1, 1, 100), (1, 2, 200), (2, 2, 200), (3, 1, 100), (3, 2, 200))
    result = compare(true, found)
    check(result, TP=5, FN=1, FP=0, IDSW=0, Frag=1, MOTA=5 / 6)
    check(result, IDP=1, IDR=5 / 6, IDF1=10 / 11)
    check(result, DetA=5 / 6, AssA=(3 * 1 + 2 * 2 / 3) / 5)


def test_frames_without_truth_and_without_tracks() -> None:
    result = compare(rows((1, 1, 0), (5, 1, 0)), rows((1, 1, 0), (3, 1, 0)))
    check(result, TP=1, FP=1, FN=1, MOTA=0, IDF1=0.5, DetA=1 / 3, AssA=1 / 3, HOTA=1 / 3)


def test_exactly_at_the_threshold() -> None:
    at = compare(rows((1, 1, 0)), rows((1, 1, 10)))
    # 10 of HOTA's 19 thresholds, 0.05 to 0.95, are 0.5 or less.
    check(at, TP=1, FP=0, FN=0, MOTP=0.5, IDF1=1, MOTA=1, DetA=10 / 19)
    below = compare(rows((1, 1, 0)), rows((1, 1, 10.001)))
    check(below, TP=0, FP=1, FN=1, MOTP=NAN, IDF1=0, MOTA=-1, DetA=9 / 19)


@pytest.mark.parametrize(
    ("frames", "kind"), [(9, "MT"), (8, "PT"), (2, "PT"), (1, "ML"), (0, "ML")]
)
def test_mostly_tracked_and_mostly_lost(frames: int, kind: str) -> None:
    # The second object, always found, makes every frame one that has tracks.
    true = rows(*((frame, at, 100 * at) for frame in range(1, 11) for at in (1, 2)))
    result = compare(true, true[(true.ids == 2) | (true.frames <= frames)])
    expected = {"MT": 1, "PT": 0, "ML": 0}
    expected[kind] += 1
    check(result, **expected)


def test_nothing_found() -> None:
    result = compare(rows((1, 1, 0), (2, 1, 0)), rows())
    check(result, TP=0, FN=2, FP=0, ML=1, gt_tracks=1, tracks=0)
    check(result, HOTA=0, MOTA=0, IDF1=0, IDR=0, IDP=NAN, MOTP=NAN, LocA=NAN)


def test_nothing_to_find() -> None:
    result = compare(rows(), rows((1, 1, 0), (2, 1, 0)))
    check(result, TP=0, FN=0, FP=2, ML=0, gt_tracks=0, tracks=1)
    check(result, HOTA=0, IDF1=0, IDP=0, MOTA=NAN, IDR=NAN)


def test_nothing_at_all() -> None:
    result = compare(rows(), rows())
    check(result, TP=0, FP=0, FN=0, IDSW=0, Frag=0, MT=0, PT=0, ML=0, gt_tracks=0, tracks=0)
    check(result, HOTA=NAN, DetA=NAN, AssA=NAN, LocA=NAN, MOTA=NAN, MOTP=NAN, IDF1=NAN)


def test_counts_are_added_and_divided_once() -> None:
    one = count(rows((1, 1, 0)), rows((1, 1, 0)))
    many = count(rows(*((frame, 1, 0) for frame in range(1, 10))), rows())
    result = figures(add_up({"one": one, "many": many}))
    # The mean of the two would be 0.5.
    check(result, TP=1, FN=9, gt_tracks=2, ML=1, MOTA=0.1, IDF1=2 / 11, DetA=0.1)


def test_mean_of_the_shares_that_there_are() -> None:
    found = compare(rows((1, 1, 0)), rows((1, 1, 0)))
    missed = compare(rows((1, 1, 0)), rows())
    absent = compare(rows(), rows())
    check(mean([found, missed, absent]), HOTA=0.5, MOTA=0.5, MOTP=1, FN=1, TP=1)
    check(mean([absent, absent]), HOTA=NAN, TP=0)
