from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.live_clock import TIME_BASE, LiveClock

Steps: TypeAlias = list[tuple[float | None, float]]


def times(steps: Steps) -> list[float]:
    clock = LiveClock()
    return [float(clock.stamp(pts, at) * TIME_BASE) for pts, at in steps]


TABLE: dict[str, tuple[Steps, list[float]]] = {
    "its own times": ([(5.0, 0.0), (5.1, 0.3), (5.2, 0.31)], [0, 0.1, 0.2]),
    "a burst": ([(0.0, 0.0), (0.5, 0.0), (1.0, 0.0)], [0, 0.5, 1.0]),
    "no times": ([(None, 3.0), (None, 3.2), (None, 3.5)], [0, 0.2, 0.5]),
    "the first has none": ([(None, 3.0), (0.0, 3.1), (0.2, 3.2)], [0, 0.1, 0.3]),
    "start again": ([(100.0, 0.0), (100.1, 0.1), (0.0, 0.2), (0.1, 0.3)], [0, 0.1, 0.2, 0.3]),
    "a wrap": ([(95443.7, 0.0), (0.0, 0.1), (0.1, 0.2)], [0, 0.1, 0.2]),
    "a jump ahead": ([(0.0, 0.0), (3600.0, 0.1), (3600.1, 0.2)], [0, 0.1, 0.2]),
    "a true gap": ([(0.0, 0.0), (9.0, 9.0)], [0, 9.0]),
}


@pytest.mark.parametrize("case", TABLE)
def test_times_follow_the_stream_or_else_the_arrivals(case: str) -> None:
    steps, expected = TABLE[case]
    assert times(steps) == pytest.approx(expected, abs=1e-4)


def test_a_cut_takes_as_long_as_it_took() -> None:
    clock = LiveClock()
    clock.stamp(7.0, 10.0)
    clock.stamp(7.1, 10.1)
    clock.cut()
    assert clock.stamp(7.2, 15.1) * TIME_BASE == pytest.approx(5.1, abs=1e-4)
    assert clock.stamp(7.3, 15.2) * TIME_BASE == pytest.approx(5.2, abs=1e-4)


def test_what_a_connection_gave_at_once_does_not_add_up() -> None:
    """Each connection gives the last 0.3 s at once; a camera's time goes on as the world's."""
    clock = LiveClock()
    ticks = [0]
    for number in range(60):
        if number:
            clock.cut()
        connected_s = 2.0 * number + 0.3
        for frame in range(40):
            pts_s = frame * 0.04
            ticks.append(clock.stamp(pts_s, max(connected_s, 2.0 * number + pts_s)))
    assert all(before < after for before, after in pairwise(ticks[1:]))
    assert ticks[-1] * TIME_BASE == pytest.approx(2.0 * 59 + 39 * 0.04, abs=1e-3)


@given(
    st.lists(
        st.tuples(st.none() | st.floats(-1e6, 1e6), st.floats(0, 100), st.booleans()), max_size=30
    )
)
def test_times_grow_whatever_comes(steps: list[tuple[float | None, float, bool]]) -> None:
    clock = LiveClock()
    arrived_s = 0.0
    ticks = []
    for pts, waited_s, cut in steps:
        arrived_s += waited_s
        if cut:
            clock.cut()
        ticks.append(clock.stamp(pts, arrived_s))
    assert all(before < after for before, after in pairwise(ticks))
