"""Buildings: flat-roofed blocks and houses."""

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
