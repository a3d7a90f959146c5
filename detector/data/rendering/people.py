"""Bodies of people."""

from __future__ import annotations

from functools import lru_cache

from detector.data.rendering.mesh import Material, Mesh, box, join

P = Material.PAINT


@lru_cache(maxsize=8)
def person_mesh(stride: int) -> Mesh:
    """A person of 1.72 m with legs apart by one of four strides."""
    step = (0.0, 0.16, 0.24, 0.12)[stride % 4]
    skin, hair, legs = Material.SKIN, Material.HAIR, Material.TROUSERS
    parts = [
        box((step - 0.09, 0.02, 0.0), (step + 0.11, 0.17, 0.85), [legs] * 5),
        box((-step - 0.09, -0.17, 0.0), (-step + 0.11, -0.02, 0.85), [legs] * 5),
        box((-0.12, -0.21, 0.8), (0.12, 0.21, 1.30), [P] * 5),
        box((-0.11, -0.23, 1.28), (0.11, 0.23, 1.45), [P] * 5),
        box((-step * 0.7 - 0.06, 0.22, 0.85), (-step * 0.7 + 0.06, 0.31, 1.42), [P] * 5),
        box((step * 0.7 - 0.06, -0.31, 0.85), (step * 0.7 + 0.06, -0.22, 1.42), [P] * 5),
        box((-0.02, -0.08, 1.45), (0.11, 0.08, 1.66), [skin] * 5),
        box((-0.11, -0.09, 1.47), (0.05, 0.09, 1.73), [hair] * 5),
    ]
    return join(parts)
