"""Bodies of cars, vans and pickups as lofted meshes with real proportions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.mesh import Material, Mesh, box, cap, join, loft, quads, wheel

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]

P, G, S, B = Material.PAINT, Material.GLASS, Material.SIDE_GLASS, Material.PLASTIC


@dataclass(frozen=True, slots=True)
class Body:
    """Proportions of a body. Lengths along the car are shares of its length from the nose.

    Attributes:
        size: Length, width, height in metres.
        glass: Windscreen foot, roof front, roof end and foot of the rear window.
        nose: Height of the bonnet's front edge, as a share of the height.
        bonnet: Height of the windscreen's foot.
        boot: Height behind the rear window.
        roof: Half width of the roof as a share of the body's.
        bed: A pickup's open bed behind the cab.
        dark_side: Rear side windows of sheet metal (a panel van).
    """

    size: tuple[float, float, float]
    glass: tuple[float, float, float, float]
    nose: float = 0.5
    bonnet: float = 0.64
    boot: float = 0.68
    roof: float = 0.76
    bed: bool = False
    panel: bool = False


BODIES: dict[str, Body] = {
    "sedan": Body((4.65, 1.81, 1.46), (0.27, 0.43, 0.70, 0.86)),
    "saloon": Body((4.95, 1.88, 1.47), (0.28, 0.43, 0.69, 0.87), roof=0.74),
    "hatch": Body((4.15, 1.76, 1.48), (0.25, 0.40, 0.84, 0.95), boot=0.62),
    "small": Body((3.65, 1.64, 1.50), (0.21, 0.35, 0.88, 0.965), boot=0.6),
    "wagon": Body((4.70, 1.82, 1.49), (0.26, 0.41, 0.87, 0.965), boot=0.62),
    "suv": Body((4.60, 1.87, 1.69), (0.26, 0.38, 0.88, 0.965), nose=0.54, bonnet=0.66, boot=0.62),
    "offroad": Body(
        (4.95, 1.95, 1.86), (0.27, 0.35, 0.94, 0.975), nose=0.56, bonnet=0.66, boot=0.6, roof=0.82
    ),
    "coupe": Body((4.45, 1.82, 1.36), (0.31, 0.47, 0.62, 0.85), boot=0.66, roof=0.7),
    "mpv": Body(
        (4.85, 1.87, 1.74), (0.17, 0.34, 0.92, 0.97), nose=0.46, bonnet=0.58, boot=0.58, roof=0.8
    ),
    "pickup": Body(
        (5.40, 1.92, 1.82),
        (0.27, 0.36, 0.58, 0.60),
        nose=0.54,
        bonnet=0.64,
        boot=0.60,
        roof=0.8,
        bed=True,
    ),
    "van": Body(
        (5.30, 1.98, 2.05),
        (0.13, 0.25, 0.965, 0.985),
        nose=0.42,
        bonnet=0.54,
        boot=0.5,
        roof=0.84,
        panel=True,
    ),
    "minibus": Body(
        (5.90, 2.02, 2.45), (0.12, 0.22, 0.975, 0.988), nose=0.36, bonnet=0.46, boot=0.45, roof=0.86
    ),
    "sprinter": Body(
        (6.30, 2.02, 2.60),
        (0.13, 0.23, 0.98, 0.99),
        nose=0.36,
        bonnet=0.45,
        boot=0.45,
        roof=0.88,
        panel=True,
    ),
}


def _profile(body: Body) -> tuple[F64, F64, F64]:
    """Stations, top heights and half-width shares of a body."""
    foot, front, rear, end = body.glass
    roof_dip = 0.975
    knots = [
        (0.0, body.nose * 0.86, 0.74),
        (0.012, body.nose * 0.97, 0.86),
        (0.04, body.nose * 1.05, 0.95),
        (0.10, body.nose * 0.65 + body.bonnet * 0.42, 0.985),
        (foot * 0.7, body.bonnet * 0.97, 1.0),
        (foot, body.bonnet, 1.0),
        ((foot + front) / 2, (body.bonnet + 1.0) / 2 + 0.035, 1.0),
        (front, roof_dip, 1.0),
        (front + 0.06, 0.995, 1.0),
        ((front + rear) / 2 - 0.01, 1.0, 1.0),
        ((front + rear) / 2 + 0.01, 1.0, 1.0),
        (rear - 0.03, 0.985, 1.0),
        (rear, roof_dip, 1.0),
        (end, body.boot, 0.985),
    ]
    tail = [
        (0.965, body.boot * 0.985, 0.95),
        (0.99, body.boot * 0.95, 0.89),
        (1.0, body.boot * 0.8, 0.80),
    ]
    knots += [knot for knot in tail if knot[0] > end + 0.004]
    table = np.array(knots)
    return table[:, 0], table[:, 1], table[:, 2]


def _sections(body: Body, top: F64, width: F64) -> F64:
    """Ring points `(S, 7, 2)` of each station's left half."""
    half, height = body.size[1] / 2, body.size[2]
    belt = (body.bonnet + 0.015) * height
    z_top = top * height
    cabin = np.clip((z_top - belt) / (height - belt), 0, 1)
    narrow = 0.9 - (0.9 - body.roof) * cabin
    z_belt = np.minimum(belt, z_top - 0.05)
    sill = np.where(width < 0.9, 0.30, 0.22) * (height / 1.5) ** 0.5
    rings = [
        (half * width * 0.93, sill),
        (half * width, sill * 0.5 + z_belt * 0.45),
        (half * width * 0.985, z_belt),
        (half * width * (narrow + 0.03), np.maximum(z_top - 0.11, z_belt + 0.01)),
        (half * width * (narrow - 0.03), np.maximum(z_top - 0.025, z_belt + 0.02)),
        (half * width * narrow * 0.55, z_top - 0.005),
        (np.zeros_like(top), z_top),
    ]
    return np.stack([np.column_stack(ring) for ring in rings], axis=1)


def _materials(body: Body, x: F64) -> Ints:
    """`(S - 1, 6)` materials between stations and rings."""
    foot, front, rear, end = body.glass
    middle = (x[:-1] + x[1:]) / 2
    grid = np.full((len(middle), 6), int(P))
    cabin = (middle > foot) & (middle < end)
    grid[cabin, 2] = S
    if body.panel:
        grid[(middle > front + 0.1) & (middle < end), 2] = P
    grid[(middle > foot) & (middle < front), 4:] = G
    grid[(middle > rear) & (middle < end), 4:] = G
    pillar = np.abs(middle - (front + rear) / 2) < 0.005
    grid[pillar, 2] = P
    grid[(middle > 0.01) & (middle < 0.04), 2] = Material.HEADLIGHT
    grid[(middle > 0.966) & (middle < 0.991), 2] = Material.TAILLIGHT
    return grid


def _ends(body: Body, first: F64, last: F64) -> Mesh:
    """Front and rear with lamps, grille, bumpers and plates."""
    x, w = body.size[0] / 2, body.size[1] / 2
    low, high = first[1, 1], first[2, 1]
    front = cap(x, first, [B, P, P, P, P, P])
    rear = cap(-x, last, [B, P, P, P, P, P])
    z0, z1 = low * 0.8 + high * 0.2, high
    r0, r1 = last[1, 1] * 0.55 + last[2, 1] * 0.45, last[2, 1]

    def plate(at: float, y: tuple[float, float], z: tuple[float, float]) -> F64:
        """A rectangle on the end at `at`, seen from outside."""
        ys = y if at > 0 else y[::-1]
        return np.array(
            [[at, ys[0], z[0]], [at, ys[1], z[0]], [at, ys[1], z[1]], [at, ys[0], z[1]]]
        )

    outer, inner = 0.74 * w, 0.45 * w
    decals = np.stack(
        [
            plate(x + 0.01, (-inner, inner), (z0, z1 * 0.97)),
            plate(x + 0.01, (-0.55 * w, 0.55 * w), (low * 0.62, low * 0.9)),
            plate(x + 0.01, (inner, outer), (z0 * 0.5 + z1 * 0.5, z1)),
            plate(x + 0.01, (-outer, -inner), (z0 * 0.5 + z1 * 0.5, z1)),
            plate(x + 0.01, (-0.26, 0.26), (low * 0.9, low * 0.9 + 0.11)),
            plate(-x - 0.01, (inner, outer * 1.06), (r0, r1)),
            plate(-x - 0.01, (-outer * 1.06, -inner), (r0, r1)),
            plate(-x - 0.01, (-0.26, 0.26), (r0 * 0.95, r0 * 0.95 + 0.11)),
            plate(-x - 0.01, (-0.6 * w, 0.6 * w), (last[0, 1], last[0, 1] + 0.12)),
        ]
    )
    kinds = [
        B,
        B,
        Material.HEADLIGHT,
        Material.HEADLIGHT,
        Material.PLATE,
        Material.TAILLIGHT,
        Material.TAILLIGHT,
        Material.PLATE,
        Material.SEAM,
    ]
    return join([front, rear, quads(decals, kinds, 0.25)])


def _mirrors(body: Body) -> Mesh:
    length, width, height = body.size
    x = length * (0.5 - body.glass[0] - 0.05)
    z = (body.bonnet + 0.04) * height
    kinds = [P, B, P, P, P]
    return join(
        [
            box(
                (x - 0.08, side * (width / 2 + 0.09) - 0.1, z - 0.06),
                (x + 0.08, side * (width / 2 + 0.09) + 0.1, z + 0.08),
                kinds,
            )
            for side in (-1, 1)
        ]
    )


def _seams(body: Body) -> Mesh:
    """Door gaps, door handles and the sill as thin faces on both sides."""
    length, width, height = body.size
    foot, front, rear, _ = body.glass
    marks = [(foot + 0.02, 0.012), ((front + rear) / 2, 0.012)]
    if not body.bed:
        marks.append((min(rear, 0.74), 0.012))
    z0, z1 = 0.30, body.bonnet * height
    corners = []
    for at, thick in marks:
        xm = length * (0.5 - at)
        for side in (-1, 1):
            y = side * (width / 2 + 0.004)
            face = [
                [xm - thick, y, z0],
                [xm + thick, y, z0],
                [xm + thick, y, z1],
                [xm - thick, y, z1],
            ]
            corners.append(face if side < 0 else face[::-1])
    return quads(np.array(corners), [Material.SEAM] * len(corners), 0.12)


@lru_cache(maxsize=64)
def car_mesh(name: str, *, detail: bool, roof: str = "plain") -> Mesh:
    """The body `name` of `BODIES`; `roof` is plain, glass, sunroof or rails."""
    body = BODIES[name]
    length, width, height = body.size
    shares, top, wide = _profile(body)
    if not detail:
        keep = [0, 2, 3, 5, 7, 10, 12, 13, len(shares) - 1]
        keep = sorted(set(keep))
        shares, top, wide = shares[keep], top[keep], wide[keep]
    x = length * (0.5 - shares)
    sections = _sections(body, top, wide)
    if body.bed:
        inside = shares > body.glass[3] + 0.005
        sections[inside, 5:, 1] -= 0.42
        sections[-1, 5:, 1] += 0.42
    materials = _roofed(_materials(body, shares), body, (shares[:-1] + shares[1:]) / 2, roof)
    parts = [loft(x, sections, materials), _ends(body, sections[0], sections[-1])]
    radius = 0.315 * (height / 1.5) ** 0.4
    parts += [
        wheel(length * (0.5 - share), side * (width / 2 + 0.006), radius)
        for share in (0.19, 0.80)
        for side in (-1, 1)
    ]
    if detail:
        parts += [_mirrors(body), _seams(body)]
        if roof == "rails":
            parts += [_rail(body, side) for side in (-1, 1)]
    return join(parts)


def _roofed(grid: Ints, body: Body, middle: F64, roof: str) -> Ints:
    """Materials with the bed's lining or a roof of glass laid in."""
    _, front, rear, end = body.glass
    if body.bed:
        grid[middle > end, 4:] = Material.BED
    if roof == "glass":
        grid[(middle > front + 0.02) & (middle < rear - 0.02), 5] = G
    if roof == "sunroof":
        grid[(middle > front + 0.05) & (middle < (front + rear) / 2 - 0.01), 5] = G
    return grid


def _rail(body: Body, side: int) -> Mesh:
    length, width, height = body.size
    y = side * width / 2 * (body.roof - 0.06)
    x0, x1 = length * (0.5 - body.glass[2] + 0.02), length * (0.5 - body.glass[1] - 0.06)
    return box((x0, y - 0.03, height - 0.02), (x1, y + 0.03, height + 0.05), [Material.CHROME] * 5)
