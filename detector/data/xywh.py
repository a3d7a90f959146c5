"""Boxes given by their upper left corner and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.data.tables import Table


def corners(table: Table) -> NDArray[np.float64]:
    """`(R, 4)`, `x1, y1, x2, y2`, from the columns `x`, `y`, `w` and `h`.

    Raises:
        ValueError: If a size is negative; the message names the line.
    """
    for column in ("w", "h"):
        table.require(table[column] >= 0, column, "a size, not negative")
    x, y, w, h = (table[column] for column in ("x", "y", "w", "h"))
    return np.stack([x, y, x + w, y + h], axis=1)
