"""Times pass unchanged where they grow, and always grow."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.clock import Clock

MILLISECOND = Fraction(1, 1000)
times = st.one_of(st.none(), st.integers(-(2**40), 2**40))


@given(st.lists(times, max_size=40), st.sampled_from([Fraction(25), Fraction(30000, 1001)]))
def test_times_always_grow(given_times: list[int | None], rate: Fraction) -> None:
    clock = Clock(given_times[0] if given_times else 0, MILLISECOND, rate)
    stamped = [clock.stamp(pts) for pts in given_times]
    assert all(before < after for before, after in pairwise(stamped))


@given(st.lists(st.integers(1, 1_799_000), min_size=1).map(lambda steps: [*accumulate(steps)]))
def test_growing_times_are_untouched(given_times: list[int]) -> None:
    clock = Clock(given_times[0], MILLISECOND, Fraction(30))
    assert [clock.stamp(pts) for pts in given_times] == given_times
    assert clock.repaired == 0


def test_a_file_without_times_is_timed_by_its_rate() -> None:
    clock = Clock(None, MILLISECOND, Fraction(30000, 1001))
    assert [clock.stamp(None) for _ in range(4)] == [0, 1, 2, 3]
    assert clock.time_base == Fraction(1001, 30000)
    assert clock.untimed
    assert clock.repaired == 0


def test_a_jump_back_moves_all_that_follows() -> None:
    clock = Clock(8000, MILLISECOND, Fraction(25))
    given_times = [8000, 8040, 8080, 0, 40, 80]
    assert [clock.stamp(pts) for pts in given_times] == [8000, 8040, 8080, 8120, 8160, 8200]
    assert clock.repaired == 1


def test_a_jump_back_from_which_times_grow_on_moves_all_that_follows() -> None:
    clock = Clock(1480, MILLISECOND, Fraction(25))
    given_times = [1480, 1520, 1560, 1480, 1520, 1560, 1600, 1640]
    stamped = [clock.stamp(pts) for pts in given_times]
    assert stamped == [1480, 1520, 1560, 1561, 1601, 1641, 1681, 1721]
    assert clock.repaired == 2


def test_a_leap_ahead_is_a_new_start_of_the_clock() -> None:
    clock = Clock(0, MILLISECOND, Fraction(25))
    given_times = [0, 40, 1_800_079, 3_600_078, 90_000_000, 90_000_040]
    stamped = [clock.stamp(pts) for pts in given_times]
    assert stamped == [0, 40, 80, 1_800_079, 1_800_119, 1_800_159]
    assert clock.repaired == 2


def test_a_slow_clip_does_not_leap() -> None:
    clock = Clock(0, MILLISECOND, Fraction(1, 3600))
    given_times = [3_600_000 * index for index in range(5)]
    assert [clock.stamp(pts) for pts in given_times] == given_times


def test_a_place_of_an_earlier_run_is_no_leap() -> None:
    clock = Clock(0, MILLISECOND, Fraction(25))
    clock.stamp(0)
    clock.skip_to(9_000_000)
    assert [clock.stamp(pts) for pts in (9_000_000, 9_000_040)] == [9_000_000, 9_000_040]
    assert clock.repaired == 0


def test_a_small_step_back_moves_one_frame() -> None:
    clock = Clock(0, MILLISECOND, Fraction(25))
    assert [clock.stamp(pts) for pts in (0, 40, 40, 30, 120)] == [0, 40, 41, 42, 120]
    assert clock.repaired == 2
