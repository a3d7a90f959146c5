"""How objects look, told by a map of the detector's own network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from detector.inference.tensors import set_rows, take

_PARTS = 2
_SAMPLES = 2 * _PARTS


def describe(maps: Tensor, stride: int, image: Tensor, boxes: Tensor) -> Tensor:
    """Vectors that are alike for views of one object.

    The map is sampled at 4 x 4 places in the box, between cells bilinearly, so boxes may be smaller
    than a cell; each quarter of the box has its mean. Each channel counts by how far it is
    from its mean over the image, in standard deviations: otherwise what all places have in common
    would make all vectors alike.

    Args:
        maps: `(B, C, h, w)`, one for each image.
        stride: Pixels per cell.
        image: `(K,)` int64.
        boxes: `(K, 4)` xyxy in pixels of the image.

    Returns:
        `(K, 4 C)` float32 of length 1.
    """
    channels = maps.shape[1]
    vectors = boxes.new_zeros((len(boxes), channels * _PARTS**2), dtype=torch.float32)
    for place, cells in enumerate(maps.float()):
        rows = set_rows(image == place)
        if not len(rows):
            continue
        deviation, mean = torch.std_mean(cells, dim=(1, 2), correction=0, keepdim=True)
        sampled = _sample(cells, take(boxes, rows) / stride)
        standard = (sampled - mean[:, None]) / (deviation[:, None] + 1e-6)
        parts = F.avg_pool2d(standard.transpose(0, 1), _SAMPLES // _PARTS)
        vectors[rows] = F.normalize(parts.flatten(1))
    return vectors


def _sample(cells: Tensor, boxes: Tensor) -> Tensor:
    """`(C, K, 4, 4)`: a `(C, h, w)` map at even places inside boxes in cells."""
    share = (torch.arange(_SAMPLES, device=boxes.device) + 0.5) / _SAMPLES
    low, size = boxes[:, :2, None], (boxes[:, 2:] - boxes[:, :2])[:, :, None]
    # -1 and 1 are the outer borders of the first and last cell.
    width_height = boxes.new_tensor(cells.shape[:0:-1])[:, None]
    x, y = ((low + size * share) / width_height * 2 - 1).unbind(1)
    grid = torch.stack(
        (x[:, None, :].expand(-1, _SAMPLES, -1), y[:, :, None].expand(-1, -1, _SAMPLES)), dim=-1
    )
    flat = grid.reshape(1, -1, _SAMPLES, 2)
    found = F.grid_sample(cells[None], flat, padding_mode="border", align_corners=False)[0]
    return found.reshape(len(cells), len(boxes), _SAMPLES, _SAMPLES)
