from __future__ import annotations

import lap
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from tests.tracking.reference import Array
from tracking import association
from tracking.association import assign_all, assign_below, assign_with_bonus
from tracking.overlap import Intp, Pairs

PATHS = pytest.mark.parametrize("whole", [4096, -1], ids=["whole matrix", "by component"])


def _pairs(ious: Array) -> Pairs:
    rows, cols = np.nonzero(ious)
    shape = (ious.shape[0], ious.shape[1])
    return Pairs(shape, rows, cols, ious[rows, cols])


def _sparse_ious(seed: int, rows: int, cols: int, share: float, steps: int | None) -> Array:
    rng = np.random.default_rng(seed)
    ious = rng.uniform(0.01, 1, (rows, cols)) * (rng.random((rows, cols)) < share)
    return ious if steps is None else np.round(ious * steps) / steps


def _listed(matches: tuple[Array, ...] | tuple[object, ...]) -> list[tuple[int, int]]:
    rows, cols = np.asarray(matches[0]), np.asarray(matches[1])
    return list(zip(rows.tolist(), cols.tolist(), strict=True))


problems = given(
    seed=st.integers(0, 10_000),
    rows=st.integers(0, 25),
    cols=st.integers(0, 25),
    share=st.sampled_from([0.02, 0.1, 0.3, 1.0]),
    steps=st.sampled_from([None, 4, 10]),
    whole=st.sampled_from([4096, -1]),
)


@problems
@settings(max_examples=200)
def test_assign_all_is_optimal(
    seed: int, rows: int, cols: int, share: float, steps: int | None, whole: int
) -> None:
    ious = _sparse_ious(seed, rows, cols, share, steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(association, "_WHOLE", whole)
        row, col, iou = assign_all(_pairs(ious))
    assert len(set(row.tolist())) == len(set(col.tolist())) == len(row)
    assert row.tolist() == sorted(row.tolist())
    np.testing.assert_array_equal(iou, ious[row, col])
    best = ious[linear_sum_assignment(ious, maximize=True)].sum()
    assert iou.sum() == pytest.approx(best, abs=1e-9)


@problems
@settings(max_examples=200)
def test_assign_below_is_the_references(
    seed: int, rows: int, cols: int, share: float, steps: int | None, whole: int
) -> None:
    ious = _sparse_ious(seed, rows, cols, share, steps)
    pairs = _pairs(ious)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(association, "_WHOLE", whole)
        found = assign_below(pairs, 1 - pairs.ious, 0.6)
    expected: list[tuple[int, int]] = []
    if ious.size:
        _, chosen, _ = lap.lapjv(1 - ious, extend_cost=True, cost_limit=0.6)
        expected = [(r, int(c)) for r, c in enumerate(chosen) if c >= 0]
    assert _listed(found) == expected


@PATHS
def test_a_bad_pair_can_cost_a_good_one_its_match(
    whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(association, "_WHOLE", whole)
    pairs = _pairs(np.array([[0.5, 0.29], [0.29, 0.0]]))
    # 0.29 + 0.29 > 0.5, though no pair of 0.29 is wanted in the end.
    assert _listed(assign_all(pairs)) == [(0, 1), (1, 0)]
    # Kind B only counts what is below the limit: 0.5 alone.
    assert _listed(assign_below(pairs, 1 - pairs.ious, 0.7)) == [(0, 0)]


@PATHS
@pytest.mark.parametrize(
    ("cost", "matched"), [(0.5, True), (np.nextafter(0.5, 0), True), (np.nextafter(0.5, 1), False)]
)
def test_at_the_limit_the_solver_decides(
    cost: float, matched: bool, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(association, "_WHOLE", whole)
    pairs = _pairs(np.array([[0.5]]))
    assert _listed(assign_below(pairs, np.array([cost]), 0.5)) == [(0, 0)] * matched


@PATHS
def test_two_good_pairs_beat_one_better(whole: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(association, "_WHOLE", whole)
    pairs = _pairs(np.array([[0.9, 0.8], [0.7, 0.0]]))
    assert _listed(assign_below(pairs, 1 - pairs.ious, 0.9)) == [(0, 1), (1, 0)]


@pytest.mark.parametrize("limit", [0.9, 1.0])
def test_ties_are_left_to_the_whole_matrix(limit: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal matchings: the components alone would not know which the reference takes."""
    ious = np.full((2, 3), 0.5)
    _, chosen, _ = lap.lapjv(1 - ious, extend_cost=True, cost_limit=limit)
    monkeypatch.setattr(association, "_WHOLE", -1)
    pairs = _pairs(ious)
    assert _listed(assign_below(pairs, 1 - pairs.ious, limit)) == list(enumerate(chosen.tolist()))


def test_few_pairs_reach_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs that clearly belong together are matched without it."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the solver was called")

    monkeypatch.setattr(association, "_WHOLE", -1)
    monkeypatch.setattr(lap, "lapjv", refuse)
    ious = np.eye(30) * 0.8 + np.eye(30, k=1) * 0.3 + np.eye(30, k=-1) * 0.2
    assert _listed(assign_all(_pairs(ious))) == [(i, i) for i in range(30)]


class Given:
    """A bonus out of a table."""

    def __init__(self, whole: Array) -> None:
        self._whole = whole
        self.limit = float(np.abs(whole).max(initial=0))

    def table(self, rows: Intp, cols: Intp) -> Array:
        return self._whole[np.ix_(rows, cols)]

    def at(self, rows: Intp, cols: Intp) -> Array:
        return self._whole[rows, cols]


@problems
@settings(max_examples=200)
def test_assign_with_bonus_is_optimal(
    seed: int, rows: int, cols: int, share: float, steps: int | None, whole: int
) -> None:
    ious = _sparse_ious(seed, rows, cols, share, steps)
    bonus = 0.4 * (_sparse_ious(seed + 1, rows, cols, 0.8, steps) - 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(association, "_WHOLE", whole)
        row, col, iou = assign_with_bonus(_pairs(ious), Given(bonus))
    assert len(set(row.tolist())) == len(set(col.tolist())) == len(row) == min(rows, cols)
    assert row.tolist() == sorted(row.tolist())
    np.testing.assert_array_equal(iou, ious[row, col])
    weight = ious + bonus
    best = weight[linear_sum_assignment(weight, maximize=True)].sum()
    assert weight[row, col].sum() == pytest.approx(best, abs=1e-9)


def test_a_bonus_decides_between_equal_overlaps() -> None:
    ious = np.array([[0.5, 0.5], [0.5, 0.5]])
    for sign, expected in ((1, [0, 1]), (-1, [1, 0])):
        bonus = Given(sign * np.array([[0.1, 0.0], [0.0, 0.1]]))
        assert assign_with_bonus(_pairs(ious), bonus)[1].tolist() == expected


def test_a_bonus_without_overlap_can_keep_a_pair_apart() -> None:
    """All must be matched, so a pair that overlaps costs what its partners then weigh."""
    ious = np.array([[0.1, 0.0], [0.0, 0.0]])
    bonus = Given(np.array([[0.0, 0.2], [0.2, 0.0]]))
    assert assign_with_bonus(_pairs(ious), bonus)[1].tolist() == [1, 0]
