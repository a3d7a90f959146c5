"""Things that stand in a scene and are no vehicles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.mesh import Material, Mesh

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Prop:
    """An unlabelled solid thing.

    Attributes:
        mesh: Its shape around its own origin on the ground.
        palette: `(len(Material), 3)` RGB.
        at: `(2,)` place.
        heading: Radians from the x axis.
        footprint: `(2,)` length and width, for keeping others away.
    """

    mesh: Mesh
    palette: F64
    at: F64
    heading: float
    footprint: F64


def palette(paint: F64, second: F64, dark: float = 40.0) -> F64:
    """Colours of a prop: paint, second paint, and glass and plastic around `dark`."""
    colours = np.zeros((len(Material), 3))
    colours[Material.PAINT] = paint
    colours[Material.PAINT2] = second
    colours[Material.GLASS] = dark
    colours[Material.SIDE_GLASS] = dark
    colours[Material.PLASTIC] = dark
    colours[Material.SEAM] = np.asarray(paint) * 0.55
    colours[Material.BED] = (96, 84, 66)
    colours[Material.CHROME] = 170
    colours[Material.TROUSERS] = np.asarray(second) * 0.7
    return colours
