"""Which anchors of which cells learn which object: YOLOv5's rule, as TPH-YOLOv5 trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from detector.data.targets import Targets

NEIGHBOUR_OFFSET = 0.5
"""A cell's neighbour learns an object too when the centre lies this near to it, in cells."""


@dataclass(frozen=True, slots=True)
class Positives:
    """The cells of one head that learn an object, `P` of them.

    Attributes:
        image: `(P,)` int64.
        anchor: `(P,)` int64.
        row: `(P,)` int64.
        column: `(P,)` int64.
        boxes: `(P, 4)` in cells: centre from the cell's upper left corner, width, height.
        class_ids: `(P,)` int64.
    """

    image: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    boxes: Tensor
    class_ids: Tensor


def assign(
    targets: Targets, anchors_px: Tensor, map_hw: Sequence[int], stride: int, ratio_limit: float
) -> Positives:
    """The positives of one head.

    An anchor fits an object when neither side differs by `ratio_limit` or more. The cell that
    holds the centre learns it, and so do the nearest horizontal and vertical neighbours.

    Args:
        targets: Of the whole batch.
        anchors_px: `(A, 2)`, width and height.
        map_hw: Rows and columns of the head's map.
        stride: Pixels per cell.
        ratio_limit: `anchor_t` of the published settings.

    Returns:
        Anchor-major, the five offsets (own cell, left, up, right, down) one after another.
    """
    height, width = map_hw
    boxes = targets.boxes / stride
    ratio = boxes[None, :, 2:] / (anchors_px[:, None, :] / stride)
    fits = torch.maximum(ratio, 1 / ratio).amax(2) < ratio_limit
    anchor, index = fits.nonzero(as_tuple=True)
    centre = boxes[index, :2]
    from_end = torch.tensor((width, height), device=boxes.device) - centre
    near_low = (centre % 1 < NEIGHBOUR_OFFSET) & (centre > 1)
    near_high = (from_end % 1 < NEIGHBOUR_OFFSET) & (from_end > 1)
    chosen = torch.stack(
        (torch.ones_like(near_low[:, 0]), *near_low.unbind(1), *near_high.unbind(1))
    )
    offsets = NEIGHBOUR_OFFSET * torch.tensor(
        ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)), device=boxes.device, dtype=boxes.dtype
    )
    offset, row = chosen.nonzero(as_tuple=True)
    anchor, index = anchor[row], index[row]
    cell = (boxes[index, :2] - offsets[offset]).long()
    cell = cell.clamp(min=0).minimum(torch.tensor((width - 1, height - 1), device=boxes.device))
    relative = boxes[index, :2] - cell
    return Positives(
        targets.image[index],
        anchor,
        cell[:, 1],
        cell[:, 0],
        torch.cat((relative, boxes[index, 2:]), 1),
        targets.class_ids[index],
    )
