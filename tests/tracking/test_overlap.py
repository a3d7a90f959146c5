from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.tracking.reference import Array, overlap_table
from tracking import overlap
from tracking.overlap import Pairs, overlaps


def _table(pairs: Pairs) -> Array:
    table = np.zeros(pairs.shape)
    assert len(set(zip(pairs.rows.tolist(), pairs.cols.tolist(), strict=True))) == len(pairs.rows)
    table[pairs.rows, pairs.cols] = pairs.ious
    return table


@pytest.mark.parametrize(
    ("other", "plain", "plus_one"),
    [
        ([0, 0, 9, 9], 1.0, 1.0),
        ([5, 0, 14, 9], 4 / 14, 50 / 150),
        ([9, 0, 18, 9], 0.0, 10 / 190),  # touching: they share one column of pixels
        ([10, 0, 19, 9], 0.0, 0.0),
        ([2, 2, 4, 4], 4 / 81, 9 / 100),
        ([4, 4, 4, 4], 0.0, 1 / 100),  # without area
        ([0, 0, 9, float("nan")], 0.0, 0.0),
    ],
)
def test_worked_by_hand(other: list[float], plain: float, plus_one: float) -> None:
    box = np.array([[0.0, 0.0, 9.0, 9.0]])
    for unit, expected in ((False, plain), (True, plus_one)):
        pairs = overlaps(box, np.array([other], np.float64), plus_one=unit)
        assert _table(pairs)[0, 0] == pytest.approx(expected, abs=1e-15)


def test_no_boxes() -> None:
    some, none = np.array([[0.0, 0.0, 1.0, 1.0]]), np.zeros((0, 4))
    for a, b in ((some, none), (none, some), (none, none)):
        pairs = overlaps(a, b, plus_one=True)
        assert pairs.shape == (len(a), len(b))
        assert len(pairs.ious) == 0


def _boxes(largest: int) -> st.SearchStrategy[Array]:
    coordinates = st.one_of(st.integers(0, 12).map(float), st.floats(0, 12), st.just(float("nan")))
    raw = arrays.arrays(
        np.float64, st.tuples(st.integers(0, largest), st.just(4)), elements=coordinates
    )
    return raw.map(lambda b: np.concatenate((b[:, :2], b[:, :2] + b[:, 2:]), axis=1))


@given(_boxes(12), _boxes(12), st.booleans(), st.booleans())
def test_the_sweep_finds_what_the_table_finds(
    first: Array, second: Array, plus_one: bool, crowded: bool
) -> None:
    dense = _table(overlaps(first, second, plus_one=plus_one))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "DENSE_PAIRS", -1)
        patch.setattr(overlap, "_CROWDED", 0 if crowded else 100)
        sparse = _table(overlaps(first, second, plus_one=plus_one))
    np.testing.assert_array_equal(dense, sparse)
    finite_a, finite_b = np.isfinite(first).all(axis=1), np.isfinite(second).all(axis=1)
    np.testing.assert_allclose(
        dense[finite_a][:, finite_b],
        overlap_table(first[finite_a], second[finite_b], 1.0 if plus_one else 0.0),
        atol=1e-12,
    )
    assert not dense[~finite_a].any()
    assert not dense[:, ~finite_b].any()
