"""What layouts share: laying roads, filling their lanes, furnishing their sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.furnishing import (
    line_buildings,
    line_props,
    line_trees,
    people_along,
    scatter,
)
from detector.data.rendering.materials import asphalt, land, walk
from detector.data.rendering.roads import (
    WHITE,
    YELLOW,
    Road,
    arc_length,
    markings,
    offset,
    resample,
    surfaces,
    wear,
)
from detector.data.rendering.scene import Scene
from detector.data.rendering.traffic import Kind, draw_bus, draw_car, draw_truck

F64 = NDArray[np.float64]


def any_vehicle(rng: np.random.Generator, heavy: float) -> Kind:
    """A car, or with probability `heavy` a lorry or bus."""
    if rng.uniform() >= heavy:
        return draw_car(rng)
    return draw_truck(rng) if rng.uniform() < 0.55 else draw_bus(rng)


def direction(angle: float) -> F64:
    """Unit vector at an angle from the x axis."""
    return np.array([np.cos(angle), np.sin(angle)])


def centre_line(scene: Scene, through: F64, angle: float, bend: float) -> F64:
    """A road's centre line: straight, or a gentle bow of `bend` metres."""
    reach = scene.extent_m * 1.5
    t = np.linspace(-1, 1, 61)
    way = direction(angle)
    side = np.array([-way[1], way[0]])
    return np.asarray(
        through + reach * t[:, None] * way + bend * (t**2)[:, None] * side, np.float64
    )


def draw_road(
    scene: Scene, line: F64, lanes: tuple[int, int], *, median_m: float, pavement_m: float
) -> Road:
    """A road with surfaces and markings drawn for the scene."""
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


def lay(scene: Scene, roads: list[Road], keep: list[list[tuple[float, float]]]) -> None:
    """Paints roads that may cross; `keep` are each one's stretches with markings."""
    layers = [surfaces(road) for road in roads]
    scene.shapes += [shape for below, _ in layers for shape in below]
    scene.shapes += [shape for _, above in layers for shape in above]
    for road, stretches in zip(roads, keep, strict=True):
        scene.lines += wear(road, scene.rng)
        scene.lines += markings(road, stretches)
        scene.block_line(road.line[::1], road.half_m + 0.4)


def fill_lane(scene: Scene, lane: F64, speed_mps: float, heavy: float, gap_m: float) -> None:
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


def queue(scene: Scene, lane: F64, stop_m: float, heavy: float) -> None:
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


def traffic(scene: Scene, road: Road, *, heavy: float, gap_m: float, speed_mps: float) -> None:
    """Traffic on all lanes, slower towards the kerb."""
    for forward, lanes in ((True, road.lanes[0]), (False, road.lanes[1])):
        for index in range(lanes):
            pace = (
                speed_mps
                * float(scene.rng.uniform(0.85, 1.1))
                * (0.88 if index == lanes - 1 else 1)
            )
            fill_lane(scene, road.lane(index, forward=forward), pace, heavy, gap_m)


def kerb_parking(scene: Scene, road: Road, share: float) -> None:
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


def surround(scene: Scene, roads: list[Road]) -> None:
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
        kerb_parking(scene, road, float(rng.uniform(0, 0.9)))
        people_along(scene, road, float(rng.uniform(0, 0.06)))
    scatter(scene)
