"""A flight over a scene: drawn from a seed, then shot frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.camera import Camera, CameraPath, draw_path
from detector.data.rendering.conflicts import without_conflicts
from detector.data.rendering.furnishing import TREE_SORTS
from detector.data.rendering.ground import Shape, paint, plan_levels, shade_map
from detector.data.rendering.layouts import LAYOUTS
from detector.data.rendering.light import Light, draw_light
from detector.data.rendering.materials import SEASONS, land
from detector.data.rendering.mesh import Mesh
from detector.data.rendering.optics import Optics, draw_optics, expose
from detector.data.rendering.plants import ELEVATIONS_DEG, Plant, draw_plant, shade_blobs, sprite
from detector.data.rendering.raster import CONTACT, SUN_SHADOW, Leaves, Rasteriser, Solid
from detector.data.rendering.scene import Scene, Tree
from detector.data.rendering.traffic import Mover

F64 = NDArray[np.float64]

MIN_SHARE = 0.2
MIN_LONG_PX, MIN_SHORT_PX = 4.0, 2.0


@dataclass(frozen=True, slots=True)
class FlightPlan:
    """What a caller fixes of a flight; `None` is drawn."""

    seed: int
    image_wh: tuple[int, int]
    duration_s: float
    altitude_m: float | None = None
    pitch_deg: float | None = None
    scene: str | None = None
    lively: float = 1.0
    harsh: float = 0.0
    sampling: int = 2
    budget_px: int = 16_000_000
    focal_px: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame: picture, truth and the ground's homography to pixels."""

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    ids: NDArray[np.int64]
    visibility: NDArray[np.float32]
    homography: F64


class Flight:
    """A scene that is ready to be shot from a camera path."""

    def __init__(
        self,
        seed: int,
        path: CameraPath,
        rasteriser: Rasteriser,
        optics: Optics,
        movers: list[Mover],
        still: F64,
        light: Light,
    ) -> None:
        self._seed, self._path, self._rasteriser, self._optics = seed, path, rasteriser, optics
        self.movers, self._still, self._light = movers, still, light
        self._id_step = max((m.object_id for m in movers), default=0)

    def develop(self, shot: Shot, index: int) -> Shot:
        """A frame as the camera delivers it; `index` seeds its noise."""
        noise = np.random.default_rng([self._seed, 77, index])
        return replace(shot, image=expose(shot.image, self._optics, noise))

    def shoot(self, time_s: float) -> Shot:
        """The frame at a time, clean."""
        camera = self._path.at(time_s)
        moving = [m.poses(time_s) for m in self.movers]
        poses = np.concatenate([*moving, self._still])
        image, drawn = self._rasteriser.draw(camera, poses, self._hulls(moving))
        width, height = camera.image_wh
        boxes = np.clip(drawn.boxes, 0, [width, height, width, height])
        size = np.sort(boxes[:, 2:] - boxes[:, :2], axis=1)
        keep = (
            (drawn.shares >= MIN_SHARE) & (size[:, 1] >= MIN_LONG_PX) & (size[:, 0] >= MIN_SHORT_PX)
        )
        owners = [self.movers[g] for g in drawn.groups[keep]]
        ids = [m.object_id + m.lap(time_s) * self._id_step for m in owners]
        order = np.argsort(np.array(ids, np.int64), kind="stable")
        return Shot(
            image,
            boxes[keep][order].astype(np.float32),
            np.array([m.kind.class_id for m in owners], np.int64)[order],
            np.array(ids, np.int64)[order],
            drawn.shares[keep][order].astype(np.float32),
            camera.ground_homography(),
        )

    def _hulls(self, moving: list[F64]) -> list[F64]:
        hulls = []
        for m, poses in zip(self.movers, moving, strict=True):
            if m.speed_mps > 0:
                for part, pose in zip(m.kind.parts, poses, strict=True):
                    hulls += ground_shades(part.plain, part.scale, pose, self._light)
        return hulls


def ground_shades(mesh: Mesh, scale: F64, pose: F64, light: Light) -> list[F64]:
    """What a mesh shades of the ground: its sun shadow and the ground under it."""
    points = mesh.points * scale
    c, s = np.cos(pose[2]), np.sin(pose[2])
    turned = points[:, :2] @ np.array([[c, s], [-s, c]]) + pose[:2]
    slope = light.sun[:2] / light.sun[2]
    cast = turned - points[:, 2:3] * slope
    low = points[:, 2] < 1.0
    both = np.concatenate([cast, turned[low]])
    return [_hull(both), _hull(turned[low])]


def _hull(points: F64) -> F64:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)


def plan_flight(plan: FlightPlan) -> Flight:
    """Draws scene, path and looks, and paints the ground."""
    rng = np.random.default_rng([plan.seed, 5])
    altitude = plan.altitude_m or float(np.exp(rng.uniform(np.log(20), np.log(120))))
    pitch = (
        plan.pitch_deg
        if plan.pitch_deg is not None
        else float(rng.choice([90.0, rng.uniform(45, 90)]))
    )
    nominal = _start(rng, plan, altitude, np.deg2rad(pitch))
    light = draw_light(rng)
    season = str(rng.choice(SEASONS, p=[0.42, 0.16, 0.14, 0.2, 0.08]))
    scene = Scene(rng, season, _reach(nominal.at(0.0)), land(rng, season))
    angle = float(
        rng.choice([rng.uniform(0, np.pi), np.pi / 2 + rng.normal(0, 0.3), rng.normal(0, 0.2)])
    )
    LAYOUTS[plan.scene or str(rng.choice(list(LAYOUTS)))](scene, angle)
    checked = np.linspace(
        0, plan.duration_s, int(min(2 + plan.duration_s * 3, 90)) if plan.duration_s else 1
    )
    scene.movers = without_conflicts(scene.movers, checked.tolist())
    path = _aimed(scene, nominal)
    times = np.linspace(0, plan.duration_s, 12 if plan.duration_s else 1)
    cameras = [path.at(float(t)) for t in times]
    frames = plan_levels(cameras, plan.budget_px)
    _clear_view(scene, cameras[0].position)
    plants = [draw_plant(rng, kind, season) for kind in _plant_kinds(rng, season)]
    leaves = _leaves(_seen_trees(scene.trees, cameras), plants, light, cameras[0].position)
    solids, still = _solids(scene)
    tall, low = _shadows(scene, plants, light)
    shapes = scene.shapes + scene.lines + tall + low
    ground = paint(
        frames,
        scene.base,
        shapes,
        turn=float(rng.uniform(0, 6.3)),
        softness_m=light.shadow_softness_m,
    )
    labelled = np.zeros(len(scene.movers) + len(scene.props), bool)
    labelled[: len(scene.movers)] = True
    optics = draw_optics(rng, harsh=plan.harsh)
    raster = Rasteriser(
        ground,
        light,
        solids,
        leaves,
        labelled,
        plan.sampling,
        _skyline(rng),
        shade_map(tall, scene.extent_m),
    )
    return Flight(plan.seed, path, raster, optics, scene.movers, still, light)


def draw_still(seed: int, image_wh: tuple[int, int]) -> Flight:
    """A scene in the widest variety, for one frame."""
    rng = np.random.default_rng([seed, 9])
    pitch = float(
        rng.choice(
            [90.0, rng.uniform(60, 90), rng.uniform(25, 60), rng.uniform(10, 25)],
            p=[0.3, 0.2, 0.3, 0.2],
        )
    )
    low, top = (8.0, 40.0) if pitch < 25 else (12.0, 150.0)
    altitude = float(np.exp(rng.uniform(np.log(low), np.log(top))))
    car_px = float(np.exp(rng.uniform(np.log(16), np.log(110)))) * image_wh[0] / 800
    focal = car_px / 4.5 * _slant(altitude, np.deg2rad(pitch))
    focal = float(np.clip(focal, 0.6 * image_wh[0], 3.0 * image_wh[0]))
    plan = FlightPlan(seed, image_wh, 0.0, altitude, pitch, None, 0.0, 1.0, 2, 5_000_000, focal)
    return plan_flight(plan)


def _slant(altitude: float, pitch: float) -> float:
    """Distance to what the camera aims at."""
    return float(np.hypot(altitude, _back(altitude, pitch)))


def _back(altitude: float, pitch: float) -> float:
    """How far behind its aim the camera starts."""
    return float(min(altitude / np.tan(pitch), 25.0 + 1.2 * altitude))


def _start(rng: np.random.Generator, plan: FlightPlan, altitude: float, pitch: float) -> CameraPath:
    focal = plan.focal_px or plan.image_wh[0] * float(rng.uniform(0.66, 0.9))
    back = _back(altitude, pitch)
    aim = rng.uniform(-8, 8, 2)
    start = np.array(
        [aim[0], aim[1] - back, altitude, 0.0, pitch, rng.normal(0, 0.006), np.log(focal)]
    )
    return draw_path(rng, start, plan.image_wh, lively=plan.lively)


def _reach(camera: Camera) -> float:
    """How far from the origin a scene has to be furnished."""
    width, height = camera.image_wh
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
    seen = camera.ground_points(corners, 420.0)
    return float(np.clip(np.hypot(*seen.T).max() + 25, 70, 420))


def _aimed(scene: Scene, nominal: CameraPath) -> CameraPath:
    """The path moved so that the camera starts with some vehicle in its view."""
    rng = scene.rng
    near = [m for m in scene.movers if np.hypot(*m.poses(0.0)[0, :2]) < scene.extent_m * 0.35]
    if not near or rng.uniform() < 0.08:
        return nominal
    target = near[int(rng.integers(len(near)))].poses(0.0)[0, :2]
    start = nominal.start.copy()
    width = nominal.image_wh[0] / np.exp(start[6]) * _slant(start[2], start[4])
    start[:2] += target + rng.normal(0, 0.15, 2) * width
    return replace(nominal, start=start)


def _clear_view(scene: Scene, eye: F64) -> None:
    """Removes what would stand in the camera or right before it."""

    def near(at: F64, tall: float, wide: float) -> bool:
        gap = float(np.hypot(*(at - eye[:2]))) - wide
        return gap < 6 + 0.15 * eye[2] and tall > eye[2] - 6 or (gap < 25 and tall > eye[2])

    scene.props = [
        p
        for p in scene.props
        if not near(p.at, float(p.mesh.points[:, 2].max()), float(p.footprint.max()) / 2)
    ]
    scene.trees = [t for t in scene.trees if not near(t.at, 4 * t.radius_m, t.radius_m)]


def _plant_kinds(rng: np.random.Generator, season: str) -> list[str]:
    leafy = {
        "winter": ["bare", "bare", "conifer"],
        "snow": ["bare", "conifer", "bare"],
        "dry": ["palm", "palm", "round", "bush"],
        "autumn": ["round", "round", "bare", "conifer"],
    }
    kinds = [
        str(k)
        for k in rng.choice(
            leafy.get(season, ["round", "round", "conifer", "palm"]), TREE_SORTS - 3
        )
    ]
    return [*kinds, "bush", "bush", "bush"]


def _seen_trees(trees: list[Tree], cameras: list[Camera]) -> list[Tree]:
    """Those that some camera may have in view."""
    if not trees:
        return []
    size = np.array([tree.radius_m for tree in trees])
    middle = np.column_stack([np.array([tree.at for tree in trees]), 2 * size])
    seen = np.zeros(len(trees), bool)
    for camera in cameras:
        pixels, depth = camera.project(middle)
        margin = 60 + 5 * size[:, None] * camera.focal_px / np.maximum(depth, 1)[:, None]
        inside = (pixels > -margin) & (pixels < np.array(camera.image_wh) + margin)
        seen |= inside.all(axis=1) & (depth > 1)
    return [tree for tree, shown in zip(trees, seen, strict=True) if shown]


def _leaves(trees: list[Tree], plants: list[Plant], light: Light, eye: F64) -> list[Leaves]:
    cache: dict[tuple[int, int], NDArray[np.uint8]] = {}
    placed = []
    for tree in trees:
        plant = plants[tree.sort]
        crown = plant.height * tree.radius_m
        away = float(np.hypot(*(tree.at - eye[:2])))
        view = np.rad2deg(np.arctan2(eye[2] - crown, away))
        bin_ = int(np.argmin(np.abs(np.array(ELEVATIONS_DEG) - view)))
        key = (tree.sort, bin_)
        if key not in cache:
            cache[key] = sprite(plant, ELEVATIONS_DEG[bin_], light)
        placed.append(
            Leaves(
                cache[key], tree.at, crown, tree.radius_m, np.array(plant.trunk, float), bin_ < 3
            )
        )
    return placed


def _solids(scene: Scene) -> tuple[list[Solid], F64]:
    """Solids of movers then props, and the props' poses."""
    solids = []
    for k, m in enumerate(scene.movers):
        for part in m.kind.parts:
            reach = float(np.linalg.norm(part.plain.points * part.scale, axis=1).max())
            solids.append(Solid((part.plain, part.detailed), part.scale, m.kind.palette, k, reach))
    still = np.zeros((len(scene.props), 3))
    for k, prop in enumerate(scene.props):
        reach = float(np.linalg.norm(prop.mesh.points, axis=1).max())
        solids.append(
            Solid((prop.mesh, prop.mesh), np.ones(3), prop.palette, len(scene.movers) + k, reach)
        )
        still[k] = (*prop.at, prop.heading)
    return solids, still


def _shadows(scene: Scene, plants: list[Plant], light: Light) -> tuple[list[Shape], list[Shape]]:
    """Shadows of buildings and trees, and of all else that stands still with contact shade last."""
    tall: list[Shape] = []
    cast: list[Shape] = []
    contact: list[Shape] = []
    one = np.ones(3)
    for p in scene.props:
        sun, under = ground_shades(p.mesh, one, np.array([*p.at, p.heading]), light)
        (tall if p.footprint.min() > 5 else cast).append(Shape("shadow", sun, SUN_SHADOW))
        contact.append(Shape("shadow", under, CONTACT))
    for m in scene.movers:
        if m.speed_mps == 0:
            for part, pose in zip(m.kind.parts, m.poses(0.0), strict=True):
                sun, under = ground_shades(part.plain, part.scale, pose, light)
                cast.append(Shape("shadow", sun, SUN_SHADOW))
                contact.append(Shape("shadow", under, CONTACT))
    shades = [shade_blobs(plant, light) for plant in plants]
    for tree in scene.trees:
        tall.append(Shape("shadow", tree.at + shades[tree.sort] * tree.radius_m, SUN_SHADOW - 25))
    return tall, cast + contact


def _skyline(rng: np.random.Generator) -> F64:
    """`(K, 4)` azimuth, width, height (as a slope) and grey of distant blocks and woods."""
    woods = np.column_stack(
        [
            np.linspace(-np.pi, np.pi, 160),
            np.full(160, 0.05),
            rng.uniform(0.002, 0.012, 160),
            rng.uniform(70, 110, 160),
        ]
    )
    count = int(rng.integers(0, 120))
    blocks = np.column_stack(
        [
            rng.uniform(-np.pi, np.pi, count),
            rng.uniform(0.008, 0.04, count),
            rng.uniform(0.006, 0.05, count),
            rng.uniform(110, 220, count),
        ]
    )
    return np.concatenate([blocks, woods])
