"""Draws flights and stills from their seeds: camera, weather, season and scene."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.backdrop import Stage
from detector.data.rendering.camera import Camera, CameraPath, draw_path
from detector.data.rendering.conflicts import without_conflicts
from detector.data.rendering.dressing import leaves, seen_trees, shadows, skyline, solids
from detector.data.rendering.flight import Flight
from detector.data.rendering.furnishing import TREE_SORTS
from detector.data.rendering.ground import paint, plan_levels
from detector.data.rendering.layouts import LAYOUTS
from detector.data.rendering.light import draw_light
from detector.data.rendering.materials import SEASONS, land
from detector.data.rendering.optics import draw_optics
from detector.data.rendering.plants import draw_plant
from detector.data.rendering.raster import Rasteriser
from detector.data.rendering.scene import Scene
from detector.data.rendering.shadows import shade_map
from detector.data.rendering.traffic import PEDESTRIAN

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FlightPlan:
    """What a caller fixes of a flight; `None` is drawn.

    Attributes:
        seed: Of everything else.
        image_wh: Frame size in pixels.
        duration_s: For how long; 0 is one frame.
        altitude_m, pitch_deg, focal_px: The camera's start.
        scene: A name in `LAYOUTS`.
        lively: How much the camera moves, 0 to 1.
        harsh: How far blur, noise and compression go, 0 to 1.
        budget_px: Most texels of painted ground.
    """

    seed: int
    image_wh: tuple[int, int]
    duration_s: float
    altitude_m: float | None = None
    pitch_deg: float | None = None
    focal_px: float | None = None
    scene: str | None = None
    lively: float = 1.0
    harsh: float = 0.0
    budget_px: int = 16_000_000


def plan_flight(plan: FlightPlan) -> Flight:
    """A flight with its scene drawn and its ground painted."""
    rng = np.random.default_rng([plan.seed, 5])
    nominal = _nominal_path(rng, plan)
    scene = _draw_scene(rng, plan, nominal)
    path = _aimed(scene, nominal, miss=0.04 * plan.harsh)
    times = np.linspace(0, plan.duration_s, 12 if plan.duration_s else 1)
    cameras = [path.at(float(t)) for t in times]
    _clear_view(scene, cameras[0].position)
    light = draw_light(rng)
    plants = [draw_plant(rng, kind, scene.season) for kind in _plant_kinds(scene)]
    green = leaves(seen_trees(scene.trees, cameras), plants, light, cameras[0].position)
    tall, low = shadows(scene, plants, light)
    ground = paint(
        plan_levels(cameras, plan.budget_px),
        scene.base,
        scene.shapes + scene.lines + tall + low,
        turn=float(rng.uniform(0, 6.3)),
        softness_m=light.shadow_softness_m,
    )
    shade = shade_map([shape.points for shape in tall], scene.extent_m)
    stage = Stage(ground, light, shade, skyline(rng), 2)
    parts, still = solids(scene)
    labelled = np.arange(len(scene.movers) + len(scene.props)) < len(scene.movers)
    optics = draw_optics(rng, harsh=plan.harsh)
    raster = Rasteriser(stage, parts, green, labelled)
    return Flight(plan.seed, path, (scene.movers, still), stage, raster, optics)


def plan_still(seed: int, image_wh: tuple[int, int]) -> Flight:
    """A flight of one frame in the widest variety."""
    rng = np.random.default_rng([seed, 9])
    steepness = [90.0, rng.uniform(60, 90), rng.uniform(25, 60), rng.uniform(10, 25)]
    pitch = float(rng.choice(steepness, p=[0.3, 0.2, 0.3, 0.2]))
    low, top = (8.0, 40.0) if pitch < 25 else (12.0, 150.0)
    altitude = float(np.exp(rng.uniform(np.log(low), np.log(top))))
    car_px = float(np.exp(rng.uniform(np.log(16), np.log(110)))) * image_wh[0] / 800
    focal = car_px / 4.5 * _slant(altitude, np.deg2rad(pitch))
    focal = float(np.clip(focal, 0.6 * image_wh[0], 3.0 * image_wh[0]))
    return plan_flight(
        FlightPlan(seed, image_wh, 0.0, altitude, pitch, focal, None, 0.0, 1.0, 5_000_000)
    )


def _nominal_path(rng: np.random.Generator, plan: FlightPlan) -> CameraPath:
    """A path that looks at the origin at first."""
    altitude = plan.altitude_m or float(np.exp(rng.uniform(np.log(20), np.log(120))))
    drawn = float(rng.choice([90.0, rng.uniform(45, 90)]))
    pitch = np.deg2rad(drawn if plan.pitch_deg is None else plan.pitch_deg)
    focal = plan.focal_px or plan.image_wh[0] * float(rng.uniform(0.66, 0.9))
    aim = rng.uniform(-8, 8, 2)
    back = _back(altitude, pitch)
    roll = rng.normal(0, 0.006)
    start = np.array([aim[0], aim[1] - back, altitude, 0.0, pitch, roll, np.log(focal)])
    return draw_path(rng, start, plan.image_wh, lively=plan.lively)


def _slant(altitude: float, pitch: float) -> float:
    """Distance to what the camera aims at."""
    return float(np.hypot(altitude, _back(altitude, pitch)))


def _back(altitude: float, pitch: float) -> float:
    """How far behind its aim the camera starts."""
    return float(min(altitude / np.tan(pitch), 25.0 + 1.2 * altitude))


def _draw_scene(rng: np.random.Generator, plan: FlightPlan, path: CameraPath) -> Scene:
    season = str(rng.choice(SEASONS, p=[0.42, 0.16, 0.14, 0.2, 0.08]))
    scene = Scene(rng, season, _reach(path.at(0.0)), land(rng, season))
    along = [rng.uniform(0, np.pi), np.pi / 2 + rng.normal(0, 0.3), rng.normal(0, 0.2)]
    LAYOUTS[plan.scene or str(rng.choice(list(LAYOUTS)))](scene, float(rng.choice(along)))
    count = min(2 + int(plan.duration_s * 3), 90) if plan.duration_s else 1
    times = np.linspace(0, plan.duration_s, count)
    scene.movers = without_conflicts(scene.movers, times.tolist())
    return scene


def _reach(camera: Camera) -> float:
    """How far from the origin a scene has to be furnished."""
    width, height = camera.image_wh
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    seen = camera.ground_points(corners, 420.0)
    return float(np.clip(np.hypot(*seen.T).max() + 25, 70, 420))


def _aimed(scene: Scene, nominal: CameraPath, *, miss: float) -> CameraPath:
    """The path moved so that the camera starts over vehicles, but for a share `miss`."""
    rng = scene.rng
    vehicles = [m for m in scene.movers if m.kind.class_id != PEDESTRIAN]
    places = np.array([m.poses(0.0)[0, :2] for m in vehicles]).reshape(-1, 2)
    away = np.hypot(*places.T)
    near = places[away <= max(scene.extent_m * 0.35, float(np.sort(away)[:5].max(initial=0)))]
    if len(near) == 0 or rng.uniform() < miss:
        return nominal
    start = nominal.start.copy()
    width = nominal.image_wh[0] / np.exp(start[6]) * _slant(start[2], start[4])
    aims = near[rng.integers(0, len(near), 8)] + rng.normal(0, 0.15, (8, 2)) * width
    gaps = np.linalg.norm(aims[:, None] - places[None], axis=2)
    crowd = (gaps < 0.4 * width).sum(axis=1)
    start[:2] += aims[int(np.argmax(crowd)) if rng.uniform() < 0.75 else 0]
    return replace(nominal, start=start)


def _clear_view(scene: Scene, eye: F64) -> None:
    """Removes what would stand in the camera or fill its view: nobody flies just over a roof."""

    def near(at: F64, tall: float, wide: float) -> bool:
        gap = float(np.hypot(*(at - eye[:2]))) - wide
        too_high = gap < 0.8 * eye[2] and tall > max(0.3 * eye[2], 5.0)
        return too_high or (gap < 25 and tall > eye[2] - 6)

    scene.props = [
        p
        for p in scene.props
        if not near(p.at, float(p.mesh.points[:, 2].max()), float(p.footprint.max()) / 2)
    ]
    scene.trees = [t for t in scene.trees if not near(t.at, 4 * t.radius_m, t.radius_m)]


def _plant_kinds(scene: Scene) -> list[str]:
    """The sorts of plants of a scene, bushes last."""
    leafy = {
        "winter": ["bare", "bare", "conifer"],
        "snow": ["bare", "conifer", "bare"],
        "dry": ["palm", "palm", "round", "bush"],
        "autumn": ["round", "round", "bare", "conifer"],
    }.get(scene.season, ["round", "round", "conifer", "palm"])
    trees = [str(kind) for kind in scene.rng.choice(leafy, TREE_SORTS - 3)]
    return [*trees, "bush", "bush", "bush"]
