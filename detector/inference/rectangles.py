"""Areas of boxes, in numpy."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Float64Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


def areas_of(boxes: Float64Array) -> Float64Array:
    """`(N,)` areas of `(N, 4)` boxes; 0 where a side is not positive."""
    areas: Float64Array = np.maximum(boxes[:, 2] - boxes[:, 0], 0.0)
    areas *= np.maximum(boxes[:, 3] - boxes[:, 1], 0.0)
    return areas


def intersections(first: Float64Array, second: Float64Array) -> Float64Array:
    """Shared areas of boxes row by row: `(N, 4)` and `(N, 4)` give `(N,)`."""
    shared: Float64Array = np.minimum(first[:, 2], second[:, 2])
    shared -= np.maximum(first[:, 0], second[:, 0])
    height = np.minimum(first[:, 3], second[:, 3])
    height -= np.maximum(first[:, 1], second[:, 1])
    np.maximum(shared, 0.0, out=shared)
    shared *= np.maximum(height, 0.0, out=height)
    return shared
