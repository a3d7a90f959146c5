"""Which steps between frames are gaps."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.gaps import Gaps

MILLISECOND = Fraction(1, 1000)


def line(times: list[int], *, damaged: bool = False) -> str | None:
    gaps = Gaps(MILLISECOND, 33)
    for pts in times:
        gaps.add(pts)
    return gaps.line(damaged=damaged)


STEADY = [round(index * 1000 / 30) for index in range(200)]
VARIED = list(accumulate([33, 100, 33, 66, 400, 33, 90] * 10))

CASES = {
    "steady": (STEADY, False, None),
    "one": (STEADY[:80] + STEADY[81:], False, "missing: 1 frame in 1 place, first after 2.633 s"),
    "two places": (
        STEADY[:9] + STEADY[12:100] + STEADY[190:],
        False,
        "missing: 93 frames in 2 places, first after 0.267 s",
    ),
    "varied": (VARIED, False, None),
    "varied and damaged": (
        VARIED,
        True,
        "missing: about 150 frames in 30 places, first after 0.033",
    ),
    "too few": ([0, 33, 66, 200], False, None),
    "few, damaged": ([0, 33, 66, 200], True, "missing: about 3 frames in 1 place, first after 0.0"),
    "none": ([], True, None),
    "a leap is told elsewhere": (
        [*STEADY, *(pts + 3_600_000 for pts in STEADY)],
        True,
        None,
    ),
    "back": ([*STEADY, *STEADY], True, None),
}


@pytest.mark.parametrize("case", CASES)
def test_gaps(case: str) -> None:
    times, damaged, wanted = CASES[case]
    found = line(times, damaged=damaged)
    assert found is None if wanted is None else str(found).startswith(wanted), found


def test_a_step_told_elsewhere_is_none() -> None:
    gaps = Gaps(MILLISECOND, 33)
    for index, pts in enumerate(STEADY[:50] + STEADY[60:]):
        gaps.add(pts, connected=index != 50)
    assert gaps.line(damaged=True) is None


@given(st.lists(st.integers(1, 2**40), max_size=600))
def test_any_times(steps: list[int]) -> None:
    gaps = Gaps(MILLISECOND, 33)
    for pts in accumulate(steps):
        gaps.add(pts)
    assert len(gaps._steps) <= 256 + 64
    for damaged in (False, True):
        found = gaps.line(damaged=damaged)
        assert found is None or " 0 frame" not in found
