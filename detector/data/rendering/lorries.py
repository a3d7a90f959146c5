"""Bodies of lorries, buses and people."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from detector.data.rendering.mesh import Material, Mesh, box, join, loft, quads, wheel

P, Q, G, S, B = (
    Material.PAINT,
    Material.PAINT2,
    Material.GLASS,
    Material.SIDE_GLASS,
    Material.PLASTIC,
)


def _long_box(
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


def _side_quads(
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


def _end_quads(
    spans: list[tuple[float, float, float, float]], x: float, materials: list[int]
) -> Mesh:
    """Rectangles `(y0, y1, z0, z1)` on the end at `x`; forward when it is the larger end."""
    corners = []
    front = x > 0
    for y0, y1, z0, z1 in spans:
        face = [[x, y0, z0], [x, y1, z0], [x, y1, z1], [x, y0, z1]]
        corners.append(face if front else face[::-1])
    return quads(np.array(corners), materials, 0.2)


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
    front = _end_quads(
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


def _wheels(positions: list[float], half: float, radius: float) -> Mesh:
    return join([wheel(x, s * (half + 0.01), radius) for x in positions for s in (-1, 1)])


def _rear(x: float, half: float, z: float) -> Mesh:
    """Tail lamps, plate and under-run bar of a lorry."""
    return _end_quads(
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
    frame = _long_box((xr, -half * 0.6, 0.5), (xf - cab_l, half * 0.6, deck), (B, B, B, B, B))
    load0 = xf - cab_l - (0.25 if name != "artic" else 0.6)
    parts = [frame, _load(name, xr, load0, half, deck), cab]
    if name == "artic":
        axles = [xf - 1.4, xf - 4.6, xr + 1.6, xr + 2.9, xr + 4.2]
    else:
        axles = [xf - 1.2, xr + 1.5] + ([xr + 2.8] if length > 7.5 else [])
    parts += [
        _wheels(axles, half * 0.98, 0.5 if name != "box" else 0.4),
        _rear(xr - 0.01, half, deck),
    ]
    return join(parts)


def _load(name: str, x0: float, x1: float, half: float, deck: float) -> Mesh:
    """What stands on a lorry's frame."""
    if name in {"box", "big_box", "artic"}:
        top = {"box": 3.1, "big_box": 3.6, "artic": 3.95}[name]
        body = _long_box((x0, -half, deck - 0.1), (x1, half, top), (Q, Q, Q, Q, Q))
        edge = _end_quads([(-0.02, 0.02, deck, top - 0.05)], x0 - 0.01, [Material.SEAM])
        return join([body, edge])
    if name == "flatbed":
        floor = _long_box((x0, -half, deck), (x1, half, deck + 0.15), (B, B, Q, Q, Material.BED))
        wall = box((x1 - 0.1, -half, deck), (x1, half, deck + 1.0), [B] * 5)
        goods = box(
            (x0 + 1.2, -half * 0.7, deck + 0.15),
            (x0 + 3.2, half * 0.75, deck + 1.1),
            [Material.TROUSERS] * 5,
        )
        return join([floor, wall, goods])
    if name == "tipper":
        walls = _long_box((x0, -half, deck), (x1, half, deck + 1.3), (Q, Q, Q, Q, Q))
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
        ribs = _side_quads(
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
    posts = _side_quads(
        [
            (p, p + 0.12, 1.1, height - 0.45)
            for p in np.arange(-length / 2 + 0.6, length / 2 - 0.4, 1.45)
        ],
        half,
        Material.SEAM,
    )
    stripe = _side_quads([(-length / 2 + 0.1, length / 2 - 0.1, 0.34, 0.62)], half, P)
    axles = {"artic_front": [length / 2 - 2.6, -length / 2 + 1.6], "artic_rear": [-0.6]}.get(
        name, [length / 2 - 2.6, -length / 2 + 3.2]
    )
    parts = [
        loft(x, sections, grid),
        ends,
        posts,
        stripe,
        _roof_boxes(length, height),
        _wheels(axles, half * 0.99, 0.48),
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
    ahead = _end_quads(
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
    behind = _end_quads(
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
