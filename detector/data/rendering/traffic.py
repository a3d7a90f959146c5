"""Vehicles and people: what they look like and where they are at any time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.buses import bus_mesh
from detector.data.rendering.cars import BODIES, car_mesh
from detector.data.rendering.lorries import truck_mesh
from detector.data.rendering.mesh import Material, Mesh
from detector.data.rendering.people import person_mesh
from detector.data.rendering.roads import arc_length

F64 = NDArray[np.float64]

CAR, TRUCK, BUS, PEDESTRIAN = range(4)

_CAR_COLOURS: tuple[tuple[float, tuple[int, int, int]], ...] = (
    (0.25, (226, 227, 226)),
    (0.17, (24, 25, 28)),
    (0.15, (88, 91, 95)),
    (0.14, (172, 175, 178)),
    (0.08, (34, 52, 98)),
    (0.075, (150, 26, 30)),
    (0.02, (48, 98, 160)),
    (0.025, (122, 108, 90)),
    (0.025, (52, 74, 58)),
    (0.02, (196, 168, 128)),
    (0.015, (208, 172, 36)),
    (0.015, (204, 92, 32)),
    (0.015, (98, 26, 44)),
)

_CAR_SHARE = {
    "sedan": 0.2,
    "saloon": 0.07,
    "hatch": 0.17,
    "small": 0.08,
    "wagon": 0.08,
    "suv": 0.19,
    "offroad": 0.04,
    "coupe": 0.02,
    "mpv": 0.05,
    "pickup": 0.04,
    "van": 0.03,
    "minibus": 0.015,
    "sprinter": 0.025,
}


_RIMS = np.array([45.0, 120.0, 165.0])
_PLATES = np.array([[215.0, 215, 210], [205, 180, 70]])
_BEDS = np.array([[38.0, 38, 40], [88, 80, 70], [120, 104, 84]])
_SKINS = np.array([[214.0, 170, 142], [160, 116, 88], [96, 66, 50]])
_HAIRS = np.array([[34.0, 28, 26], [74, 54, 38], [150, 124, 84], [120, 118, 116]])
_LEGS = np.array([[36.0, 42, 60], [30, 30, 32], [96, 92, 84], [132, 120, 96]])
_CABS = np.array(
    [
        [224.0, 224, 222],
        [224, 224, 222],
        [38, 62, 120],
        [168, 34, 30],
        [206, 120, 34],
        [66, 98, 66],
        [58, 60, 64],
        [214, 178, 54],
    ]
)
_LOADS = np.array(
    [
        [226.0, 226, 224],
        [226, 226, 224],
        [206, 204, 198],
        [60, 84, 136],
        [150, 44, 40],
        [92, 118, 92],
        [178, 152, 84],
        [112, 114, 118],
    ]
)
_BUSES = np.array(
    [
        [92.0, 178, 56],
        [222, 222, 218],
        [222, 222, 218],
        [36, 92, 160],
        [176, 30, 34],
        [212, 160, 40],
        [70, 140, 130],
        [120, 150, 190],
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A rigid piece of an object.

    Attributes:
        detailed, plain: Its meshes for near and far views.
        scale: `(3,)` stretch of both.
        behind_m: Where its middle runs on the path, behind the object's own.
    """

    detailed: Mesh
    plain: Mesh
    scale: F64
    behind_m: float = 0.0

    @property
    def half_wh(self) -> F64:
        """`(2,)` half its length and width."""
        return np.asarray(np.ptp(self.plain.points[:, :2], axis=0) * self.scale[:2] / 2, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One object's looks: class, parts, palette `(len(Material), 3)` and size in metres."""

    class_id: int
    parts: tuple[Part, ...]
    palette: F64
    length_m: float
    width_m: float


def _pick(rng: np.random.Generator, table: F64) -> F64:
    """A random row."""
    return np.asarray(table[int(rng.integers(len(table)))], np.float64)


def _palette(rng: np.random.Generator, paint: F64, second: F64) -> F64:
    colours = np.zeros((len(Material), 3))
    glass = rng.uniform(14, 46)
    colours[Material.PAINT] = paint
    colours[Material.PAINT2] = second
    colours[Material.GLASS] = glass + rng.uniform(-4, 8, 3) + 25 * (rng.uniform() < 0.33)
    colours[Material.SIDE_GLASS] = glass * 0.7 + 4
    colours[Material.PLASTIC] = rng.uniform(28, 52)
    colours[Material.TYRE] = 24
    colours[Material.RIM] = _pick(rng, _RIMS)
    colours[Material.HEADLIGHT] = (205, 208, 212)
    colours[Material.TAILLIGHT] = (148, 22, 22)
    colours[Material.PLATE] = _pick(rng, _PLATES)
    colours[Material.BED] = _pick(rng, _BEDS)
    colours[Material.CHROME] = 130
    colours[Material.SEAM] = np.minimum(paint * 0.35 + 6, 70)
    colours[Material.SKIN] = _pick(rng, _SKINS)
    colours[Material.HAIR] = _pick(rng, _HAIRS)
    colours[Material.TROUSERS] = _pick(rng, _LEGS)
    return colours


def _paint(rng: np.random.Generator) -> F64:
    shares = np.array([share for share, _ in _CAR_COLOURS])
    index = int(rng.choice(len(shares), p=shares / shares.sum()))
    colour = np.array(_CAR_COLOURS[index][1], np.float64)
    return np.asarray(np.clip(colour * rng.uniform(0.82, 1.12) + rng.normal(0, 2, 3), 10, 242))


def draw_car(rng: np.random.Generator) -> Kind:
    """A car, van or pickup; taxis and work vans come in their own colours."""
    names = list(_CAR_SHARE)
    share = np.array(list(_CAR_SHARE.values()))
    name = names[int(rng.choice(len(names), p=share / share.sum()))]
    roof = str(rng.choice(["plain", "plain", "plain", "glass", "sunroof", "rails"]))
    if name in {"van", "sprinter", "pickup", "minibus"}:
        roof = "plain"
    scale = np.array([rng.uniform(0.94, 1.06), rng.uniform(0.96, 1.04), rng.uniform(0.95, 1.05)])
    paint = _paint(rng)
    if name in {"van", "sprinter", "minibus"} and rng.uniform() < 0.6:
        paint = np.full(3, rng.uniform(205, 238))
    part = Part(
        car_mesh(name, detail=True, roof=roof), car_mesh(name, detail=False, roof=roof), scale
    )
    length, width, _ = np.array(BODIES[name].size) * scale
    return Kind(CAR, (part,), _palette(rng, paint, paint), float(length), float(width))


def draw_truck(rng: np.random.Generator) -> Kind:
    """A lorry."""
    names = ["box", "big_box", "flatbed", "tipper", "tanker", "artic", "mixer"]
    name = str(rng.choice(names, p=[0.28, 0.17, 0.13, 0.14, 0.06, 0.16, 0.06]))
    cab = _pick(rng, _CABS)
    load = _pick(rng, _LOADS)
    scale = np.array([rng.uniform(0.9, 1.08), rng.uniform(0.96, 1.02), rng.uniform(0.92, 1.04)])
    mesh = truck_mesh(name)
    palette = _palette(
        rng, cab * rng.uniform(0.9, 1.05), np.clip(load * rng.uniform(0.85, 1.05), 0, 240)
    )
    extent = np.ptp(mesh.points, axis=0) * scale
    return Kind(TRUCK, (Part(mesh, mesh, scale),), palette, float(extent[0]), 2.5)


def draw_bus(rng: np.random.Generator) -> Kind:
    """A bus, one in five articulated."""
    paint = _pick(rng, _BUSES)
    roof = paint if rng.uniform() < 0.4 else np.full(3, rng.uniform(190, 232))
    palette = _palette(rng, paint, roof)
    palette[Material.PLASTIC] = rng.uniform(60, 150)
    name = str(rng.choice(["city", "coach", "midi", "artic"], p=[0.45, 0.2, 0.15, 0.2]))
    one = np.ones(3)
    if name == "artic":
        front, rear = bus_mesh("artic_front"), bus_mesh("artic_rear")
        parts = (Part(front, front, one, -4.25), Part(rear, rear, one, 4.95))
        return Kind(BUS, parts, palette, 18.0, 2.55)
    mesh = bus_mesh(name)
    return Kind(BUS, (Part(mesh, mesh, one),), palette, float(np.ptp(mesh.points[:, 0])), 2.55)


def draw_person(rng: np.random.Generator) -> Kind:
    """A grown person or a child."""
    tall = rng.uniform(0.9, 1.08) if rng.uniform() < 0.9 else rng.uniform(0.6, 0.8)
    mesh = person_mesh(int(rng.integers(0, 4)))
    shirt = rng.uniform(20, 225, 3) * 0.55 + rng.uniform(15, 100)
    return Kind(
        PEDESTRIAN, (Part(mesh, mesh, np.full(3, tall)),), _palette(rng, shirt, shirt), 0.5, 0.5
    )


@dataclass(frozen=True, slots=True, eq=False)
class Mover:
    """An object on a path.

    Attributes:
        kind: Its looks.
        path: `(N, 2)` polyline of its middle; a parked object's path gives place and heading.
        start_m: Arc length at time 0.
        speed_mps: 0 for parked ones; a lane has one speed, so that nobody is run into.
        object_id: Positive.
    """

    kind: Kind
    path: F64
    gone: F64
    start_m: float
    speed_mps: float
    object_id: int

    def poses(self, time_s: float) -> F64:
        """`(P, 3)` x, y and heading of each part; off the path's ends it keeps straight on."""
        run = self.start_m + self.speed_mps * time_s - self.lap(time_s) * self.gone[-1]
        behind = np.array([part.behind_m for part in self.kind.parts])
        half = 0.3 * self.kind.length_m / len(self.kind.parts)
        rear, front = self._at(run - behind - half), self._at(run - behind + half)
        heading = np.arctan2(front[:, 1] - rear[:, 1], front[:, 0] - rear[:, 0])
        return np.column_stack([(front + rear) / 2, heading])

    def lap(self, time_s: float) -> int:
        """How often it has left its path's end to come back, as another, at the start."""
        if self.speed_mps == 0:
            return 0
        return int((self.start_m + self.speed_mps * time_s) // self.gone[-1])

    def _at(self, arc: F64) -> F64:
        inside = np.clip(arc, 0, self.gone[-1])
        place = np.column_stack([np.interp(inside, self.gone, self.path[:, k]) for k in (0, 1)])
        first, last = self.path[1] - self.path[0], self.path[-1] - self.path[-2]
        unit = np.where((arc < 0)[:, None], first / np.hypot(*first), last / np.hypot(*last))
        return np.asarray(place + unit * (arc - inside)[:, None], np.float64)


def mover(kind: Kind, path: F64, start_m: float, speed_mps: float, object_id: int) -> Mover:
    """A `Mover` on a path."""
    return Mover(kind, path, arc_length(path), start_m, speed_mps, object_id)


def parked(kind: Kind, at: F64, heading: float, object_id: int) -> Mover:
    """A `Mover` that stands at a place."""
    way = np.array([np.cos(heading), np.sin(heading)]) * 20.0
    return mover(kind, np.array([at - way, at + way]), 20.0, 0.0, object_id)
