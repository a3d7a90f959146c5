"""Layouts: what a scene is about, from a motorway to a car park."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.crossings import junction, roundabout
from detector.data.rendering.furnishing import (
    line_buildings,
    line_props,
    line_trees,
    people_along,
    scatter,
)
from detector.data.rendering.laying import (
    centre_line,
    direction,
    draw_road,
    kerb_parking,
    lay,
    surround,
    traffic,
)
from detector.data.rendering.lots import car_park, yard
from detector.data.rendering.materials import material
from detector.data.rendering.roads import (
    arc_length,
    offset,
    strip,
)
from detector.data.rendering.scene import Scene
from detector.data.rendering.shapes import Shape

F64 = NDArray[np.float64]


def avenue(scene: Scene, angle: float) -> None:
    """A road or dual carriageway with rows of trees."""
    rng = scene.rng
    n = int(rng.integers(1, 4))
    line = centre_line(scene, rng.uniform(-5, 5, 2), angle, float(rng.normal(0, 25)))
    road = draw_road(
        scene,
        line,
        (n, n),
        median_m=float(rng.choice([0.0, 3.0, 6.0, 12.0])),
        pavement_m=float(rng.choice([0.0, 2.5, 5.0])),
    )
    length = float(arc_length(road.line)[-1])
    lay(scene, [road], [[(0.0, length)]])
    traffic(
        scene,
        road,
        heavy=float(rng.uniform(0.04, 0.4)),
        gap_m=float(rng.uniform(6, 60)),
        speed_mps=float(rng.uniform(8, 20)),
    )
    line_trees(scene, road, float(rng.uniform(6, 14)), float(rng.uniform(1.5, 5)))
    if road.median_m > 2.5:
        line_trees(scene, road, float(rng.uniform(6, 14)), -road.half_m)
    surround(scene, [road])


def motorway(scene: Scene, angle: float) -> None:
    """A dual carriageway with fast, dense traffic."""
    rng = scene.rng
    n = int(rng.integers(2, 6))
    line = centre_line(scene, rng.uniform(-8, 8, 2), angle, float(rng.normal(0, 20)))
    road = draw_road(scene, line, (n, n), median_m=float(rng.uniform(2, 6)), pavement_m=0.0)
    lay(scene, [road], [[(0.0, float(arc_length(road.line)[-1]))]])
    traffic(
        scene,
        road,
        heavy=float(rng.uniform(0.12, 0.5)),
        gap_m=float(rng.uniform(5, 45)),
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


def estate(scene: Scene, angle: float) -> None:
    """Parallel streets with houses and cars at the kerb."""
    rng = scene.rng
    way = direction(angle)
    side = np.array([-way[1], way[0]])
    gap = float(rng.uniform(42, 75))
    reach = int(np.clip(scene.extent_m / gap, 1, 4))
    roads = []
    for k in range(-reach, reach + 1):
        line = centre_line(scene, side * (k * gap + rng.uniform(-4, 4)), angle, 0.0)
        road = draw_road(scene, line, (1, 1), median_m=0.0, pavement_m=float(rng.uniform(1.5, 3)))
        roads.append(road)
    lay(scene, roads, [[(0.0, float(arc_length(road.line)[-1]))] for road in roads])
    for road in roads:
        traffic(scene, road, heavy=0.12, gap_m=45.0, speed_mps=float(rng.uniform(5, 11)))
        kerb_parking(scene, road, float(rng.uniform(0.2, 0.9)))
        line_buildings(scene, road)
        if rng.uniform() < 0.5:
            line_trees(scene, road, float(rng.uniform(9, 20)), 1.2)
        people_along(scene, road, 0.02)
    scatter(scene)


LAYOUTS: dict[str, Callable[[Scene, float], None]] = {
    "junction": junction,
    "avenue": avenue,
    "motorway": motorway,
    "roundabout": roundabout,
    "car_park": car_park,
    "estate": estate,
    "yard": yard,
}
