"""Layouts: what a scene is about, from a motorway to a car park."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.furnishing import (
    line_buildings,
    line_props,
    line_trees,
    people_along,
    scatter,
)
from detector.data.rendering.ground import Shape
from detector.data.rendering.materials import asphalt, land, material, walk
from detector.data.rendering.roads import (
    WHITE,
    YELLOW,
    Road,
    arc_length,
    arrow,
    crossing,
    disc,
    markings,
    offset,
    resample,
    strip,
    surfaces,
    wear,
)
from detector.data.rendering.scene import Scene, Tree
from detector.data.rendering.traffic import Kind, draw_bus, draw_car, draw_person, draw_truck

F64 = NDArray[np.float64]


def any_vehicle(rng: np.random.Generator, heavy: float) -> Kind:
    """A car, or with probability `heavy` a lorry or bus."""
    if rng.uniform() >= heavy:
        return draw_car(rng)
    return draw_truck(rng) if rng.uniform() < 0.55 else draw_bus(rng)


def _direction(angle: float) -> F64:
    return np.array([np.cos(angle), np.sin(angle)])


def _line(scene: Scene, through: F64, angle: float, bend: float) -> F64:
    """A road's centre line: straight, or a gentle bow of `bend` metres."""
    reach = scene.extent_m * 1.5
    t = np.linspace(-1, 1, 61)
    way = _direction(angle)
    side = np.array([-way[1], way[0]])
    return np.asarray(
        through + reach * t[:, None] * way + bend * (t**2)[:, None] * side, np.float64
    )


def _road(
    scene: Scene, line: F64, lanes: tuple[int, int], *, median_m: float, pavement_m: float
) -> Road:
    rng = scene.rng
    ground = land(rng, scene.season)
    edges: list[tuple[int, int, int] | None] = [WHITE, WHITE, YELLOW, None]
    return Road(
        resample(line, 4.0),
        lanes,
        float(rng.uniform(3.1, 3.8)),
        median_m,
        float(rng.choice([0.3, 0.6, 2.4])),
        pavement_m,
        asphalt(rng, scene.season),
        walk(rng, scene.season),
        ground,
        edges[int(rng.integers(4))],
    )


def _lay(scene: Scene, roads: list[Road], keep: list[list[tuple[float, float]]]) -> None:
    """Paints roads that may cross; `keep` are each one's stretches with markings."""
    layers = [surfaces(road) for road in roads]
    scene.shapes += [shape for below, _ in layers for shape in below]
    scene.shapes += [shape for _, above in layers for shape in above]
    for road, stretches in zip(roads, keep, strict=True):
        scene.lines += wear(road, scene.rng)
        scene.lines += markings(road, stretches)
        scene.block_line(road.line[::1], road.half_m + 0.4)


def _fill_lane(scene: Scene, lane: F64, speed_mps: float, heavy: float, gap_m: float) -> None:
    """Traffic on a lane, one speed for all."""
    rng = scene.rng
    length = float(arc_length(lane)[-1])
    at = float(rng.uniform(0, gap_m))
    while True:
        kind = any_vehicle(rng, heavy)
        at += kind.length_m / 2
        if at + kind.length_m / 2 + 6 > length:
            return
        sway = float(rng.normal(0, 0.12))
        scene.drive(kind, offset(lane, sway), at, speed_mps)
        at += kind.length_m / 2 + 1.5 + float(rng.exponential(gap_m)) + 0.35 * speed_mps


def _queue(scene: Scene, lane: F64, stop_m: float, heavy: float) -> None:
    """Vehicles that wait at a stop line."""
    rng = scene.rng
    at = stop_m - 0.6
    for _ in range(int(rng.integers(0, 9))):
        kind = any_vehicle(rng, heavy)
        at -= kind.length_m / 2
        if at < 5:
            return
        scene.drive(kind, lane, at, 0.0)
        at -= kind.length_m / 2 + float(rng.uniform(1.0, 3.5))


def _traffic(scene: Scene, road: Road, *, heavy: float, gap_m: float, speed_mps: float) -> None:
    for forward, lanes in ((True, road.lanes[0]), (False, road.lanes[1])):
        for index in range(lanes):
            pace = (
                speed_mps
                * float(scene.rng.uniform(0.85, 1.1))
                * (0.88 if index == lanes - 1 else 1)
            )
            _fill_lane(scene, road.lane(index, forward=forward), pace, heavy, gap_m)


def _kerb_parking(scene: Scene, road: Road, share: float) -> None:
    """Cars parked on the shoulder where it is wide enough."""
    rng = scene.rng
    if road.shoulder_m < 2:
        return
    out = road.half_m - road.shoulder_m / 2
    for side in (-1, 1):
        path = offset(road.line, side * out)
        gone = arc_length(path)
        for at in np.arange(6, gone[-1] - 6, 6.4):
            spot = np.array([np.interp(at, gone, path[:, k]) for k in (0, 1)])
            if rng.uniform() > share or np.hypot(*spot) > scene.extent_m:
                continue
            ahead = np.array([np.interp(at + 1, gone, path[:, k]) for k in (0, 1)]) - spot
            heading = float(np.arctan2(ahead[1], ahead[0])) + (np.pi if side > 0 else 0)
            kind = draw_car(rng)
            if kind.length_m < 6.2:
                scene.park(kind, spot, heading + float(rng.normal(0, 0.02)))


def junction(scene: Scene, angle: float) -> None:
    """Two roads that cross, one flowing and one waiting."""
    rng = scene.rng
    other = angle + np.pi / 2 + float(rng.normal(0, 0.15))
    where = rng.uniform(-14, 14, 2)
    heavy = float(rng.uniform(0.05, 0.3))
    roads = []
    for way in (angle, other):
        n = int(rng.integers(1, 4))
        roads.append(
            _road(
                scene,
                _line(scene, where, way, 0.0),
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
    _lay(scene, roads, keep)
    _corners(scene, roads, where, (angle, other))
    for k, (road, cross) in enumerate(zip(roads, roads[::-1], strict=True)):
        _arms(scene, road, cross, where)
        if k == 0:
            _traffic(
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
                _queue(scene, road.lane(index, forward=forward), middle - cross.half_m - 6.8, heavy)
    _surround(scene, roads)


def _corners(scene: Scene, roads: list[Road], where: F64, angles: tuple[float, float]) -> None:
    """Rounds the kerbs and covers the markings in the middle of a crossing."""
    radius = float(scene.rng.uniform(4, 11))
    main = roads[0].asphalt
    patches = []
    for s0 in (-1, 1):
        for s1 in (-1, 1):
            u, w = _direction(angles[0]) * s0, _direction(angles[1]) * s1
            sine = abs(float(u[0] * w[1] - u[1] * w[0]))
            corner = where + u * roads[1].half_m / sine + w * roads[0].half_m / sine
            a, b = corner + u * radius, corner + w * radius
            t = np.linspace(0, 1, 9)[:, None]
            bow = (1 - t) ** 2 * a + 2 * t * (1 - t) * corner + t**2 * b
            inner = corner - (u + w) * 0.6
            patches.append(Shape("cover", np.concatenate([[inner], bow]), main))
    scene.shapes += patches
    half = [road.half_m for road in roads]
    u, w = _direction(angles[0]) * half[1], _direction(angles[1]) * half[0]
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


def _surround(scene: Scene, roads: list[Road]) -> None:
    """Houses, trees, lamps, people and clutter along roads."""
    rng = scene.rng
    town = rng.uniform() < 0.7
    for road in roads:
        if rng.uniform() < 0.7:
            line_props(scene, road, "lamp", float(rng.uniform(22, 45)), 1.0)
        if rng.uniform() < 0.6:
            line_trees(scene, road, float(rng.uniform(7, 16)), 1.6)
        if town:
            line_buildings(scene, road)
        _kerb_parking(scene, road, float(rng.uniform(0, 0.9)))
        people_along(scene, road, float(rng.uniform(0, 0.06)))
    scatter(scene)


def avenue(scene: Scene, angle: float) -> None:
    """A road or dual carriageway with rows of trees."""
    rng = scene.rng
    n = int(rng.integers(1, 4))
    line = _line(scene, rng.uniform(-5, 5, 2), angle, float(rng.normal(0, 25)))
    road = _road(
        scene,
        line,
        (n, n),
        median_m=float(rng.choice([0.0, 3.0, 6.0, 12.0])),
        pavement_m=float(rng.choice([0.0, 2.5, 5.0])),
    )
    length = float(arc_length(road.line)[-1])
    _lay(scene, [road], [[(0.0, length)]])
    _traffic(
        scene,
        road,
        heavy=float(rng.uniform(0.03, 0.3)),
        gap_m=float(rng.uniform(10, 90)),
        speed_mps=float(rng.uniform(8, 20)),
    )
    line_trees(scene, road, float(rng.uniform(6, 14)), float(rng.uniform(1.5, 5)))
    if road.median_m > 2.5:
        line_trees(scene, road, float(rng.uniform(6, 14)), -road.half_m)
    _surround(scene, [road])


def motorway(scene: Scene, angle: float) -> None:
    """A dual carriageway with fast, dense traffic."""
    rng = scene.rng
    n = int(rng.integers(2, 6))
    line = _line(scene, rng.uniform(-8, 8, 2), angle, float(rng.normal(0, 20)))
    road = _road(scene, line, (n, n), median_m=float(rng.uniform(2, 6)), pavement_m=0.0)
    _lay(scene, [road], [[(0.0, float(arc_length(road.line)[-1]))]])
    _traffic(
        scene,
        road,
        heavy=float(rng.uniform(0.1, 0.4)),
        gap_m=float(rng.uniform(8, 60)),
        speed_mps=float(rng.uniform(15, 30)),
    )
    for side in (-1, 1):
        rail = offset(road.line, side * (road.half_m + 0.5))
        scene.lines.append(Shape("cover", strip(rail, 0.12, -0.12), material(rng, "concrete")))
    if rng.uniform() < 0.5:
        line_props(scene, road, "lamp", 35.0, 1.2)
    if rng.uniform() < 0.5:
        line_buildings(scene, road)
    scatter(scene)


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
        line = where + np.linspace(outer * 0.6, scene.extent_m * 1.5, 50)[:, None] * _direction(way)
        roads.append(
            _road(scene, line, (1, 1), median_m=float(rng.choice([0.0, 2.5])), pavement_m=2.5)
        )
    _lay(scene, roads, [[(outer * 0.4 + 6, float(arc_length(road.line)[-1]))] for road in roads])
    kerb = material(rng, "concrete")
    scene.shapes += [
        Shape("cover", disc(where, outer), roads[0].asphalt),
        Shape("cover", disc(where, radius), kerb),
        Shape("cover", disc(where, radius - rng.uniform(0.4, 2.5)), land(rng, scene.season)),
    ]
    turn = np.linspace(0, 2 * np.pi, 73)
    ring = where + (radius + ring_m * 0.5) * np.column_stack([np.cos(turn), np.sin(turn)])
    _fill_lane(scene, ring, float(rng.uniform(5, 8)), 0.15, float(rng.uniform(8, 25)))
    scene.block_line(ring, ring_m / 2 + 1)
    for road in roads:
        gap = outer * 0.4 + 5
        away, towards = road.lane(0, forward=True), road.lane(0, forward=False)
        _queue(scene, towards, float(arc_length(towards)[-1]) - gap, 0.1)
        _fill_lane(scene, away[4:], float(rng.uniform(8, 12)), 0.1, float(rng.uniform(20, 60)))
    _surround(scene, roads[:2])


def car_park(scene: Scene, angle: float) -> None:
    """Rows of bays beside a road."""
    rng = scene.rng
    way = _direction(angle)
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
    road = _road(
        scene,
        _line(scene, origin - side * (12 + rng.uniform(0, 6)), angle, 0.0),
        (1, 1),
        median_m=0.0,
        pavement_m=2.5,
    )
    _lay(scene, [road], [[(0.0, float(arc_length(road.line)[-1]))]])
    _traffic(scene, road, heavy=0.15, gap_m=40.0, speed_mps=10.0)
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
    _surround(scene, [road])


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


def estate(scene: Scene, angle: float) -> None:
    """Parallel streets with houses and cars at the kerb."""
    rng = scene.rng
    way = _direction(angle)
    side = np.array([-way[1], way[0]])
    gap = float(rng.uniform(42, 75))
    reach = int(np.clip(scene.extent_m / gap, 1, 4))
    roads = []
    for k in range(-reach, reach + 1):
        line = _line(scene, side * (k * gap + rng.uniform(-4, 4)), angle, 0.0)
        road = _road(scene, line, (1, 1), median_m=0.0, pavement_m=float(rng.uniform(1.5, 3)))
        roads.append(road)
    _lay(scene, roads, [[(0.0, float(arc_length(road.line)[-1]))] for road in roads])
    for road in roads:
        _traffic(scene, road, heavy=0.08, gap_m=70.0, speed_mps=float(rng.uniform(5, 11)))
        _kerb_parking(scene, road, float(rng.uniform(0.2, 0.9)))
        line_buildings(scene, road)
        if rng.uniform() < 0.5:
            line_trees(scene, road, float(rng.uniform(9, 20)), 1.2)
        people_along(scene, road, 0.02)
    scatter(scene)


def yard(scene: Scene, angle: float) -> None:
    """A works yard: lorries, containers, sheds and piles beside a road."""
    rng = scene.rng
    way = _direction(angle)
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
    road = _road(
        scene, _line(scene, -side * (half + 14), angle, 0.0), (1, 1), median_m=0.0, pavement_m=2.0
    )
    _lay(scene, [road], [[(0.0, float(arc_length(road.line)[-1]))]])
    _traffic(scene, road, heavy=0.35, gap_m=35.0, speed_mps=11.0)
    _surround(scene, [road])


LAYOUTS: dict[str, Callable[[Scene, float], None]] = {
    "junction": junction,
    "avenue": avenue,
    "motorway": motorway,
    "roundabout": roundabout,
    "car_park": car_park,
    "estate": estate,
    "yard": yard,
}
