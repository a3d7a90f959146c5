"""BoT-SORT's rules where they differ from ByteTrack's; each also holds for the slow reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from tests.tracking.reference_botsort import ReferenceBotSort
from tests.tracking.scenes import AsTracker, at, ids_shown, run
from tracking.botsort import BotSort
from tracking.config import BotSortConfig
from tracking.tracks import Motion, Tracker

Make: TypeAlias = Callable[..., Tracker]


@pytest.fixture(params=["ours", "reference"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "ours":
        return lambda **values: BotSort(BotSortConfig(**values))
    return lambda **values: AsTracker(ReferenceBotSort(**values))


HERE, THERE = at((128, 128, 64, 64)), at((512, 128, 64, 64))
BOTH, NONE = np.concatenate((HERE, THERE)), at()


def here(score: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return at((128, 128, 64, 64), score=score)


def test_a_track_is_shown_from_its_first_frame(make: Make) -> None:
    assert ids_shown(make(), [HERE, BOTH, HERE, BOTH]) == [[1], [1, 2], [1], [1, 3]]


@pytest.mark.parametrize(
    ("score", "shown"), [(0.7, [1]), (np.nextafter(0.7, 0), []), (0.65, []), (0.6, [])]
)
def test_new_track_thresh(make: Make, score: float, shown: list[int]) -> None:
    assert ids_shown(make(), [here(score)]) == [shown]
    assert ids_shown(make(new_track_thresh=0.65), [here(0.65)]) == [[1]]


@pytest.mark.parametrize(
    ("score", "shown"),
    [(0.61, [1]), (0.6, []), (0.59, [1]), (0.11, [1]), (0.1, []), (0.05, [])],
)
def test_which_scores_continue_a_track(make: Make, score: float, shown: list[int]) -> None:
    assert ids_shown(make(), [HERE, HERE, here(score)])[-1] == shown


def test_a_low_threshold_above_the_high_one_holds_for_all(make: Make) -> None:
    values = {"track_high_thresh": 0.5, "track_low_thresh": 0.8, "new_track_thresh": 0.6}
    for score, shown in ((0.81, [1]), (0.8, []), (0.6, [])):
        assert ids_shown(make(**values), [here(score)]) == [shown]


def test_match_thresh(make: Make) -> None:
    """IoU 33 / 97 = 0.34, so the cost is 0.66 at a score of 1 and 0.73 at 0.8."""
    for score, limit, shown in ((1.0, 0.67, [1]), (1.0, 0.65, [2]), (0.8, 0.67, [2])):
        frames = [HERE, at((128 + 32, 128, 64, 64), score=score)]
        assert ids_shown(make(match_thresh=limit), frames)[-1] == shown


def test_one_frame_more_than_the_buffer_is_bridged(make: Make) -> None:
    for missed, expected in ((5, [1]), (6, [2])):
        frames = [HERE] * 3 + [NONE] * missed + [HERE]
        assert ids_shown(make(track_buffer=8, frame_rate=15), frames)[-1] == expected


def _motion(*values: float) -> Motion:
    return Motion(np.array(values).reshape(2, 3))


def test_tracks_follow_the_camera(make: Make) -> None:
    """The view jumps by two widths: known, it changes nothing; unknown, all is new."""
    jump, still = _motion(1, 0, 128, 0, 1, -20), Motion.identity()
    frames = [HERE] * 3 + [at((256, 108, 64, 64))] * 2
    rows = run(make(), frames, [still, still, still, jump, still])
    assert [r[:, 0].tolist() for r in rows] == [[1]] * 5
    assert ids_shown(make(), frames)[-1] == [2]


def test_unconfirmed_and_lost_tracks_follow_too(make: Make) -> None:
    jump, still = _motion(1, 0, 128, 0, 1, 0), Motion.identity()
    new = [NONE, THERE, at((640, 128, 64, 64))]
    assert run(make(), new, [still, still, jump])[-1][:, 0].tolist() == [1]
    lost = [HERE, HERE, NONE, NONE, at((256, 128, 64, 64))]
    assert run(make(), lost, [still, still, still, jump, still])[-1][:, 0].tolist() == [1]


def test_a_turn_turns_width_and_height_like_a_point(make: Make) -> None:
    """By 90 degrees a box of 80 x 40 becomes one of -40 x 80; nothing fits that."""
    turn = _motion(0, -1, 400, 1, 0, 0)
    wide, tall = at((100, 100, 80, 40)), at((400 - 140, 100, 40, 80))
    rows = run(make(), [wide, wide, tall], [Motion.identity(), Motion.identity(), turn])
    assert rows[-1][:, 0].tolist() == [2]


def test_without_motion_it_stands_still() -> None:
    frames = [BOTH] * 4
    still = run(BotSort(BotSortConfig()), frames, [Motion.identity()] * 4)
    for ours, expected in zip(run(BotSort(BotSortConfig()), frames), still, strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_boxes_without_area_do_no_harm_to_others() -> None:
    """The reference fails at them."""
    flat = at((128, 300, 0, 0), (300, 300, 0, 40), (500, 500, 40, 0))
    rows = run(BotSort(BotSortConfig()), [np.concatenate((HERE, flat))] * 5)[-1]
    np.testing.assert_allclose(rows[rows[:, 0] == 1][:, 1:5], HERE[:, :4])
