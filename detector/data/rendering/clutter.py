"""Street furniture and things that may be taken for vehicles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.mesh import Material, Mesh, box, join, quads
from detector.data.rendering.props import Prop, palette

F64 = NDArray[np.float64]

P, Q, G, S, B = (
    Material.PAINT,
    Material.PAINT2,
    Material.GLASS,
    Material.SIDE_GLASS,
    Material.PLASTIC,
)


def _lamp(rng: np.random.Generator) -> Mesh:
    tall, arm = float(rng.uniform(6, 11)), float(rng.uniform(0.8, 2.4))
    return join(
        [
            box((-0.08, -0.08, 0), (0.08, 0.08, tall), [P] * 5),
            box((-0.05, -0.05, tall - 0.1), (arm, 0.05, tall), [P] * 5),
            box((arm - 0.2, -0.16, tall - 0.15), (arm + 0.6, 0.16, tall), [P] * 5),
            box((-0.2, -0.2, 0), (0.2, 0.2, 0.4), [P] * 5),
        ]
    )


def _skip(rng: np.random.Generator) -> Mesh:
    length, width = rng.uniform(1.3, 3.8), rng.uniform(1.0, 1.9)
    x, y, z = length / 2, width / 2, float(rng.uniform(1.0, 1.5))
    inside = np.array(
        [
            [
                [-x * 0.9, -y * 0.85, z],
                [x * 0.9, -y * 0.85, z],
                [x * 0.9, y * 0.85, z],
                [-x * 0.9, y * 0.85, z],
            ]
        ]
    )
    top = quads(inside, [int(rng.choice([int(B), int(Material.BED), int(P)]))], 0.2)
    return join([box((-x, -y, 0), (x, y, z), [P, P, P, P, P]), top])


def _container(rng: np.random.Generator) -> Mesh:
    x = float(rng.choice([3.03, 6.06, 3.0, 2.4]))
    made = [
        box((-x, -1.22, 0), (0, 1.22, 2.6), [P] * 5),
        box((0, -1.22, 0), (x, 1.22, 2.6), [P] * 5),
    ]
    ribs = [
        [
            [a, s * 1.23, 0.1],
            [a + 0.1, s * 1.23, 0.1],
            [a + 0.1, s * 1.23, 2.5],
            [a, s * 1.23, 2.5],
        ][::-s]
        for a in np.arange(-x + 0.2, x, 0.6)
        for s in (-1, 1)
    ]
    return join([*made, quads(np.array(ribs), [Material.SEAM] * len(ribs), 0.15)])


def _kiosk(rng: np.random.Generator) -> Mesh:
    x, y, z = rng.uniform(1.2, 3.0), rng.uniform(1.0, 1.6), rng.uniform(2.3, 2.9)
    roof = box((-x - 0.3, -y - 0.3, z), (x + 0.3, y + 0.3, z + 0.2), [Q] * 5)
    return join([box((-x, -y, 0), (x, y, z), [P] * 5), roof])


def _bench(rng: np.random.Generator) -> Mesh:
    return join(
        [
            box((-0.9, -0.25, 0.35), (0.9, 0.25, 0.45), [P] * 5),
            box((-0.9, 0.2, 0.45), (0.9, 0.27, 0.85), [P] * 5),
        ]
    )


def _parasol(rng: np.random.Generator) -> Mesh:
    r, z = float(rng.uniform(1.1, 2.0)), 2.3
    angle = np.linspace(0, 2 * np.pi, 9)
    ring = np.column_stack([r * np.cos(angle), r * np.sin(angle), np.full(9, z)])
    tip = np.array([0, 0, z + 0.55])
    corners = np.stack([ring[:-1], ring[1:], np.tile(tip, (8, 1)), np.tile(tip, (8, 1))], axis=1)
    return join([box((-0.04, -0.04, 0), (0.04, 0.04, z), [B] * 5), quads(corners, [P, Q] * 4)])


def _pile(rng: np.random.Generator) -> Mesh:
    parts = []
    for _ in range(int(rng.integers(2, 6))):
        half = rng.uniform([0.2, 0.15], [2.2, 0.8])
        cx, cy = rng.uniform(-1.5, 1.5, 2)
        parts.append(
            box(
                (cx - half[0], cy - half[1], 0),
                (cx + half[0], cy + half[1], rng.uniform(0.1, 1.1)),
                [int(k) for k in rng.choice([int(P), int(Q), int(B)], 5)],
            )
        )
    return join(parts)


def _barrier(rng: np.random.Generator) -> Mesh:
    return box((-2.0, -0.2, 0), (2.0, 0.2, 0.85), [P] * 5)


def _shelter(rng: np.random.Generator) -> Mesh:
    x = float(rng.uniform(1.8, 3.2))
    return join(
        [
            box((-x, -0.8, 2.3), (x, 0.8, 2.45), [P, P, P, P, Q]),
            box((-x, 0.65, 0.3), (x, 0.72, 2.3), [S] * 5),
            box((-x, -0.7, 0), (-x + 0.1, 0.7, 2.3), [S] * 5),
        ]
    )


CLUTTER = {
    "lamp": _lamp,
    "skip": _skip,
    "container": _container,
    "kiosk": _kiosk,
    "bench": _bench,
    "parasol": _parasol,
    "pile": _pile,
    "barrier": _barrier,
    "shelter": _shelter,
}

_BRIGHT = np.array(
    [
        [168, 44, 38],
        [44, 84, 150],
        [58, 110, 70],
        [205, 168, 60],
        [222, 222, 218],
        [96, 98, 102],
        [188, 96, 44],
        [60, 62, 66],
        [130, 100, 74],
    ],
    float,
)


def clutter(rng: np.random.Generator, kind: str, at: F64, heading: float) -> Prop:
    """A piece of street furniture or a hard negative of a kind in `CLUTTER`."""
    mesh = CLUTTER[kind](rng)
    paint, second = _BRIGHT[rng.integers(0, len(_BRIGHT), 2)] * rng.uniform(0.8, 1.1)
    if kind in {"lamp", "barrier"}:
        paint = np.full(3, rng.uniform(110, 200))
    if kind in {"bench"}:
        paint = np.array([120.0, 92, 64]) * rng.uniform(0.6, 1.2)
    size = np.ptp(mesh.points[:, :2], axis=0)
    return Prop(
        mesh, palette(np.minimum(paint, 235), second, float(rng.uniform(25, 60))), at, heading, size
    )
