"""Bodies of buses."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from detector.data.rendering.mesh import Material, Mesh, box, join, loft, quads
from detector.data.rendering.panels import end_quads, side_quads, wheels

P, Q, G, S, B = (
    Material.PAINT,
    Material.PAINT2,
    Material.GLASS,
    Material.SIDE_GLASS,
    Material.PLASTIC,
)


@lru_cache(maxsize=16)
def bus_mesh(name: str) -> Mesh:
    """A bus: city, coach, or one half of an articulated bus (artic_front, artic_rear), or midi."""
    length, height = {
        "city": (12.0, 3.0),
        "coach": (12.6, 3.45),
        "artic_front": (9.6, 3.0),
        "artic_rear": (7.9, 3.0),
        "midi": (8.6, 2.85),
    }[name]
    half = 1.27
    x = length / 2 - length * np.array([0.0, 0.008, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.992, 1.0])
    top = height * np.array([0.90, 0.965, 1, 1, 1, 1, 1, 1, 0.97, 0.90])
    wide = np.array([0.93, 0.985, 1, 1, 1, 1, 1, 1, 0.985, 0.95])
    rings = [
        (half * wide * 0.98, np.full(10, 0.32)),
        (half * wide, np.full(10, 1.1)),
        (half * wide * 0.995, top - 0.45),
        (half * wide * 0.97, top - 0.16),
        (half * wide * 0.86, top - 0.02),
        (np.zeros(10), top),
    ]
    sections = np.stack([np.column_stack(ring) for ring in rings], axis=1)
    grid = np.full((9, 5), int(P))
    grid[:, 4] = Q
    grid[1:8, 1] = S
    grid[1:8, 3] = Q
    ends = _bus_ends(length, half, height, front=name != "artic_rear", rear=name != "artic_front")
    posts = side_quads(
        [
            (p, p + 0.12, 1.1, height - 0.45)
            for p in np.arange(-length / 2 + 0.6, length / 2 - 0.4, 1.45)
        ],
        half,
        Material.SEAM,
    )
    stripe = side_quads([(-length / 2 + 0.1, length / 2 - 0.1, 0.34, 0.62)], half, P)
    axles = {"artic_front": [length / 2 - 2.6, -length / 2 + 1.6], "artic_rear": [-0.6]}.get(
        name, [length / 2 - 2.6, -length / 2 + 3.2]
    )
    parts = [
        loft(x, sections, grid),
        ends,
        posts,
        stripe,
        _roof_boxes(length, height),
        wheels(axles, half * 0.99, 0.48),
    ]
    if name == "artic_rear":
        bellows = (length / 2, length / 2 + 0.75)
        parts.insert(
            0, box((bellows[0], -half * 0.9, 0.4), (bellows[1], half * 0.9, height * 0.95), [B] * 5)
        )
    return join(parts)


def _roof_boxes(length: float, height: float) -> Mesh:
    """Air conditioning and hatches on a bus's roof."""
    units = [(0.12, 0.20, 0.75, 0.24), (-0.26, 0.10, 0.7, 0.2)]
    made = [
        box(
            (length * at - length * size / 2, -wide, height - 0.03),
            (length * at + length * size / 2, wide, height + tall),
            [Q, Q, Q, Q, Material.PAINT2],
        )
        for at, size, wide, tall in units
    ]
    hatch = quads(
        np.array(
            [
                [
                    [length * at - 0.4, -0.35, height + 0.02],
                    [length * at + 0.4, -0.35, height + 0.02],
                    [length * at + 0.4, 0.35, height + 0.02],
                    [length * at - 0.4, 0.35, height + 0.02],
                ]
                for at in (0.34, -0.06, -0.4)
            ]
        ),
        [Material.PLASTIC] * 3,
        0.1,
    )
    return join([*made, hatch])


def _bus_ends(length: float, half: float, height: float, *, front: bool, rear: bool) -> Mesh:
    x = length / 2 + 0.01
    w = half * 0.93
    ahead = end_quads(
        [
            (-w, w, 0.32, height * 0.9),
            (-w * 0.96, w * 0.96, 1.05, height - 0.62),
            (w * 0.55, w * 0.92, 0.6, 0.85),
            (-w * 0.92, -w * 0.55, 0.6, 0.85),
            (-w * 0.7, w * 0.7, height - 0.56, height - 0.34),
            (-0.26, 0.26, 0.45, 0.57),
        ],
        x,
        [
            P,
            G if front else B,
            *([Material.HEADLIGHT] * 2 if front else [B, B]),
            Material.SEAM,
            Material.PLATE if front else B,
        ],
    )
    behind = end_quads(
        [
            (-w, w, 0.32, height * 0.9),
            (-w * 0.8, w * 0.8, height * 0.55, height - 0.5),
            (w * 0.7, w * 0.95, 0.7, 1.3),
            (-w * 0.95, -w * 0.7, 0.7, 1.3),
            (-0.26, 0.26, 0.5, 0.62),
            (-w * 0.6, w * 0.6, 0.75, 1.2),
        ],
        -x,
        [
            P,
            S if rear else B,
            *([Material.TAILLIGHT] * 2 if rear else [B, B]),
            Material.PLATE if rear else B,
            B,
        ],
    )
    return join([ahead, behind])
