"""Turns a scene's contents into what the rasteriser draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.camera import Camera
from detector.data.rendering.foliage import Leaves
from detector.data.rendering.light import Light
from detector.data.rendering.plants import ELEVATIONS_DEG, Plant, shade_blobs, sprite
from detector.data.rendering.scene import Scene, Tree
from detector.data.rendering.shadows import CONTACT, SUN_SHADOW, ground_shades
from detector.data.rendering.shapes import Shape
from detector.data.rendering.solids import Solid

F64 = NDArray[np.float64]


def seen_trees(trees: list[Tree], cameras: list[Camera]) -> list[Tree]:
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


def leaves(trees: list[Tree], plants: list[Plant], light: Light, eye: F64) -> list[Leaves]:
    """The trees as sprites, each for the angle that it is seen at from `eye`."""
    cache: dict[tuple[int, int], NDArray[np.uint8]] = {}
    placed = []
    for tree in trees:
        plant = plants[tree.sort]
        crown = plant.height * tree.radius_m
        away = float(np.hypot(*(tree.at - eye[:2])))
        view = np.rad2deg(np.arctan2(eye[2] - crown, away))
        view_bin = int(np.argmin(np.abs(np.array(ELEVATIONS_DEG) - view)))
        key = (tree.sort, view_bin)
        if key not in cache:
            cache[key] = sprite(plant, ELEVATIONS_DEG[view_bin], light)
        placed.append(
            Leaves(
                cache[key],
                tree.at,
                crown,
                tree.radius_m,
                np.array(plant.trunk, float),
                view_bin < 3,
            )
        )
    return placed


def solids(scene: Scene) -> tuple[list[Solid], F64]:
    """Solids of movers then props, and the props' poses."""
    made = []
    for k, m in enumerate(scene.movers):
        for part in m.kind.parts:
            reach = float(np.linalg.norm(part.plain.points * part.scale, axis=1).max())
            made.append(Solid((part.plain, part.detailed), part.scale, m.kind.palette, k, reach))
    still = np.zeros((len(scene.props), 3))
    for k, prop in enumerate(scene.props):
        reach = float(np.linalg.norm(prop.mesh.points, axis=1).max())
        made.append(
            Solid((prop.mesh, prop.mesh), np.ones(3), prop.palette, len(scene.movers) + k, reach)
        )
        still[k] = (*prop.at, prop.heading)
    return made, still


def shadows(scene: Scene, plants: list[Plant], light: Light) -> tuple[list[Shape], list[Shape]]:
    """Shadows of buildings and trees, and of all else that stands still with contact shade last."""
    tall: list[Shape] = []
    cast: list[Shape] = []
    contact: list[Shape] = []
    one = np.ones(3)
    for p in scene.props:
        sun, under = (p.at + hull for hull in ground_shades(p.mesh, one, p.heading, light))
        (tall if p.footprint.min() > 5 else cast).append(Shape("shadow", sun, SUN_SHADOW))
        contact.append(Shape("shadow", under, CONTACT))
    for m in scene.movers:
        if m.speed_mps == 0:
            for part, pose in zip(m.kind.parts, m.poses(0.0), strict=True):
                sun, under = ground_shades(part.plain, part.scale, float(pose[2]), light)
                cast.append(Shape("shadow", pose[:2] + sun, SUN_SHADOW))
                contact.append(Shape("shadow", pose[:2] + under, CONTACT))
    shades = [shade_blobs(plant, light) for plant in plants]
    tall += [
        Shape("shadow", tree.at + shades[tree.sort] * tree.radius_m, SUN_SHADOW - 25)
        for tree in scene.trees
    ]
    return tall, cast + contact


def skyline(rng: np.random.Generator) -> F64:
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
