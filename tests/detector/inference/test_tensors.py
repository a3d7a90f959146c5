"""On the CPU numpy does the same as torch does on a GPU."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from detector.inference import tensors
from detector.inference.fusion import fuse_boxes
from detector.inference.nms import nms
from detector.inference.soft_nms import Decay, soft_nms
from detector.inference.tensors import argsort, expand, falling, search, set_rows, take
from tests.detector.inference.plain import crowd

VALUES = st.lists(st.integers(0, 5), max_size=30)


def by_torch(function: Callable[[], Tensor]) -> Tensor:
    """The result as on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensors, "_is_on_host", lambda _: False)
        return function()


@given(VALUES, VALUES)
def test_numpy_does_what_torch_does(values: list[int], keys: list[int]) -> None:
    table, wanted = torch.tensor(sorted(values)).long(), torch.tensor(keys).long()
    calls: list[Callable[[], Tensor]] = [
        lambda: set_rows(wanted > 2),
        lambda: argsort(wanted, stable=True),
        lambda: take(wanted, argsort(wanted)),
        lambda: search(table, wanted),
        lambda: search(table, wanted, right=True),
        lambda: torch.stack(expand(wanted)),
        lambda: falling(wanted.float()),
    ]
    for call in calls:
        found = call()
        assert found.dtype == torch.int64
        assert torch.equal(found, by_torch(call))


def results(boxes: Tensor, scores: Tensor, group: Tensor) -> list[Tensor]:
    """Of each algorithm."""
    rows, lowered = soft_nms(boxes, scores, Decay("gaussian", 0.5), 0.01, group)
    fused = fuse_boxes(boxes, scores, 0.55, group)
    return [nms(boxes, scores, 0.5, group), rows, lowered, fused.boxes, fused.scores, fused.best]


def test_the_algorithms_give_the_same_by_torch_alone() -> None:
    scene = crowd(300)
    flat = torch.cat([part.double().flatten() for part in results(*scene)])
    again = by_torch(lambda: torch.cat([part.double().flatten() for part in results(*scene)]))
    assert torch.equal(flat, again)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_algorithms_give_the_same_on_a_gpu() -> None:
    boxes, scores, group = crowd(3000)
    there = results(boxes.cuda(), scores.cuda(), group.cuda())
    for found, expected in zip(there, results(boxes, scores, group), strict=True):
        torch.testing.assert_close(found.cpu(), expected)
