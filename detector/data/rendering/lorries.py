"""Bodies of lorries."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from detector.data.rendering.mesh import Material, Mesh, box, join, loft, quads
from detector.data.rendering.panels import end_quads, long_box, side_quads, wheels

P, Q, G, S, B = (
    Material.PAINT,
    Material.PAINT2,
    Material.GLASS,
    Material.SIDE_GLASS,
    Material.PLASTIC,
)


def _cab(x_front: float, x_rear: float, width: float, height: float) -> Mesh:
    """A forward-control cab with a slightly raked windscreen."""
    length = x_front - x_rear
    x = x_front - length * np.array([0.0, 0.03, 0.10, 0.2, 0.5, 1.0])
    half = width / 2
    low, belt = 0.45, height * 0.48
    top = height * np.array([0.46, 0.50, 0.90, 0.98, 1.0, 1.0])
    wide = np.array([0.93, 0.98, 1.0, 1.0, 1.0, 1.0])
    z_belt = np.minimum(belt, top - 0.03)
    rings = [
        (half * wide * 0.97, np.full(6, low)),
        (half * wide, z_belt),
        (half * wide * 0.97, np.maximum(top - 0.25, z_belt + 0.01)),
        (half * wide * 0.92, np.maximum(top - 0.06, z_belt + 0.02)),
        (np.zeros(6), top),
    ]
    sections = np.stack([np.column_stack(ring) for ring in rings], axis=1)
    grid = np.full((5, 4), int(P))
    grid[1, 3] = G
    grid[1:4, 1] = S
    grid[4, 1] = P
    front = end_quads(
        [
            (-half * 0.9, half * 0.9, low, belt),
            (-half * 0.7, half * 0.7, low + 0.25, belt * 0.9),
            (half * 0.55, half * 0.88, low + 0.1, low + 0.4),
            (-half * 0.88, -half * 0.55, low + 0.1, low + 0.4),
            (-0.26, 0.26, low + 0.05, low + 0.17),
        ],
        x_front,
        [P, B, Material.HEADLIGHT, Material.HEADLIGHT, Material.PLATE],
    )
    rear = box((x_rear - 0.02, -half * 0.95, low), (x_rear, half * 0.95, height * 0.98), [P] * 5)
    mirrors = join(
        [
            box(
                (x_front - 0.45, s * (half + 0.12) - 0.1, belt),
                (x_front - 0.25, s * (half + 0.12) + 0.1, belt + 0.65),
                [B] * 5,
            )
            for s in (-1, 1)
        ]
    )
    return join([rear, loft(x, sections, grid), front, mirrors])


def _rear(x: float, half: float, z: float) -> Mesh:
    """Tail lamps, plate and under-run bar of a lorry."""
    return end_quads(
        [
            (-half * 0.95, half * 0.95, z - 0.5, z - 0.32),
            (half * 0.6, half * 0.95, z - 0.3, z - 0.12),
            (-half * 0.95, -half * 0.6, z - 0.3, z - 0.12),
            (-0.26, 0.26, z - 0.28, z - 0.16),
        ],
        x,
        [B, Material.TAILLIGHT, Material.TAILLIGHT, Material.PLATE],
    )


@lru_cache(maxsize=64)
def truck_mesh(name: str) -> Mesh:
    """A lorry: box, big_box, flatbed, tipper, tanker, artic (tractor and semi-trailer), mixer."""
    length = {
        "box": 6.8,
        "big_box": 9.2,
        "flatbed": 7.8,
        "tipper": 7.6,
        "tanker": 8.8,
        "artic": 15.8,
        "mixer": 8.6,
        "tractor": 6.0,
    }[name]
    width = 2.2 if name == "box" else 2.5
    cab_h = 2.3 if name == "box" else 2.95
    cab_l = 1.75 if name == "box" else 2.2
    xf, half = length / 2, width / 2
    xr = -xf
    deck = 1.05
    cab = _cab(xf, xf - cab_l, width * 0.97, cab_h)
    frame = long_box((xr, -half * 0.6, 0.5), (xf - cab_l, half * 0.6, deck), (B, B, B, B, B))
    load0 = xf - cab_l - (0.25 if name != "artic" else 0.6)
    parts = [frame, _load(name, xr, load0, half, deck), cab]
    if name == "artic":
        axles = [xf - 1.4, xf - 4.6, xr + 1.6, xr + 2.9, xr + 4.2]
    else:
        axles = [xf - 1.2, xr + 1.5] + ([xr + 2.8] if length > 7.5 else [])
    parts += [
        wheels(axles, half * 0.98, 0.5 if name != "box" else 0.4),
        _rear(xr - 0.01, half, deck),
    ]
    return join(parts)


def _load(name: str, x0: float, x1: float, half: float, deck: float) -> Mesh:
    """What stands on a lorry's frame."""
    if name in {"box", "big_box", "artic"}:
        top = {"box": 3.1, "big_box": 3.6, "artic": 3.95}[name]
        body = long_box((x0, -half, deck - 0.1), (x1, half, top), (Q, Q, Q, Q, Q))
        edge = end_quads([(-0.02, 0.02, deck, top - 0.05)], x0 - 0.01, [Material.SEAM])
        return join([body, edge])
    if name == "flatbed":
        floor = long_box((x0, -half, deck), (x1, half, deck + 0.15), (B, B, Q, Q, Material.BED))
        wall = box((x1 - 0.1, -half, deck), (x1, half, deck + 1.0), [B] * 5)
        goods = box(
            (x0 + 1.2, -half * 0.7, deck + 0.15),
            (x0 + 3.2, half * 0.75, deck + 1.1),
            [Material.TROUSERS] * 5,
        )
        return join([floor, wall, goods])
    if name == "tipper":
        walls = long_box((x0, -half, deck), (x1, half, deck + 1.3), (Q, Q, Q, Q, Q))
        inside = quads(
            np.array(
                [
                    [
                        [x0 + 0.12, -half + 0.12, deck + 1.3],
                        [x1 - 0.12, -half + 0.12, deck + 1.3],
                        [x1 - 0.12, half - 0.12, deck + 1.3],
                        [x0 + 0.12, half - 0.12, deck + 1.3],
                    ]
                ]
            ),
            [Material.BED],
            0.3,
        )
        ribs = side_quads(
            [(x, x + 0.12, deck, deck + 1.3) for x in np.arange(x0 + 0.6, x1, 1.0)],
            half,
            Material.SEAM,
        )
        return join([walls, inside, ribs])
    return _drum(x0, x1, half, deck, egg=name == "mixer")


def _drum(x0: float, x1: float, half: float, deck: float, *, egg: bool) -> Mesh:
    """A tank, or the egg-shaped drum of a concrete mixer."""
    share = np.array([0.0, 0.001, 0.08, 0.2, 0.35, 0.5, 0.65, 0.8, 0.92, 0.999, 1.0])
    inner = share[1:-1]
    belly = (
        0.6 + 0.38 * np.sin(np.pi * inner)
        if egg
        else 0.92 * np.minimum(1, 6 * inner * (1 - inner) + 0.72)
    )
    radius = half * np.concatenate([[0.02], belly, [0.02]])
    angle = np.linspace(-np.pi / 2, np.pi / 2, 7)
    x = x1 - (x1 - x0) * share
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    sections = ring[None] * radius[:, None, None] + np.array([0, deck + half * 0.85])
    drum = loft(x, sections, np.full((10, 6), int(Q)))
    centre = np.array([0.0, 0.0, deck + half * 0.85])
    outward = np.einsum(
        "ij,ij->i",
        drum.normals(np.ones(3)),
        (drum.points[drum.faces].mean(axis=1) - centre) * [0, 1, 1],
    )
    faces = np.where((outward < 0)[:, None], drum.faces[:, ::-1], drum.faces)
    return Mesh(drum.points, faces, drum.materials, drum.lift)
