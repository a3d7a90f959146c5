"""What stands in a scene and is no vehicle: buildings, lamps, street furniture, clutter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.mesh import Material, Mesh, box, join, quads

F64 = NDArray[np.float64]

P, Q, G, S, B = (
    Material.PAINT,
    Material.PAINT2,
    Material.GLASS,
    Material.SIDE_GLASS,
    Material.PLASTIC,
)


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


def _windows(
    length: float, y: float, height: float, rng: np.random.Generator, style: str
) -> list[list[list[float]]]:
    """Rectangles on the wall at `y`, seen from outside, along x."""
    floor = float(rng.uniform(2.9, 3.6))
    sill, tall = (0.35, 2.3) if style == "office" else (0.95, 1.5)
    pitch = float(rng.uniform(2.2, 4.2))
    wide = pitch - 0.15 if style in {"office", "strip"} else float(rng.uniform(1.0, pitch * 0.6))
    if style == "strip":
        pitch, wide = length - 0.6, length - 1.0
    faces = []
    for z in np.arange(0.2, height - floor * 0.8, floor):
        for x in np.arange(-length / 2 + pitch / 2 + 0.1, length / 2 - pitch / 2 + 0.1, pitch):
            a, b = x - wide / 2, x + wide / 2
            face = [
                [a, y, z + sill],
                [b, y, z + sill],
                [b, y, z + sill + tall],
                [a, y, z + sill + tall],
            ]
            faces.append(face if y < 0 else face[::-1])
    return faces


def _turn(faces: NDArray[np.float64]) -> F64:
    """Faces of a wall along x turned a quarter, to stand along y."""
    return np.stack([-faces[..., 1], faces[..., 0], faces[..., 2]], axis=-1)


def block(rng: np.random.Generator, size: tuple[float, float, float], style: str) -> Mesh:
    """A flat-roofed block of `size` with windows, parapet and things on the roof."""
    length, width, height = size
    x, y = length / 2, width / 2
    parts = [box((-x, -y, 0), (x, y, height), [P, P, P, P, Q])]
    if style != "blank":
        for wide, deep, turned in ((length, y, False), (width, x, True)):
            for side in (-1, 1):
                faces = np.array(_windows(wide, side * (deep + 0.02), height, rng, style)).reshape(
                    -1, 4, 3
                )
                if len(faces):
                    faces = _turn(faces) if turned else faces
                    kinds = rng.choice([int(S), int(S), int(G)], len(faces))
                    parts.append(quads(faces, kinds, 0.4))
    rim = 0.3
    edges = [
        ((-x, -y), (x, -y + rim)),
        ((-x, y - rim), (x, y)),
        ((-x, -y), (-x + rim, y)),
        ((x - rim, -y), (x, y)),
    ]
    for low, high in edges:
        parts.append(_raised(low, high, height, 0.35))
    parts += _roof_things(rng, x, y, height)
    return join(parts)


def _raised(low: tuple[float, float], high: tuple[float, float], z: float, tall: float) -> Mesh:
    made = box((*low, z), (*high, z + tall), [P, P, P, P, Material.CHROME])
    return Mesh(made.points, made.faces, made.materials, np.full(5, 0.1))


def _roof_things(rng: np.random.Generator, x: float, y: float, z: float) -> list[Mesh]:
    """Vents, skylights, air conditioners and stair heads: some as long as a car."""
    parts = []
    for _ in range(int(rng.integers(0, 3 + int(x * y / 14)))):
        half = rng.uniform([0.3, 0.3], [2.3, 1.1])
        limit = np.array([x, y]) - half - 0.6
        if (limit <= 0).any():
            continue
        cx, cy = rng.uniform(-limit, limit)
        top = int(rng.choice([int(P), int(Q), int(G), int(B), int(Material.CHROME)]))
        tall = float(rng.uniform(0.15, 1.6))
        made = box(
            (cx - half[0], cy - half[1], z),
            (cx + half[0], cy + half[1], z + tall),
            [P, P, Q, P, top],
        )
        parts.append(Mesh(made.points, made.faces, made.materials, np.full(5, 0.6 + tall)))
    return parts


def house(rng: np.random.Generator, size: tuple[float, float, float]) -> Mesh:
    """A house with a pitched roof along x."""
    length, width, eaves = size
    x, y = length / 2, width / 2
    ridge = eaves + y * float(rng.uniform(0.5, 0.95))
    over = 0.4
    walls = box((-x, -y, 0), (x, y, eaves), [P, P, P, P, P])
    roof = np.array(
        [
            [
                [-x - over, -y - over, eaves - 0.2],
                [x + over, -y - over, eaves - 0.2],
                [x + over, 0, ridge],
                [-x - over, 0, ridge],
            ],
            [
                [x + over, y + over, eaves - 0.2],
                [-x - over, y + over, eaves - 0.2],
                [-x - over, 0, ridge],
                [x + over, 0, ridge],
            ],
            [[x, -y, eaves], [x, y, eaves], [x, 0, ridge], [x, 0, ridge]],
            [[-x, y, eaves], [-x, -y, eaves], [-x, 0, ridge], [-x, 0, ridge]],
        ]
    )
    parts = [walls, quads(roof, [Q, Q, P, P])]
    for side in (-1, 1):
        faces = _windows(length, side * (y + 0.02), eaves, rng, "plain")
        if faces:
            parts.append(quads(np.array(faces), [S] * len(faces), 0.3))
    cx = float(rng.uniform(-x * 0.6, x * 0.6))
    chimney = box((cx - 0.3, 0.4, eaves), (cx + 0.3, 1.0, ridge + 0.6), [P, P, P, P, B])
    parts.append(Mesh(chimney.points, chimney.faces, chimney.materials, np.full(5, 1.0)))
    return join(parts)


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


def building(
    rng: np.random.Generator, at: F64, heading: float, size: tuple[float, float, float]
) -> list[Prop]:
    """A block or house of `size` as props none of which is longer than about 18 m."""
    walls = np.array(
        [
            [214, 206, 190],
            [190, 180, 164],
            [168, 110, 88],
            [222, 220, 214],
            [150, 148, 146],
            [206, 182, 140],
            [128, 84, 70],
            [176, 188, 196],
        ],
        float,
    )
    roofs = np.array(
        [
            [120, 118, 114],
            [88, 88, 90],
            [178, 174, 166],
            [150, 140, 126],
            [204, 204, 200],
            [66, 66, 70],
        ],
        float,
    )
    tiles = np.array(
        [[142, 74, 52], [120, 64, 50], [84, 80, 82], [104, 92, 82], [70, 74, 86]], float
    )
    wall = walls[rng.integers(len(walls))] * rng.uniform(0.82, 1.04)
    length, width, height = size
    pitched = height < 8 and rng.uniform() < 0.65
    roof = tiles if pitched else roofs
    colours = palette(
        np.minimum(wall, 238),
        roof[rng.integers(len(roof))] * rng.uniform(0.85, 1.1),
        float(rng.uniform(34, 90)),
    )
    colours[Material.CHROME] = wall * 0.95
    style = str(
        rng.choice(["plain", "plain", "office", "strip", "blank"], p=[0.3, 0.25, 0.15, 0.2, 0.1])
    )
    pieces = 1 if pitched else max(1, int(np.ceil(length / 18.0)))
    long = length / pieces
    unit = np.array([np.cos(heading), np.sin(heading)])
    made = []
    for k in range(pieces):
        mesh = (
            house(rng, (long, width, height))
            if pitched
            else block(rng, (long, width, height), style)
        )
        middle = at + unit * ((k + 0.5) * long - length / 2)
        made.append(Prop(mesh, colours, middle, heading, np.array([long, width])))
    return made
