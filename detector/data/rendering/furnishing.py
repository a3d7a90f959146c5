"""Rows and sprinklings of trees, buildings, lamps, people and clutter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.materials import land, walk
from detector.data.rendering.roads import Road, arc_length, disc, offset, strip
from detector.data.rendering.scene import Scene, Tree
from detector.data.rendering.shapes import Shape
from detector.data.rendering.traffic import draw_person

F64 = NDArray[np.float64]

TREE_SORTS = 8
"""Sorts of plants in one scene; the last three are bushes."""


def stations(scene: Scene, line: F64, step_m: float) -> list[tuple[F64, float]]:
    """Places and headings every `step_m` along a line within the scene."""
    gone = arc_length(line)
    at = np.arange(step_m / 2, gone[-1] - 1.0, step_m)
    x, y = (np.interp(at, gone, line[:, k]) for k in (0, 1))
    dx, dy = (np.interp(at + 1.0, gone, line[:, k]) for k in (0, 1))
    heading = np.arctan2(dy - y, dx - x)
    near = np.hypot(x, y) < scene.extent_m
    return [
        (np.array([a, b]), float(h))
        for a, b, h in zip(x[near], y[near], heading[near], strict=True)
    ]


def line_trees(scene: Scene, road: Road, step_m: float, beside_m: float) -> None:
    """A row of one sort of tree on both sides, `beside_m` from the kerb."""
    rng = scene.rng
    sort = int(rng.integers(0, TREE_SORTS - 3))
    size = float(rng.uniform(1.5, 3.6))
    sides = (-1, 1) if road.half_m + beside_m > 0.2 else (1,)
    for side in sides:
        for at, _ in stations(scene, offset(road.line, side * (road.half_m + beside_m)), step_m):
            if rng.uniform() < 0.9:
                spot = at + rng.normal(0, 0.3, 2)
                scene_radius = size * float(rng.uniform(0.75, 1.2))
                if beside_m < 0:
                    scene.trees.append(Tree(sort, spot, min(scene_radius, 2.2)))
                else:
                    scene.plant(spot, sort, scene_radius)


def line_props(scene: Scene, road: Road, kind: str, step_m: float, beside_m: float) -> None:
    """Lamps or the like on both sides, arms over the road."""
    for side in (-1, 1):
        for at, heading in stations(
            scene, offset(road.line, side * (road.half_m + beside_m)), step_m
        ):
            scene.furnish(kind, at, heading - side * np.pi / 2)


def line_buildings(scene: Scene, road: Road) -> None:
    """A row of buildings on both sides of a road."""
    rng = scene.rng
    tall = float(rng.choice([4.5, 7, 14, 26]))
    back = road.half_m + road.pavement_m + float(rng.uniform(2, 10))
    step = float(rng.uniform(18, 40))
    for side in (-1, 1):
        depth = float(rng.uniform(9, 16))
        for at, heading in stations(scene, offset(road.line, side * (back + depth / 2)), step):
            if rng.uniform() < 0.8:
                size = (
                    step * float(rng.uniform(0.45, 0.9)),
                    depth,
                    tall * float(rng.uniform(0.7, 1.4)),
                )
                scene.build(at, heading, size)


def people_along(scene: Scene, road: Road, per_m: float) -> None:
    """People who walk on a road's footways."""
    rng = scene.rng
    if road.pavement_m < 1.5:
        return
    for side in (-1, 1):
        for out in rng.uniform(0.8, road.pavement_m - 0.4, 2):
            path = offset(road.line, side * (road.half_m + float(out)))
            length = float(arc_length(path)[-1])
            pace = float(rng.uniform(0.9, 1.6))
            places = np.sort(rng.uniform(0, length, int(length * per_m)))
            places = places[np.diff(places, prepend=-9.0) > 1.2]
            for at in places:
                scene.drive(
                    draw_person(rng),
                    path if out > road.pavement_m / 2 else path[::-1],
                    float(at),
                    pace,
                )


def scatter(scene: Scene) -> None:
    """Patches of ground, paths, trees, buildings, people and clutter off the roads."""
    rng = scene.rng
    reach = scene.extent_m
    area = (2 * reach) ** 2
    _patches(scene)
    if rng.uniform() < 0.5:
        for _ in range(int(min(area / rng.uniform(1500, 6000), 40))):
            at, heading = rng.uniform(-reach, reach, 2), float(rng.uniform(0, np.pi))
            length, depth, height = rng.uniform((8, 7, 3), (40, 16, 16)).tolist()
            scene.build(at, heading, (length, depth, height))
    for _ in range(int(min(area / rng.uniform(150, 2500), 220))):
        sort = int(rng.integers(0, TREE_SORTS))
        radius = rng.uniform(0.4, 1.3) if sort >= TREE_SORTS - 3 else rng.uniform(1.3, 4.0)
        scene.plant(rng.uniform(-reach, reach, 2), sort, float(radius))
    for _ in range(int(min(area / rng.uniform(600, 4000), 50))):
        kind = LITTER[int(rng.integers(len(LITTER)))]
        scene.furnish(kind, rng.uniform(-reach, reach, 2), float(rng.uniform(0, 6.3)))
    for _ in range(int(rng.integers(0, 14))):
        at = rng.uniform(-reach, reach, 2) * 0.6
        if scene.free(at, 0.6):
            scene.park(draw_person(rng), at, float(rng.uniform(0, 6.3)))


LITTER = ("skip", "kiosk", "bench", "parasol", "pile", "container", "barrier", "shelter")


def _patches(scene: Scene) -> None:
    """Beds, fields and paths below everything, and stray shadows above."""
    rng = scene.rng
    reach = scene.extent_m
    under = []
    for _ in range(int(rng.integers(4, 18))):
        at, size = rng.uniform(-reach, reach, 2), rng.uniform(5, 45, 2)
        sides = int(rng.choice([4, 4, 16]))
        angle = np.linspace(0, 2 * np.pi, sides + 1)[:-1] + np.pi / 4
        ring = np.column_stack([np.cos(angle), np.sin(angle)]) * size
        if sides > 4:
            ring *= rng.uniform(0.75, 1.2, (sides, 1))
        turn = float(rng.uniform(0, np.pi))
        c, s = np.cos(turn), np.sin(turn)
        under.append(
            Shape("cover", at + ring @ np.array([[c, s], [-s, c]]), land(rng, scene.season))
        )
    for _ in range(int(rng.integers(0, 6))):
        ends = rng.uniform(-1.3 * reach, 1.3 * reach, (3, 2))
        share = np.linspace(0, 1, 25)[:, None]
        bow = (1 - share) ** 2 * ends[0] + 2 * share * (1 - share) * ends[1] + share**2 * ends[2]
        width = float(rng.uniform(0.6, 2.2))
        under.append(Shape("cover", strip(bow, width, -width), walk(rng, scene.season)))
    scene.shapes[:0] = under
    for _ in range(int(rng.integers(0, 10))):
        at = rng.uniform(-reach, reach, 2)
        if rng.uniform() < 0.5:
            scene.shapes.append(Shape("shadow", disc(at, float(rng.uniform(0.8, 2.5))), 150))
        else:
            along = np.array([[-2.2, -0.9], [2.2, -0.9], [2.2, 0.9], [-2.2, 0.9]])
            turn = float(rng.uniform(0, 6.3))
            c, s = np.cos(turn), np.sin(turn)
            scene.shapes.append(Shape("shadow", at + along @ np.array([[c, s], [-s, c]]), 170))
