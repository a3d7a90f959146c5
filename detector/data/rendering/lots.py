"""Layouts around a paved place: car parks and works yards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.laying import (
    any_vehicle,
    centre_line,
    direction,
    draw_road,
    lay,
    surround,
    traffic,
)
from detector.data.rendering.materials import asphalt, land, material
from detector.data.rendering.roads import (
    WHITE,
    arc_length,
    resample,
)
from detector.data.rendering.scene import Scene, Tree
from detector.data.rendering.shapes import Shape
from detector.data.rendering.traffic import draw_car, draw_person

F64 = NDArray[np.float64]


def car_park(scene: Scene, angle: float) -> None:
    """Rows of bays beside a road."""
    rng = scene.rng
    way = direction(angle)
    side = np.array([-way[1], way[0]])
    floor = asphalt(rng, scene.season)
    rows, bays = int(rng.integers(2, 6)), int(rng.integers(10, 26))
    bay_w, bay_l, aisle = (
        float(rng.uniform(2.4, 2.9)),
        float(rng.uniform(4.8, 5.5)),
        float(rng.uniform(6, 8)),
    )
    pitch = 2 * bay_l + aisle
    origin = rng.uniform(-6, 6, 2) - way * bays * bay_w / 2 - side * rows * pitch / 2
    wide, deep = bays * bay_w, rows * pitch
    edge = origin - way * 8 - side * 4
    corners = np.array(
        [
            edge,
            edge + way * (wide + 16),
            edge + way * (wide + 16) + side * (deep + 8),
            edge + side * (deep + 8),
        ]
    )
    scene.shapes.append(Shape("cover", corners, floor))
    scene.block_line(
        resample(np.array([origin, origin + way * wide]), 3.0) + side * deep / 2, deep / 2 + 3
    )
    full = float(rng.uniform(0.35, 0.98))
    for row in range(rows):
        base = origin + side * row * pitch
        for bank in (0, 1):
            foot = base + side * bank * bay_l
            _bays(scene, (foot, way, side), (bays, bay_w, bay_l), full)
        spine = np.array([base + side * bay_l, base + side * bay_l + way * wide])
        scene.lines.append(Shape("line", spine, WHITE, 0.12))
        _islands(scene, base + side * bay_l, way, wide)
        lane = resample(np.array([base, base + way * wide]), 4.0) + side * (2 * bay_l + aisle * 0.5)
        for at in rng.uniform(0.1, 0.9, int(rng.integers(0, 3))).cumsum()[:2]:
            if at < 0.95:
                path = lane if row % 2 else lane[::-1]
                scene.drive(draw_car(rng), path, float(at) * wide, 2.5)
    road = draw_road(
        scene,
        centre_line(scene, origin - side * (12 + rng.uniform(0, 6)), angle, 0.0),
        (1, 1),
        median_m=0.0,
        pavement_m=2.5,
    )
    lay(scene, [road], [[(0.0, float(arc_length(road.line)[-1]))]])
    traffic(scene, road, heavy=0.2, gap_m=22.0, speed_mps=10.0)
    for _ in range(int(rng.integers(0, 8))):
        spot = (
            origin
            + way * rng.uniform(0, wide)
            + side * (rng.integers(0, rows) * pitch + 2 * bay_l + rng.uniform(1, aisle - 1))
        )
        scene.park(draw_person(rng), spot, float(rng.uniform(0, 6.3)))
    scene.build(
        origin + way * wide / 2 + side * (deep + 22),
        angle,
        (float(rng.uniform(30, 90)), 24.0, float(rng.uniform(5, 10))),
    )
    surround(scene, [road])


def _bays(
    scene: Scene, axes: tuple[F64, F64, F64], size: tuple[int, float, float], full: float
) -> None:
    """One bank of bays with their lines and cars."""
    rng = scene.rng
    foot, way, side = axes
    count, wide, long = size
    for k in range(count + 1):
        at = foot + way * k * wide
        scene.lines.append(Shape("line", np.array([at, at + side * long]), WHITE, 0.11))
    for k in range(count):
        at = foot + way * (k + 0.5) * wide + side * long / 2
        if rng.uniform() < 0.5:
            scene.lines.append(
                Shape(
                    "tone",
                    at + rng.normal(0, 0.3, (3, 2)).cumsum(axis=0),
                    int(rng.integers(90, 122)),
                    0.9,
                )
            )
        if rng.uniform() > full:
            continue
        kind = draw_car(rng)
        if kind.length_m > long + 0.35:
            continue
        heading = float(np.arctan2(side[1], side[0])) + (np.pi if rng.uniform() < 0.5 else 0)
        jitter = way * rng.normal(0, 0.1) + side * rng.normal(0, 0.2)
        scene.park(kind, at + np.clip(jitter, -0.25, 0.25), heading + float(rng.normal(0, 0.015)))


def _islands(scene: Scene, start: F64, way: F64, wide: float) -> None:
    """Kerbed islands at both ends of a double row."""
    rng = scene.rng
    if rng.uniform() < 0.4:
        return
    side = np.array([-way[1], way[0]])
    kerb, fill = material(rng, "concrete"), land(rng, scene.season)
    for at in (start - way * 2.2, start + way * (wide + 2.2)):
        half = np.array([[-1.4, -4.6], [1.4, -4.6], [1.4, 4.6], [-1.4, 4.6]])
        for shrink, cover in ((1.0, kerb), (0.86, fill)):
            corners = at + shrink * (half[:, :1] * way + half[:, 1:] * side)
            scene.shapes.append(Shape("cover", corners, cover))
        sort = int(rng.integers(0, 8))
        scene.trees.append(Tree(sort, at, float(rng.uniform(0.8, 2.6))))


def yard(scene: Scene, angle: float) -> None:
    """A works yard: lorries, containers, sheds and piles beside a road."""
    rng = scene.rng
    way = direction(angle)
    side = np.array([-way[1], way[0]])
    half = float(rng.uniform(30, 60))
    corners = np.array(
        [way * a * half * 1.4 + side * b * half for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    )
    scene.shapes.append(
        Shape(
            "cover",
            corners,
            material(rng, str(rng.choice(["concrete", "old_asphalt", "gravel", "soil"]))),
        )
    )
    scene.build(side * half * 0.8, angle, (half * 1.8, 20.0, float(rng.uniform(6, 11))))
    for row in range(int(rng.integers(1, 4))):
        pitch = float(rng.uniform(3.4, 4.6))
        for k in range(int(rng.integers(3, 11))):
            at = way * (-half + k * pitch) + side * (row * 20 - half * 0.6)
            if scene.free(at, 1.0):
                kind = any_vehicle(rng, 0.7)
                scene.park(kind, at, angle + np.pi / 2 + float(rng.normal(0, 0.03)))
                scene.block_line(at[None], 1.5)
    for _ in range(int(rng.integers(10, 40))):
        at = way * rng.uniform(0.1, 1.3) * half + side * rng.uniform(-1, 0.55) * half
        scene.furnish(
            str(rng.choice(["container", "skip", "pile", "container", "barrier"])),
            at,
            angle + float(rng.choice([0, np.pi / 2])) + float(rng.normal(0, 0.1)),
        )
    road = draw_road(
        scene,
        centre_line(scene, -side * (half + 14), angle, 0.0),
        (1, 1),
        median_m=0.0,
        pavement_m=2.0,
    )
    lay(scene, [road], [[(0.0, float(arc_length(road.line)[-1]))]])
    traffic(scene, road, heavy=0.35, gap_m=35.0, speed_mps=11.0)
    surround(scene, [road])
