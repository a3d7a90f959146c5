"""How far two ways to run a network differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from detector.graphs.tiles import Pixels
from detector.inference.runtime import Runtime
from detector.model.detect import decode


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a runtime is from another, over the boxes that either finds.

    Attributes:
        boxes: How many that were.
        box_px: Largest shift of a side, in pixels.
        mean_box_px: Mean of each box's largest shift.
        score: Largest difference of a score, objectness times the best class.
        mean_score: Mean of that.
    """

    boxes: int
    box_px: float
    mean_box_px: float
    score: float
    mean_score: float


@torch.inference_mode()
def compare(
    reference: Runtime, other: Runtime, tiles: Iterable[Pixels], confidence: float
) -> Agreement:
    """The agreement of two runtimes of one network.

    Anchors are compared one by one, before any suppression: those that score at least
    `confidence` in either.

    Args:
        reference: What `other` is held against.
        other: Knows the same classes.
        tiles: `(1, H, W, 3)` uint8.
        confidence: 0 to 1.
    """
    shifts, differences = [torch.zeros(0)], [torch.zeros(0)]
    for tile in tiles:
        pixels = torch.from_numpy(tile)
        (first, first_score), (second, second_score) = (
            _decoded(runtime, pixels) for runtime in (reference, other)
        )
        found = torch.maximum(first_score, second_score) >= confidence
        shifts.append((first[found] - second[found]).abs().amax(dim=1))
        differences.append((first_score[found] - second_score[found]).abs())
    shift, difference = torch.cat(shifts), torch.cat(differences)
    if not len(shift):
        return Agreement(0, 0.0, 0.0, 0.0, 0.0)
    return Agreement(
        len(shift),
        float(shift.max()),
        float(shift.mean()),
        float(difference.max()),
        float(difference.mean()),
    )


def _decoded(runtime: Runtime, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Corners and score of every anchor, on the CPU."""
    facts = runtime.facts
    logits = [head.cpu() for head in runtime.run(runtime.images(pixels)).logits]
    rows = decode(logits, facts.anchors(torch.device("cpu")), facts.strides).flatten(0, 1)
    centre, half = rows[:, :2], rows[:, 2:4] / 2
    scores = rows[:, 4] * rows[:, 5:].amax(dim=1)
    return torch.cat((centre - half, centre + half), dim=1), scores
