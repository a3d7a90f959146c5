from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.frame import Frame
from pipeline.sinks.timeline import Timeline

TICK = Fraction(1, 1000)
RATE = Fraction(25)
IMAGE = np.zeros((2, 2, 3), np.uint8)


def ticks(times: list[int], time_base: Fraction = TICK) -> list[int]:
    frames = [Frame(IMAGE, "made-up", i, pts, time_base) for i, pts in enumerate(times)]
    timeline = Timeline(frames[0], RATE)
    return [timeline.ticks(frame) for frame in frames]


def test_spaces_are_kept_and_the_first_frame_is_zero() -> None:
    assert ticks([5000, 5040, 5041, 9000]) == [0, 40, 41, 4000]
    assert ticks([-80, -40, 0]) == [0, 40, 80]


def test_equal_or_early_times_follow_by_one_tick_and_later_ones_stay_right() -> None:
    assert ticks([0, 40, 40, 39, 80]) == [0, 40, 41, 42, 80]


def test_clock_that_starts_again_goes_on() -> None:
    assert ticks([50_000, 50_040, 0, 40, 80]) == [0, 40, 80, 120, 160]


def test_frames_in_another_time_base() -> None:
    first = Frame(IMAGE, "made-up", 0, 0, TICK)
    timeline = Timeline(first, RATE)
    assert timeline.ticks(first) == 0
    assert timeline.ticks(Frame(IMAGE, "made-up", 1, 9000, Fraction(1, 90_000))) == 100


def test_clock_that_jumps_far_ahead_goes_on() -> None:
    assert ticks([0, 40, 1_800_000, 10_000_000, 10_000_040]) == [
        0,
        40,
        1_800_000,
        1_800_040,
        1_800_080,
    ]


def test_times_finer_than_a_microsecond_are_rounded() -> None:
    assert ticks([0, 33_333_333, 66_666_667], Fraction(1, 10**9)) == [0, 33_333, 66_667]


@given(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=30))
def test_always_rising(times: list[int]) -> None:
    found = ticks(times)
    assert found[0] == 0
    assert all(a < b for a, b in pairwise(found))
