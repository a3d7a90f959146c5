"""Times pass unchanged where they grow, and always grow."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

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


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1, unique=True).map(sorted))
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


def test_a_small_step_back_moves_one_frame() -> None:
    clock = Clock(0, MILLISECOND, Fraction(25))
    assert [clock.stamp(pts) for pts in (0, 40, 40, 30, 120)] == [0, 40, 41, 42, 120]
    assert clock.repaired == 2
