"""What a scene's ground is described by: covers, markings and shadows as flat shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cover:
    """A ground material: two colours that mix in patches, and how rough it looks.

    `rough` holds the contrast (0..255) at about 12 m, 2 m and 0.3 m.
    """

    colour: tuple[int, int, int]
    patch: tuple[int, int, int]
    rough: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Something flat: a polygon, or a line of `width_m` above 0, painted in list order.

    `points` are `(N, 2)`, or `(K, N, 2)` for polygons of one kind.

    Layers: `cover` takes a `Cover`; `tone` a grey level that darkens below 128; `crack` the same
    but never blurred; `line` a marking colour; `shadow` 0..255 of shadow.
    """

    layer: Literal["cover", "tone", "crack", "line", "shadow"]
    points: F64
    value: Cover | tuple[int, int, int] | int
    width_m: float = 0.0
