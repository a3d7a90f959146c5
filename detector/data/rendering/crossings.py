"""Layouts around a crossing of roads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.laying import (
    centre_line,
    direction,
    draw_road,
    fill_lane,
    lay,
    queue,
    surround,
    traffic,
)
from detector.data.rendering.materials import land, material
from detector.data.rendering.roads import (
    WHITE,
    Road,
    arc_length,
    arrow,
    crossing,
    disc,
)
from detector.data.rendering.scene import Scene
from detector.data.rendering.shapes import Shape

F64 = NDArray[np.float64]


def junction(scene: Scene, angle: float) -> None:
    """Two roads that cross, one flowing and one waiting."""
    rng = scene.rng
    other = angle + np.pi / 2 + float(rng.normal(0, 0.15))
    where = rng.uniform(-14, 14, 2)
    heavy = float(rng.uniform(0.06, 0.45))
    roads = []
    for way in (angle, other):
        n = int(rng.integers(1, 4))
        roads.append(
            draw_road(
                scene,
                centre_line(scene, where, way, 0.0),
                (n, n),
                median_m=float(rng.choice([0.0, 0.0, 2.5])),
                pavement_m=float(rng.uniform(2, 9)),
            )
        )
    keep = []
    for road, cross in zip(roads, roads[::-1], strict=True):
        middle = float(arc_length(road.line)[-1]) / 2
        clear = cross.half_m + 6.5
        keep.append([(0.0, middle - clear), (middle + clear, 2 * middle)])
    lay(scene, roads, keep)
    _corners(scene, roads, where, (angle, other))
    for k, (road, cross) in enumerate(zip(roads, roads[::-1], strict=True)):
        _arms(scene, road, cross, where)
        if k == 0:
            traffic(
                scene,
                road,
                heavy=heavy,
                gap_m=float(rng.uniform(5, 40)),
                speed_mps=float(rng.uniform(6, 14)),
            )
            continue
        middle = float(arc_length(road.line)[-1]) / 2
        for forward in (True, False):
            for index in range(road.lanes[0]):
                queue(scene, road.lane(index, forward=forward), middle - cross.half_m - 6.8, heavy)
    surround(scene, roads)


def _corners(scene: Scene, roads: list[Road], where: F64, angles: tuple[float, float]) -> None:
    """Rounds the kerbs and covers the markings in the middle of a crossing."""
    radius = float(scene.rng.uniform(4, 11))
    main = roads[0].asphalt
    patches = []
    for s0 in (-1, 1):
        for s1 in (-1, 1):
            u, w = direction(angles[0]) * s0, direction(angles[1]) * s1
            sine = abs(float(u[0] * w[1] - u[1] * w[0]))
            corner = where + u * roads[1].half_m / sine + w * roads[0].half_m / sine
            a, b = corner + u * radius, corner + w * radius
            t = np.linspace(0, 1, 9)[:, None]
            bow = (1 - t) ** 2 * a + 2 * t * (1 - t) * corner + t**2 * b
            inner = corner - (u + w) * 0.6
            patches.append(Shape("cover", np.concatenate([[inner], bow]), main))
    scene.shapes += patches
    half = [road.half_m for road in roads]
    u, w = direction(angles[0]) * half[1], direction(angles[1]) * half[0]
    box = np.array([where + u + w, where - u + w, where - u - w, where + u - w])
    scene.shapes.append(Shape("cover", box, main))


def _arms(scene: Scene, road: Road, cross: Road, where: F64) -> None:
    """Stop lines, arrows and zebra stripes of a road at a crossing."""
    rng = scene.rng
    zebra = rng.uniform() < 0.7
    for forward in (True, False):
        lane = road.lane(0, forward=forward)
        way = lane[-1] - lane[0]
        way = way / np.hypot(*way)
        side = np.array([way[1], -way[0]])
        stop = where - way * (cross.half_m + 6.3)
        if zebra:
            scene.lines += crossing(where - way * (cross.half_m + 5.0), way, road.half_m)
        inner, outer = road.median_m / 2, road.median_m / 2 + road.lanes[0] * road.lane_m
        ends = np.array([stop + side * inner, stop + side * outer])
        scene.lines.append(Shape("line", ends, WHITE, 0.4))
        for index in range(road.lanes[0]):
            foot = stop - way * 9 + side * (inner + (index + 0.5) * road.lane_m)
            scene.lines.append(arrow(foot, way, str(rng.choice(["ahead", "right", "left"]))))


def roundabout(scene: Scene, angle: float) -> None:
    """A ring with three to five arms."""
    rng = scene.rng
    radius, ring_m = float(rng.uniform(10, 26)), float(rng.choice([6.0, 8.5]))
    where = rng.uniform(-10, 10, 2)
    arms = int(rng.integers(3, 6))
    outer = radius + ring_m
    roads = []
    for k in range(arms):
        way = angle + 2 * np.pi * k / arms + float(rng.normal(0, 0.1))
        line = where + np.linspace(outer * 0.6, scene.extent_m * 1.5, 50)[:, None] * direction(way)
        roads.append(
            draw_road(scene, line, (1, 1), median_m=float(rng.choice([0.0, 2.5])), pavement_m=2.5)
        )
    lay(scene, roads, [[(outer * 0.4 + 6, float(arc_length(road.line)[-1]))] for road in roads])
    kerb = material(rng, "concrete")
    scene.shapes += [
        Shape("cover", disc(where, outer), roads[0].asphalt),
        Shape("cover", disc(where, radius), kerb),
        Shape("cover", disc(where, radius - rng.uniform(0.4, 2.5)), land(rng, scene.season)),
    ]
    turn = np.linspace(0, 2 * np.pi, 73)
    ring = where + (radius + ring_m * 0.5) * np.column_stack([np.cos(turn), np.sin(turn)])
    fill_lane(scene, ring, float(rng.uniform(5, 8)), 0.15, float(rng.uniform(8, 25)))
    scene.block_line(ring, ring_m / 2 + 1)
    for road in roads:
        gap = outer * 0.4 + 5
        away, towards = road.lane(0, forward=True), road.lane(0, forward=False)
        queue(scene, towards, float(arc_length(towards)[-1]) - gap, 0.1)
        fill_lane(scene, away[4:], float(rng.uniform(8, 12)), 0.1, float(rng.uniform(20, 60)))
    surround(scene, roads[:2])
