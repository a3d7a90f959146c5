from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.latency import Latency


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=300))
def test_percentiles_are_those_of_numpy_within_5_percent(values: list[float]) -> None:
    latency = Latency()
    for value in values:
        latency.add(value)
    found = latency.percentiles_s()
    for share in (50, 90, 99):
        exact = np.percentile(values, share, method="inverted_cdf")
        assert found[f"p{share}"] == pytest.approx(exact, rel=0.05, abs=1e-4)
    assert found["max"] == pytest.approx(max(values), abs=1e-4)


def test_what_is_out_of_range_is_taken_too() -> None:
    latency = Latency()
    for value in (-1.0, 0.0, 1e9):
        latency.add(value)
    assert latency.percentiles_s()["max"] == 1e9


def test_the_note_tells_the_last_and_the_usual() -> None:
    latency = Latency()
    assert latency.note() == ""
    for value in (0.1, 0.1, 0.3):
        latency.add(value)
    assert latency.note() == "latency 0.30 s (p50 0.10, p99 0.30)"
