"""Windows of 8x8 cells: cutting a map, joining it again, and who may see whom inside one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 8
"""Side of an attention window, in cells of the map."""

PUBLISHED_MASK = -100.0

MASK = -1e4
"""Nothing passes, in half precision too, and a window of nothing but padding stays finite."""


def to_windows(tokens: Tensor) -> Tensor:
    """`(B, R, S, C)`, sides multiples of 8, to `(B, R / 8 * S / 8, 64, C)`."""
    batch, rows, columns, channels = tokens.shape
    split = tokens.view(batch, rows // WINDOW, WINDOW, columns // WINDOW, WINDOW, channels)
    return split.transpose(2, 3).reshape(batch, -1, WINDOW * WINDOW, channels)


def from_windows(windows: Tensor, rows: int, columns: int) -> Tensor:
    """What `to_windows` was given, `(B, rows, columns, C)`."""
    batch, _, _, channels = windows.shape
    split = windows.view(batch, rows // WINDOW, columns // WINDOW, WINDOW, WINDOW, channels)
    return split.transpose(2, 3).reshape(batch, rows, columns, channels)


def rolled(x: Tensor, shift: tuple[int, int], first_axis: int) -> Tensor:
    """A map moved towards the start of two axes by `shift` cells; what leaves comes in again.

    In slices and not by `torch.roll`: exported graphs compute the shift from the map's size.
    """
    for axis, cells in enumerate(shift, start=first_axis):
        before = (slice(None),) * axis
        x = torch.cat((x[(*before, slice(cells, None))], x[(*before, slice(cells))]), dim=axis)
    return x


def window_mask(
    sides: tuple[int, int], shift: tuple[int, int], like: Tensor, *, published: bool
) -> Tensor | None:
    """What is added to the logits of each pair of query and key; `None` where nothing is.

    Args:
        sides: Rows and columns of the map before it is padded to whole windows.
        shift: Cells by which the map was rolled towards its start, 0 or 4 along each axis.
        like: Gives dtype and device.
        published: As the published code has it, faults included.

    Returns:
        `(windows, 64, 64)`: 0, or a large negative number.
    """
    padded = (sides[0] + -sides[0] % WINDOW, sides[1] + -sides[1] % WINDOW)
    if published:
        if shift == (0, 0):
            return None
        labels = _published_labels(padded, like.device)
        apart = labels[:, :, None] != labels[:, None, :]
        return torch.zeros_like(apart, dtype=like.dtype).masked_fill_(apart, PUBLISHED_MASK)
    # A traced graph is for maps of every size.
    tracing = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    if not tracing and shift == (0, 0) and padded == sides:
        return None
    labels = _labels(sides, padded, shift, like.device)
    apart = (labels[:, :, None] != labels[:, None, :]) | (labels[:, None, :] == 0)
    return torch.zeros_like(apart, dtype=like.dtype).masked_fill_(apart, MASK)


def _labels(
    sides: tuple[int, int], padded: tuple[int, int], shift: tuple[int, int], device: torch.device
) -> Tensor:
    """For each cell of each window 0 in the padding, else which side of the map it is from.

    A rolled map's last window holds cells of its end and of its start, which are no neighbours.
    """
    rows, columns = (
        (torch.arange(length, device=device) >= moved).long()
        for length, moved in zip(sides, shift, strict=True)
    )
    labels = 1 + 2 * rows[:, None] + columns
    labels = F.pad(labels, (0, padded[1] - sides[1], 0, padded[0] - sides[0]))
    return _windows_of(rolled(labels, shift, first_axis=0))


def _published_labels(padded: tuple[int, int], device: torch.device) -> Tensor:
    """The published labels, `3 r + s`, which are right in the last windows of the rows alone.

    Of the rows before those, only the first tells the columns' ends apart.
    """
    rows, columns = padded
    half = WINDOW // 2
    row, column = torch.arange(rows, device=device), torch.arange(columns, device=device)
    r, s = (
        (cells >= length - WINDOW).long() + (cells >= length - half)
        for cells, length in ((row, rows), (column, columns))
    )
    told_apart = (row == 0) | (r > 0)
    labels = (3 * r[:, None] + s) * told_apart[:, None]
    return _windows_of(labels)


def _windows_of(labels: Tensor) -> Tensor:
    """`(R, S)` to `(windows, 64)`."""
    return to_windows(labels[None, :, :, None])[0, :, :, 0]
