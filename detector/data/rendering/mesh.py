"""Meshes of four-sided faces with materials, and the shapes they are built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]


class Material(IntEnum):
    """What a face is made of; a palette gives each its colour."""

    PAINT = 0
    PAINT2 = 1
    GLASS = 2
    SIDE_GLASS = 3
    PLASTIC = 4
    TYRE = 5
    RIM = 6
    HEADLIGHT = 7
    TAILLIGHT = 8
    PLATE = 9
    BED = 10
    CHROME = 11
    SEAM = 12
    SKIN = 13
    HAIR = 14
    TROUSERS = 15


GLOSS = np.zeros(len(Material))
"""Share mirrored at right angles, by material."""
GLOSS[Material.PAINT] = 0.055
GLOSS[Material.PAINT2] = 0.02
GLOSS[Material.GLASS] = 0.16
GLOSS[Material.SIDE_GLASS] = 0.12
GLOSS[Material.HEADLIGHT] = 0.3
GLOSS[Material.CHROME] = 0.5
GLOSS[Material.RIM] = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Faces seen from one side.

    Attributes:
        points: `(V, 3)` metres; x forward, y left, z up from the ground.
        faces: `(F, 4)` rows of `points`, anticlockwise seen from outside; a triangle repeats one.
        materials: `(F,)` of `Material`.
        lift: `(F,)` metres by which a face is drawn nearer than it is (for what lies on another).
    """

    points: F64
    faces: Ints
    materials: Ints
    lift: F64

    def normals(self, scale: F64) -> F64:
        """Unit normals `(F, 3)` once `points` are multiplied by `scale` `(3,)`."""
        corners = (self.points * scale)[self.faces]
        across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        length = np.linalg.norm(across, axis=1, keepdims=True)
        return np.asarray(across / np.maximum(length, 1e-9), np.float64)


def join(parts: Sequence[Mesh]) -> Mesh:
    """All parts as one mesh."""
    offsets = np.cumsum([0] + [len(part.points) for part in parts[:-1]])
    return Mesh(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.faces + int(o) for part, o in zip(parts, offsets, strict=True)]),
        np.concatenate([part.materials for part in parts]),
        np.concatenate([part.lift for part in parts]),
    )


def quads(corners: F64, materials: Sequence[int] | Ints, lift: float = 0.0) -> Mesh:
    """Separate faces from `(F, 4, 3)` corners."""
    count = len(corners)
    faces = np.arange(4 * count, dtype=np.int64).reshape(count, 4)
    points = np.asarray(corners, np.float64).reshape(-1, 3)
    return Mesh(points, faces, np.asarray(materials, np.int64), np.full(count, lift))


def box(low: Sequence[float], high: Sequence[float], materials: Sequence[int]) -> Mesh:
    """A box from corner `low` to corner `high`; materials of front, rear, left, right, top."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    corners = np.array(
        [
            [[x1, y0, z0], [x1, y1, z0], [x1, y1, z1], [x1, y0, z1]],
            [[x0, y1, z0], [x0, y0, z0], [x0, y0, z1], [x0, y1, z1]],
            [[x1, y1, z0], [x0, y1, z0], [x0, y1, z1], [x1, y1, z1]],
            [[x0, y0, z0], [x1, y0, z0], [x1, y0, z1], [x0, y0, z1]],
            [[x0, y0, z1], [x1, y0, z1], [x1, y1, z1], [x0, y1, z1]],
        ]
    )
    return quads(corners, materials)


def loft(stations: F64, sections: F64, materials: Ints) -> Mesh:
    """A skin over cross-sections that are mirrored left and right.

    Args:
        stations: `(S,)` x of each section, from front to rear.
        sections: `(S, R, 2)` y and z of each section's left half, from the sill up to the middle.
        materials: `(S - 1, R - 1)` of the faces between two stations and two ring points.
    """
    count, rings = sections.shape[:2]
    right = sections[:, -2::-1] * np.array([-1.0, 1.0])
    outline = np.concatenate([sections, right], axis=1)
    x = np.broadcast_to(stations[:, None, None], (count, 2 * rings - 1, 1))
    points = np.concatenate([x, outline], axis=2)
    index = np.arange(points.shape[0] * points.shape[1]).reshape(points.shape[:2])
    faces = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1)
    both = np.concatenate([materials, materials[:, ::-1]], axis=1)
    flat = faces.reshape(-1, 4)
    skin = Mesh(points.reshape(-1, 3), flat, both.reshape(-1), np.zeros(len(flat)))
    # A loft from front to rear with the left side first runs clockwise seen from outside when
    # x falls; turn the faces so that every normal points away from the axis.
    middle = np.array([float(stations.mean()), 0.0, 0.2])
    centre = skin.points[skin.faces].mean(axis=1)
    inward = np.einsum("ij,ij->i", skin.normals(np.ones(3)), centre - middle) < 0
    turned = np.where(inward[:, None], skin.faces[:, ::-1], skin.faces)
    return Mesh(skin.points, turned, skin.materials, skin.lift)


def cap(x: float, section: F64, materials: Sequence[int]) -> Mesh:
    """The end of a loft at one station: a face between each pair of ring heights.

    Faces forward when `x` is positive, else to the rear.
    """
    low, high = section[:-1], section[1:]
    at = np.full(len(low), x)
    corners = np.stack(
        [
            np.column_stack([at, -low[:, 0], low[:, 1]]),
            np.column_stack([at, low[:, 0], low[:, 1]]),
            np.column_stack([at, high[:, 0], high[:, 1]]),
            np.column_stack([at, -high[:, 0], high[:, 1]]),
        ],
        axis=1,
    )
    return quads(corners if x > 0 else corners[:, ::-1], materials)


def wheel(x: float, y: float, radius: float) -> Mesh:
    """A wheel's outer side at `y`, seen from that side: arch, tyre and rim."""
    parts = []
    for share, material, lift in (
        (1.16, Material.SEAM, 0.2),
        (1.0, Material.TYRE, 0.22),
        (0.62, Material.RIM, 0.24),
    ):
        angle = np.arange(8) * np.pi / 4 + np.pi / 8
        height = np.maximum(radius + share * radius * np.sin(angle), 0.0)
        ring = np.column_stack([x + share * radius * np.cos(angle), np.full(8, y), height])
        corners = np.stack([ring[[0, 1, 2, 3]], ring[[0, 3, 4, 7]], ring[[4, 5, 6, 7]]])
        # sin runs up with x forward: anticlockwise seen from -y (the right side).
        parts.append(quads(corners if y < 0 else corners[:, ::-1], [material] * 3, lift))
    return join(parts)
