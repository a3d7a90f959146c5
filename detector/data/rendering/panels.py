"""Pieces that lorries and buses share."""

from __future__ import annotations

import numpy as np

from detector.data.rendering.mesh import Mesh, box, join, quads, wheel


def long_box(
    low: tuple[float, float, float],
    high: tuple[float, float, float],
    materials: tuple[int, int, int, int, int],
) -> Mesh:
    """A box cut into pieces of at most 2 m along x, so that depth sorting holds."""
    count = max(1, int(np.ceil((high[0] - low[0]) / 2.0)))
    edges = np.linspace(low[0], high[0], count + 1)
    pieces = []
    for i in range(count):
        piece = box((edges[i], *low[1:]), (edges[i + 1], *high[1:]), materials)
        keep = np.array([i == count - 1, i == 0, True, True, True])
        pieces.append(quads(piece.points[piece.faces[keep]], piece.materials[keep]))
    return join(pieces)


def side_quads(
    spans: list[tuple[float, float, float, float]], half: float, material: int, lift: float = 0.15
) -> Mesh:
    """Rectangles `(x0, x1, z0, z1)` on both sides at `half` from the axis."""
    corners = []
    for x0, x1, z0, z1 in spans:
        for side in (-1, 1):
            y = side * (half + 0.008)
            face = [[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]]
            corners.append(face if side < 0 else face[::-1])
    return quads(np.array(corners), [material] * len(corners), lift)


def end_quads(
    spans: list[tuple[float, float, float, float]], x: float, materials: list[int]
) -> Mesh:
    """Rectangles `(y0, y1, z0, z1)` on the end at `x`; forward when it is the larger end."""
    corners = []
    front = x > 0
    for y0, y1, z0, z1 in spans:
        face = [[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]]
        corners.append(face if front else face[::-1])
    return quads(np.array(corners), materials, 0.2)


def wheels(positions: list[float], half: float, radius: float) -> Mesh:
    """Wheels on both sides at each x."""
    return join([wheel(x, s * (half + 0.01), radius) for x in positions for s in (-1, 1)])
